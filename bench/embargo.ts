/**
 * No embargo opens early and no deadline is handled a minute late: a million lives of cases through the pure automata
 * under a seeded scheduler, and ten thousand cases on a real Postgres whose workers are killed with -9 all the time.
 * `node bench/embargo.ts [--lives N] [--cases N] [--openers N] [--minutes N] [--ahead SECONDS] [--seed N] [--report]`. Exit 1 when one was early or late.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, getPriority, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { systemRandom } from '../src/lib/id.ts';
import { createSeededRandom } from '../src/lib/seeded-random.ts';
import { createTestDatabase } from '../src/store/test-database.ts';
import { type SimulationTally, simulateEmbargoes } from '../test/support/embargo-simulation.ts';
import { countUp, type DatabaseTally, liveThrough, type Worked } from '../test/support/embargo-world.ts';

const { values: options } = parseArgs({
  options: {
    lives: { type: 'string', default: '1000000' },
    cases: { type: 'string', default: '10000' },
    /** Processes that open them. */
    openers: { type: 'string', default: '2' },
    /** After which no more cases are opened. */
    minutes: { type: 'string', default: '120' },
    /** Seconds from the opening of a case to its deadline. */
    ahead: { type: 'string', default: '240' },
    seed: { type: 'string', default: '20261121' },
    report: { type: 'boolean', default: false },
  },
});

const LATE_MS = 60_000;

type OnPostgres = DatabaseTally & Worked & { readonly cases: number; readonly tookMs: number };

const from = performance.now();
const loadBefore = loadavg()[0] ?? 0;
const seed = Number(options.seed);
const lives = Number(options.lives) > 0 ? simulateEmbargoes({ cases: Number(options.lives), seed }) : undefined;
const livesMs = performance.now() - from;
const real = await onPostgres(Number(options.cases));
const day = new Date().toISOString().slice(0, 10);
const report = toMarkdown(lives, real);
process.stdout.write(report);
if (options.report) {
  const directory = join(import.meta.dirname, 'reports');
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, `${day}-embargo.md`), report);
}
const wrong = lives ? lives.earlyReveals + lives.late + lives.missed : 0;
if (wrong + real.early + real.late + real.unhandled + real.twice > 0) process.exitCode = 1;
process.exit();

async function onPostgres(cases: number): Promise<OnPostgres> {
  const begun = performance.now();
  const { database, url, drop } = await createTestDatabase();
  const home = await mkdtemp(join(tmpdir(), 'headstart-embargo-'));
  const world = { database, url, home, masterKey: Buffer.from(systemRandom(32)), random: createSeededRandom(seed) };
  try {
    const until = new Date(Date.now() + Number(options.minutes) * 60_000);
    const plan = { cases, openers: Number(options.openers), aheadMs: Number(options.ahead) * 1_000, until };
    const worked = await liveThrough(world, plan);
    const tally = await countUp(world, worked, LATE_MS);
    return { ...tally, ...worked, cases: worked.due.size, tookMs: performance.now() - begun };
  } finally {
    await drop();
    await rm(home, { recursive: true, force: true });
  }
}

function inSeconds(ms: number): string {
  return (ms / 1000).toFixed(1);
}

function toMarkdown(it: SimulationTally | undefined, on: OnPostgres): string {
  return [
    `# Embargoes: nothing early, nothing late, ${day}`,
    '',
    `Node ${process.version}, ${availableParallelism()} cores, load ${loadBefore.toFixed(1)} before and ${(loadavg()[0] ?? 0).toFixed(1)} after, priority ${getPriority()}, seed ${seed}.`,
    '',
    ...(it ? livesLines(it) : []),
    '## On Postgres, with kills',
    '',
    `${on.cases.toLocaleString('en')} cases in ${inSeconds(on.tookMs)} s, opened through the real steps, half of them reported, half rejected, each due`,
    `${options.ahead} s later. Three worker processes with clocks up to an hour wrong, each in a time zone of its own (summer time ends`,
    'or begins between report and deadline in three of five), one killed with -9 every dozen seconds, each also trying to disclose',
    `cases before their time. Of ten jobs of a deadline one is lost (${on.jobs.lost}), one doubled (${on.jobs.doubled}), one up to 45 s late (${on.jobs.late}), one up to an hour`,
    `early (${on.jobs.early}). The database’s clock jumps now and then, by -2 h to 400 days, and is right again after 15 s. Counted in true time, by`,
    'triggers, from the deadline or from when the clock was right again.',
    '',
    '| | |',
    '|---|---:|',
    `| **early** | **${on.early}** |`,
    `| **handled over 60 s late** | **${on.late}** |`,
    `| not handled | ${on.unhandled} |`,
    `| handled twice | ${on.twice} |`,
    `| handled | ${on.handled.toLocaleString('en')} |`,
    `| disclosed, or commitment opened | ${on.revealed.toLocaleString('en')} |`,
    `| worst lateness | ${inSeconds(on.worstLateMs)} s |`,
    `| kills | ${on.kills} |`,
    `| jumps of the clock, holds | ${on.jumps.length}, ${on.holds} |`,
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
