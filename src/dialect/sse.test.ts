import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { anthropicEvents, chatEvents, fakeAnswer, responsesEvents } from '../../test/fakes/fake-answers.ts';
import { createSseParser, type SseEvent, SseTooLong } from './sse.ts';

const LIMIT = 1 << 20;

function parse(chunks: readonly Buffer[]): SseEvent[] {
  const parser = createSseParser(LIMIT);
  const events = chunks.flatMap((chunk) => parser.push(chunk));
  const rest = parser.end();
  return rest ? [...events, rest] : events;
}

const STREAMS = {
  anthropic: anthropicEvents(fakeAnswer()).join(''),
  'openai chat': chatEvents(fakeAnswer(), true).join(''),
  'openai responses': responsesEvents(fakeAnswer()).join(''),
  'windows lines': ': hello\r\n\r\nevent: a\r\ndata: 1\r\ndata: 2\r\n\r\ndata: 3\r\n\r\n',
  'old lines': 'event: a\rdata: 1\r\rdata: 2\r\rdata: 3\n\n',
};

for (const [name, text] of Object.entries(STREAMS)) {
  test(`${name}: split at every byte, the events are the same and no byte is lost`, () => {
    const bytes = Buffer.from(text);
    const whole = parse([bytes]);
    assert.ok(whole.length > 2);
    for (let at = 0; at <= bytes.length; at += 1) {
      const split = parse([bytes.subarray(0, at), bytes.subarray(at)]);
      assert.deepEqual(
        split.map(({ name: event, data }) => [event, data]),
        whole.map(({ name: event, data }) => [event, data]),
      );
      assert.deepEqual(Buffer.concat(split.map(({ raw }) => raw)), bytes);
    }
    assert.deepEqual(
      parse([...bytes].map((byte) => Buffer.of(byte))).map(({ data }) => data),
      whole.map(({ data }) => data),
    );
  });
}

test('any bytes in any pieces come out again in order', () => {
  const byte = fc.constantFrom(10, 13, 0x3a, 0x20, 0x64, 0xff, 0xc3);
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 12 }).chain(() => fc.array(byte, { maxLength: 12 }))), (pieces) => {
      const chunks = pieces.map((piece) => Buffer.from(piece));
      const together = Buffer.concat(chunks);
      assert.deepEqual(Buffer.concat(parse(chunks).map(({ raw }) => raw)), together);
      assert.deepEqual(
        parse(chunks).map(({ data }) => data),
        parse([together]).map(({ data }) => data),
      );
    }),
  );
});

/** The same cut written down anew: lines by an expression, an event where one is blank. */
function cutByLines(text: string): string[] {
  const events: string[] = [];
  let event = '';
  for (const [line, content, end] of text.matchAll(/([^\r\n]*)(\r\n|\n|\r|$)/g)) {
    event += line;
    if (end === '' || content !== '') continue;
    events.push(event);
    event = '';
  }
  return event === '' ? events : [...events, event];
}

test('any bytes in any pieces are cut where a line is blank, and nowhere else', () => {
  const text = fc.string({ unit: fc.constantFrom('\n', '\r', 'd', ':'), maxLength: 30 });
  fc.assert(
    fc.property(text, fc.array(fc.nat(30)), (whole, cuts) => {
      const at = [0, ...cuts.toSorted((one, other) => one - other), whole.length];
      const pieces = at.map((from, index) => Buffer.from(whole.slice(from, at[index + 1] ?? from), 'latin1'));
      assert.deepEqual(
        parse(pieces).map(({ raw }) => raw.toString('latin1')),
        cutByLines(whole),
      );
    }),
    { numRuns: 5_000 },
  );
});

test('fields are read as the standard says', () => {
  const [event] = parse([Buffer.from(':x\nevent:a\nevent: b\ndata\ndata:  two\nid: 4\nretry: 5\n\n')]);
  assert.equal(event?.name, 'b');
  assert.equal(event?.data, '\n two');
});

test('an event without an end is refused at the limit, in however small pieces', () => {
  const parser = createSseParser(100);
  assert.throws(() => {
    for (let count = 0; count < 101; count += 1) parser.push(Buffer.from('a'));
  }, SseTooLong);
});
