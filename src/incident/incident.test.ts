/** On a real database, with a real log and a gateway's authority. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { createWorld, okOf, refusalOf, type World } from '../../test/support/programme.ts';
import { canonicalJson, type Json } from '../lib/canonical-json.ts';
import { sha256Hex } from '../lib/hash.ts';
import { createRelease, openEvidence, type Release } from '../release/index.ts';
import { advanceIncident, draftNotices, INCIDENT_STEPS, renderIncident, severityOf } from './course.ts';
import { createIncidents, type Incidents } from './incident.ts';

let world: World;
let incidents: Incidents;
let folder: string;
let release: Release;
let now = new Date('2026-11-20T12:00:00Z');

before(async () => {
  world = await createWorld({ now: () => now });
  folder = await mkdtemp(join(tmpdir(), 'headstart-incident-'));
  release = createRelease({ ...world.parts, evidence: openEvidence(folder) });
  incidents = createIncidents({
    ...{ ...world.parts, release },
    stop: async (tx, asked, actor) => {
      const set = await world.stops.setIn(tx, asked, { actor });
      return set.ok ? { ok: true, value: set.value.stop.id } : set;
    },
  });
  await world.model('m1');
});
after(async () => {
  await world.close();
  await rm(folder, { recursive: true, force: true });
});

const recordOf = (facts: { readonly [name: string]: Json }): Json => ({
  kind: 'incident',
  awareAt: '2026-11-20T10:00:00Z',
  occurredAt: null,
  resolvedAt: null,
  timeZone: 'Europe/Brussels',
  facts,
});
const fresh = (facts: { readonly [name: string]: Json }, model?: string) => ({
  record: recordOf(facts),
  model,
  summary: 'something went wrong',
  owner: 'lead',
});
const stageAtGate = async () => (await world.membership.listModels()).find(({ id }) => id === 'm1')?.stage;

async function saidOf(id: string) {
  const { rows } = await world.database.query<{ body: Buffer }>('select body from tlog.entries order by position');
  return rows
    .map(({ body }) => JSON.parse(Buffer.from(JSON.parse(body.toString()).payload, 'base64').toString()))
    .filter(({ subject }) => subject === id);
}

test('severity follows from the record, and a person may only raise it', async () => {
  for (const fact of ['imminentRisk', 'criticalInfrastructure', 'weightsExfiltrated'])
    assert.equal(severityOf({ [fact]: true }), 'critical');
  assert.equal(severityOf({ deaths: 1 }), 'critical');
  for (const fact of ['cyberBreach', 'activelyExploited']) assert.equal(severityOf({ [fact]: true }), 'serious');
  assert.equal(severityOf({}), 'moderate');
  assert.equal(severityOf({ seriousHarmExcluded: true }), 'low');
  const lowered = okOf(await incidents.open({ ...fresh({ cyberBreach: true }), severity: 'low' }, 'a'));
  assert.equal(lowered.incident.severity, 'serious');
  const raised = okOf(await incidents.open({ ...fresh({}), severity: 'critical' }, 'a'));
  assert.equal(raised.incident.severity, 'critical');
});

test('a serious incident on a model closes it at the gate in its own transaction; a moderate one does not', async () => {
  assert.equal(okOf(await incidents.open(fresh({}, 'm1'), 'a')).suspension, undefined);
  assert.equal(await stageAtGate(), undefined);
  const { suspension, incident } = okOf(await incidents.open(fresh({ cyberBreach: true }, 'm1'), 'a'));
  assert.ok(suspension);
  assert.equal(await stageAtGate(), 'closed');
  const found = await incidents.find(incident.id);
  assert.deepEqual(
    found?.events.map(({ event }) => event),
    ['opened', 'model closed'],
  );
});

test('an incident on a model that does not exist leaves nothing behind', async () => {
  const before_ = (await incidents.list()).length;
  assert.equal(refusalOf(await incidents.open(fresh({ cyberBreach: true }, 'none'), 'a')).kind, 'not-found');
  assert.equal((await incidents.list()).length, before_);
});

test('the log says of an incident on a demonstration model that it is one, and of no other', async () => {
  const digest = `sha256:${'a'.repeat(64)}`;
  for (const isDemonstration of [true, false]) {
    const id = await world.model(`shown-${isDemonstration}`);
    okOf(await release.registerModel({ id, digest, isDemonstration }, 'a'));
    const { incident } = okOf(await incidents.open(fresh({ cyberBreach: true }, id), 'a'));
    const [opened] = await saidOf(incident.id);
    assert.equal(opened.facts.demonstration, isDemonstration);
  }
});

const REVIEW: Json = {
  schema: 'headstart-incident-review/1',
  happened: 'A key was in a log file for two days.',
  causes: ['A debug flag stood in production.'],
  effects: ['Nobody used the key.'],
  changes: [{ what: 'Logs are searched for keys', owner: 'Ada', due: '2027-01-31' }],
};

test('every cell of the machine', () => {
  const table = {
    open: ['contained', 'resolved', undefined],
    contained: [undefined, 'resolved', undefined],
    resolved: [undefined, undefined, 'reviewed'],
    reviewed: [undefined, undefined, undefined],
  } as const;
  for (const [state, expected] of Object.entries(table)) {
    assert.deepEqual(
      INCIDENT_STEPS.map((step) => advanceIncident(state as 'open', step)),
      expected,
      state,
    );
  }
});

test('an incident is worked through, and when it is resolved the final report has its clock', async () => {
  const { incident, clocks } = okOf(await incidents.open(fresh({ cyberBreach: true }), 'a'));
  assert.ok(clocks.some(({ clause }) => clause === 'eu-gpai-code/further-report'));
  assert.equal(refusalOf(await incidents.review(incident.id, REVIEW, 'a')).kind, 'step-refused');
  okOf(await incidents.step(incident.id, 'contain', { actor: 'a', note: 'keys revoked' }));
  now = new Date('2026-11-25T12:00:00Z');
  okOf(await incidents.step(incident.id, 'resolve', { actor: 'a' }));
  const found = await incidents.find(incident.id);
  const final = found?.clocks.find(({ clause }) => clause === 'eu-gpai-code/final-report');
  assert.equal(final?.due, '2027-01-24T12:00:00.000Z');
  assert.ok(!found?.clocks.some(({ clause }) => clause === 'eu-gpai-code/further-report'));
  now = new Date('2026-11-20T12:00:00Z');
});

test('whether a notice was late can be told from the log alone', async () => {
  const { incident } = okOf(await incidents.open(fresh({ imminentRisk: true }), 'a'));
  okOf(await incidents.noticed(incident.id, 'california-sb53/imminent', 'a'));
  now = new Date('2026-11-24T12:00:00Z');
  okOf(await incidents.noticed(incident.id, 'new-york-raise/incident', 'a'));
  now = new Date('2026-11-20T12:00:00Z');
  assert.equal(refusalOf(await incidents.noticed(incident.id, 'none/none', 'a')).kind, 'no-such-clock');
  const said = await saidOf(incident.id);
  const [opened, ...notices] = said;
  assert.ok(opened.facts.clocks.some(({ clause }: { clause: string }) => clause === 'california-sb53/imminent'));
  assert.deepEqual(
    notices.map(({ facts }) => [facts.clause, facts.late]),
    [
      ['california-sb53/imminent', false],
      ['new-york-raise/incident', true],
    ],
  );
  assert.ok(said.every((each) => !JSON.stringify(each).includes('something went wrong')));
});

test('a notice is a draft that says what it is not, and what is published holds no note of those at work', async () => {
  const { incident, clocks } = okOf(await incidents.open(fresh({ deaths: 1 }), 'a'));
  okOf(await incidents.step(incident.id, 'contain', { actor: 'a', note: 'a private remark' }));
  const drafts = draftNotices(incident, clocks);
  assert.equal(drafts.length, clocks.length);
  for (const draft of drafts) assert.match(draft, /^# DRAFT.*Not legal advice\. No lawyer has reviewed the clocks/s);
  const found = await incidents.find(incident.id);
  assert.ok(found);
  const text = renderIncident(found.incident, found.events);
  assert.match(text, /contained/);
  assert.ok(!text.includes('private remark'));
});

test('a record that cannot be understood is refused with its place', async () => {
  const refusal = refusalOf(await incidents.open({ ...fresh({}), record: { kind: 'incident' } }, 'a'));
  assert.equal(refusal.kind === 'malformed-incident' && refusal.place, '/timeZone');
});

test('what is learnt later may make an incident worse, closes its model once, and never makes it better', async () => {
  const id = await world.model('learnt');
  const { incident, suspension } = okOf(await incidents.open(fresh({}, id), 'a'));
  assert.deepEqual([incident.severity, suspension], ['moderate', undefined]);
  const worse = okOf(await incidents.amend(incident.id, { facts: { weightsExfiltrated: true } }, 'a'));
  assert.equal(worse.incident.severity, 'critical');
  assert.ok(worse.suspension);
  assert.ok(
    worse.clocks.some(({ clause }) => clause === 'eu-gpai-code/weights'),
    'its clock runs too',
  );
  const mild = { facts: { weightsExfiltrated: false, seriousHarmExcluded: true } };
  const better = okOf(await incidents.amend(incident.id, mild, 'a'));
  assert.deepEqual([better.incident.severity, better.suspension], ['critical', undefined], 'closed once');
  const [, first, second] = await saidOf(incident.id);
  assert.deepEqual([first.facts.closedModel, second.facts.closedModel], [true, false]);
  assert.deepEqual(
    (await incidents.find(incident.id))?.events.map(({ event }) => event),
    ['opened', 'record amended', 'model closed', 'record amended'],
  );
  const wrong = refusalOf(await incidents.amend(incident.id, { facts: { unheardOf: true } }, 'a'));
  assert.equal(wrong.kind, 'malformed-incident');
  assert.equal(refusalOf(await incidents.amend(incident.id, [], 'a')).kind, 'malformed');
});

test('an incident stops whom it names in its own transaction, and where one cannot be stopped nothing is taken in', async () => {
  const organisation = await world.organisation('Acme');
  const stops = [{ organisation }, { key: 'apikey_1', tool: 'shell' }];
  const opened = okOf(await incidents.open({ ...fresh({ cyberBreach: true }), stops }, 'a'));
  assert.equal(opened.stops.length, 2);
  const set = await world.stops.find(opened.stops[0] ?? '');
  assert.deepEqual([set?.terms.organisation, set?.reason], [organisation, opened.incident.id]);
  assert.equal((await saidOf(opened.incident.id))[0].facts.stops, 2);
  const before_ = (await incidents.list()).length;
  const refused = refusalOf(await incidents.open({ ...fresh({}), stops: [{}] }, 'a'));
  assert.deepEqual(refused, { kind: 'not-stopped', why: 'no-attribute' });
  assert.equal((await incidents.list()).length, before_);
});

test('a review is whole or refused with its place', async () => {
  const { incident } = okOf(await incidents.open(fresh({}), 'a'));
  okOf(await incidents.step(incident.id, 'resolve', { actor: 'a' }));
  const whole = REVIEW as { readonly [name: string]: Json };
  const table: readonly [Json, string][] = [
    [[], ''],
    [{ ...whole, schema: 'another' }, '/schema'],
    [{ ...whole, blame: 'Ada' }, '/blame'],
    [{ ...whole, happened: ' ' }, '/happened'],
    [{ ...whole, causes: [] }, '/causes'],
    [{ ...whole, effects: ['x', ''] }, '/effects/1'],
    [{ ...whole, changes: [{ what: 'x' }] }, '/changes/0'],
    [{ ...whole, changes: [{ what: 'x', owner: 'y', due: '2027-02-31' }] }, '/changes/0/due'],
  ];
  for (const [review, place] of table) {
    const refusal = refusalOf(await incidents.review(incident.id, review, 'a'));
    assert.deepEqual([refusal.kind, 'place' in refusal && refusal.place], ['malformed-review', place]);
  }
  assert.equal((await incidents.find(incident.id))?.incident.state, 'resolved');
});

test('a reviewed incident is published in the log by two, with times, clocks and review, and without a name or a note', async () => {
  const { incident } = okOf(await incidents.open(fresh({ cyberBreach: true }), 'a'));
  const { id } = incident;
  okOf(await incidents.noticed(id, 'eu-gpai-code/cyber-breach', 'a'));
  okOf(await incidents.step(id, 'contain', { actor: 'a', note: 'a private remark' }));
  const hands = { actor: 'a', second: 'b' };
  assert.equal(refusalOf(await incidents.publish(id, hands)).kind, 'step-refused');
  okOf(await incidents.step(id, 'resolve', { actor: 'a' }));
  assert.equal(okOf(await incidents.review(id, REVIEW, 'a')).state, 'reviewed');
  assert.equal(refusalOf(await incidents.review(id, REVIEW, 'a')).kind, 'step-refused', 'once');
  for (const second of [undefined, 'a'])
    assert.equal(refusalOf(await incidents.publish(id, { actor: 'a', second })).kind, 'second-person-needed');
  const { sha256, entry } = okOf(await incidents.publish(id, hands));
  assert.deepEqual(okOf(await incidents.publish(id, hands)), { sha256, entry }, 'said once');
  const records = (await saidOf(id)).filter(({ facts }) => facts.record !== undefined);
  assert.equal(records.length, 1);
  const [{ facts, documents }] = records;
  assert.deepEqual(documents, [{ name: 'record', sha256 }]);
  assert.equal(sha256Hex(canonicalJson(facts.record)), sha256);
  assert.equal(facts.record.review.changes[0].due, '2027-01-31');
  assert.ok(facts.record.clocks.some((each: { noticedAt: string | null }) => each.noticedAt !== null));
  assert.deepEqual(
    facts.record.timeline.map(({ event }: { event: string }) => event),
    ['opened', 'notice sent: eu-gpai-code/cyber-breach', 'contained', 'resolved', 'reviewed'],
  );
  assert.doesNotMatch(JSON.stringify(facts.record), /Ada|private remark|lead/);
  assert.deepEqual((await incidents.find(id))?.published, { sha256, entry });
});
