/** Nothing lasts for ever: calls, proofs and reservations have an end, whatever the parts around them do. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createGate, type Gate, type RunningGateway, UPSTREAM_KEY } from '../../test/support/gate.ts';
import { until } from '../../test/support/programme.ts';
import { untilCutOff } from '../../test/support/slow-client.ts';
import { toSecret } from '../lib/secret.ts';
import { ANSWER_LIMITS } from './answer-service.ts';
import { BODY_LIMITS } from './body-client.ts';

let gate: Gate;
let acme: string;
let key: string;

before(async () => {
  gate = await createGate();
  await gate.model('claude', 'anthropic');
  await gate.model('claude-drained', 'anthropic', { onLeave: 'drain' });
  await gate.model('gpt', 'openai');
  acme = await gate.organisation('Acme', 1_000);
  const person = await gate.world.person(acme, 'a@acme.test');
  ({ key } = await gate.key(acme, person, ['claude', 'claude-drained', 'gpt']));
});
after(() => gate.close());

const ask = { model: 'claude', max_tokens: 100, messages: [{ role: 'user', content: 'Hello?' }] };

async function post(
  { url }: RunningGateway,
  body: object,
  path = '/v1/messages',
  headers: Record<string, string> = {},
) {
  const response = await fetch(url + path, {
    method: 'POST',
    headers: { 'x-api-key': key, ...headers },
    body: JSON.stringify(body),
  });
  return {
    status: response.status,
    text: await response.text(),
    call: response.headers.get('headstart-receipt') ?? '',
  };
}

async function postingOf(call: string) {
  const end = Date.now() + 10_000;
  for (;;) {
    const posting = await gate.ledger.findPosting(call);
    if (posting?.receipt !== undefined) return posting;
    assert.ok(Date.now() < end, `no posting of ${call}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

test('a call that lasts too long is ended in the form of its protocol, and settled', async () => {
  const gateway = await gate.gateway({ answerLimits: { ...ANSWER_LIMITS, callMs: 150 } });
  gate.provider.next({ fail: { kind: 'hang' } });
  const whole = await post(gateway, ask);
  assert.equal(whole.status, 504);
  assert.match(whole.text, /"timeout_error".*"call_too_long"/);
  for (const [path, body] of [
    ['/v1/messages', { ...ask, stream: true }],
    ['/v1/chat/completions', { ...ask, model: 'gpt', stream: true }],
  ] as const) {
    gate.provider.next({ paceMs: 100 });
    const stream = await post(gateway, body, path);
    assert.equal(stream.status, 200);
    assert.match(stream.text, /call_too_long"[^\n]*\n\n(data: \[DONE\]\n\n)?$/);
    const { leaf } = JSON.parse((await postingOf(stream.call)).receipt ?? '') as { leaf: { facts: { code: string } } };
    assert.equal(leaf.facts.code, 'call_too_long');
  }
  await gateway.stop();
});

test('a drained answer is read no longer than a call may last', async () => {
  const gateway = await gate.gateway({ answerLimits: { ...ANSWER_LIMITS, callMs: 400 } });
  gate.provider.next({ paceMs: 200 });
  const leaving = new AbortController();
  const response = await fetch(`${gateway.url}/v1/messages`, {
    method: 'POST',
    headers: { 'x-api-key': key },
    body: JSON.stringify({ ...ask, model: 'claude-drained', stream: true }),
    signal: leaving.signal,
  });
  leaving.abort();
  const { receipt = '' } = await postingOf(response.headers.get('headstart-receipt') ?? '');
  assert.match(receipt, /call_too_long/);
  await until(() => gateway.liveCalls() === 0);
  await gateway.stop();
});

test('a call that fails inside after it was admitted costs nothing, says so, and keeps nothing reserved', async () => {
  let asked = 0;
  const gateway = await gate.gateway({
    apiKey() {
      asked += 1;
      if (asked === 2) throw new Error('planted');
      return toSecret(UPSTREAM_KEY);
    },
  });
  const { spentMicro } = await gate.ledger.showCredit(acme);
  const sent = gate.provider.seen.length;
  const failed = await post(gateway, ask);
  assert.equal(failed.status, 503);
  assert.match(failed.text, /unavailable/);
  assert.equal(gate.provider.seen.length, sent);
  assert.equal((await postingOf(failed.call)).costMicro, 0);
  assert.deepEqual(
    gateway.troubles.splice(0).map(({ message }) => message),
    ['planted'],
  );
  await gateway.stop();
  const { reservedMicro, spentMicro: now } = await gate.ledger.showCredit(acme);
  assert.deepEqual([reservedMicro, now], [0, spentMicro]);
});

test('the profile that a caller names at the provider is checked, passed on and kept in the receipt', async () => {
  const gateway = await gate.gateway();
  const name = 'anthropic-user-profile-id';
  for (const bad of ['', 'x'.repeat(129), 'uprof_1, uprof_2', 'uprof 1', 'uprof_\u00e9']) {
    const refused = await post(gateway, ask, '/v1/messages', { [name]: bad });
    assert.equal(refused.status, 400, bad);
    assert.match(refused.text, /anthropic-user-profile-id is letters/);
  }
  const { call } = await post(gateway, ask, '/v1/messages', { [name]: 'uprof_1' });
  assert.equal(gate.provider.seen.at(-1)?.headers[name], 'uprof_1');
  const { leaf } = JSON.parse((await postingOf(call)).receipt ?? '') as { leaf: { facts: { userProfile: string } } };
  assert.equal(leaf.facts.userProfile, 'uprof_1');
});

/** On a machine that is too busy to confirm its authority a gateway says so, and is asked again. */
async function confirmed(ask: () => Promise<string>): Promise<string> {
  let text = await ask();
  for (let tries = 0; tries < 20 && text.startsWith('HTTP/1.1 503'); tries += 1) text = await ask();
  return text;
}

test('a client that says nothing, half of the headers, half of the body or nothing more is cut off', async () => {
  const gateway = await gate.gateway({
    connectionLimits: { headersMs: 150, idleMs: 200, checkMs: 20 },
    bodyLimits: { ...BODY_LIMITS, receiveMs: 150 },
  });
  const { url } = gateway;
  assert.match(await untilCutOff(url, ''), /^HTTP\/1\.1 408|^$/);
  assert.match(await untilCutOff(url, 'GET /v1/models HTTP/1.1\r\nhost: x\r\nx-half: '), /^HTTP\/1\.1 408/);
  const head = `POST /v1/messages HTTP/1.1\r\nhost: x\r\nx-api-key: ${key}\r\ncontent-length: 50\r\n\r\n{"mod`;
  assert.match(await confirmed(() => untilCutOff(url, head)), /^HTTP\/1\.1 408[\s\S]*request_timeout/);
  const whole = `GET /v1/models HTTP/1.1\r\nhost: x\r\nx-api-key: ${key}\r\n\r\n`;
  assert.match(await confirmed(() => untilCutOff(url, whole)), /^HTTP\/1\.1 200/);
  await gateway.stop();
});
