/** Who reaches which route: every route against every role, without a session, from elsewhere, weakly signed in. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Validator } from '@seriousme/openapi-schema-validator';
import Fastify from 'fastify';
import { type Answer, type Api, createApi, kindOf, ORIGIN, type Visitor } from '../../test/support/api.ts';
import { PROBLEM_TYPE } from '../http/index.ts';
import { createRate } from '../lib/rate.ts';
import { ACT_NAMES, type Act, checkAct, ROLES } from '../signin/index.ts';
import { addApi, createApiRoutes } from './api.ts';
import { guard, PERSON_LIMITS } from './guard-service.ts';
import type { ApiRoute } from './route.ts';

let api: Api;
let organisation: string;
let routes: readonly ApiRoute[];

before(async () => {
  api = await createApi();
  organisation = await api.world.organisation('Lab', 'internal', 'KR');
  routes = createApiRoutes(api);
});
after(() => api.close());

const NOUNS: Readonly<Record<string, string>> = { key: 'apikey', file: 'evidence' };
/** Ids that nothing has. */
const pathOf = ({ url }: ApiRoute): string =>
  url
    .replace(/:(\w+)/g, (_all, name: string) => `${NOUNS[name] ?? name}_${'0'.repeat(32)}`)
    .replace(/roles\/role_0+/, 'roles/member');
const askOf = (visitor: Pick<Visitor, 'ask'>, it: ApiRoute): Promise<Answer> =>
  visitor.ask(it.method, pathOf(it), it.method === 'GET' || !it.body ? undefined : { nonsense: true });
const guarded = (): readonly ApiRoute[] => routes.filter(({ access }) => access !== 'everyone');

test('without a session nothing answers but the document', async () => {
  for (const it of routes) {
    const answer = await askOf({ ask: api.stranger }, it);
    if (it.access === 'everyone') assert.equal(answer.status, 200, it.url);
    else assert.deepEqual([answer.status, kindOf(answer)], [401, 'no-session'], it.url);
  }
});

test('a cookie that is made up, ended or of somebody who left is no session', async () => {
  const gone = await api.visitor(organisation, ['admin']);
  assert.equal((await gone.ask('GET', '/session')).status, 200);
  const ended = await gone.ask('DELETE', '/session');
  assert.equal(ended.status, 200);
  assert.match(ended.headers.get('set-cookie') ?? '', /^headstart-session=; Path=\/; HttpOnly; .*Max-Age=0/);
  assert.equal((await gone.ask('GET', '/session')).status, 401);
  const left = await api.visitor(organisation, ['admin']);
  await api.membership.removePerson(left.person, 'test');
  assert.equal((await left.ask('GET', '/session')).status, 401);
  assert.equal((await api.stranger('GET', '/session', undefined, { cookie: 'headstart-session=guess' })).status, 401);
});

for (const role of [...ROLES, undefined]) {
  for (const isResistant of [true, false]) {
    const who = `${role ?? 'who has no role'}${isResistant ? '' : ', weakly signed in,'}`;
    test(`${who} reaches the routes of the own acts and no other`, async () => {
      const visitor = await api.visitor(organisation, role ? [role] : [], { isResistant });
      let reached = 0;
      for (const it of guarded()) {
        if (it.access === 'signed-in' || it.access === 'everyone') continue;
        const refusal = checkAct(role ? [role] : [], { isResistant }, it.access);
        const answer = await askOf(visitor, it);
        if (refusal) assert.deepEqual([answer.status, kindOf(answer)], [403, refusal.kind], `${it.method} ${it.url}`);
        else {
          reached += 1;
          assert.notEqual(answer.status, 401, it.url);
          assert.notEqual(answer.status, 500, `${it.method} ${it.url} ${answer.text}`);
        }
      }
      assert.ok(role === undefined || reached > 0);
    });
  }
}

test('a change from another site, or from nowhere, is refused before anything is looked at', async () => {
  const admin = await api.visitor(organisation, ['admin']);
  for (const it of guarded().filter(({ method }) => method !== 'GET')) {
    for (const origin of ['https://evil.example', 'null', '']) {
      const answer = await admin.ask(it.method, pathOf(it), undefined, { origin });
      assert.deepEqual([answer.status, kindOf(answer)], [403, 'other-origin'], `${it.method} ${it.url} ${origin}`);
    }
  }
  assert.equal((await admin.ask('GET', '/session', undefined, { origin: 'https://evil.example' })).status, 200);
});

test('every act is asked for by some route', () => {
  const used = new Set(routes.map(({ access }) => access));
  const unused = ACT_NAMES.filter((act: Act) => !used.has(act));
  assert.deepEqual(unused, []);
});

test('a route that does not say who may call it cannot be registered', async () => {
  const server = Fastify();
  await server.register((scope, _options, done) => {
    guard(scope, { ...api, monotonicMs: () => 0 });
    assert.throws(() => scope.get('/x', () => ({})), /does not say who may call it/);
    assert.throws(
      () => scope.route({ method: 'GET', url: '/y', config: { access: 'all' as never }, handler: () => ({}) }),
      /does not say/,
    );
    scope.route({ method: 'GET', url: '/z', config: { access: 'everyone' }, handler: () => ({}) });
    done();
  });
  await server.close();
});

test('the document is valid OpenAPI 3.1 by a foreign validator, and holds every route with what it demands', async () => {
  const { json } = await api.stranger('GET', '/openapi.json');
  assert.match(json.openapi, /^3\.1\./);
  const outcome = await new Validator().validate(structuredClone(json));
  assert.deepEqual(outcome.errors ?? [], []);
  assert.equal(outcome.valid, true);
  const listed = Object.entries(json.paths as Record<string, Record<string, { 'x-headstart-access': string }>>).flatMap(
    ([path, methods]) => Object.entries(methods).map(([method, it]) => `${method} ${path} ${it['x-headstart-access']}`),
  );
  const expected = routes.map(
    (it) => `${it.method.toLowerCase()} /api/v1${it.url.replace(/:(\w+)/g, '{$1}')} ${it.access}`,
  );
  assert.deepEqual(listed.toSorted(), expected.toSorted());
  const references = [...JSON.stringify(json).matchAll(/"#\/components\/schemas\/([^"]+)"/g)].map(
    ([, name]) => name ?? '',
  );
  assert.ok(references.length > 50);
  for (const name of references) assert.ok(name in json.components.schemas, name);
  const ids = Object.values(json.paths as Record<string, Record<string, { operationId: string }>>).flatMap((methods) =>
    Object.values(methods).map(({ operationId }) => operationId),
  );
  assert.equal(new Set(ids).size, ids.length, 'names of operations are unique');
});

test('the foreign validator sees a document that is wrong', async () => {
  const { json } = await api.stranger('GET', '/openapi.json');
  json.paths['/api/v1/session'].get.responses = 'none';
  assert.equal((await new Validator().validate(json)).valid, false);
});

test('what is not there, not JSON, too large or of another kind is told apart, and nothing of the inside leaks', async () => {
  const admin = await api.visitor(organisation, ['admin']);
  const outcome = async (...args: Parameters<Visitor['ask']>) => {
    const answer = await admin.ask(...args);
    return [answer.status, kindOf(answer)];
  };
  assert.deepEqual(await outcome('GET', '/nothing'), [404, 'no-such-route']);
  assert.deepEqual(await outcome('POST', '/organisations', '{"name":'), [400, 'not-json']);
  assert.deepEqual(await outcome('POST', '/organisations', 'name', { 'content-type': 'text/plain' }), [
    415,
    'media-type',
  ]);
  assert.deepEqual(await outcome('POST', '/organisations', { name: 'x'.repeat(300_000) }), [413, 'body-too-large']);
  const wrong = await admin.ask('POST', '/organisations', { name: 7, extra: 1, country: 'kr' });
  assert.equal(wrong.status, 422);
  assert.deepEqual(wrong.json.errors.map(({ at }: { at: string }) => at).toSorted(), ['', 'country', 'name']);
  assert.deepEqual(await outcome('GET', '/organisations?limit=0'), [422, 'invalid']);
  assert.deepEqual(await outcome('GET', '/organisations?limit=201'), [422, 'invalid']);
  assert.deepEqual(await outcome('GET', '/organisations?page=2'), [422, 'invalid']);
  assert.deepEqual(api.faults, []);
});

const BURST = PERSON_LIMITS.burst;

test('who asks too often waits, and nobody else with them', () => {
  const rate = createRate(PERSON_LIMITS);
  const waits = Array.from({ length: BURST + 1 }, () => rate('person_a', 0));
  assert.deepEqual(
    waits.slice(0, BURST).filter((wait) => wait !== undefined),
    [],
  );
  assert.equal(waits[BURST], 1);
  assert.equal(rate('person_b', 0), undefined);
  assert.equal(rate('person_a', 1_000 / PERSON_LIMITS.perSecond), undefined);
});

test('too many requests are told with the time to wait', async () => {
  const server = Fastify();
  await addApi(server, { ...api, monotonicMs: () => 0 });
  const { cookie } = await api.visitor(organisation, ['auditor']);
  const statuses: number[] = [];
  for (let n = 0; n <= BURST; n++) {
    const answer = await server.inject({ url: '/api/v1/session', headers: { cookie } });
    statuses.push(answer.statusCode);
    if (answer.statusCode === 429) assert.equal(answer.headers['retry-after'], '1');
  }
  assert.deepEqual([statuses.filter((status) => status === 200).length, statuses.at(-1)], [BURST, 429]);
  await server.close();
});

test('a database that is away is told as such, any other fault as a fault without its reason', async () => {
  for (const [error, status, kind] of [
    [Object.assign(new Error('connect secret-host'), { code: 'ECONNREFUSED' }), 503, 'unavailable'],
    [new Error('column secret-column does not exist'), 500, 'fault'],
  ] as const) {
    const server = Fastify();
    await addApi(server, { ...api, signIn: { ...api.signIn, whoIs: () => Promise.reject(error) } });
    const answer = await server.inject({
      url: '/api/v1/session',
      headers: { cookie: 'headstart-session=x', origin: ORIGIN },
    });
    assert.equal(answer.statusCode, status);
    assert.equal(answer.json().type, `${PROBLEM_TYPE}${kind}`);
    assert.doesNotMatch(answer.body, /secret/);
    await server.close();
  }
});
