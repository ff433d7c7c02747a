/** Callers who try to break the gateway, to outlive a revocation, or to be served for less than it costs. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { fakeAnswer, invoiceMicro } from '../../test/fakes/fake-answers.ts';
import { createGate, type Gate, PRICES, type RunningGateway } from '../../test/support/gate.ts';
import { ACTOR, okOf, until } from '../../test/support/programme.ts';
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
  const call = response.headers.get('headstart-receipt') ?? '';
  return { status: response.status, headers: response.headers, text: await response.text(), call };
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
  for (let count = 0; count < 5; count += 1) {
    assert.equal(await call(body), 200);
    // The client has its answer before the call is settled, and until then the body counts.
    await until(() => small.liveCalls() === 0);
  }
  assert.equal(await call(JSON.stringify({ ...ask, system: 'x'.repeat(body.length * 3) })), 503);
  await until(() => small.liveCalls() === 0);
  assert.equal(await call(body), 200);
});

test('what other parsers could read otherwise, or what chooses another model or price, is refused on every route', async () => {
  const sent = gate.provider.seen.length;
  const chat = { ...ask, model: 'gpt' };
  const response = { model: 'gpt', input: 'Hello?' };
  const bodies: readonly (readonly [string, object, RegExp])[] = [
    ['/v1/messages', { ...ask, Model: 'hidden' }, /lower case/],
    ['/v1/chat/completions', { ...chat, '\u017ftream': true }, /lower case/],
    ['/v1/chat/completions', { ...chat, models: ['hidden'] }, /no price for models/],
    ['/v1/chat/completions', { ...chat, best_of: 50 }, /no price for best_of/],
    ['/v1/chat/completions', { ...chat, prediction: { type: 'content', content: 'x' } }, /no price for prediction/],
    ['/v1/messages', { ...ask, plugins: [{ id: 'web' }] }, /no price for plugins/],
    ['/v1/responses', { ...response, previous_response_id: 'resp_of_others' }, /could be anybody/],
    ['/v1/responses', { ...response, conversation: 'conv_of_others' }, /could be anybody/],
    ['/v1/responses', { ...response, prompt: { id: 'pmpt_1' } }, /could be anybody/],
    ['/v1/responses', { ...response, input: [{ id: 'msg_of_others' }] }, /could be anybody/],
    ['/v1/responses', { ...response, input: [partOf('input_file', { file_id: 'file_1' })] }, /could be anybody/],
    ['/v1/responses', { ...response, input: [partOf('input_image', { file_id: 'file_1' })] }, /could be anybody/],
    [
      '/v1/chat/completions',
      { ...chat, messages: [partOf('file', { file: { file_id: 'file_1' } })] },
      /could be anybody/,
    ],
    ['/v1/messages', { ...ask, messages: [partOf('document', { source: { type: 'file', file_id: 'f' } })] }, /anybody/],
    ['/v1/messages', { ...ask, access_programs: 'daybreak_red' }, /access_programs/],
    ['/v1/messages', { ...ask, access_programs: { cyber: 'standard', bio: 'high' } }, /access_programs/],
    ['/v1/messages', { ...ask, tools: Array.from({ length: 2_000 }, (_, n) => ({ name: `t${n}` })) }, /tools/],
  ];
  for (const [path, body, why] of bodies) {
    const answer = await post(path, body);
    assert.equal(answer.status, 400, `${JSON.stringify(body).slice(0, 200)} ${answer.text}`);
    assert.match(answer.text, why);
  }
  assert.equal(gate.provider.seen.length, sent);
});

const partOf = (type: string, more: object) => ({ role: 'user', content: [{ type, ...more }] });

test('a tool is stopped wherever its name stands in the request', async () => {
  const { stop } = okOf(
    await gate.world.stops.set({ organisation: acme, tool: 'shell', reason: 'test' }, { actor: ACTOR }),
  );
  const isKnown = () => gateway.authority.findStop({ ...callerOf(), model: 'gpt', tools: ['shell'] }) !== undefined;
  await until(isKnown);
  for (const tool of [
    { type: 'function', name: 'shell' },
    { type: 'function', name: 'shell', function: { name: 'harmless' } },
    { type: 'custom', function: { name: 'harmless' }, custom: { name: 'shell' } },
    { type: 'namespace', name: 'all', tools: [{ type: 'function', name: 'shell' }] },
    { type: 'function', name: 'sh\0ell' },
  ]) {
    const answer = await post('/v1/responses', { model: 'gpt', input: 'Hello?', tools: [tool] });
    assert.match(answer.text, /"code":"stopped"/, JSON.stringify(tool));
  }
  okOf(await gate.world.stops.lift(stop.id, { actor: ACTOR }));
  await until(() => !isKnown());
});

function callerOf() {
  const caller = gateway.authority.findCaller(key);
  assert.ok(caller);
  return caller;
}

test('a longer context is asked for where its price is known, and charged at it', async () => {
  const tiers = [{ ...PRICES, aboveInputTokens: 100, input: 20_000_000 }];
  await gate.model('claude-long', 'anthropic', { prices: { ...PRICES, tiers } });
  const long = await gate.key(acme, person, ['claude-long']);
  const headers = { 'x-api-key': long.key, 'anthropic-beta': 'context-1m-2025-08-07' };
  const { call } = await post('/v1/messages', { ...ask, model: 'claude-long' }, headers);
  assert.equal(gate.provider.seen.at(-1)?.headers['anthropic-beta'], 'context-1m-2025-08-07');
  const end = Date.now() + 5_000;
  let cost: number | undefined;
  while (cost === undefined) {
    cost = (await gate.ledger.findPosting(call))?.costMicro;
    assert.ok(Date.now() < end);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  assert.equal(cost, invoiceMicro(fakeAnswer().usage, { ...PRICES, input: 20_000_000 }));
});

test('the version and the length of context that answers are read and priced by are the gateway’s', async () => {
  const headers = {
    'anthropic-version': '2023-01-01',
    'anthropic-beta': 'context-1m-2025-08-07, context-management-1',
  };
  assert.equal((await post('/v1/messages', ask, headers)).status, 200);
  const sent = gate.provider.seen.at(-1)?.headers;
  assert.equal(sent?.['anthropic-version'], '2023-06-01');
  assert.equal(sent?.['anthropic-beta'], 'context-management-1');
});
