/**
 * How long after a feed came in every open case is decided anew, and the clocks of those that the catalogue of exploited
 * vulnerabilities names have moved: by the real job, on real Postgres. `node bench/feeds.ts [--cases N] [--named N] [--report]`.
 * Exit 1 when a clock moved later than 60 s after the import, or one moved that should not have.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { availableParallelism, getPriority, loadavg } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { createDisclosure } from '../src/disclosure/index.ts';
import { systemClock } from '../src/lib/clock.ts';
import { startWorkers } from '../src/store/job-worker.ts';
import { createTriage, createTriageJobs, type FeedKind } from '../src/triage/index.ts';
import { createTriagedCases } from '../src/triaged-cases.ts';
import { createWorld, newCase } from '../test/support/disclosure.ts';

const { values: options } = parseArgs({
  options: {
    cases: { type: 'string', default: '1000' },
    named: { type: 'string', default: '50' },
    report: { type: 'boolean', default: false },
  },
});

const GOAL_MS = 60_000;
const DAY_MS = 86_400_000;
const LOOK_AGAIN_MS = 100;
const GIVE_UP_MS = 1_800_000;
const BY = { actor: 'bench' };

const cases = Number(options.cases);
const named = Math.min(Number(options.named), cases);
const cveOf = (index: number): string => `CVE-2026-${String(10_000 + index)}`;
const loadBefore = loadavg()[0] ?? 0;

const world = await createWorld({ time: 'real' });
const { database } = world;
const disclosure = createDisclosure({ ...world, clock: systemClock, time: 'real' });
const triage = createTriage({ ...world, ...createTriagedCases(disclosure) });
const workers = await startWorkers({ ...world, handlers: createTriageJobs({ database, triage }), concurrency: 2 });

const ids: string[] = [];
for (let index = 0; index < cases; index += 1) {
  const vendor = { name: 'them', address: null, simulated: false };
  const opened = await database.transaction((tx) =>
    disclosure.openCase(tx, newCase({ knownAs: [cveOf(index)], vendor })),
  );
  if (!opened.ok) throw new Error(opened.refusal.kind);
  for (const step of ['confirm', 'notify'] as const) {
    const taken = await disclosure.take(step, opened.value, BY);
    if (!taken.ok) throw new Error(`${step}: ${taken.refusal.kind}`);
  }
  ids.push(opened.value);
}

/** Every case gets a score, then some of them are listed: two feeds, two rounds of decisions. */
const epss = [
  '#model_version:v1,score_date:2026-11-20T00:00:00Z',
  'cve,epss,percentile',
  ...ids.map((_id, index) => `${cveOf(index)},0.5,0.9`),
].join('\n');
// Spread over all of them, so that whoever decides in their order comes late to most.
const kev = JSON.stringify({
  catalogVersion: '2026.11.20',
  dateReleased: '2026-11-20T12:00:00Z',
  vulnerabilities: Array.from({ length: named }, (_each, nth) => ({
    cveID: cveOf(Math.floor((nth * cases) / named)),
    dateAdded: '2026-11-20',
    knownRansomwareCampaignUse: 'Unknown',
  })),
});

const epssMs = await feed('epss', epss, async () => (await count('triage.decisions')) >= cases);
const kevMs = await feed(
  'kev',
  kev,
  async () => (await count('disclosure.cases where attacked_at is not null')) >= named,
);
const { rows } = await database.query<{ moved: number; duties: number; wrong: number }>(
  `select count(*) filter (where attacked_at is not null and due_at <= attacked_at + interval '7 days')::int as moved,
          (select count(*)::int from disclosure.clocks where kind in ('early-warning', 'notification')) as duties,
          count(*) filter (where attacked_at is null and due_at < notified_at + interval '${(90 * DAY_MS) / 1000 - 1} seconds')::int as wrong
     from disclosure.cases`,
);
const result = rows[0] ?? { moved: 0, duties: 0, wrong: -1 };
await workers.stop();

const day = new Date().toISOString().slice(0, 10);
const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;
const report = [
  `# A change in a feed decides anew, ${day}`,
  '',
  `Node ${process.version}, ${availableParallelism()} cores, load ${loadBefore.toFixed(1)} before and ${(loadavg()[0] ?? 0).toFixed(1)} after, priority ${getPriority()}.`,
  `${cases.toLocaleString('en')} open real cases under a deadline of 90 days; one worker process, by the job that the import adds.`,
  '',
  '| | |',
  '|---|---:|',
  `| scores (EPSS) for all of them, until each is decided anew | ${seconds(epssMs)} |`,
  `| **the catalogue (KEV) names ${named}, until the last of their clocks moved** | **${seconds(kevMs)}** |`,
  `| clocks moved to seven days | ${result.moved} of ${named} |`,
  `| clocks of authorities started (24 h, 72 h) | ${result.duties} of ${2 * named} |`,
  `| clocks of other cases that moved | ${result.wrong} |`,
  '',
].join('\n');
process.stdout.write(report);
if (options.report) {
  const directory = join(import.meta.dirname, 'reports');
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, `${day}-feeds.md`), report);
}
await world.close();
const isRight = result.moved === named && result.duties === 2 * named && result.wrong === 0;
process.exit(isRight && epssMs <= GOAL_MS && kevMs <= GOAL_MS ? 0 : 1);

async function feed(kind: FeedKind, text: string, isDone: () => Promise<boolean>): Promise<number> {
  const from = performance.now();
  const imported = await triage.importFeed(kind, text);
  if (!imported.ok) throw new Error(`${kind}: ${imported.refusal.kind}`);
  return await until(isDone, from);
}

async function until(isDone: () => Promise<boolean>, from: number): Promise<number> {
  while (!(await isDone())) {
    if (performance.now() - from > GIVE_UP_MS) throw new Error('it did not happen');
    await sleep(LOOK_AGAIN_MS);
  }
  return performance.now() - from;
}

async function count(what: string): Promise<number> {
  return (await database.query<{ count: number }>(`select count(*)::int as count from ${what}`)).rows[0]?.count ?? 0;
}
