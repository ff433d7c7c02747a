/** Streams of every protocol, cut at every byte: what is charged, and what the client sees. */
import assert from 'node:assert/strict';
import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { test } from 'node:test';
import {
  anthropicEvents,
  chatEvents,
  type FakeAnswer,
  fakeAnswer,
  invoiceMicro,
  PIECES,
  responsesEvents,
} from '../../test/fakes/fake-answers.ts';
import { createSseParser, DIALECTS, type Dialect, readJsonDocument } from '../dialect/index.ts';
import { ANSWER_LIMITS, type Outcome, RunningAnswer } from './answer-service.ts';
import { type Bound, boundCall, type PricedModel } from './price.ts';
import { type Settlement, settleCall } from './settlement.ts';
import type { UpstreamListener } from './upstream-client.ts';

const PRICES = {
  input: 10_000_000,
  output: 50_000_000,
  cacheWrite5m: 12_500_000,
  cacheWrite1h: 20_000_000,
  cacheRead: 1_000_000,
};
const MODEL: PricedModel = {
  upstreamName: 'upstream-model',
  prices: PRICES,
  contextTokens: 200_000,
  maxOutputTokens: 64_000,
};

interface Protocol {
  readonly dialect: Dialect;
  readonly request: object;
  readonly events: (answer: FakeAnswer) => string[];
  /** The event after which the provider's last figures are known. */
  readonly last: RegExp;
}

const PROTOCOLS: Readonly<Record<string, Protocol>> = {
  anthropic: {
    dialect: dialectAt('/v1/messages'),
    request: { model: 'm', max_tokens: 4_000, stream: true, messages: [{ role: 'user', content: 'x'.repeat(600) }] },
    events: anthropicEvents,
    last: /message_delta/,
  },
  chat: {
    dialect: dialectAt('/v1/chat/completions'),
    request: {
      ...{ model: 'm', max_tokens: 4_000, stream: true, stream_options: { include_usage: true } },
      messages: [{ role: 'user', content: 'x'.repeat(600) }],
      reasoning_effort: 'none',
    },
    events: (answer) => chatEvents(answer, true),
    last: /"total_tokens"/,
  },
  responses: {
    dialect: dialectAt('/v1/responses'),
    request: {
      model: 'm',
      max_output_tokens: 4_000,
      stream: true,
      input: 'x'.repeat(600),
      reasoning: { effort: 'none' },
    },
    events: responsesEvents,
    last: /response\.completed/,
  },
};

function dialectAt(path: string): Dialect {
  const dialect = DIALECTS.find((each) => each.path === path);
  assert.ok(dialect);
  return dialect;
}

interface Run {
  readonly outcome: Outcome;
  readonly settled: Settlement;
  readonly bound: Bound;
  readonly sent: Buffer;
  readonly aborts: number;
}

type Act = (parts: { listener: UpstreamListener; response: ServerResponse; end: () => void }) => void;

async function run({ dialect, request }: Protocol, onLeave: 'abort' | 'drain', act: Act): Promise<Run> {
  const body = Buffer.from(JSON.stringify(request));
  const document = readJsonDocument(body);
  assert.ok(document.ok);
  const read = dialect.readRequest(document.value.value);
  assert.ok(read.ok, JSON.stringify(read));
  const bound = boundCall(read.value, body.length, [MODEL]);
  assert.ok(bound.ok);
  const response = new ServerResponse(new IncomingMessage(new Socket()));
  const sent: Buffer[] = [];
  response.write = ((bytes: Buffer) => sent.push(bytes) > 0) as typeof response.write;
  response.end = ((bytes?: Buffer | string, encoding?: BufferEncoding) => {
    if (bytes) sent.push(typeof bytes === 'string' ? Buffer.from(bytes, encoding) : bytes);
    return response;
  }) as typeof response.end;
  let listener: UpstreamListener | undefined;
  const aborts: string[] = [];
  const running = new RunningAnswer({
    ...{ response, dialect, onLeave, headers: {}, guards: [], limits: ANSWER_LIMITS, later: setImmediate },
    reader: dialect.createReader(document.value),
    send(given) {
      listener = given;
      return { abort: () => aborts.push('abort'), pause() {}, resume() {} };
    },
  });
  assert.ok(listener);
  act({ listener, response, end: () => running.end({ kind: 'stopped', stop: 'stop_1' }) });
  const outcome = await running.outcome;
  const { ending, reading, answerBytes } = outcome;
  const settled = settleCall({ ending, stream: true, reading, answerBytes, bound: bound.value, models: [MODEL] });
  return { outcome, settled, bound: bound.value, sent: Buffer.concat(sent), aborts: aborts.length };
}

/** Bytes between two cuts where the charge is not in question; prime, so that it falls everywhere. */
const STRIDE = 7;
const SSE = { 'content-type': 'text/event-stream; charset=utf-8' };

/** Tokens that the provider has made by this byte of its stream: one for each piece that began. */
function billedBy(bytes: Buffer, at: number, { last }: Protocol, answer: FakeAnswer): number {
  const text = bytes.subarray(0, at).toString('utf8');
  if (new RegExp(`${last.source}[^]*\\n\\n`).test(text)) return answer.usage.output;
  return Math.min(answer.usage.output, text.split(/text_delta|output_text\.delta"|"content":"./).length);
}

for (const [name, protocol] of Object.entries(PROTOCOLS)) {
  const answer = fakeAnswer({ pieces: PIECES.slice(2, 7) });
  const bytes = Buffer.from(protocol.events(answer).join(''));

  test(`${name}: the client leaves at any byte and the call is aborted: charged once, within invoice and reservation`, async () => {
    for (let at = 0; at <= bytes.length; at += 1) {
      const { settled, bound, aborts, outcome } = await run(protocol, 'abort', ({ listener, response }) => {
        listener.onStart(200, SSE);
        listener.onData(bytes.subarray(0, at));
        response.emit('close');
        listener.onFailure('broken');
      });
      const output = billedBy(bytes, at, protocol, answer);
      const invoice = invoiceMicro({ ...answer.usage, output }, PRICES);
      assert.ok(settled.costMicro >= invoice, `byte ${at}: ${settled.costMicro} below the invoice of ${invoice}`);
      assert.ok(settled.costMicro <= bound.reservedMicro, `byte ${at}: above the reservation`);
      if (!outcome.reading.hasEnded) assert.equal(aborts, 1);
    }
  });

  test(`${name}: the client leaves at any byte and the call is drained: charged what the provider bills, to the micro-dollar`, async () => {
    const invoice = invoiceMicro(answer.usage, PRICES);
    for (let at = 0; at <= bytes.length; at += 1) {
      const { settled, aborts } = await run(protocol, 'drain', ({ listener, response }) => {
        listener.onStart(200, SSE);
        listener.onData(bytes.subarray(0, at));
        response.emit('close');
        listener.onData(bytes.subarray(at));
        listener.onEnd();
      });
      assert.equal(settled.costMicro, invoice, `byte ${at}`);
      assert.deepEqual(settled.flags, []);
      assert.equal(aborts, 0);
    }
  });

  for (const [what, act] of Object.entries({
    'the provider breaks off': ({ listener }) => listener.onFailure('broken'),
    'the provider ends early': ({ listener }) => listener.onEnd(),
    'a stop comes': ({ end }) => end(),
  } satisfies Record<string, Act>)) {
    test(`${name}: ${what} in mid-stream: whole events, then an error of the protocol`, async () => {
      for (let at = 0; at <= bytes.length; at += STRIDE) {
        const { outcome, settled, bound, sent } = await run(protocol, 'abort', (parts) => {
          parts.listener.onStart(200, SSE);
          parts.listener.onData(bytes.subarray(0, at));
          act(parts);
        });
        assert.ok(settled.costMicro <= bound.reservedMicro);
        const text = sent.toString('utf8');
        const parser = createSseParser(1 << 20);
        const events = text.startsWith('{') ? [] : parser.push(sent);
        assert.equal(parser.end(), undefined, `byte ${at}: a part of an event was sent`);
        for (const { data } of events) if (data !== '[DONE]') JSON.parse(data ?? 'null');
        if (outcome.refusal) assert.match(text, /"(stopped|upstream_broken)"/, `byte ${at}`);
        else assert.ok(outcome.reading.isFinal || outcome.reading.stopReason, `byte ${at}: neither end nor error`);
      }
    });
  }
}

test('what the provider sends between the ending of a client and the settlement is counted, and not passed on', async () => {
  const answer = fakeAnswer();
  const events = anthropicEvents(answer);
  const { settled, sent } = await run(PROTOCOLS.anthropic as Protocol, 'abort', ({ listener, end }) => {
    listener.onStart(200, SSE);
    listener.onData(Buffer.from(events.slice(0, 4).join('')));
    end();
    listener.onData(Buffer.from(events.slice(4).join('')));
  });
  assert.equal(settled.costMicro, invoiceMicro(answer.usage, PRICES));
  assert.ok(sent.toString().startsWith(events.slice(0, 4).join('')));
  assert.match(sent.toString().slice(events.slice(0, 4).join('').length), /^event: error\n[^\n]*"stopped"[^\n]*\n\n$/);
});

test('a second end of message and what follows it change nothing', async () => {
  const answer = fakeAnswer();
  const events = anthropicEvents(answer);
  const lie = anthropicEvents(fakeAnswer({ usage: { ...answer.usage, input: 0, output: 0 } })).join('');
  const { settled, sent } = await run(PROTOCOLS.anthropic as Protocol, 'abort', ({ listener }) => {
    listener.onStart(200, SSE);
    listener.onData(Buffer.from(events.join('') + lie));
    listener.onData(Buffer.from(lie));
    listener.onEnd();
  });
  assert.equal(settled.costMicro, invoiceMicro(answer.usage, PRICES));
  assert.equal(sent.toString(), events.join(''));
});

test('a usage above what was reserved is charged as reserved, and says so', async () => {
  const answer = fakeAnswer({ usage: { ...fakeAnswer().usage, output: 900_000_000 } });
  const { settled, bound } = await run(PROTOCOLS.anthropic as Protocol, 'abort', ({ listener }) => {
    listener.onStart(200, SSE);
    listener.onData(Buffer.from(anthropicEvents(answer).join('')));
  });
  assert.equal(settled.costMicro, bound.reservedMicro);
  assert.deepEqual(settled.flags, ['clamped']);
});

test('figures that are no numbers of tokens are not believed: the bytes bound the charge', async () => {
  for (const output of [-1, 1.5, 1e300]) {
    const answer = fakeAnswer({ usage: { ...fakeAnswer().usage, output } });
    const { settled } = await run(PROTOCOLS.anthropic as Protocol, 'abort', ({ listener }) => {
      listener.onStart(200, SSE);
      listener.onData(Buffer.from(anthropicEvents(answer).join('')));
    });
    assert.ok(settled.costMicro > invoiceMicro(fakeAnswer().usage, PRICES));
    assert.deepEqual(settled.flags, ['usage-unreadable', 'estimated']);
  }
});

test('with thinking on, a stream that is cut is charged whole: what was thought is not seen', async () => {
  const protocol = PROTOCOLS.anthropic as Protocol;
  const thinking = { ...protocol, request: { ...protocol.request, thinking: { type: 'adaptive' } } };
  const { settled, bound } = await run(thinking, 'abort', ({ listener, response }) => {
    listener.onStart(200, SSE);
    listener.onData(Buffer.from(anthropicEvents(fakeAnswer()).slice(0, 4).join('')));
    response.emit('close');
  });
  assert.equal(settled.costMicro, bound.reservedMicro);
  assert.deepEqual(settled.flags, ['hidden-output']);
});

test('a refusal before output is not billed; one in mid-answer is', async () => {
  const refusal = { category: 'cyber' };
  const charge = async (pieces: string[]) => {
    const answer = fakeAnswer({ pieces, refusal, usage: { ...fakeAnswer().usage, output: pieces.length } });
    const { settled, outcome } = await run(PROTOCOLS.anthropic as Protocol, 'abort', ({ listener }) => {
      listener.onStart(200, SSE);
      listener.onData(Buffer.from(anthropicEvents(answer).join('')));
    });
    assert.equal(outcome.reading.stopReason, 'refusal');
    assert.deepEqual(outcome.reading.stopDetails, { type: 'refusal', category: 'cyber', explanation: null });
    return [settled.costMicro, invoiceMicro(answer.usage, PRICES)];
  };
  const [none] = await charge([]);
  assert.equal(none, 0);
  const [some, invoice] = await charge(['I will ']);
  assert.equal(some, invoice);
});
