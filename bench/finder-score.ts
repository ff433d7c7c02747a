/**
 * Scores one case of the bench of the search. The search is given name and version; class, listed file and fixed
 * version are for the scoring only.
 *
 *   vulnerable version ──▶ search ──▶ verification ──▶ listed findings, other findings
 *   fixed version ──┬──▶ the listed findings' reproducers
 *                   └──▶ search ──▶ verification ──▶ of the listed root cause, or others
 *
 * On a fixed version a finding counts against it only where its root cause is the listed one's: the same sink (file and
 * function) reached by the same entry. Everything else confirmed there is a finding of its own and counted apart.
 */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Candidate } from '../src/finder/index.ts';
import type { FlawClass } from '../src/formats/flaw-class.ts';
import type { ProbePlan } from '../src/probe/index.ts';
import type { PackageTree } from '../src/target/index.ts';
import { rootCauseOf } from '../src/verify/fingerprint.ts';
import type { ConfirmedFinding } from '../src/verify/index.ts';
import type { CaseScore, FixedScore } from './finder-report.ts';
import type { Workshop } from './finder-workshop.ts';

export interface TargetCase {
  readonly package: string;
  readonly version: string;
  /** Null for a package without a known flaw. */
  readonly class: FlawClass | null;
  readonly sink: { readonly file: string; readonly line: number } | null;
  readonly fixedVersion: string | null;
  readonly cluster: string | null;
}

export interface ScoreOptions {
  /** Search the listed class only. */
  readonly oneLane: boolean;
  /** Search the fixed version, too, and not only run the reproducers there. */
  readonly searchFixed: boolean;
  /** One line for whoever develops the search; it names targets, so it goes to a file of theirs. */
  readonly note: (line: string) => void;
}

const CANDIDATES_PER_CLASS = 4;
const NOTED_MISSES = 8;

/** Listed paths may lack a leading folder, lie in a dependency, or name sources that were compiled. */
export function passesFile(frames: readonly string[], listed: string): boolean {
  const bare = (path: string): string => path.replace(/:\d+$/, '').replace(/\.(?:[cm]?[jt]sx?)$/, '');
  const wanted = bare(listed);
  return frames
    .map(bare)
    .some((frame) => frame.endsWith(`/${wanted}`) || wanted.endsWith(frame.replace(/^(?:@[^/]+\/)?[^/]+\//, '/')));
}

/** The function that a plan drives, whatever it is given. */
function entryOf(plan: ProbePlan | null): string {
  if (!plan) return '';
  const { file, reach, drive } = plan;
  const names = reach.flatMap((step) => (step.kind === 'get' || step.kind === 'tap' ? [step.name] : []));
  return JSON.stringify([file, names, drive.kind === 'bin' ? drive.bin : drive.kind]);
}

type Rooted = Pick<ConfirmedFinding, 'rootCause' | 'plan'>;

/** The statement is left out: a fix that was not enough often lies in it. */
export function sameSink(left: Rooted, right: Rooted): boolean {
  const [one, other] = [left.rootCause, right.rootCause];
  return (
    one.flaw === other.flaw &&
    one.package === other.package &&
    one.file === other.file &&
    one.functionName === other.functionName
  );
}

/** One function may run several expressions: each is a cause of its own. */
export function sameRootCause(left: Rooted, right: Rooted): boolean {
  const isSameExpression = left.plan?.expression?.source === right.plan?.expression?.source;
  return sameSink(left, right) && entryOf(left.plan) === entryOf(right.plan) && isSameExpression;
}

interface Confirmed {
  readonly findings: readonly ConfirmedFinding[];
  readonly rejected: readonly string[];
  readonly uncovered: readonly string[];
  readonly byContract: number;
}

function chosen(candidates: readonly Candidate[]): readonly Candidate[] {
  const perClass = new Map<FlawClass, number>();
  return candidates.filter(({ flaw }) => {
    const seen = perClass.get(flaw) ?? 0;
    perClass.set(flaw, seen + 1);
    return seen < CANDIDATES_PER_CLASS;
  });
}

async function confirmAll(workshop: Workshop, tree: PackageTree, flaw: FlawClass | undefined): Promise<Confirmed> {
  const scan = await workshop.scan(tree, flaw);
  const findings: ConfirmedFinding[] = [];
  const rejected: string[] = [];
  let byContract = 0;
  for (const candidate of chosen(scan.candidates)) {
    const answer = await workshop.verify(candidate, tree);
    if (answer.ok) findings.push(answer.value);
    else {
      if (answer.refusal.reason === 'by-contract') byContract += 1;
      rejected.push(`${candidate.flaw} ${candidate.entry}: ${answer.refusal.reason}: ${answer.refusal.detail}`);
    }
  }
  return { findings, rejected, uncovered: scan.coverage.skipped.map(({ reason }) => reason), byContract };
}

const sinkOf = ({ sink }: ConfirmedFinding): readonly string[] => (sink ? [`${sink.file}:${sink.line}`] : []);

/** Of an expression the statement that runs it is the place; of anything else, the way there counts as well. */
const placesOf = (finding: ConfirmedFinding): readonly string[] =>
  finding.flaw === 'redos' ? sinkOf(finding) : [...sinkOf(finding), ...finding.frames];

/** The place of a tree in words that hold in another version; undefined where it cannot be read. */
async function placeAt(tree: PackageTree, flaw: FlawClass, file: string, line: number): Promise<string | undefined> {
  try {
    const source = await readFile(join(tree.directory, 'node_modules', file), 'utf8');
    const { functionName, statement } = rootCauseOf({ flaw, file, line, column: 0, source });
    return flaw === 'redos' ? `${functionName} ${statement}` : functionName;
  } catch {
    return undefined;
  }
}

/** How near a finding is to the listed flaw: its listed file, or even the listed function in it. */
async function nearness(
  finding: ConfirmedFinding,
  row: TargetCase,
  tree: PackageTree,
): Promise<'elsewhere' | 'file' | 'function'> {
  const { sink } = row;
  if (finding.flaw !== row.class) return 'elsewhere';
  if (sink === null) return 'file';
  // Where the package itself has the listed file, a dependency's file of that name is another one.
  const own = existsSync(join(tree.directory, tree.packagePath, sink.file));
  const places = placesOf(finding).filter(
    (place) => passesFile([place], sink.file) && (!own || place.startsWith(`${row.package}/`)),
  );
  for (const place of places) {
    const [, file = '', line = ''] = /^(.*):(\d+)$/.exec(place) ?? [];
    const listed = await placeAt(tree, finding.flaw, file, sink.line);
    if (listed !== undefined && (await placeAt(tree, finding.flaw, file, Number(line))) === listed) return 'function';
  }
  return places.length > 0 ? 'file' : 'elsewhere';
}

const NOTHING: Confirmed = { findings: [], rejected: [], uncovered: [], byContract: 0 };

const lanesOf = (row: TargetCase, { oneLane }: ScoreOptions): FlawClass | undefined =>
  oneLane ? (row.class ?? undefined) : undefined;

interface Compared {
  readonly row: TargetCase;
  /** The fixed version. */
  readonly tree: PackageTree;
  /** Of the vulnerable version: those of the listed file, and of the listed function in it. */
  readonly listed: readonly ConfirmedFinding[];
  readonly exact: readonly ConfirmedFinding[];
}

type KindOnFixed = 'ofListed' | 'sameSink' | 'unplaced' | 'others';

async function kindOnFixed(finding: ConfirmedFinding, { row, tree, listed, exact }: Compared): Promise<KindOnFixed> {
  if (exact.some((one) => sameRootCause(one, finding))) return 'ofListed';
  if (exact.some((one) => sameSink(one, finding))) return 'sameSink';
  if (exact.length > 0) return 'others';
  const near = await nearness(finding, row, tree);
  // Nothing of the vulnerable version is certainly the listed flaw: only a person can tell whether this is.
  return near !== 'elsewhere' || listed.some((one) => sameRootCause(one, finding)) ? 'unplaced' : 'others';
}

const NO_FIXED: FixedScore = { outcome: 'none', ofListed: 0, sameSink: 0, unplaced: 0, others: 0, byContract: 0 };

async function scoreFixed(
  workshop: Workshop,
  row: TargetCase,
  listed: readonly ConfirmedFinding[],
  /** Those of the listed function. */
  exact: readonly ConfirmedFinding[],
  options: ScoreOptions,
): Promise<{ readonly score: FixedScore; readonly silenced: ReadonlySet<ConfirmedFinding> }> {
  const silenced = new Set(listed);
  if (row.fixedVersion === null || (listed.length === 0 && !options.searchFixed)) return { score: NO_FIXED, silenced };
  const opened = await workshop.open(`pkg:npm/${row.package}@${row.fixedVersion}`);
  if (!opened.ok) return { score: { ...NO_FIXED, outcome: 'not-comparable' }, silenced };
  const tree = opened.value;
  try {
    const outcomes = new Set<string>();
    const confirmed: ConfirmedFinding[] = [];
    for (const finding of listed) {
      const outcome = await workshop.runAgainst(finding, tree);
      outcomes.add(outcome);
      if (outcome !== 'fires') continue;
      silenced.delete(finding);
      const { plan, flaw, entry, sink, oracle } = finding;
      if (!plan) continue;
      const again = await workshop.verify({ target: tree.purl, flaw, entry, sink, oracle, plan }, tree);
      if (again.ok) confirmed.push(again.value);
      else options.note(`  fires on fixed, not confirmed there: ${again.refusal.reason}: ${again.refusal.detail}`);
    }
    const found = options.searchFixed ? await confirmAll(workshop, tree, lanesOf(row, options)) : NOTHING;
    confirmed.push(...found.findings.filter((one) => !confirmed.some((other) => sameRootCause(one, other))));
    const counts = { ofListed: 0, sameSink: 0, unplaced: 0, others: 0, byContract: found.byContract };
    for (const finding of confirmed) {
      const kind = await kindOnFixed(finding, { row, tree, listed, exact });
      counts[kind] += 1;
      options.note(
        `  on fixed ${row.package}@${row.fixedVersion}: ${kind} ${finding.flaw} ${sinkOf(finding)[0] ?? ''} ${finding.entry} ` +
          JSON.stringify(finding.rootCause),
      );
    }
    const outcome = (['fires', 'silent', 'not-comparable'] as const).find((one) => outcomes.has(one)) ?? 'none';
    return { score: { outcome, ...counts }, silenced };
  } finally {
    await tree.dispose();
  }
}

export async function scoreCase(workshop: Workshop, row: TargetCase, options: ScoreOptions): Promise<CaseScore> {
  const { note } = options;
  const score = { class: row.class ?? 'none', cluster: row.cluster, fixed: NO_FIXED, others: [], byContract: 0 };
  const name = `${row.package}@${row.version}`;
  const opened = await workshop.open(`pkg:npm/${name}`);
  if (!opened.ok) {
    note(`missed ${row.class} ${name} not opened: ${opened.refusal.kind}: ${opened.refusal.reason}`);
    return { ...score, found: false, seconds: 0, cpuSeconds: 0, reason: 'not-opened' };
  }
  const started = performance.now();
  const cpuStarted = workshop.cpuMs();
  try {
    const all = await confirmAll(workshop, opened.value, lanesOf(row, options));
    const seconds = (performance.now() - started) / 1000;
    const cpuSeconds = (workshop.cpuMs() - cpuStarted) / 1000;
    const near: { readonly finding: ConfirmedFinding; readonly where: string }[] = [];
    for (const finding of all.findings) near.push({ finding, where: await nearness(finding, row, opened.value) });
    const at = (...wanted: string[]) =>
      near.filter(({ where }) => wanted.includes(where)).map(({ finding }) => finding);
    const [listed, others] = [at('file', 'function'), at('elsewhere')];
    const fixed = await scoreFixed(workshop, row, listed, at('function'), options);
    // Found is only what the fixed version, where there is one, silences.
    const found = listed.some((finding) => fixed.silenced.has(finding));
    note(`${found ? 'found ' : 'missed'} ${row.class} ${name} ${seconds.toFixed(1)} s fixed ${fixed.score.outcome}`);
    for (const { flaw, entry, rootCause } of others) note(`  other ${flaw} ${entry} ${JSON.stringify(rootCause)}`);
    if (!found)
      for (const line of [...all.rejected, ...all.uncovered].slice(0, NOTED_MISSES)) note(`  ${line.slice(0, 240)}`);
    return {
      ...score,
      found,
      others: others.map(({ flaw }) => flaw),
      byContract: all.byContract,
      fixed: fixed.score,
      seconds,
      cpuSeconds,
      reason: missReason(found, listed.length, all.rejected.length),
    };
  } finally {
    await opened.value.dispose();
  }
}

function missReason(found: boolean, listed: number, rejected: number): CaseScore['reason'] {
  if (found) return 'found';
  if (listed > 0) return 'fires-on-fixed';
  return rejected > 0 ? 'rejected' : 'no-candidate';
}
