/** What a gateway refuses, before anything is sent, and in which words. */
import assert from 'node:assert/strict';
import { generateKeyPairSync, hash, type KeyObject, randomUUID, sign } from 'node:crypto';
import { request } from 'node:http';
import { connect } from 'node:net';
import { after, before, test } from 'node:test';
import Anthropic from '@anthropic-ai/sdk';
import { createGate, type Gate, type RunningGateway } from '../../test/support/gate.ts';
import { ACTOR, okOf, until } from '../../test/support/programme.ts';
import { createNoticeStore } from '../program/index.ts';
import { BODY_LIMITS } from './body-client.ts';

let gate: Gate;
let gateway: RunningGateway;
let acme: string;
let person: string;
let key: string;

const MODELS = ['claude', 'gpt'];

before(async () => {
  gate = await createGate();
  await gate.model('claude', 'anthropic');
  await gate.model('gpt', 'openai');
  await gate.model('hidden', 'anthropic');
  acme = await gate.organisation('Acme', 1_000);
  person = await gate.world.person(acme, 'a@acme.test');
  gateway = await gate.gateway({ bodyLimits: { ...BODY_LIMITS, requestBytes: 100_000, receiveMs: 300 } });
  ({ key } = await gate.key(acme, person, MODELS));
});
after(() => gate.close());

const ask = { model: 'claude', max_tokens: 100, messages: [{ role: 'user' as const, content: 'Hello?' }] };
const askChat = { model: 'gpt', max_tokens: 100, messages: [{ role: 'user' as const, content: 'Hello?' }] };

async function post(path: string, body: string, headers: Record<string, string> = {}) {
  const response = await fetch(gateway.url + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-api-key': key, ...headers },
    body,
  });
  return { status: response.status, headers: response.headers, text: await response.text() };
}

test('a model of others and a model that does not exist: the same answer, byte for byte', async () => {
  for (const [path, more] of [
    ['/v1/messages', { max_tokens: 5, messages: [] }],
    ['/v1/messages/count_tokens', { messages: [] }],
    ['/v1/chat/completions', { messages: [] }],
    ['/v1/responses', { input: 'x' }],
  ] as const) {
    const [theirs, nobodys] = await Promise.all(
      ['hidden', 'hiddem'].map((model) => post(path, JSON.stringify({ model, ...more }))),
    );
    assert.equal(theirs?.status, 404);
    assert.match(theirs?.text ?? '', /not_found_error/);
    assert.equal(theirs?.text, nobodys?.text);
    const names = (headers?: Headers) => [...(headers ?? [])].filter(([name]) => !/^date$|request-id/.test(name));
    assert.deepEqual(names(theirs?.headers), names(nobodys?.headers));
  }
});

test('who is outside the share of a step hears what is heard of a model that does not exist, byte for byte; who is inside is held to its rates', async () => {
  await gate.model('stepped', 'anthropic');
  const { key: own } = await gate.key(acme, person, ['stepped']);
  const notices = createNoticeStore(gate.world.database);
  const step = { id: 'stepped', base: 'closed' as const, salt: Buffer.alloc(32), regions: undefined };
  const call = (model: string) => post('/v1/messages', JSON.stringify({ ...ask, model }), { 'x-api-key': own });
  const becomes = async (status: number) => {
    const end = Date.now() + 10_000;
    for (;;) {
      const answer = await call('stepped');
      if (answer.status === status) return answer;
      assert.ok(Date.now() < end, `it stays ${answer.status}: ${answer.text}`);
    }
  };
  await becomes(200);
  await notices.setRollout({ ...step, shareMillionths: 0, rates: {} });
  const outside = await becomes(404);
  const nobodys = await call('steppee');
  assert.deepEqual([outside.status, outside.text], [nobodys.status, nobodys.text]);
  const rates = { model: { perSecond: 0.001, burst: 1 } };
  await notices.setRollout({ ...step, shareMillionths: 1_000_000, rates });
  await becomes(200);
  const second = await call('stepped');
  assert.equal(second.status, 429);
  assert.match(second.text, /Too many requests for this model/);
  await notices.dropRollout('stepped');
  await becomes(200);
});

test('credit that does not cover the call refuses before anything is sent', async () => {
  const poor = await gate.organisation('Poor', 0.0001);
  const { key: poorKey } = await gate.key(poor, await gate.world.person(poor, 'p@poor.test'), MODELS);
  const sent = gate.provider.seen.length;
  const client = new Anthropic({ baseURL: gateway.url, apiKey: poorKey, maxRetries: 2 });
  await assert.rejects(client.messages.create(ask), (error: InstanceType<typeof Anthropic.APIError>) => {
    assert.equal(error.status, 402);
    assert.match(error.message, /billing_error/);
    return true;
  });
  assert.equal(gate.provider.seen.length, sent);
});

test('bodies that two parsers could read differently, or that cannot be metered, are refused in the form of their protocol', async () => {
  const refused = async (path: string, body: string, status: number, code: RegExp) => {
    const answer = await post(path, body);
    assert.equal(answer.status, status, answer.text);
    assert.match(answer.text, code);
    const { error } = JSON.parse(answer.text);
    assert.ok(error.type && error.message && error.code, answer.text);
  };
  const sent = gate.provider.seen.length;
  await refused('/v1/messages', '{"model":"claude","model":"gpt"}', 400, /stands twice/);
  await refused('/v1/messages', '{"model":"claude",', 400, /not valid JSON/);
  await refused('/v1/messages', '{"model":7,"max_tokens":5,"messages":[]}', 400, /field model/);
  await refused('/v1/messages', JSON.stringify({ ...ask, max_tokens: 1e300 }), 400, /max_tokens/);
  await refused('/v1/messages', JSON.stringify({ ...ask, max_tokens: 9e15 }), 400, /No budget/);
  await refused('/v1/messages', JSON.stringify({ ...ask, fallbacks: 'default' }), 400, /fallbacks/);
  await refused(
    '/v1/messages',
    JSON.stringify({ ...ask, tools: [{ type: 'web_search_20260318', name: 'w' }] }),
    400,
    /price/,
  );
  await refused('/v1/messages', JSON.stringify({ ...askChat, max_tokens: 5 }), 400, /wrong_protocol/);
  await refused('/v1/chat/completions', JSON.stringify({ ...askChat, service_tier: 'priority' }), 400, /price/);
  await refused('/v1/responses', '{"model":"gpt","background":true}', 400, /price/);
  await refused('/v1/nothing', '{}', 404, /no_such_route/);
  assert.equal(gate.provider.seen.length, sent);
});

test('without a key, with a wrong one or with two: refused before the body is read', async () => {
  for (const headers of [
    { 'x-api-key': '' },
    { 'x-api-key': `${key}x` },
    { 'x-api-key': '', authorization: 'Bearer nothing' },
    { 'x-api-key': key, authorization: 'Bearer another' },
  ]) {
    const answer = await post('/v1/messages', '{"not json', headers);
    assert.equal(answer.status, 401);
    assert.match(answer.text, /authentication_error/);
  }
});

test('a body that is too large, or does not come, is refused in the form of its protocol', async () => {
  const large = await post('/v1/messages', JSON.stringify({ ...ask, system: 'x'.repeat(100_000) }));
  assert.equal(large.status, 413);
  assert.match(large.text, /request_too_large/);
  const socket = connect(Number(new URL(gateway.url).port), '127.0.0.1');
  const head = `POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nx-api-key: ${key}\r\ncontent-length: 50\r\n\r\n{"mod`;
  socket.write(head);
  let text = '';
  for await (const chunk of socket) {
    text += chunk;
    if (text.includes('request_timeout')) break;
  }
  assert.match(text, /^HTTP\/1.1 408/);
});

test('a key that ends while the body is still coming is refused: what holds is what holds at its last byte', async () => {
  const ending = await gate.key(acme, person, MODELS);
  const sent = gate.provider.seen.length;
  const socket = connect(Number(new URL(gateway.url).port), '127.0.0.1');
  const body = JSON.stringify(ask);
  const head = `POST /v1/messages HTTP/1.1\r\nhost: x\r\nx-api-key: ${ending.key}\r\ncontent-length: ${body.length}\r\n\r\n`;
  socket.write(head + body.slice(0, 5));
  okOf(await gate.world.keys.revokeKey(ending.id, ACTOR));
  await until(() => gateway.authority.findCaller(ending.key) === undefined);
  socket.write(body.slice(5));
  let text = '';
  for await (const chunk of socket) {
    text += chunk;
    if (text.includes('"error"') || text.includes('"message"')) break;
  }
  assert.match(text, /^HTTP\/1.1 (401|408)/);
  assert.equal(gate.provider.seen.length, sent);
});

/** RFC 9449. */
function proofOf(
  holder: { privateKey: KeyObject; publicKey: KeyObject },
  changes: object = {},
  accessKey = key,
): string {
  const { kty, crv, x, y } = holder.publicKey.export({ format: 'jwk' });
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const head = part({ typ: 'dpop+jwt', alg: 'ES256', jwk: { kty, crv, x, y } });
  const body = part({
    ...{ jti: randomUUID(), htm: 'POST', htu: `${gateway.url}/v1/messages`, iat: Math.floor(Date.now() / 1000) },
    ...{ ath: hash('sha256', accessKey, 'base64url'), ...changes },
  });
  const key256 = { key: holder.privateKey, dsaEncoding: 'ieee-p1363' as const };
  return `${head}.${body}.${sign('sha256', Buffer.from(`${head}.${body}`), key256).toString('base64url')}`;
}

test('a bound key works only with a fresh proof of its holder: a request captured whole is refused everywhere', async () => {
  const other = await gate.gateway();
  const bound = await gate.key(acme, person, MODELS, { bind: 'dpop' });
  const holder = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const thief = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const call = async (dpop?: string, at = gateway) => {
    const response = await fetch(`${at.url}/v1/messages`, {
      method: 'POST',
      headers: { 'x-api-key': bound.key, ...(dpop && { dpop }) },
      body: JSON.stringify(ask),
    });
    return [response.status, await response.text()] as const;
  };
  assert.match((await call())[1], /proof_required/);
  const used = proofOf(holder, {}, bound.key);
  assert.equal((await call(used))[0], 200, 'the first proof binds the key');
  assert.match((await call(used))[1], /used before/);
  assert.match((await call(used, other))[1], /proof_required/);
  assert.match((await call(proofOf(thief, {}, bound.key)))[1], /another holder/);
  assert.equal((await call(proofOf(holder, {}, bound.key)))[0], 200);
  for (const wrong of [
    { htm: 'GET' },
    { htu: 'https://elsewhere.test/v1/messages' },
    { iat: Math.floor(Date.now() / 1000) - 120 },
    { ath: 'x' },
    { jti: '' },
  ]) {
    assert.equal((await call(proofOf(holder, wrong, bound.key)))[0], 401, JSON.stringify(wrong));
  }
  const [head, body] = proofOf(holder, {}, bound.key).split('.');
  assert.equal((await call(`${head}.${body}.${Buffer.alloc(64).toString('base64url')}`))[0], 401);
});

/** Of a request whose `Host` is what the caller says. */
const statusAt = (at: RunningGateway, host: string, headers: Record<string, string>): Promise<number | undefined> =>
  new Promise((resolve, reject) => {
    const { port } = new URL(at.url);
    const sent = request({ port, method: 'POST', path: '/v1/messages', headers: { ...headers, host } }, (response) => {
      response.resume();
      response.on('end', () => resolve(response.statusCode));
    });
    sent.on('error', reject);
    sent.end(JSON.stringify(ask));
  });

test('a proof names the gate that the operator says this is, whatever name the caller gives it', async () => {
  const bound = await gate.key(acme, person, MODELS, { bind: 'dpop' });
  const holder = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const named = await gate.gateway({ origin: 'https://gate.test' });
  const call = (at: RunningGateway, host: string, htu: string) =>
    statusAt(at, host, { 'x-api-key': bound.key, dpop: proofOf(holder, { htu }, bound.key) });
  const own = new URL(gateway.url).host;
  assert.equal(await call(gateway, own, `${gateway.url}/v1/messages`), 200);
  assert.equal(
    await call(gateway, 'other.test', 'http://other.test/v1/messages'),
    401,
    'caught by a gate of that name',
  );
  assert.equal(await call(gateway, own, `https://${own}/v1/messages`), 401, 'another scheme');
  assert.equal(await call(named, own, 'https://gate.test/v1/messages'), 200);
  assert.equal(await call(named, new URL(named.url).host, `${named.url}/v1/messages`), 401);
});

test('past its rate a bound key writes nothing down, and a caller without its proof uses up nothing of it', async () => {
  const bound = await gate.key(acme, person, MODELS, { bind: 'dpop' });
  const holder = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  await gate.world.database.transaction((tx) => createNoticeStore(tx).setRate(bound.id, { perSecond: 1, burst: 12 }));
  await until(() => gateway.authority.findCaller(bound.key)?.rate.key.burst === 12);
  const call = async (proof: string) =>
    (await post('/v1/messages', JSON.stringify(ask), { 'x-api-key': bound.key, dpop: proof })).status;
  const proof = () => proofOf(holder, {}, bound.key);
  assert.equal(await call(proof()), 200);
  for (let count = 0; count < 15; count += 1) assert.equal(await call(proofOf(holder, { ath: 'x' }, bound.key)), 401);
  const statuses = [];
  for (let count = 0; count < 13; count += 1) statuses.push(await call(proof()));
  const served = 1 + statuses.filter((status) => status === 200).length;
  assert.ok(served > 1 && statuses.at(-1) === 429, statuses.join());
  const { rows } = await gate.world.database.query<{ count: number }>(
    'select count(*)::int as count from program.dpop_seen where key = $1',
    [bound.id],
  );
  assert.equal(rows[0]?.count, served);
});

test('a rate is kept for the key, and says when to come back', async () => {
  const slow = await gate.key(acme, person, MODELS);
  await gate.world.database.transaction((tx) => createNoticeStore(tx).setRate(slow.id, { perSecond: 1, burst: 2 }));
  await until(() => gateway.authority.findCaller(slow.key)?.rate.key.burst === 2);
  const statuses = [];
  for (let count = 0; count < 5; count += 1) {
    const answer = await post('/v1/messages', JSON.stringify(ask), { 'x-api-key': slow.key });
    statuses.push(answer.status);
    if (answer.status === 429) assert.ok(Number(answer.headers.get('retry-after')) >= 1);
  }
  assert.ok(statuses.includes(200) && statuses.includes(429), statuses.join());
});

test('of several scopes one is named; of one none needs to be; an unknown one is refused', async () => {
  const owner = await gate.organisation('Scoped', 100);
  const { key: scoped } = await gate.key(owner, await gate.world.person(owner, 's@scoped.test'), MODELS);
  const call = (scope?: string) =>
    post('/v1/messages', JSON.stringify(ask), { 'x-api-key': scoped, ...(scope && { 'headstart-scope': scope }) });
  const scopeOf = async (headers: Headers) => {
    const id = headers.get('headstart-receipt') ?? '';
    let receipt = new Response();
    await until(() => gateway.liveCalls() === 0);
    for (let tries = 0; receipt.status !== 200 || tries === 0; tries += 1) {
      receipt = await fetch(`${gateway.url}/v1/receipts/${id}`, { headers: { 'x-api-key': scoped } });
      assert.ok(tries < 200);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    const { leaf } = (await receipt.json()) as { leaf: { scope?: string; facts: { scope?: null } } };
    return leaf.scope ?? leaf.facts.scope;
  };
  assert.equal(await scopeOf((await call()).headers), null, 'an organisation without any scope may call');
  const later = new Date(Date.now() + 3_600_000);
  const put = (scope: string) =>
    gate.world.database.transaction((tx) =>
      createNoticeStore(tx).setPass({ organisation: owner, scope, until: later }),
    );
  await put('scope_one');
  await until(() => gateway.authority.findCaller(scoped)?.scopes.length === 1);
  assert.equal(await scopeOf((await call()).headers), 'scope_one');
  await put('scope_two');
  await until(() => gateway.authority.findCaller(scoped)?.scopes.length === 2);
  const unnamed = await call();
  assert.equal(unnamed.status, 400);
  assert.match(unnamed.text, /scope_one, scope_two/);
  assert.equal(await scopeOf((await call('scope_two')).headers), 'scope_two');
  assert.equal((await call('scope_three')).status, 403);
});
