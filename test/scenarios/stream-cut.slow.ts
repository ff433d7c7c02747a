/** Over real sockets: the provider's stream is cut at every byte, and the client leaves after every event. */
import assert from 'node:assert/strict';
import { request } from 'node:http';
import { after, before, test } from 'node:test';
import { anthropicEvents, chatEvents, fakeAnswer, invoiceMicro, PIECES } from '../fakes/fake-answers.ts';
import { createGate, type Gate, PRICES, type RunningGateway } from '../support/gate.ts';

let gate: Gate;
let gateway: RunningGateway;
let acme: string;
let key: string;
const ANSWER = fakeAnswer({ pieces: PIECES.slice(2, 7) });
const PROTOCOLS = {
  claude: { path: '/v1/messages', bytes: Buffer.byteLength(anthropicEvents({ ...ANSWER, model: 'claude' }).join('')) },
  gpt: {
    path: '/v1/chat/completions',
    bytes: Buffer.byteLength(chatEvents({ ...ANSWER, model: 'gpt' }, true).join('')),
  },
} as const;

before(async () => {
  gate = await createGate();
  for (const onLeave of ['abort', 'drain']) {
    await gate.model(`claude-${onLeave}`, 'anthropic', { onLeave });
    await gate.model(`gpt-${onLeave}`, 'openai', { onLeave });
  }
  acme = await gate.organisation('Acme', 1_000_000);
  const person = await gate.world.person(acme, 'a@acme.test');
  gateway = await gate.gateway();
  const models = ['claude-abort', 'claude-drain', 'gpt-abort', 'gpt-drain'];
  const made = await gate.key(acme, person, models);
  key = made.key;
  const rate = { perSecond: 100_000, burst: 100_000 };
  const { createNoticeStore } = await import('../../src/program/index.ts');
  await gate.world.database.transaction(async (tx) => {
    for (const subject of [made.id, person, acme]) await createNoticeStore(tx).setRate(subject, rate);
  });
  while (gateway.authority.findCaller(key)?.rate.organisation.burst !== rate.burst) await pause();
});
after(() => gate.close());

const pause = () => new Promise((resolve) => setTimeout(resolve, 10));

/** Reads until it has so many bytes, then goes away; reads to the end where that is more than comes. */
function call(path: string, model: string, leaveAt: number): Promise<void> {
  const body = {
    model,
    max_tokens: 400,
    stream: true,
    reasoning_effort: 'none',
    messages: [{ role: 'user', content: 'x' }],
  };
  return new Promise((resolve) => {
    const sent = request(
      gateway.url + path,
      { method: 'POST', headers: { 'x-api-key': key }, agent: false },
      (response) => {
        let bytes = 0;
        response.on('data', (chunk: Buffer) => {
          bytes += chunk.length;
          if (bytes >= leaveAt) sent.destroy();
        });
        response.on('error', () => {});
        response.on('close', () => resolve());
      },
    );
    sent.on('error', () => resolve());
    sent.end(JSON.stringify(body));
  });
}

async function costOf(work: () => Promise<void>): Promise<number> {
  const [calls, spent] = [gateway.facts.length, gateway.facts.reduce((sum, { costMicro }) => sum + costMicro, 0)];
  await work();
  while (gateway.facts.length === calls || gateway.liveCalls() > 0) await pause();
  assert.equal(gateway.facts.length, calls + 1);
  return gateway.facts.reduce((sum, { costMicro }) => sum + costMicro, 0) - spent;
}

for (const [name, { path, bytes }] of Object.entries(PROTOCOLS)) {
  test(`${name}: the provider's stream cut at every byte: one posting each, none above the reservation`, async () => {
    for (let atByte = 1; atByte <= bytes; atByte += 1) {
      gate.provider.next({ answer: { ...ANSWER, model: name }, fail: { kind: 'cut', atByte } });
      await costOf(() => call(path, `${name}-abort`, Number.POSITIVE_INFINITY));
    }
  });

  test(`${name}: the client leaves at many bytes: never below the invoice; drained, equal to it`, async () => {
    for (let leaveAt = 1; leaveAt < bytes; leaveAt += 37) {
      gate.provider.next({ answer: ANSWER, paceMs: 1 });
      const aborted = await costOf(() => call(path, `${name}-abort`, leaveAt));
      const { billed } = gate.provider.seen.at(-1) ?? {};
      if (billed) assert.ok(aborted >= invoiceMicro(billed, PRICES), `${leaveAt}: ${aborted}`);
      gate.provider.next({ answer: ANSWER, paceMs: 1 });
      const drained = await costOf(() => call(path, `${name}-drain`, leaveAt));
      assert.equal(drained, invoiceMicro(ANSWER.usage, PRICES), `${leaveAt}`);
    }
  });
}

test('every call that was told is posted, once, and the books agree', async () => {
  while ((await gate.postings(acme)) < gateway.facts.length) await pause();
  assert.equal(await gate.postings(acme), gateway.facts.length);
  assert.equal(
    await gate.spentMicro(acme),
    gateway.facts.reduce((sum, { costMicro }) => sum + costMicro, 0),
  );
  assert.deepEqual(await gate.ledger.audit(), []);
});
