/**
 * Recall and silence of the search over the published targets. Counts only: no target's name leaves this file.
 *
 *   node bench/finder.ts [--half dev|held|all] [--limit N] [--classes a,b] [--clean] [--scoring verify|rerun] [--misses FILE] [--report FILE]
 *
 * The halves are split by the first hexadecimal digit of SHA-256 of the name: even digits are for development, odd
 * ones are run for reports only. The search is given name and version; class and sink are for the scoring. A case
 * counts when a confirmed finding has its class, its frames pass the listed file, and the same reproducer does not
 * fire on the fixed version where there is one. `--scoring rerun` asks only that the reproducer fires three times of
 * three in fresh sandboxes, without the controls of `verify`: quicker, for development. `--one-lane` runs only the lane
 * of the listed class: lanes do not know of each other, so recall is the same, but the seconds are those of one lane.
 */
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type Candidate, scanTree } from '../src/finder/index.ts';
import { FLAW_CLASSES, type FlawClass } from '../src/formats/flaw-class.ts';
import { systemClock } from '../src/lib/clock.ts';
import { sha256Hex } from '../src/lib/hash.ts';
import { systemRandom } from '../src/lib/id.ts';
import { readVerdict, simplifications } from '../src/probe/index.ts';
import { chooseProfile, createSandbox } from '../src/sandbox/index.ts';
import { createRegistry, listVersions, openTarget, type PackageTree } from '../src/target/index.ts';
import { type Claim, claimOf, createVerification } from '../src/verify/index.ts';
import { type CaseScore, renderReport } from './finder-report.ts';

interface TargetCase {
  readonly package: string;
  readonly version: string;
  readonly class: FlawClass;
  readonly sink: { readonly file: string } | null;
  readonly fixedVersion: string | null;
  readonly cluster: string | null;
}

const CANDIDATES_PER_CLASS = 4;
const SHARED = process.env.HEADSTART_SHARED ?? join(import.meta.dirname, '..', '..', 'shared');

const { values: options } = parseArgs({
  options: {
    half: { type: 'string', default: 'dev' },
    limit: { type: 'string', default: '1000' },
    classes: { type: 'string' },
    clean: { type: 'boolean', default: false },
    scoring: { type: 'string', default: 'verify' },
    'one-lane': { type: 'boolean', default: false },
    misses: { type: 'string' },
    report: { type: 'string' },
    cache: { type: 'string' },
  },
});

const halfOf = (name: string): 'dev' | 'held' =>
  Number.parseInt(sha256Hex(name).slice(0, 1), 16) % 2 === 0 ? 'dev' : 'held';

function readCases(): readonly TargetCase[] {
  if (options.clean) {
    const text = readFileSync(join(SHARED, 'data', 'clean-packages.json'), 'utf8');
    const rows = JSON.parse(text) as { name: string; version: string }[];
    const base = { class: 'prototype-pollution' as const, sink: null, fixedVersion: null, cluster: null };
    return rows.map(({ name, version }) => ({ ...base, package: name, version }));
  }
  const text = readFileSync(join(SHARED, 'data', 'npm-targets.json'), 'utf8');
  const rows = JSON.parse(text) as TargetCase[];
  const classes = options.classes?.split(',');
  return rows
    .filter((row) => options.half === 'all' || halfOf(row.package) === options.half)
    .filter((row) => classes?.includes(row.class) ?? true)
    .slice(0, Number(options.limit));
}

/** Listed paths may lack a leading folder, lie in a dependency, or name sources that were compiled. */
export function passesFile(frames: readonly string[], listed: string): boolean {
  const bare = (path: string): string => path.replace(/:\d+$/, '').replace(/\.(?:[cm]?[jt]sx?)$/, '');
  const wanted = bare(listed);
  return frames
    .map(bare)
    .some((frame) => frame.endsWith(`/${wanted}`) || wanted.endsWith(frame.replace(/^(?:@[^/]+\/)?[^/]+\//, '/')));
}

interface Shown {
  readonly flaw: FlawClass;
  readonly claim: Claim;
  readonly entry: string;
  readonly frames: readonly string[];
}

interface Workshop {
  readonly verify: (candidate: Candidate, tree: PackageTree) => Promise<Shown | { readonly rejected: string }>;
  readonly runAgainst: (claim: Claim, name: string, nodeModules: string) => Promise<string>;
  readonly open: (purl: string) => ReturnType<typeof openTarget>;
  readonly scan: (tree: PackageTree, listed: FlawClass) => ReturnType<typeof scanTree>;
  close(): Promise<void>;
}

async function openWorkshop(): Promise<Workshop> {
  const scratch = await mkdtemp(join(tmpdir(), 'finder-bench-'));
  await chmod(scratch, 0o711);
  const sandbox = await createSandbox({
    profile: chooseProfile(),
    stateDirectory: scratch,
    nodeBinary: process.execPath,
    random: systemRandom,
    clock: systemClock,
  });
  if (!sandbox.ok) throw new Error(`the sandbox will not start: ${sandbox.refusal.reason}`);
  const registry = createRegistry({ mode: 'cache-first', ...(options.cache ? { cache: options.cache } : {}) });
  const open = (target: string) => openTarget({ target, scratch, registry });
  const verification = createVerification({
    run: (request) => sandbox.value.run(request),
    random: systemRandom,
    scratch,
    simplifications,
    openTarget: open,
    listVersions: (name) => listVersions(registry, name),
  });
  const byVerify: Workshop['verify'] = async (candidate, tree) => {
    const answer = await verification.verifyCandidate(candidate, tree);
    if (!answer.ok) return { rejected: `${answer.refusal.reason}: ${answer.refusal.detail}` };
    const { flaw, reproducer, frames, sink, entry } = answer.value;
    const place = sink ? [`${sink.file}:${sink.line}`] : [];
    return { flaw, claim: { flaw, reproducer }, entry, frames: [...place, ...frames] };
  };
  const once = async (claim: Claim, nodeModules: string) => {
    const canary = `hs${Buffer.from(systemRandom(8)).toString('hex')}`;
    const run = await sandbox.value.run({
      command: ['node', claim.reproducer.file, canary],
      files: [{ path: claim.reproducer.file, content: claim.reproducer.text }],
      readOnly: [{ host: nodeModules, inside: '/work/node_modules' }],
      limits: { seconds: 40 },
    });
    return run.ok ? readVerdict(run.value.stdout.toString('utf8'), canary) : undefined;
  };
  const byRerun: Workshop['verify'] = async (candidate, tree) => {
    const claim = claimOf(candidate.plan, tree.name);
    const nodeModules = join(tree.directory, 'node_modules');
    for (let time = 0; time < 2; time++) {
      if (!(await once(claim, nodeModules))?.fired) return { rejected: `silent in run ${time + 1}` };
    }
    const last = await once(claim, nodeModules);
    if (!last?.fired) return { rejected: 'silent in run 3' };
    const sink = candidate.sink ? [`${candidate.sink.file}:${candidate.sink.line}`] : [];
    return { flaw: candidate.flaw, claim, entry: candidate.entry, frames: [...last.frames, ...sink] };
  };
  const rerunAgainst: Workshop['runAgainst'] = async (claim, _name, nodeModules) => {
    const verdict = await once(claim, nodeModules);
    if (verdict?.fired) return 'fires';
    return verdict?.reached ? 'silent' : 'not-comparable';
  };
  const isRerun = options.scoring === 'rerun';
  return {
    verify: isRerun ? byRerun : byVerify,
    runAgainst: isRerun
      ? rerunAgainst
      : async (claim, name, nodeModules) => (await verification.runAgainst(claim, name, nodeModules)).outcome,
    open,
    scan: (tree, listed) =>
      scanTree({
        tree,
        sandbox: sandbox.value,
        seed: 1,
        concurrency: 1,
        ...(options['one-lane'] ? { classes: [listed] } : {}),
      }),
    async close() {
      await sandbox.value.close();
      await rm(scratch, { recursive: true, force: true });
    },
  };
}

function chosen(candidates: readonly Candidate[]): readonly Candidate[] {
  const perClass = new Map<FlawClass, number>();
  return candidates.filter(({ flaw }) => {
    const seen = perClass.get(flaw) ?? 0;
    perClass.set(flaw, seen + 1);
    return seen < CANDIDATES_PER_CLASS;
  });
}

async function onFixed(workshop: Workshop, row: TargetCase, claim: Claim): Promise<string> {
  if (row.fixedVersion === null) return 'none';
  const opened = await workshop.open(`pkg:npm/${row.package}@${row.fixedVersion}`);
  if (!opened.ok) return 'not-comparable';
  try {
    const nodeModules = join(opened.value.directory, 'node_modules');
    return await workshop.runAgainst(claim, row.package, nodeModules);
  } finally {
    await opened.value.dispose();
  }
}

async function scoreCase(workshop: Workshop, row: TargetCase, note: (line: string) => void): Promise<CaseScore> {
  const score = { class: row.class, cluster: row.cluster, clean: options.clean };
  const opened = await workshop.open(`pkg:npm/${row.package}@${row.version}`);
  if (!opened.ok) {
    note(`${row.class} not opened: ${opened.refusal.kind}: ${opened.refusal.reason}`);
    return { ...score, found: false, others: 0, fixed: 'none', seconds: 0, reason: 'not-opened' };
  }
  const started = performance.now();
  try {
    const scan = await workshop.scan(opened.value, row.class);
    let found = false;
    let others = 0;
    let fixed = 'none';
    const rejected: string[] = [];
    for (const candidate of chosen(scan.candidates)) {
      const shown = await workshop.verify(candidate, opened.value);
      if ('rejected' in shown) {
        rejected.push(`${candidate.flaw} ${candidate.entry}: ${shown.rejected}`);
        continue;
      }
      const isListed =
        shown.flaw === row.class && !options.clean && (row.sink === null || passesFile(shown.frames, row.sink.file));
      if (!isListed) {
        others++;
        note(`  other ${shown.flaw} ${shown.frames[0] ?? ''} ${shown.entry}`);
        continue;
      }
      const outcome = found && fixed !== 'fires' ? fixed : await onFixed(workshop, row, shown.claim);
      if (outcome !== 'fires') found = true;
      fixed = outcome;
    }
    const seconds = (performance.now() - started) / 1000;
    note(
      `${found ? 'found ' : 'missed'} ${row.class} ${row.package}@${row.version} ${seconds.toFixed(1)} s fixed ${fixed}`,
    );
    if (!found)
      for (const line of [...rejected, ...scan.coverage.skipped.map(({ reason }) => reason)].slice(0, 6))
        note(`  ${line.slice(0, 240)}`);
    return {
      ...score,
      found,
      others,
      fixed,
      seconds,
      reason: found ? '' : rejected.length > 0 ? 'rejected' : 'no-candidate',
    };
  } finally {
    await opened.value.dispose();
  }
}

const cases = readCases();
const workshop = await openWorkshop();
const scores: CaseScore[] = [];
const note = (line: string): void => {
  if (options.misses) appendFileSync(options.misses, `${line}\n`);
};
try {
  for (const row of cases) {
    scores.push(await scoreCase(workshop, row, note));
    process.stderr.write(`\r${scores.length}/${cases.length} found ${scores.filter(({ found }) => found).length} `);
  }
} finally {
  await workshop.close();
}
const report = renderReport(scores, {
  half: options.clean ? 'clean' : options.half,
  classes: Object.keys(FLAW_CLASSES),
});
process.stdout.write(`\n${report}`);
if (options.report) writeFileSync(options.report, report);
