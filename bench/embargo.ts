/**
 * No embargo opens early and no deadline is handled a minute late: a million lives of cases through the pure automata
 * under a seeded scheduler, and ten thousand cases on a real Postgres whose workers are killed with -9 all the time.
 * `node bench/embargo.ts [--lives N] [--cases N] [--seconds N] [--seed N] [--report]`. Exit 1 when one was early or late.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, getPriority, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { createOutbox } from '../src/contact/index.ts';
import { findCase } from '../src/disclosure/case-view-service.ts';
import { createDisclosure } from '../src/disclosure/index.ts';
import { systemRandom } from '../src/lib/id.ts';
import { createSeededRandom } from '../src/lib/seeded-random.ts';
import { createTestDatabase } from '../src/store/test-database.ts';
import { createVault } from '../src/store/vault.ts';
import { createTimekeeping } from '../src/timekeeping/index.ts';
import { createTlog } from '../src/tlog/index.ts';
import { newCase, PUBLISHER } from '../test/support/disclosure.ts';
import { type SimulationTally, simulateEmbargoes } from '../test/support/embargo-simulation.ts';

const { values: options } = parseArgs({
  options: {
    lives: { type: 'string', default: '1000000' },
    cases: { type: 'string', default: '10000' },
    /** Over which the deadlines of the cases are spread. */
    seconds: { type: 'string', default: '600' },
    seed: { type: 'string', default: '20261121' },
    report: { type: 'boolean', default: false },
  },
});

const DAY_MS = 86_400_000;
const LATE_MS = 60_000;
const WORKERS = 3;
/** Between two kills, on average. */
const KILL_EVERY_MS = 12_000;
/** Before the first deadline, for the workers to start. */
const LEAD_MS = 20_000;
const OPENED_AT_ONCE = 4;
/** A withdrawn case opens its commitment this long after it was sealed. */
const PROMISE_DAYS = 135;

interface DatabaseTally {
  readonly cases: number;
  readonly kills: number;
  readonly handled: number;
  readonly early: number;
  readonly late: number;
  readonly unhandled: number;
  readonly worstLateMs: number;
  readonly revealed: number;
  readonly setUpMs: number;
}

const from = performance.now();
const loadBefore = loadavg()[0] ?? 0;
const seed = Number(options.seed);
const lives = Number(options.lives) > 0 ? simulateEmbargoes({ cases: Number(options.lives), seed }) : undefined;
const livesMs = performance.now() - from;
const real = await onPostgres(Number(options.cases), Number(options.seconds));
const day = new Date().toISOString().slice(0, 10);
const report = toMarkdown(lives, real);
process.stdout.write(report);
if (options.report) {
  const directory = join(import.meta.dirname, 'reports');
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, `${day}-embargo.md`), report);
}
const wrong = lives ? lives.earlyReveals + lives.late + lives.missed : 0;
if (wrong + real.early + real.late + real.unhandled > 0) process.exitCode = 1;
process.exit();

async function onPostgres(cases: number, seconds: number): Promise<DatabaseTally> {
  const begun = performance.now();
  const { database, url, drop } = await createTestDatabase();
  const home = await mkdtemp(join(tmpdir(), 'headstart-embargo-'));
  const masterKey = Buffer.from(systemRandom(32));
  try {
    const { due, offsetMs } = await openCases({ database, home, masterKey, cases, seconds });
    const setUpMs = performance.now() - begun;
    const until = Math.max(...due.values()) - offsetMs;
    const kills = await work({ url, home, masterKey, offsetMs, until });
    return { ...(await count(database, due)), cases, kills, setUpMs };
  } finally {
    await drop();
    await rm(home, { recursive: true, force: true });
  }
}

type Opening = {
  readonly database: Awaited<ReturnType<typeof createTestDatabase>>['database'];
  readonly home: string;
  readonly masterKey: Buffer;
  readonly cases: number;
  readonly seconds: number;
};

/**
 * Cases whose deadlines come within the next minutes. Each was opened and reported through the real steps, while the
 * database's clock was set back by as many days; then it is set to just before the first of them. Tells the due instant of each, counted here.
 */
async function openCases({
  database,
  home,
  masterKey,
  cases,
  seconds,
}: Opening): Promise<{ due: Map<string, number>; offsetMs: number }> {
  const random = systemRandom;
  let offsetMs = 0;
  const machine = { now: () => new Date(Date.now() + offsetMs) };
  /** Deadlines begin here, by a clock that is then set to shortly before. */
  const firstDue = Date.now();
  const setClock = async (ms: number): Promise<void> => {
    offsetMs = ms;
    await database.query(
      `create or replace function timekeeping.instant() returns timestamptz language sql volatile
       as $$ select clock_timestamp() + ${Math.round(ms)} * interval '1 ms' $$`,
    );
  };
  const vault = createVault({ masterKey, random });
  const log = await createTlog({ database, clock: machine, random, home, sequenceByJob: true });
  const contact = { name: 'Example coordination', address: 'security@example.org' };
  const outbox = createOutbox({
    database,
    clock: machine,
    random,
    vault,
    from: contact,
    carriers: {},
    findMatter: findCase,
  });
  const instants = createTimekeeping({ database, machine, monotonicMs: () => performance.now(), random });
  const parts = { database, clock: machine, random, vault, log, outbox, publisher: PUBLISHER, contact, instants };
  const disclosure = createDisclosure({ ...parts, time: 'real' });
  const vendor = { name: 'them', address: null, simulated: false };
  const due = new Map<string, number>();
  const openOne = async (index: number, isWithdrawn: boolean): Promise<void> => {
    const opened = await database.transaction((tx) => disclosure.openCase(tx, newCase({ knownAs: [], vendor })));
    if (!opened.ok) throw new Error(opened.refusal.kind);
    const steps = isWithdrawn ? (['reject'] as const) : (['confirm', 'notify'] as const);
    for (const step of steps) {
      const taken = await disclosure.take(step, opened.value, { actor: 'bench' });
      if (!taken.ok) throw new Error(`${step}: ${taken.refusal.kind}`);
    }
    const it = await database.query<{ opened_at: Date; notified_at: Date | null }>(
      'select opened_at, notified_at from disclosure.cases where id = $1',
      [opened.value],
    );
    const row = it.rows[0];
    if (!row) throw new Error(`case ${index} is not there`);
    const at = isWithdrawn
      ? row.opened_at.getTime() + PROMISE_DAYS * DAY_MS
      : (row.notified_at?.getTime() ?? 0) + 90 * DAY_MS;
    due.set(opened.value, at);
  };
  for (const isWithdrawn of [true, false]) {
    const half = Math.floor(cases / 2);
    for (let index = 0; index < half; ) {
      const batch = Math.min(20, half - index);
      const spread = (index / half) * seconds * 1_000;
      await setClock(firstDue + spread - (isWithdrawn ? PROMISE_DAYS : 90) * DAY_MS - Date.now());
      for (let at = 0; at < batch; at += OPENED_AT_ONCE) {
        const some = Math.min(OPENED_AT_ONCE, batch - at);
        await Promise.all(Array.from({ length: some }, (_each, nth) => openOne(index + at + nth, isWithdrawn)));
      }
      index += batch;
    }
  }
  await setClock(firstDue - LEAD_MS - Date.now());
  await database.query('truncate timekeeping.holds, timekeeping.mark');
  return { due, offsetMs };
}

/** Workers with clocks an hour wrong, one of them killed every few seconds; tells how many kills. */
async function work(parts: {
  url: string;
  home: string;
  masterKey: Buffer;
  offsetMs: number;
  until: number;
}): Promise<number> {
  const random = createSeededRandom(seed);
  const start = async (): Promise<ChildProcess> => {
    const skew = String(
      Math.round(parts.offsetMs) + random.pick([-3_600_000, 3_600_000, 0, random.below(7_200_000) - 3_600_000]),
    );
    const file = join(import.meta.dirname, '..', 'test', 'support', 'embargo-process.ts');
    const child = fork(
      file,
      [parts.url, parts.masterKey.toString('hex'), parts.home, skew, String(random.below(1e9))],
      {
        stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
        execArgv: ['--disable-warning=ExperimentalWarning'],
      },
    );
    await once(child, 'message');
    return child;
  };
  const children = await Promise.all(Array.from({ length: WORKERS }, start));
  let kills = 0;
  while (Date.now() < parts.until) {
    await sleep(KILL_EVERY_MS / 2 + random.below(KILL_EVERY_MS));
    const index = random.below(WORKERS);
    children[index]?.kill('SIGKILL');
    kills += 1;
    children[index] = await start();
  }
  await sleep(LATE_MS);
  for (const child of children) child.kill('SIGKILL');
  return kills;
}

async function count(
  database: Opening['database'],
  due: ReadonlyMap<string, number>,
): Promise<Omit<DatabaseTally, 'cases' | 'kills' | 'setUpMs'>> {
  const { rows } = await database.query<{
    id: string;
    reached: Date | null;
    disclosed: Date | null;
    opened: Date | null;
  }>(
    `select it.id, clock.reached_at as reached, commitment.ended_at as opened,
            (select min(at) from disclosure.case_events event where event.case_id = it.id and event.event = 'disclose') as disclosed
       from disclosure.cases it
       join disclosure.commitments commitment on commitment.case_id = it.id
       join disclosure.clocks clock on clock.case_id = it.id
        and clock.kind = case when it.stage = 'rejected' then 'opening' else 'disclosure' end`,
  );
  const tally = { handled: 0, early: 0, late: 0, unhandled: 0, worstLateMs: 0, revealed: 0 };
  for (const { id, reached, disclosed, opened } of rows) {
    const at = due.get(id) ?? Number.POSITIVE_INFINITY;
    const shown = [disclosed, opened].filter((each) => each !== null).map((each) => each.getTime());
    tally.revealed += shown.length > 0 ? 1 : 0;
    // The table keeps microseconds, a Date milliseconds.
    if ([...shown, reached?.getTime() ?? at].some((each) => each < at - 1)) tally.early += 1;
    // Disclosed by the eager worker at its very instant, the clock was stopped instead of reached.
    const handledAt = reached?.getTime() ?? shown[0];
    if (handledAt === undefined) {
      tally.unhandled += 1;
      continue;
    }
    tally.handled += 1;
    tally.worstLateMs = Math.max(tally.worstLateMs, handledAt - at);
    if (handledAt - at > LATE_MS) tally.late += 1;
  }
  return { ...tally, unhandled: tally.unhandled + due.size - rows.length };
}

function inSeconds(ms: number): string {
  return (ms / 1000).toFixed(1);
}

function toMarkdown(it: SimulationTally | undefined, on: DatabaseTally): string {
  return [
    `# Embargoes: nothing early, nothing late, ${day}`,
    '',
    `Node ${process.version}, ${availableParallelism()} cores, load ${loadBefore.toFixed(1)} before and ${(loadavg()[0] ?? 0).toFixed(1)} after, priority ${getPriority()}, seed ${seed}.`,
    '',
    ...(it ? livesLines(it) : []),
    '## On Postgres, with kills',
    '',
    `${on.cases.toLocaleString('en')} cases opened through the real steps (${inSeconds(on.setUpMs)} s), half of them reported, half rejected; ${WORKERS} worker processes with`,
    `clocks up to an hour wrong, one killed with -9 every dozen seconds, each also trying to disclose cases before their time.`,
    '',
    '| | |',
    '|---|---:|',
    `| **early** | **${on.early}** |`,
    `| **handled over 60 s late** | **${on.late}** |`,
    `| not handled | ${on.unhandled} |`,
    `| handled | ${on.handled.toLocaleString('en')} |`,
    `| disclosed, or commitment opened | ${on.revealed.toLocaleString('en')} |`,
    `| worst lateness | ${inSeconds(on.worstLateMs)} s |`,
    `| kills | ${on.kills} |`,
    '',
  ].join('\n');
}

function livesLines(it: SimulationTally): readonly string[] {
  return [
    '## Lives through the pure automata',
    '',
    `${it.cases.toLocaleString('en')} cases under six policies in ${inSeconds(livesMs)} s. Jobs lost, late by up to 45 s, doubled, or run before their time;`,
    'workers’ clocks up to an hour wrong; every twentieth database clock jumps by 4 s to 400 days, either way, for up to 30 days.',
    '',
    '| | |',
    '|---|---:|',
    `| **early reveals** | **${it.earlyReveals}** |`,
    `| **deadlines handled over 60 s late** | **${it.late}** |`,
    `| deadlines never noticed | ${it.missed} |`,
    `| reveals | ${it.reveals.toLocaleString('en')} |`,
    `| attempts to reveal before it was allowed | ${it.earlyAttempts.toLocaleString('en')} |`,
    `| deadlines | ${it.deadlines.toLocaleString('en')} |`,
    `| worst lateness | ${inSeconds(it.worstLateMs)} s |`,
    `| steps tried, refused | ${it.steps.toLocaleString('en')}, ${it.refused.toLocaleString('en')} |`,
    `| jobs doubled, lost | ${it.duplicates.toLocaleString('en')}, ${it.lostJobs.toLocaleString('en')} |`,
    `| clocks that jumped, acts held by it | ${it.jumps.toLocaleString('en')}, ${it.heldAttempts.toLocaleString('en')} |`,
    '',
    'The oracle knows the true time and counts the days of the policies by a table of its own. Planted faults (a worker’s',
    'clock believed, a jump not held, no sweep for lost jobs) are caught by it: `test/scenarios/embargo.test.ts`. A jump of',
    'the database’s clock below 2 s (3 s after long) counts as none.',
    '',
  ];
}
