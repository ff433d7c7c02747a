/** What an answer has shown is read the same way whichever form its events have. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { anthropicMessages } from './anthropic.ts';
import { readJsonDocument } from './json-text.ts';
import { createSseParser } from './sse.ts';

function bytesShown(stream: Buffer): number {
  const document = readJsonDocument(Buffer.from('{}'));
  assert.ok(document.ok);
  const reader = anthropicMessages.createReader(document.value);
  createSseParser(1 << 20, reader.skip).feed(stream, (event) => {
    if (!event.isSkipped) reader.event(event);
    return true;
  });
  return reader.reading.contentBytes;
}

const asWritten = (data: Buffer): Buffer =>
  Buffer.concat([Buffer.from('event: content_block_delta\ndata: '), data, Buffer.from('\n\n')]);
/** No space after the colon: read as JSON, always. */
const otherwise = (data: Buffer): Buffer => Buffer.concat([Buffer.from('data:'), data, Buffer.from('\n\n')]);

function deltaOf(text: string, index = 0, space = ''): Buffer {
  const delta = { type: 'text_delta', text };
  return Buffer.from(`${JSON.stringify({ type: 'content_block_delta', index, delta })}${space}`);
}

test('a piece of text counts its bytes, by whichever way it is read', () => {
  const text = fc.oneof(fc.string(), fc.string({ unit: 'binary' }), fc.string({ unit: 'grapheme' }));
  fc.assert(
    fc.property(text, fc.nat(3), fc.constantFrom('', '   '), (piece, index, space) => {
      const data = deltaOf(piece, index, space);
      assert.equal(bytesShown(asWritten(data)), bytesShown(otherwise(data)));
      assert.equal(bytesShown(asWritten(data)), Buffer.byteLength(piece.toWellFormed()));
    }),
    {
      examples: [
        ['"', 0, ''],
        ['\\', 0, ''],
        ['é€😀', 1, ' '],
        ['\u2028\x7f', 0, ''],
      ],
    },
  );
});

test('bytes that are no text and events that are no JSON count the same by either way', () => {
  const whole = deltaOf('some words');
  fc.assert(
    fc.property(fc.nat(whole.length), fc.uint8Array({ maxLength: 3 }), (at, put) => {
      const bytes = Buffer.from(put.filter((byte) => byte !== 10 && byte !== 13));
      const data = Buffer.concat([whole.subarray(0, at), bytes, whole.subarray(at + bytes.length)]);
      assert.equal(bytesShown(asWritten(data)), bytesShown(otherwise(data)));
    }),
    { numRuns: 5_000 },
  );
});
