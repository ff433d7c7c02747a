/**
 * Campaigns killed with -9 at random moments and started again until they are done. What came of them is compared with
 * an undisturbed run: nothing lost, nothing doubled.
 *
 * A moment is drawn from the whole time of the undisturbed run and kept as "so long after that step", so that it is
 * reached however often a campaign lost what it was at. Only kills that hit a running program count.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createSeededRandom, type SeededRandom } from '../../src/lib/seeded-random.ts';
import {
  createInstallation,
  type Ended,
  FIXTURE_PACKAGES,
  type Installation,
  type Running,
} from '../support/installation.ts';

const target = (name: string, flaw: string, id: string) => ({
  target: `pkg:npm/headstart-fixture-${name}@1.0.0`,
  known: [{ ids: [id], class: flaw, fixedVersion: '1.0.1' }],
});

/** Two cases that are published, one or more that stay sealed. */
const CAMPAIGN = {
  name: 'killed',
  seed: 1,
  targets: [
    target('pollution', 'prototype-pollution', 'HEADSTART-DEMO-1001'),
    target('command', 'command-injection', 'HEADSTART-DEMO-1002'),
    { target: 'pkg:npm/headstart-fixture-code@1.0.0' },
  ],
};

/** What must be the same however often a campaign was killed. Identifiers differ from run to run, numbers do not. */
export interface Outcome {
  readonly findings: number;
  readonly fingerprints: number;
  readonly casesByStage: Readonly<Record<string, number>>;
  readonly candidates: Readonly<Record<string, number>>;
  readonly entries: Readonly<Record<string, number>>;
  readonly letters: number;
  readonly releases: Readonly<Record<string, number>>;
  readonly jobsLeft: number;
  readonly summary: Readonly<Record<string, unknown>>;
}

/** Steps that a campaign tells once each, after they are committed. */
const STEP = /^[ ✔] (scanned|confirmed|measured|notified|fixed|published) /;
const WORK_BEGINS = /^▶ /;
/** Of the kills: in the start, before the campaign goes on. */
const SHARE_IN_START = 0.2;
/** On a machine that is freer by then a campaign may end before its kill; so many campaigns a kill are tried. */
const CAMPAIGNS_PER_KILL = 3;

/** `startMs` after the program was started; or, with the work begun, `afterMs` after so many steps were told. */
type Moment = { readonly startMs: number } | { readonly steps: number; readonly afterMs: number };

export interface KillsAsked {
  readonly kills: number;
  readonly killsPerCampaign: number;
  readonly seed: number;
}

export interface KillTally {
  /** What each kill hit: `first start`, `start again`, or the last step told before it. */
  readonly hits: readonly string[];
  readonly campaigns: number;
  /** Names of what was fewer or more than in the undisturbed run, with both numbers. */
  readonly lost: readonly string[];
  readonly doubled: readonly string[];
  readonly undisturbed: Outcome;
  readonly undisturbedMs: number;
}

export async function killCampaigns({ kills, killsPerCampaign, seed }: KillsAsked): Promise<KillTally> {
  const random = createSeededRandom(seed);
  process.stderr.write(`seed ${seed}\n`);
  const { outcome: undisturbed, wallMs, timeline } = await withInstallation(runUndisturbed);
  assert.ok(undisturbed.findings >= 3, 'the undisturbed run found too little to lose any of it');
  const hits: string[] = [];
  const lost: string[] = [];
  const doubled: string[] = [];
  let campaigns = 0;
  for (; hits.length < kills; campaigns += 1) {
    const moments = drawMoments(random, timeline, Math.min(killsPerCampaign, kills - hits.length));
    const outcome = await withInstallation(async (installation) => {
      hits.push(...(await killAt(installation, moments)));
      return await outcomeOf(installation, await begin(installation).ended);
    });
    const expected = countsOf(undisturbed);
    const counts = countsOf(outcome);
    for (const name of new Set([...expected.keys(), ...counts.keys()])) {
      const [was, is] = [expected.get(name) ?? 0, counts.get(name) ?? 0];
      if (is !== was) (is < was ? lost : doubled).push(`${name}: ${is} instead of ${was}`);
    }
    process.stderr.write(`${hits.length} kills in ${campaigns + 1} campaigns\n`);
    assert.ok(campaigns < kills * CAMPAIGNS_PER_KILL, 'campaigns end before they can be killed');
  }
  return { hits, campaigns, lost, doubled, undisturbed, undisturbedMs: wallMs };
}

/** When the work began and when each step was told, in milliseconds from the start. */
interface Timeline {
  readonly beganMs: number;
  readonly stepsMs: readonly number[];
  readonly endedMs: number;
}

async function runUndisturbed(
  installation: Installation,
): Promise<{ outcome: Outcome; wallMs: number; timeline: Timeline }> {
  const from = performance.now();
  const running = begin(installation);
  let beganMs = 0;
  const stepsMs: number[] = [];
  eachLine(running, (line) => {
    if (WORK_BEGINS.test(line)) beganMs = performance.now() - from;
    else if (STEP.test(line)) stepsMs.push(performance.now() - from);
  });
  const ended = await running.ended;
  const endedMs = performance.now() - from;
  const outcome = await outcomeOf(installation, ended);
  assert.ok(beganMs > 0 && stepsMs.length > 8, `too little was told to draw moments from:\n${ended.stderr}`);
  return { outcome, wallMs: endedMs, timeline: { beganMs, stepsMs, endedMs } };
}

/** In the order in which one campaign comes to them; moments in a start stand anywhere between. */
function drawMoments(random: SeededRandom, { beganMs, stepsMs, endedMs }: Timeline, count: number): Moment[] {
  const drawn = Array.from({ length: count }, () => ({
    inStart: random.next() < SHARE_IN_START,
    ms: beganMs + random.next() * (endedMs - beganMs),
    startMs: random.next() * beganMs,
  }));
  return drawn
    .toSorted((left, right) => left.ms - right.ms)
    .map(({ inStart, ms, startMs }) => {
      if (inStart) return { startMs };
      const before = stepsMs.filter((step) => step <= ms);
      return { steps: before.length, afterMs: ms - (before.at(-1) ?? beganMs) };
    });
}

/** Kills the campaign at each moment it comes to alive, and tells what each kill hit. */
async function killAt(installation: Installation, moments: readonly Moment[]): Promise<string[]> {
  const hits: string[] = [];
  const steps: string[] = [];
  for (const moment of moments) {
    const life = await liveUntil(begin(installation), moment, steps);
    if (!life.killed) break;
    const inStart = hits.length === 0 ? 'first start' : 'start again';
    hits.push(life.working ? (steps.at(-1) ?? 'nothing yet') : inStart);
  }
  return hits;
}

async function liveUntil(
  running: Running,
  moment: Moment,
  steps: string[],
): Promise<{ killed: boolean; working: boolean }> {
  let working = false;
  const isDue = new Promise<number>((resolve) => {
    if ('startMs' in moment) resolve(moment.startMs);
    eachLine(running, (line) => {
      working ||= WORK_BEGINS.test(line);
      const [, step] = STEP.exec(line) ?? [];
      if (step) steps.push(step);
      if (working && 'steps' in moment && steps.length >= moment.steps) resolve(moment.afterMs);
    });
  });
  const due = isDue.then((afterMs) => sleep(afterMs, undefined, { ref: false }));
  await Promise.race([due, running.ended]);
  running.child.kill('SIGKILL');
  const { signal } = await running.ended;
  return { killed: signal === 'SIGKILL', working };
}

function eachLine(running: Running, told: (line: string) => void): void {
  let rest = '';
  running.child.stderr?.on('data', (chunk: Buffer) => {
    const lines = (rest + chunk.toString()).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) told(line);
  });
}

/** Every number of an outcome by its path; true counts as one. */
function countsOf(value: object, path = ''): Map<string, number> {
  const entries = Object.entries(value).flatMap(([key, inner]): [string, number][] =>
    typeof inner === 'object' && inner !== null
      ? [...countsOf(inner, `${path}${key} `)]
      : [[`${path}${key}`, Number(inner)]],
  );
  return new Map(entries);
}

async function withInstallation<T>(work: (installation: Installation) => Promise<T>): Promise<T> {
  const installation = await createInstallation({ packages: FIXTURE_PACKAGES });
  try {
    return await work(installation);
  } finally {
    await installation.close();
  }
}

function begin(installation: Installation) {
  const campaign = installation.write('campaign.json', CAMPAIGN);
  return installation.start('start', '--exit', '--json', '--campaign', campaign);
}

async function outcomeOf(installation: Installation, ended: Ended): Promise<Outcome> {
  assert.ok(ended.code === 0 || ended.code === 1, `the last start ended with ${ended.code}:\n${ended.stderr}`);
  const verified = await installation.expect(0, 'log', 'verify', '--json');
  const pid = join(installation.home, 'postgres/data/postmaster.pid');
  assert.throws(() => readFileSync(pid), 'a database server was left running by a start that ended by itself');
  return await installation.inDatabase(async ({ query }) => {
    const number = async (sql: string): Promise<number> => {
      const { rows } = await query<{ count: number }>(`select (${sql})::int as count`);
      return rows[0]?.count ?? -1;
    };
    const groups = async (sql: string): Promise<Record<string, number>> => {
      const { rows } = await query<{ name: string; count: number }>(
        `select x.name, count(*)::int from (${sql}) x group by 1`,
      );
      return Object.fromEntries(rows.map(({ name, count }) => [name, count] as const).sort());
    };
    const { seconds, release, ...summary } = ended.json[0] ?? {};
    const { stage, replayed, restored } = (release ?? {}) as Readonly<Record<string, unknown>>;
    const outcome: Outcome = {
      findings: await number('select count(*) from verify.findings'),
      fingerprints: await number('select count(distinct fingerprint) from verify.findings'),
      casesByStage: await groups(`select kind || ' ' || stage as name from disclosure.cases`),
      candidates: await groups('select state as name from campaign.candidates'),
      // What a killed demonstration of a release had said already, the next one says again: its statements and heads are not counted.
      entries: await groups(`select type as name from tlog.entries where type not in ('statement', 'journal-head')`),
      letters: await number('select count(*) from contact.messages'),
      releases: await groups('select state as name from publish.releases'),
      jobsLeft: await number('select count(*) from graphile_worker._private_jobs'),
      summary: { ...summary, isReleaseShown: stage === 'partners' && replayed && restored },
    };
    const cases = await number('select count(*) from disclosure.cases');
    assert.equal(cases, outcome.findings, 'one case for each finding');
    assert.equal(await number('select count(*) from disclosure.details'), cases, 'details for each case');
    const reports = `select count(*) from intake.imports where source = 'campaign' and received = 1 and finished_at is not null`;
    assert.equal(await number(reports), cases, 'one report of our own for each case');
    assert.equal(await number('select count(*) from intake.records'), cases, 'and one record for each of them');
    assert.equal(outcome.entries.commitment, cases, 'one commitment for each case');
    assert.equal(
      await number(
        'select count(*) from disclosure.commitments c join tlog.entries e on e.commitment = c.id and e.type = $$commitment$$',
      ),
      cases,
    );
    const published = outcome.casesByStage['demonstration disclosed'] ?? 0;
    assert.equal(outcome.entries.opening ?? 0, published, 'one opening for each published case');
    assert.equal(outcome.entries.advisory ?? 0, published, 'one advisory for each published case');
    const size = await number('select count(*) from tlog.entries');
    assert.equal(JSON.parse(verified.stdout).size, size, 'every entry is a leaf of the public log');
    return outcome;
  });
}
