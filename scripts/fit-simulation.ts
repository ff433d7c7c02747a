/**
 * Fits what the simulator and pacing know of maintainers, and freezes it:
 * `node scripts/fit-simulation.ts [--population-only]` writes src/simulate/parameters.json and src/pacing/population.json.
 *
 * 1. service times, load effect within and between projects, best months: from ../shared/vectors/arvo (measured facts of
 *    OSS-Fuzz bugs; only parameters leave it, no row)
 * 2. how many times longer all takes today, for each load effect: so that Glasswing's funnel of 22 May 2026 comes out
 * 3. what pacing believes of a project it knows nothing of: one report at a time, in the calibrated world
 *
 * It runs before any policy does, and `frozen.test.ts` holds that what is committed is what was frozen.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { canonicalJson, type Json } from '../src/lib/canonical-json.ts';
import { sha256Hex } from '../src/lib/hash.ts';
import { isSevere } from '../src/pacing/index.ts';
import { createFunnelWorld, FUNNEL, patchedShares } from '../src/simulate/funnel.ts';
import { PARAMETERS, type Parameters, type Slowdown } from '../src/simulate/parameters.ts';
import { createWorld } from '../src/simulate/world.ts';
import { type Choose, DEADLINE_DAYS, runYear } from '../src/simulate/year.ts';

const DAY_SECONDS = 86_400;
/** Reports are counted in whole hours; half an hour is the least a fix takes. */
const LEAST_DAYS = 1 / 48;
const MANY_OPEN = 3;
const LEAST_RECORDS = 3;
const LOAD_RATIOS = [1, 1.17, 1.3, 1.5];
const WORLDS = 12;

interface Bug {
  readonly project: string;
  readonly days: number;
  readonly open: number;
  readonly fixed: number;
}

const shared = process.env.HEADSTART_SHARED ?? join(import.meta.dirname, '..', '..', 'shared');
const readArvo = (name: string) => JSON.parse(readFileSync(join(shared, 'vectors', 'arvo', name), 'utf8'));
const mean = (of: readonly number[]): number => of.reduce((sum, each) => sum + each, 0) / of.length;
const variance = (of: readonly number[]): number => {
  const centre = mean(of);
  return of.reduce((sum, each) => sum + (each - centre) ** 2, 0) / (of.length - 1);
};
const rounded = (value: number): number => Number(value.toPrecision(4));

function readBugs(): readonly Bug[] {
  const { rows } = readArvo('fix-times.json') as {
    rows: { project: string; reported: number; fixed: number }[];
  };
  const byProject = Map.groupBy(rows, ({ project }) => project);
  return rows.map((row) => {
    const others = byProject.get(row.project) ?? [];
    const open = others.filter((each) => each !== row && each.reported <= row.reported && each.fixed > row.reported);
    const days = Math.max(LEAST_DAYS, (row.fixed - row.reported) / DAY_SECONDS);
    return { project: row.project, days, open: open.length, fixed: row.fixed / DAY_SECONDS };
  });
}

/** Slope of log days over log(1 + open), with each project's own means taken out or not. */
function loadSlope(groups: readonly (readonly Bug[])[]): number {
  let [xx, xy] = [0, 0];
  for (const group of groups) {
    const xs = group.map(({ open }) => Math.log(1 + open));
    const ys = group.map(({ days }) => Math.log(days));
    const [mx, my] = [mean(xs), mean(ys)];
    for (const [index, x] of xs.entries()) {
      xx += (x - mx) ** 2;
      xy += (x - mx) * ((ys[index] ?? 0) - my);
    }
  }
  return xy / xx;
}

function bestMonth(bugs: readonly Bug[]): number {
  const days = bugs.map(({ fixed }) => fixed).sort((left, right) => left - right);
  return Math.max(...days.map((from) => days.filter((day) => day >= from && day < from + 30).length));
}

function correlation(pairs: readonly (readonly [number, number])[]): number {
  const [xs, ys] = [pairs.map(([x]) => x), pairs.map(([, y]) => y)];
  const [mx, my] = [mean(xs), mean(ys)];
  const shared = mean(pairs.map(([x, y]) => (x - mx) * (y - my)));
  return shared / Math.sqrt(mean(xs.map((x) => (x - mx) ** 2)) * mean(ys.map((y) => (y - my) ** 2)));
}

function fitHistory(): Parameters['fitted'] {
  const bugs = readBugs();
  const groups = [...Map.groupBy(bugs, ({ project }) => project).values()];
  const known = groups.filter(({ length }) => length >= LEAST_RECORDS);
  const slope = loadSlope(known);
  const [many, few] = [bugs.filter(({ open }) => open >= MANY_OPEN), bugs.filter(({ open }) => open < MANY_OPEN)];
  const logOpen = (of: readonly Bug[]) => mean(of.map(({ open }) => Math.log(1 + open)));
  const contrast = logOpen(many) - logOpen(few);
  const unloaded = known.map((group) => group.map(({ days, open }) => Math.log(days) - slope * Math.log(1 + open)));
  const degrees = unloaded.reduce((sum, { length }) => sum + length - 1, 0);
  const within = unloaded.reduce((sum, group) => sum + variance(group) * (group.length - 1), 0) / degrees;
  const means = unloaded.map(mean);
  const between = variance(means) - mean(unloaded.map(({ length }) => within / length));
  const best = groups.map((group) => Math.log(bestMonth(group)));
  const size = groups.map(({ length }) => Math.log(length));
  const of = known.map((group) => [Math.log(bestMonth(group)), Math.log(group.length)] as const);
  const { records, groups: fixes } = readArvo('dedupe.json') as { records: number; groups: number };
  return {
    meanLogDays: rounded(mean(means)),
    betweenSd: rounded(Math.sqrt(between)),
    withinSd: rounded(Math.sqrt(within)),
    bestMonthMeanLog: rounded(mean(best)),
    bestMonthSd: rounded(Math.sqrt(variance(best))),
    sizeSd: rounded(Math.sqrt(variance(size))),
    correlations: {
      paceBest: rounded(correlation(of.map(([month], index) => [means[index] ?? 0, month]))),
      paceSize: rounded(correlation(of.map(([, records], index) => [means[index] ?? 0, records]))),
      bestSize: rounded(correlation(of)),
    },
    duplicateShare: rounded((records - fixes) / records),
    loadContrast: rounded(contrast),
    loadRatioWithin: rounded(Math.exp(slope * contrast)),
    loadRatioPooled: rounded(Math.exp(loadSlope([bugs]) * contrast)),
  };
}

/** Section numbers are those of the facts on disclosure that this was taken from. */
const REPORTED: Parameters['reported'] = {
  // 3.1: of 1,752 reviewed candidates rated high or critical 1,587 were true and 1,094 as severe as rated.
  falseShare: 0.094,
  overRatedShare: 0.281,
  // 3.1: 6,202 of 23,019.
  ratedHighShare: 0.269,
  // 3.2: Project Zero 2021: 93.4 % fixed.
  neverFixedShare: 0.066,
  // 3.3: exploited within 24 hours of publication.
  exploitedWithinDayShare: 0.283,
  // 4: within the 49 projects with enough data on both sides, of 4,993 bugs.
  loadRatio: 1.17,
};

/** Nobody published these. */
const ASSUMED: Parameters['assumed'] = {
  immediateOfHigh: 0.1,
  scheduledOfOther: 0.6,
  chainedShare: 0.05,
  dependentsMeanLog10: 2,
  dependentsSdLog10: 1,
  declaredShare: 0.1,
  // What deduplication aims at here: 40 of 100 pairs.
  duplicateRecall: 0.4,
  falsePassesVerification: 0.01,
  verificationMedianDays: 1,
  rediscoveredPerYear: 0.06,
  attackedPerYear: 0.01,
  leakedPerYear: 0.02,
  deployMedianDays: 14,
  deploySd: 1,
};

const sendOne: Choose = ({ waiting, sent }) =>
  sent.every(({ endedDay }) => endedDay !== null) ? waiting.slice(0, 1).map(({ id }) => id) : [];

function calibrate(parameters: Parameters, loadRatio: number): Slowdown {
  const { high, other: rest } = FUNNEL;
  const wanted = { high: high.patched / high.reports, other: rest.patched / rest.reports };
  const worlds = Array.from({ length: WORLDS }, (_, index) => createFunnelWorld(parameters, 10_000 + index));
  const shares = (slowdown: Slowdown) => patchedShares(worlds, { parameters, slowdown, hasBestMonth: true });
  let [days, other] = [30, 10];
  for (let round = 0; round < 4; round++) {
    days = bisect((at) => shares({ loadRatio, days: at, other }).high, wanted.high);
    other = bisect((at) => shares({ loadRatio, days, other: at }).other, wanted.other);
  }
  const found = { loadRatio, days: rounded(days), other: rounded(other) };
  const patched = shares(found).high * high.reports + shares(found).other * rest.reports;
  process.stderr.write(
    `load ${loadRatio}: ${found.days} times, others ${found.other} times more: ${patched.toFixed(1)} patched at day 45\n`,
  );
  return found;
}

/** Where a falling function has the value wanted. */
function bisect(of: (at: number) => number, wanted: number): number {
  let [low, high] = [Math.log(0.1), Math.log(3_000)];
  for (let step = 0; step < 14; step++) {
    const middle = (low + high) / 2;
    if (of(Math.exp(middle)) > wanted) low = middle;
    else high = middle;
  }
  return Math.exp((low + high) / 2);
}

/** Gamma prior of the fixes per day that a severe report lies with a project, by moments; and the pace of the others. */
function fitPopulation(parameters: Parameters) {
  const projects = 2_000;
  const world = createWorld({ findings: projects * 20, projects, days: 1 }, parameters, 20_000);
  const slowdown = parameters.calibrated.find(({ loadRatio }) => loadRatio === REPORTED.loadRatio);
  if (!slowdown) throw new Error('the population needs a calibrated slow-down');
  const { flaws, findings } = runYear(world, sendOne, { parameters, slowdown, hasBestMonth: true });
  const severe = Array.from({ length: projects }, () => ({ fixes: 0, days: 0 }));
  const other = Array.from({ length: projects }, () => ({ fixes: 0, days: 0 }));
  for (const [index, { flaw, ratedOutcome }] of world.findings.entries()) {
    const sentDay = findings[index]?.sentDay ?? Infinity;
    const of = world.flaws[flaw];
    if (sentDay === Infinity || !of?.isTrue) continue;
    const days = Math.min(DEADLINE_DAYS, (flaws[flaw]?.fixedDay ?? Infinity) - sentDay);
    const counted = (isSevere(ratedOutcome) ? severe : other)[of.project];
    if (!counted || days < 0) continue;
    counted.days += days;
    if (days < DEADLINE_DAYS) counted.fixes += 1;
  }
  const rate = (of: typeof severe) =>
    of.reduce((sum, { fixes }) => sum + fixes, 0) / of.reduce((sum, { days }) => sum + days, 0);
  const fixesPerDay = rate(severe);
  const seen = severe.filter(({ days }) => days > 0);
  const expected = seen.map(({ days }) => days * fixesPerDay);
  const excess = mean(seen.map(({ fixes }, index) => (fixes - (expected[index] ?? 0)) ** 2 - (expected[index] ?? 0)));
  const shape = mean(expected.map((each) => each ** 2)) / excess;
  const population = { fixesPerDay, weightDays: shape / fixesPerDay, otherPace: rate(other) / fixesPerDay };
  return Object.fromEntries(Object.entries(population).map(([name, value]) => [name, rounded(value)]));
}

const root = join(import.meta.dirname, '..', 'src');
const uncalibrated: Parameters = { fitted: fitHistory(), reported: REPORTED, assumed: ASSUMED, calibrated: [] };
process.stderr.write(`${JSON.stringify(uncalibrated.fitted, null, 1)}\n`);
const isPopulationOnly = process.argv.includes('--population-only');
const parameters = isPopulationOnly
  ? PARAMETERS
  : { ...uncalibrated, calibrated: LOAD_RATIOS.map((ratio) => calibrate(uncalibrated, ratio)) };
const population = fitPopulation(parameters);
writeFileSync(join(root, 'simulate', 'parameters.json'), `${JSON.stringify(parameters, null, 2)}\n`);
writeFileSync(join(root, 'pacing', 'population.json'), `${JSON.stringify(population, null, 2)}\n`);
const digest = sha256Hex(canonicalJson({ parameters, population } as unknown as Json));
process.stdout.write(`${digest}\n`);
