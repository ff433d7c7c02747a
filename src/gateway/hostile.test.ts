/** Callers who try to break the gateway, to outlive a revocation, or to be served for less than it costs. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createGate, type Gate, type RunningGateway } from '../../test/support/gate.ts';
import { until } from '../../test/support/programme.ts';
import { BODY_LIMITS } from './body-client.ts';

let gate: Gate;
let gateway: RunningGateway;
let acme: string;
let person: string;
let key: string;

before(async () => {
  gate = await createGate();
  await gate.model('claude', 'anthropic');
  await gate.model('gpt', 'openai');
  acme = await gate.organisation('Acme', 1_000);
  person = await gate.world.person(acme, 'a@acme.test');
  gateway = await gate.gateway();
  ({ key } = await gate.key(acme, person, ['claude', 'gpt']));
});
after(() => gate.close());

const messages = [{ role: 'user', content: 'Hello?' }];
const ask = { model: 'claude', max_tokens: 100, messages };

async function post(path: string, body: object | string, headers: Record<string, string> = {}) {
  const response = await fetch(gateway.url + path, {
    method: 'POST',
    headers: { 'x-api-key': key, ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
  return { status: response.status, headers: response.headers, text: await response.text() };
}

test('what a caller declares cannot stop the books, nor cost the call its receipt', async () => {
  const declared = ['{"user_id":"a\\u0000b"}', '{"user_id":"\\ud800"}', '{"user_id":1e999}'];
  for (const metadata of declared) {
    const body = `{"metadata":${metadata},${JSON.stringify(ask).slice(1)}`;
    const answer = await post('/v1/messages', body);
    assert.equal(answer.status, 200, answer.text);
    const call = answer.headers.get('headstart-receipt') ?? '';
    const end = Date.now() + 5_000;
    while ((await gate.ledger.findPosting(call))?.receipt === undefined) {
      assert.ok(Date.now() < end, `no receipt of a call with ${metadata}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
  assert.equal((await post('/v1/messages', { ...ask, metadata: { user_id: 'x'.repeat(20_000) } })).status, 400);
});

test('bodies that came and went leave the room for others as it was: no more, no less', async () => {
  const body = JSON.stringify(ask);
  const small = await gate.gateway({ bodyLimits: { ...BODY_LIMITS, totalBytes: body.length * 3 } });
  const call = async (text: string) =>
    (await fetch(`${small.url}/v1/messages`, { method: 'POST', headers: { 'x-api-key': key }, body: text })).status;
  for (let count = 0; count < 5; count += 1) assert.equal(await call(body), 200);
  assert.equal(await call(JSON.stringify({ ...ask, system: 'x'.repeat(body.length * 3) })), 503);
  await until(() => small.liveCalls() === 0);
  assert.equal(await call(body), 200);
});
