/** What the routes do, asked over HTTP on a real database. */
import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { after, before, test } from 'node:test';
import { type Api, createStaffedApi, done, ORIGIN, saidOf, type Visitor } from '../../test/support/api.ts';
import { PROBLEM_TYPE } from '../http/index.ts';
import { createEd25519Signer } from '../lib/ed25519.ts';
import { createPresenceStore } from '../program/index.ts';
import { signAuthorisation } from '../scope/index.ts';
import { REQUEST_LEASE_MS } from './once-service.ts';

let api: Api;
let lab: string;
let acme: string;
let other: string;
let admin: Visitor;
let lead: Visitor;
let member: Visitor;
let stranger: Visitor;

before(async () => {
  ({ api, lab, acme, other, admin, lead, member, stranger } = await createStaffedApi());
});
after(() => api.close());

test('from the invitation to the first call, each step says what comes next', async () => {
  const { id } = await done(admin.ask('POST', `/organisations/${acme}/persons`, { email: 'ada@acme.test' }));
  const invited = await done(admin.ask('POST', `/persons/${id}/invitation`));
  assert.match(invited.link, new RegExp(`^${ORIGIN}/join/[\\w-]{43}$`));
  const next = async () => (await done(member.ask('GET', '/session/onboarding'))).next;
  assert.equal(await next(), 'granted');
  await done(admin.ask('POST', `/organisations/${acme}/grants`, { person: member.person, models: ['m1'] }));
  assert.equal(await next(), 'key');
  const made = await member.ask('POST', '/session/keys', { model: 'm1', tier: 'partner' });
  assert.equal(made.status, 201);
  assert.match(made.json.key, /^hs_[\w-]{43}$/);
  assert.ok(
    made.json.examples.some(
      ({ name, text }: { name: string; text: string }) => name === 'curl' && text.includes(made.json.key),
    ),
  );
  assert.equal(await next(), 'first-call');
  const { examples } = await done(member.ask('GET', '/session/onboarding'));
  assert.match(examples[0].text, /^curl http.*\/v1\/messages .*\$HEADSTART_KEY/s);
  await createPresenceStore(api.database).prove(made.json.id, 'm1', 'call_1', new Date());
  assert.equal(await next(), null);
});

test('who am I says what I may do, and why not', async () => {
  const me = await done(member.ask('GET', '/session'));
  assert.deepEqual([me.person.id, me.person.actsFor, me.roles], [member.person, acme, ['member']]);
  const act = (name: string) => me.acts.find((each: { act: string }) => each.act === name);
  assert.deepEqual(act('own-keys'), { act: 'own-keys', isAllowed: true, why: null });
  assert.match(act('confirm-stop').why, /role/);
  const weak = await api.visitor(acme, ['member'], { isResistant: false });
  const weakly = await done(weak.ask('GET', '/session'));
  assert.match(weakly.acts.find((each: { act: string }) => each.act === 'change-organisation').why, /passkey/);
  await done(admin.ask('POST', `/organisations/${acme}/grants`, { person: weak.person, models: ['m1'] }));
  assert.deepEqual(saidOf(await weak.ask('POST', '/session/keys', { model: 'm1', tier: 'partner' })), [
    403,
    'stronger-sign-in-needed',
  ]);
  assert.equal((await weak.ask('POST', '/session/keys', { model: 'm1', tier: 'limited' })).status, 201);
});

test('another organisation answers in every respect like one that does not exist', async () => {
  const { id: scope } = await done(
    member.ask('POST', `/organisations/${acme}/scopes`, { targets: ['pkg:npm/mine'], method: 'registry' }),
  );
  const nobody = `organisation_${'0'.repeat(32)}`;
  const asked: readonly (readonly [string, string, unknown?])[] = [
    ['GET', ''],
    ['GET', '/persons'],
    ['GET', '/keys'],
    ['GET', '/grants'],
    ['GET', '/credit'],
    ['GET', '/scopes'],
    ['GET', `/scopes/${scope}`],
    ['GET', '/scope-check?target=pkg:npm/mine'],
    ['GET', '/applications'],
    ['GET', '/looks'],
    ['POST', '/scopes', { targets: ['pkg:npm/x'], method: 'registry' }],
    ['POST', `/scopes/${scope}/prove`],
    ['DELETE', `/scopes/${scope}`],
    ['POST', '/signers', { name: 'x', publicKey: 'x' }],
    ['POST', '/authorisations', { payloadType: 'x', payload: '', signatures: [{ sig: '' }] }],
    ['POST', '/applications', { tier: 'partner' }],
  ];
  for (const [method, path, body] of asked) {
    const theirs = await stranger.ask(method, `/organisations/${acme}${path}`, body);
    const none = await stranger.ask(method, `/organisations/${nobody}${path}`, body);
    assert.deepEqual(saidOf(theirs), [404, 'not-found'], path);
    assert.equal(theirs.text.replaceAll(acme, nobody), none.text, path);
    const byName = await stranger.ask(method, `/organisations/Acme${path}`, body);
    assert.equal(byName.status, 404, path);
  }
  assert.deepEqual(saidOf(await stranger.ask('DELETE', `/organisations/${other}/scopes/${scope}`)), [
    404,
    'unknown-scope',
  ]);
  const [key] = (await done(member.ask('GET', '/session/keys'))).items;
  assert.deepEqual(saidOf(await stranger.ask('DELETE', `/session/keys/${key.id}`)), [404, 'not-found']);
});

test('who works for another organisation sees that one, and not the one that sent them', async () => {
  const vendor = await api.world.organisation('Vendor');
  const contractor = await api.visitor(vendor, ['member'], { forOrganisation: acme });
  assert.equal((await contractor.ask('GET', `/organisations/${acme}`)).status, 200);
  assert.equal((await contractor.ask('GET', `/organisations/${vendor}`)).status, 404);
});

test('a request under one key is done once, also when two come at the same time', async () => {
  const grant = { micro: 5_000_000, reason: 'start' };
  const before = (await done(admin.ask('GET', `/organisations/${acme}/credit`))).grantedMicro;
  const headers = { 'idempotency-key': 'credit-0001' };
  const twice = await Promise.all([1, 2].map(() => admin.ask('POST', `/organisations/${acme}/credit`, grant, headers)));
  assert.ok(twice.some(({ status }) => status === 201));
  assert.ok(twice.every(({ status, json }) => status === 201 || json.type === `${PROBLEM_TYPE}under-way`));
  const again = await admin.ask('POST', `/organisations/${acme}/credit`, grant, headers);
  assert.deepEqual([again.status, again.headers.get('idempotent-replayed')], [201, 'true']);
  assert.equal((await done(admin.ask('GET', `/organisations/${acme}/credit`))).grantedMicro - before, 5_000_000);
  const changed = await admin.ask('POST', `/organisations/${acme}/credit`, { ...grant, micro: 1 }, headers);
  assert.deepEqual(saidOf(changed), [422, 'key-reused']);
  const second = await api.visitor(lab, ['admin']);
  assert.equal(
    (await second.ask('POST', `/organisations/${acme}/credit`, grant, headers)).status,
    201,
    'a key is of one person',
  );
  const bad = await admin.ask('POST', `/organisations/${acme}/credit`, grant, { 'idempotency-key': 'x' });
  assert.deepEqual(saidOf(bad), [422, 'invalid']);
});

test('a request whose handler was lost is done when its time is over, and moves money once', async () => {
  const grant = { micro: 3_000_000, reason: 'crash' };
  const path = `/organisations/${acme}/credit`;
  const granted = async () => (await done(admin.ask('GET', path))).grantedMicro;
  const before = await granted();
  const headers = { 'idempotency-key': 'crash-0001' };
  const age = (ms: number) =>
    api.database.query(
      `update api.requests set status = null, answer = null, begun_at = now() - $1 * interval '1 ms' where person = $2`,
      [ms, admin.person],
    );
  await done(admin.ask('POST', path, grant, headers));
  // As if the process had ended after the money moved and before that was written down.
  await age(REQUEST_LEASE_MS - 20_000);
  assert.deepEqual(saidOf(await admin.ask('POST', path, grant, headers)), [409, 'under-way']);
  await age(REQUEST_LEASE_MS + 1_000);
  assert.deepEqual(saidOf(await admin.ask('POST', path, { ...grant, micro: 1 }, headers)), [422, 'key-reused']);
  assert.equal((await admin.ask('POST', path, grant, headers)).status, 201);
  assert.equal((await granted()) - before, 3_000_000);
  // As if it had ended before anything happened.
  await api.database.query(
    `insert into api.requests (person, key_hash, request_sha256, begun_at)
     select person, sha256('crash-0002'), request_sha256, now() - interval '1 hour' from api.requests
      where person = $1 and key_hash = sha256('crash-0001')`,
    [admin.person],
  );
  assert.equal((await admin.ask('POST', path, grant, { 'idempotency-key': 'crash-0002' })).status, 201);
  assert.equal((await granted()) - before, 6_000_000);
});

test('no key lies in the database, in whatever form it was asked for', async () => {
  const headers = { 'idempotency-key': 'key-00000001' };
  const body = { person: member.person, models: ['m1'] };
  const first = await done(admin.ask('POST', `/organisations/${acme}/keys`, body, headers));
  const again = await done(admin.ask('POST', `/organisations/${acme}/keys`, body, headers));
  assert.equal(again.id, first.id, 'sent again, it is the same proposal');
  const second = await api.visitor(lab, ['admin']);
  const agreed = await done(second.ask('POST', `/proposals/${first.id}/agree`));
  assert.match(agreed.result, /^hs_[\w-]{43}$/);
  for (const table of ['api.requests', 'program.proposals', 'program.keys', 'program.events']) {
    const { rows } = await api.database.query<{ text: string }>(`select row_to_json(r)::text as text from ${table} r`);
    assert.ok(rows.length > 0);
    assert.doesNotMatch(rows.map(({ text }) => text).join(), /hs_[\w-]{43}/, table);
  }
  const refused = { ...body, models: ['m9'] };
  const retry = { 'idempotency-key': 'key-00000002' };
  assert.deepEqual(saidOf(await admin.ask('POST', `/organisations/${acme}/keys`, refused, retry)), [404, 'not-found']);
  await api.world.model('m9');
  assert.equal(
    (await admin.ask('POST', `/organisations/${acme}/keys`, refused, retry)).status,
    201,
    'a refusal is not kept',
  );
});

test('caps bind and are lifted; a member sees what is left and which limit refuses first', async () => {
  await done(admin.ask('PUT', `/persons/${member.person}/cap`, { limitMicro: 1_000 }));
  const capped = await done(member.ask('GET', '/session/credit'));
  assert.equal(capped.binding, `person:${member.person}`);
  await done(admin.ask('PUT', `/persons/${member.person}/cap`, { limitMicro: null }));
  assert.equal((await done(member.ask('GET', '/session/credit'))).binding, `organisation:${acme}`);
  const donated = await done(admin.ask('POST', '/donations', { project: 'p1', micro: 7, reason: 'thanks' }));
  assert.deepEqual(donated, { project: 'p1', donatedMicro: 7 });
  assert.deepEqual((await done(lead.ask('GET', '/donations'))).items, [donated]);
});

test('a list comes in pages that hold everything once', async () => {
  for (let n = 0; n < 5; n++) await api.world.person(acme, `page${n}@acme.test`);
  const whole = (await done(admin.ask('GET', `/organisations/${acme}/persons?limit=200`))).items;
  const seen: string[] = [];
  let after = '';
  for (;;) {
    const page = await done(admin.ask('GET', `/organisations/${acme}/persons?limit=2${after}`));
    assert.ok(page.items.length <= 2);
    seen.push(...page.items.map(({ id }: { id: string }) => id));
    if (page.next === null) break;
    after = `&after=${page.next}`;
  }
  assert.deepEqual(
    seen,
    whole.map(({ id }: { id: string }) => id),
  );
});

test('an answer has a version: unchanged it is not sent again, and changed it is not overwritten unseen', async () => {
  const prices = { input: 1, output: 1, cacheWrite5m: 1, cacheWrite1h: 1, cacheRead: 1 };
  const model = { protocol: 'openai', url: 'http://127.0.0.1:1', apiKeyEnv: 'X', prices };
  const second = await api.visitor(lab, ['admin']);
  const agree = ({ id }: { id: string }) => done(second.ask('POST', `/proposals/${id}/agree`));
  await agree(await done(admin.ask('POST', '/models', { id: 'v1', ...model })));
  const first = await admin.ask('GET', '/models/v1');
  const etag = first.headers.get('etag') ?? '';
  assert.equal((await admin.ask('GET', '/models/v1', undefined, { 'if-none-match': etag })).status, 304);
  const drained = { ...model, onLeave: 'drain' };
  const other = await done(admin.ask('PUT', '/models/v1', { ...model, minTier: 'trusted' }, { 'if-match': etag }));
  await agree(await done(admin.ask('PUT', '/models/v1', drained, { 'if-match': etag })));
  assert.deepEqual(
    saidOf(await second.ask('POST', `/proposals/${other.id}/agree`)),
    [409, 'replaced'],
    'what was agreed to is what was looked at',
  );
  const late = await admin.ask('PUT', '/models/v1', model, { 'if-match': etag });
  assert.deepEqual(saidOf(late), [412, 'other-version']);
  assert.deepEqual(saidOf(await admin.ask('POST', '/models', { id: 'v1', ...model })), [409, 'exists']);
});

test('a scope is asked for, proven, lent to another organisation by a signed paper, and withdrawn', async () => {
  const asked = await done(
    member.ask('POST', `/organisations/${acme}/scopes`, { targets: ['pkg:npm/ours'], method: 'registry' }),
  );
  const path = `/organisations/${acme}/scopes/${asked.id}`;
  assert.equal((await done(member.ask('POST', `${path}/prove`))).assets[0].state, 'waiting');
  api.tags.add(/headstart-[0-9a-f]{32}/.exec(asked.instructions[0])?.[0] ?? '');
  assert.equal((await done(member.ask('POST', `${path}/prove`))).assets[0].state, 'standing');
  const check = (who: Visitor, org: string) =>
    done(who.ask('GET', `/organisations/${org}/scope-check?target=pkg:npm/ours`));
  assert.deepEqual([(await check(member, acme)).basis, (await check(stranger, other)).isAllowed], ['proof', false]);

  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const pem = publicKey.export({ type: 'spki', format: 'pem' });
  await done(member.ask('POST', `/organisations/${acme}/signers`, { name: 'Ada', publicKey: pem }));
  const until = new Date(Date.now() + 86_400_000);
  const paper = signAuthorisation(
    { from: acme, to: other, targets: ['pkg:npm/ours'], until },
    createEd25519Signer(privateKey),
  );
  assert.ok(paper.ok);
  const envelope = JSON.parse(paper.value.toString());
  const elsewhere = await member.ask('POST', `/organisations/${acme}/authorisations`, envelope);
  assert.match(elsewhere.json.detail, /not made out to this organisation/);
  await done(stranger.ask('POST', `/organisations/${other}/authorisations`, envelope));
  assert.equal((await check(stranger, other)).basis, 'authorisation');
  await done(member.ask('DELETE', path));
  assert.deepEqual([(await check(member, acme)).isAllowed, (await check(stranger, other)).isAllowed], [false, false]);
});

test('a receipt is for its own organisation and for who audits', async () => {
  const call = 'call_00ff';
  await api.database.query(
    `insert into ledger.postings (call_id, lease_id, limits, reserved, cost, how, receipt) values ($1, 'lease_x', $2, 9, 7, 'settled', $3)`,
    [call, [`organisation:${acme}`], JSON.stringify({ leaf: { call }, path: [], root: {} })],
  );
  const receipt = await done(member.ask('GET', `/receipts/${call}`));
  assert.deepEqual([receipt.costMicro, receipt.receipt.leaf.call], [7, call]);
  assert.equal((await lead.ask('GET', `/receipts/${call}`)).status, 200);
  const theirs = await stranger.ask('GET', `/receipts/${call}`);
  const none = await stranger.ask('GET', '/receipts/call_00fe');
  assert.deepEqual(saidOf(theirs), [404, 'no-receipt']);
  assert.equal(theirs.text.replaceAll(call, 'call_00fe'), none.text);
});

test('a country is told by no answer but the look of a reviewer, and not by a count either', async () => {
  await api.world.person(acme, 'kim@acme.test', { country: 'KR' });
  const order = { reason: 'x', legalOrder: 'order 1', expiresAt: new Date(Date.now() + 3_600_000).toISOString() };
  const counted = await done(admin.ask('POST', '/stops/dry-run', { country: 'KR', organisation: acme }));
  assert.equal(counted.affectedKeys, null, 'fewer than five keys are there');
  const named = await admin.ask('POST', '/stops/dry-run', { country: 'KR', person: member.person });
  assert.deepEqual(saidOf(named), [422, 'country-with-person']);
  const { stop } = await done(admin.ask('POST', '/stops', { country: 'KR', organisation: acme, ...order }));
  assert.deepEqual(stop.attributes.toSorted(), ['jurisdiction', 'organisation']);
  const history = (await done(lead.ask('GET', '/history/stops'))).items;
  assert.deepEqual(
    history.map(({ event, actor }: { event: string; actor: string }) => [event, actor]),
    [['counted-by-country', admin.person]],
  );
  for (const who of [admin, lead, member]) {
    for (const path of [
      '/organisations',
      '/persons',
      '/stops',
      `/organisations/${acme}`,
      `/organisations/${acme}/persons`,
    ]) {
      await who.ask('GET', path);
    }
  }
  assert.ok(api.answers.length > 100);
  for (const { text } of api.answers) assert.doesNotMatch(text, /"KR"|country_?[tT]ag|"mac"|"tag"/);
});

test('nothing of all this was a fault', () => {
  assert.deepEqual(api.faults, []);
});
