import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { createWorld, type World } from '../../test/support/disclosure.ts';
import { ok, type Result, refuse } from '../lib/result.ts';
import { startWorkers } from '../store/job-worker.ts';
import { createTriagedCases } from '../triaged-cases.ts';
import type { FetchRefusal } from './feed-client.ts';
import { createTriage, REDECIDE_JOB, type Triage, type TriageParts } from './triage.ts';
import { createTriageJobs, FEEDS_JOB } from './triage-job.ts';

const BY = { actor: 'a person' };
const DAY_MS = 86_400_000;
const LISTED = 'CVE-2025-1111';
const UNLISTED = 'CVE-2025-2222';
const LOOK_AGAIN_MS = 50;

let world: World;
let triage: Triage;
const openTriage = (changes: Partial<TriageParts> = {}): Triage =>
  createTriage({ ...world, ...createTriagedCases(world.disclosure), ...changes });

before(async () => {
  world = await createWorld({ time: 'real' });
  triage = openTriage();
});
after(() => world.close());
afterEach(async () => {
  await world.database.query(
    'truncate triage.feeds, triage.feed_sources, triage.kev, triage.epss, triage.decisions, triage.reviews, triage.answers, triage.case_ids',
  );
  await world.database.query('truncate graphile_worker._private_jobs cascade');
  await world.database.query(
    "update disclosure.cases set stage = 'withdrawn', embargo = 'none', notified_at = null, due_at = null, is_extended = null, closed_at = now()",
  );
});

const catalogue = (day: string, cves: readonly string[]): string =>
  JSON.stringify({
    catalogVersion: day,
    dateReleased: `${day}T12:00:00Z`,
    vulnerabilities: cves.map((cveID) => ({ cveID, dateAdded: day, knownRansomwareCampaignUse: 'Unknown' })),
  });
const scores = (day: string, rows: Readonly<Record<string, number>>): string =>
  [
    `#model_version:v1,score_date:${day}T00:00:00Z`,
    'cve,epss,percentile',
    ...Object.entries(rows).map(([cve, score]) => `${cve},${score},0.5`),
  ].join('\n');

async function openCase(knownAs: readonly string[] = [LISTED]): Promise<string> {
  const vendor = { name: 'A maintainer', address: 'maintainer@example.org', simulated: false };
  const id = await world.open({ vendor, knownAs });
  for (const step of ['confirm', 'notify'] as const) assert.ok((await world.disclosure.take(step, id, BY)).ok);
  return id;
}
const countJobs = async (): Promise<number> => {
  const { rows } = await world.database.query<{ count: number }>(
    'select count(*)::int as count from graphile_worker.jobs where task_identifier = $1',
    [REDECIDE_JOB],
  );
  return rows[0]?.count ?? -1;
};
const dueOf = async (id: string): Promise<number> => {
  const it = (await world.database.query<{ due_at: Date }>('select due_at from disclosure.cases where id = $1', [id]))
    .rows[0];
  return it?.due_at.getTime() ?? Number.NaN;
};
const countDecisions = async (id: string): Promise<number> => {
  const { rows } = await world.database.query<{ count: number }>(
    'select count(*)::int as count from triage.decisions where case_id = $1',
    [id],
  );
  return rows[0]?.count ?? -1;
};

test('a catalogue that comes to name a flaw moves its clock to seven days, by the job of its own transaction', async () => {
  const [named, other] = [await openCase(), await openCase([UNLISTED])];
  const [before90, otherBefore] = [await dueOf(named), await dueOf(other)];
  assert.ok((await triage.importFeed('kev', catalogue('2025-03-01', [LISTED]))).ok);
  assert.equal(await countJobs(), 1);
  const workers = await startWorkers({
    database: world.database,
    handlers: createTriageJobs({ database: world.database, triage }),
    concurrency: 2,
    random: world.random,
    vault: world.vault,
    onFailure: ({ error }) => assert.fail(String(error)),
    onTrouble: (error) => assert.fail(String(error)),
  });
  try {
    while ((await countDecisions(named)) === 0 || (await countDecisions(other)) === 0) await setTimeout(LOOK_AGAIN_MS);
  } finally {
    await workers.stop();
  }
  const opened = await world.disclosure.find(named);
  assert.ok(opened?.case.facts.A);
  assert.equal(await dueOf(named), opened.case.facts.A.getTime() + 7 * DAY_MS);
  assert.ok((await dueOf(named)) < before90);
  assert.equal(await dueOf(other), otherBefore);
  assert.equal((await triage.find(named))?.decision.exploitation.source, 'kev');
  assert.equal((await triage.find(other))?.decision.exploitation.value, 'none');
});

test('the same feed again changes nothing, and an older one is refused', async () => {
  const newer = catalogue('2025-03-02', [LISTED, UNLISTED]);
  const first = await triage.importFeed('kev', newer);
  assert.deepEqual(first.ok && [first.value.added, first.value.changed, first.value.removed], [2, 0, 0]);
  await world.database.query('truncate graphile_worker._private_jobs cascade');
  const again = await triage.importFeed('kev', newer);
  assert.deepEqual(again.ok && [again.value.added, again.value.changed, again.value.removed], [0, 0, 0]);
  assert.equal(await countJobs(), 0);
  const older = await triage.importFeed('kev', catalogue('2025-03-01', [LISTED]));
  assert.equal(!older.ok && older.refusal.kind, 'older');
  assert.equal((await triage.feeds())[0]?.entries, 2);
});

test('a watched feed is read again by its job: what came in meanwhile decides, what cannot be read leaves things as they were', async () => {
  const url = 'https://feeds.example.org/kev.json';
  await triage.watchFeed('kev', url);
  let answer: Result<string, FetchRefusal> = ok(catalogue('2025-04-01', [LISTED]));
  const asked: string[] = [];
  const jobs = createTriageJobs({
    ...{ database: world.database, triage },
    fetchFeed: async (place) => {
      asked.push(place);
      return answer;
    },
  });
  const read = () => jobs[FEEDS_JOB]?.({}, {} as never);
  await read();
  assert.deepEqual(asked, [url]);
  const versionOf = async () => (await triage.feeds()).find(({ kind }) => kind === 'kev')?.version;
  assert.equal(await versionOf(), '2025-04-01');
  assert.ok((await countJobs()) > 0, 'the cases are decided by a job of the import');
  for (const [next, trouble] of [
    [refuse({ kind: 'unreachable', reason: 'the server answered 503' } as const), /503/],
    [ok('<html>'), /./],
    [ok(catalogue('2025-03-01', [])), /./],
  ] as const) {
    answer = next;
    await read();
    assert.match((await triage.watchedFeeds())[0]?.trouble ?? '', trouble);
    assert.equal(await versionOf(), '2025-04-01');
  }
  answer = ok(catalogue('2025-04-02', [LISTED, UNLISTED]));
  await read();
  assert.deepEqual([await versionOf(), (await triage.watchedFeeds())[0]?.trouble], ['2025-04-02', null]);
  await triage.watchFeed('kev', null);
  await read();
  assert.equal(asked.length, 5);
});

test('a newer version replaces the whole: what is new, changed and gone is counted', async () => {
  await triage.importFeed(
    'epss',
    scores('2025-03-01', { 'CVE-2025-0001': 0.1, 'CVE-2025-0002': 0.2, 'CVE-2025-0003': 0.3 }),
  );
  const next = await triage.importFeed(
    'epss',
    scores('2025-03-02', { 'CVE-2025-0002': 0.25, 'CVE-2025-0003': 0.3, 'CVE-2025-0004': 0.4 }),
  );
  assert.deepEqual(next.ok && [next.value.added, next.value.changed, next.value.removed], [1, 1, 1]);
});

test('a feed that cannot be read leaves the one at hand as it was', async () => {
  await triage.importFeed('kev', catalogue('2025-03-01', [LISTED]));
  const broken = await triage.importFeed('kev', catalogue('2025-03-02', [LISTED, LISTED]));
  assert.equal(!broken.ok && broken.refusal.kind, 'bad-feed');
  assert.equal((await triage.feeds())[0]?.version, '2025-03-01');
});

test('a decision is kept when it comes out otherwise, and only then', async () => {
  const id = await openCase([UNLISTED]);
  await triage.redecide();
  assert.equal(await triage.redecide(), 0);
  assert.equal(await countDecisions(id), 1);
  await triage.importFeed('epss', scores('2025-03-01', { [UNLISTED]: 0.42 }));
  assert.equal(await triage.redecide(), 1);
  const decided = await triage.find(id);
  assert.deepEqual([decided?.number, decided?.decision.likelihood.value], [2, 0.42]);
});

test('an exploited flaw stays so when the catalogue drops it, and is not stepped twice', async () => {
  const id = await openCase();
  await triage.importFeed('kev', catalogue('2025-03-01', [LISTED]));
  await triage.redecide();
  const due = await dueOf(id);
  await triage.redecide();
  await triage.importFeed('kev', catalogue('2025-03-02', [UNLISTED]));
  await triage.redecide();
  assert.equal(await dueOf(id), due);
  const decided = await triage.find(id);
  assert.deepEqual(decided?.decision.exploitation.reasons, ['an attack was reported']);
});

test('a decision and the step it takes are kept together or not at all, and one failure does not hold up others', async () => {
  const [failing, fine] = [await openCase(), await openCase()];
  await triage.importFeed('kev', catalogue('2025-03-01', [LISTED]));
  const ports = createTriagedCases(world.disclosure);
  const half = openTriage({
    exploited: async (tx, id, by) => {
      const stepped = await ports.exploited(tx, id, by);
      if (id === failing) throw new Error('lost after the step');
      return stepped;
    },
  });
  await assert.rejects(half.redecide(), AggregateError);
  assert.equal(await countDecisions(failing), 0);
  assert.equal((await world.disclosure.find(failing))?.case.facts.A, undefined);
  assert.ok((await world.disclosure.find(fine))?.case.facts.A);
  await triage.redecide();
  assert.ok((await world.disclosure.find(failing))?.case.facts.A);
});

test('a demonstration is not triaged: its flaw is public already', async () => {
  const id = await world.open({ knownAs: [LISTED] });
  await triage.importFeed('kev', catalogue('2025-03-01', [LISTED]));
  await triage.redecide();
  assert.equal(await triage.decideCase(id), undefined);
});

test('what was decided lies sealed: neither ids nor reasons stand in the table', async () => {
  const id = await openCase();
  await triage.importFeed('epss', scores('2025-03-01', { [LISTED]: 0.42 }));
  await triage.redecide();
  const { rows } = await world.database.query<{ row: string }>(
    "select case_id || encode(identity, 'escape') || encode(sealed, 'escape') as row from triage.decisions",
  );
  assert.equal(rows.length, 1);
  assert.ok(rows.every(({ row }) => row.includes(id) && !row.includes(LISTED) && !row.includes('claim of')));
});

test('a review counts once for what it is about, and has cases decided anew', async () => {
  for (const found of ['medium', 'low'] as const) {
    await triage.review({ rater: 'model', claimed: 'high', found }, 'finding 1', 'a reviewer');
  }
  assert.equal((await triage.calibration())('model', 'high').reviews, 1);
  assert.equal(await countJobs(), 1);
});

test('an answer of a person takes the place of the worst, and is asked for by its table only', async () => {
  const id = await openCase([]);
  const before = (await triage.decideCase(id))?.decision.deployer;
  assert.ok(before?.reasons.some((reason) => reason.startsWith('HI VH: not known')));
  for (const [point, value] of [
    ['EXP', 'S'],
    ['HI', 'L'],
  ] as const) {
    assert.ok((await triage.answer(id, point, value, 'a person')).ok);
  }
  const after = (await triage.decideCase(id))?.decision.deployer;
  assert.equal(after?.value, 'Defer');
  assert.ok(after?.reasons.includes('HI L: answered by a person'));
  const wrong = await triage.answer(id, 'HI', 'XX', 'a person');
  assert.equal(!wrong.ok && wrong.refusal.kind, 'no-answer');
  const none = await triage.answer('case_none', 'HI', 'L', 'a person');
  assert.equal(!none.ok && none.refusal.kind, 'no-such-case');
});

test('cases that the catalogue names are decided before all others, found by a blind index', async () => {
  const others = [await openCase([UNLISTED]), await openCase([UNLISTED])];
  const named = await openCase([LISTED]);
  await triage.redecide();
  const order: string[] = [];
  const { findCase } = createTriagedCases(world.disclosure);
  const watched = openTriage({
    findCase: async (tx, id) => {
      order.push(id);
      return await findCase(tx, id);
    },
  });
  await watched.importFeed('kev', catalogue('2025-04-01', [LISTED]));
  await watched.redecide();
  assert.equal(order[0], named);
  assert.deepEqual(new Set(order), new Set([named, ...others]));
  const { rows } = await world.database.query<{ row: string }>('select t::text as row from triage.case_ids t');
  assert.ok(
    rows.length > 0 &&
      rows.every(({ row }) => !row.includes('CVE') && !row.includes(Buffer.from('CVE').toString('hex'))),
  );
});
