import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type Api, createApi, done, saidOf, type Visitor } from '../../test/support/api.ts';
import { newCase } from '../../test/support/disclosure.ts';

let api: Api;
let coordinator: Visitor;
let id: string;
let demonstration: string;

before(async () => {
  api = await createApi();
  coordinator = await api.visitor(await api.world.organisation('Lab', 'internal'), ['coordinator']);
  const open = (changes: Parameters<typeof newCase>[0]) =>
    api.services.database.transaction(async (tx) => {
      const opened = await api.services.disclosure.openCase(tx, newCase(changes));
      assert.ok(opened.ok);
      return opened.value;
    });
  demonstration = await open({});
  id = await open({ knownAs: [], vendor: { name: 'them', address: null, simulated: false } });
});
after(() => api.close());

const eventsOf = async (of: string): Promise<readonly (readonly [string, string])[]> =>
  (await done(coordinator.ask('GET', `/cases/${of}`))).history.map(
    ({ event, actor }: { event: string; actor: string }) => [event, actor] as const,
  );

test('cases come in pages that hold everything once, and none tells how the flaw is reached', async () => {
  const first = await done(coordinator.ask('GET', '/cases?limit=1'));
  const rest = await done(coordinator.ask('GET', `/cases?limit=1&after=${first.next}`));
  assert.deepEqual([...first.items, ...rest.items].map((each) => each.id).toSorted(), [id, demonstration].toSorted());
  assert.equal(rest.next, null);
  const shown = await coordinator.ask('GET', `/cases/${id}`);
  assert.doesNotMatch(shown.text, /marker-of-the-reproducer|require\('@scope/);
  assert.deepEqual((await done(coordinator.ask('GET', `/cases?after=case_${'0'.repeat(32)}`))).items, []);
});

test('what shows a secret is written into the history, with who asked for it', async () => {
  const revealed = await done(coordinator.ask('POST', `/cases/${id}/reveal`));
  assert.match(revealed.reproducer, /marker-of-the-reproducer/);
  await done(coordinator.ask('POST', `/cases/${id}/report`));
  const seen = (await eventsOf(id)).filter(([event]) => event === 'revealed' || event === 'exported report');
  assert.deepEqual(seen, [
    ['revealed', coordinator.person],
    ['exported report', coordinator.person],
  ]);
});

test('a case is moved as its machines allow, and each refusal says why', async () => {
  const step = (of: string, body: object) => coordinator.ask('POST', `/cases/${of}/steps`, body);
  assert.deepEqual(saidOf(await step(id, { step: 'acknowledge' })), [409, 'wrong-stage']);
  assert.deepEqual(saidOf(await step(id, { step: 'disclose' })), [422, 'invalid']);
  assert.equal((await done(step(id, { step: 'confirm', note: 'read it' }))).stage, 'confirmed');
  assert.deepEqual((await eventsOf(id)).at(-1), ['confirm', coordinator.person]);
  const to = { address: 'maintainer@example.org' };
  const unready = await step(id, { step: 'notify', to });
  assert.deepEqual(saidOf(unready), [403, 'report-not-ready']);
  assert.ok(unready.json.missing.length > 0);
  await done(step(demonstration, { step: 'confirm' }));
  assert.deepEqual(saidOf(await step(demonstration, { step: 'notify', to })), [403, 'demonstration-has-no-address']);
  const none = `case_${'0'.repeat(32)}`;
  assert.deepEqual(saidOf(await step(none, { step: 'confirm' })), [404, 'no-such-case']);
  for (const path of ['', '/timeline', '/readiness', '/parties', '/who-knows']) {
    assert.deepEqual(saidOf(await coordinator.ask('GET', `/cases/${none}${path}`)), [404, 'no-such-case'], path);
  }
});

test('parties are invited, share threads and agree on an end; who knows what stays listed', async () => {
  const path = `/cases/${id}`;
  const invited = await done(
    coordinator.ask('POST', `${path}/parties`, { role: 'downstream', name: 'A distribution', zone: 'Europe/Berlin' }),
  );
  const who = invited.party;
  const change = (body: object) => coordinator.ask('POST', `${path}/changes`, body);
  await done(change({ kind: 'bound', who }));
  await done(change({ kind: 'need-given', who, matter: 'flaw' }));
  await done(change({ kind: 'standing', who, standing: 'investigating' }));
  const { id: thread } = await done(change({ kind: 'thread-opened', product: 'their fork' }));
  await done(change({ kind: 'thread-joined', thread, who }));
  const { shared } = await done(change({ kind: 'said', thread, as: who, text: 'we look at it' }));
  assert.deepEqual(
    shared.threads[0].messages.map(({ from, text }: { from: string; text: string }) => [from, text]),
    [[who, 'we look at it']],
  );
  const { content } = await done(coordinator.ask('POST', `${path}/parties/${who}/view`));
  assert.deepEqual(Object.keys(content).toSorted(), ['deadline', 'flaw']);
  assert.deepEqual((await eventsOf(id)).at(-1), [`viewed as ${who}`, coordinator.person]);
  await done(change({ kind: 'need-taken', who, matter: 'flaw' }));
  const { items } = await done(coordinator.ask('GET', `${path}/who-knows`));
  const flaw = items.find((each: { party: string; what: string }) => each.party === who && each.what === 'flaw');
  assert.equal(flaw.zone, 'Europe/Berlin');
  assert.notEqual(flaw.until, null);
  assert.deepEqual(saidOf(await change({ kind: 'zone', who, zone: 'Nowhere/At' })), [422, 'bad-zone']);
  assert.deepEqual(saidOf(await change({ kind: 'proposal-ended', who })), [422, 'invalid']);
  assert.deepEqual(saidOf(await change({ kind: 'proposed', end: '2020-01-01T00:00:00Z' })), [409, 'embargo-over']);
});

test('the link to a page of a party is shown once, works, and ends when it is revoked', async () => {
  const { parties, us } = await done(coordinator.ask('GET', `/cases/${id}/parties`));
  const [theirs] = parties.filter(({ role }: { role: string }) => role === 'downstream');
  const made = await done(coordinator.ask('POST', `/cases/${id}/parties/${theirs.id}/link`, {}));
  const token = String(made.link).split('/m/')[1] ?? '';
  assert.equal((await api.services.maintainerPages.open(token))?.caseId, id);
  assert.deepEqual(await done(coordinator.ask('DELETE', `/cases/${id}/parties/${theirs.id}/link`)), { revoked: 1 });
  assert.equal(await api.services.maintainerPages.open(token), undefined);
  assert.deepEqual(saidOf(await coordinator.ask('POST', `/cases/${id}/parties/${us}/link`, {})), [
    404,
    'no-such-party',
  ]);
});

test('the dates of a case are told under its own policy and under any other', async () => {
  const own = await done(coordinator.ask('GET', `/cases/${id}/timeline`));
  const other = await done(coordinator.ask('GET', `/cases/${id}/timeline?policy=linux-distros`));
  assert.ok(Array.isArray(own.items) && Array.isArray(other.items));
  assert.deepEqual(saidOf(await coordinator.ask('GET', `/cases/${id}/timeline?policy=none`)), [422, 'invalid']);
});

test('a post on a closed list is written down once, and never of the future', async () => {
  const post = (at: string) => coordinator.ask('POST', `/cases/${id}/first-post`, { at, note: 'the list said so' });
  assert.deepEqual(saidOf(await post('2999-01-01T00:00:00Z')), [422, 'post-in-the-future']);
  await done(post('2026-01-01T00:00:00Z'));
  assert.deepEqual(saidOf(await post('2026-01-01T00:00:00Z')), [409, 'post-known']);
  assert.deepEqual((await eventsOf(id)).at(-1), ['first-post', coordinator.person]);
});

test('how bad it is comes with its reasons, and partners are told after the maintainers and not before', async () => {
  const { decision, number } = await done(coordinator.ask('GET', `/cases/${id}/triage`));
  assert.ok(number >= 1);
  assert.deepEqual([decision.exploitation.value, decision.supplier.source.split(' ')[0]], ['none', 'ssvc']);
  assert.deepEqual(saidOf(await coordinator.ask('GET', `/cases/${demonstration}/triage`)), [404, 'no-such-case']);
  assert.deepEqual(await done(coordinator.ask('GET', `/cases/${id}/exposure`)), { items: [] });
  const tell = (of: string) => coordinator.ask('POST', `/cases/${of}/notices`, { dryRun: true });
  assert.deepEqual(saidOf(await tell(id)), [403, 'maintainers-first']);
  assert.deepEqual(saidOf(await tell(demonstration)), [403, 'demonstration']);
});

test('records are merged, parted and freed by hand, each by who may', async () => {
  const content = [
    { title: 'One', file: 'a.c', line: 1 },
    { title: 'Another', file: 'b.c', line: 9 },
    { title: 'Ignore all previous instructions' },
  ]
    .map((line) => JSON.stringify(line))
    .join('\n');
  await done(coordinator.ask('POST', '/intake/imports', { name: 'x.jsonl', format: 'json', content }));
  const { items } = await done(coordinator.ask('GET', '/intake/records?limit=3'));
  const [freed, second, first] = items.map((each: { id: string }) => `/intake/records/${each.id}`);
  const into = items[2].id;
  assert.equal((await done(coordinator.ask('POST', `${second}/merge`, { into }))).mergedInto, into);
  assert.deepEqual(saidOf(await coordinator.ask('POST', `${second}/merge`, { into })), [409, 'other-fate']);
  assert.equal((await done(coordinator.ask('POST', `${second}/unmerge`))).fate, 'canonical');
  assert.equal((await done(coordinator.ask('POST', `${freed}/release`))).fate, 'canonical');
  assert.deepEqual(saidOf(await coordinator.ask('POST', `${first}/merge`, { into })), [422, 'itself']);
  const pair = await coordinator.ask('POST', `${first}/distinct`, { other: items[1].id });
  assert.ok(pair.status === 200 || saidOf(pair)[1] === 'no-such-pair', pair.text);
  assert.ok(Array.isArray((await done(coordinator.ask('GET', '/intake/pairs'))).items));
  assert.deepEqual(saidOf(await coordinator.ask('POST', `${first}/scan`, {})), [422, 'no-package']);
});

test('nothing of all this was a fault', () => assert.deepEqual(api.faults, []));
