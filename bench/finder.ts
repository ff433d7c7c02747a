/**
 * Recall and silence of the search over the published targets. Counts only: no target's name leaves a file that
 * `--notes` names.
 *
 *   node bench/finder.ts [--half dev|held|all] [--sample N] [--classes a,b] [--one-lane] [--search-fixed]
 *                        [--progress FILE] [--notes FILE] [--report FILE]
 *   node bench/finder.ts --clean [...]
 *
 * The halves are split by the first hexadecimal digit of SHA-256 of the name: even digits are for development, odd
 * ones are run for reports only. `--sample N` takes the N cases with the smallest SHA-256. `--one-lane` runs only the
 * lane of the listed class: lanes do not know of each other, so recall is the same, but the seconds are those of one
 * lane. `--search-fixed` searches the listed fixed versions as well. With `--progress` a run that was ended goes on.
 */
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { FLAW_CLASSES } from '../src/formats/flaw-class.ts';
import { sha256Hex } from '../src/lib/hash.ts';
import { type CaseScore, renderClean, renderReport } from './finder-report.ts';
import { scoreCase, type TargetCase } from './finder-score.ts';
import { openWorkshop } from './finder-workshop.ts';

const SHARED = process.env.HEADSTART_SHARED ?? join(import.meta.dirname, '..', '..', 'shared');

const { values: options } = parseArgs({
  options: {
    half: { type: 'string', default: 'dev' },
    sample: { type: 'string' },
    classes: { type: 'string' },
    only: { type: 'string' },
    clean: { type: 'boolean', default: false },
    'one-lane': { type: 'boolean', default: false },
    'search-fixed': { type: 'boolean', default: false },
    progress: { type: 'string' },
    notes: { type: 'string' },
    report: { type: 'string' },
    cache: { type: 'string' },
  },
});

const halfOf = (name: string): 'dev' | 'held' =>
  Number.parseInt(sha256Hex(name).slice(0, 1), 16) % 2 === 0 ? 'dev' : 'held';

const keyOf = (row: TargetCase, index: number): string =>
  sha256Hex(`${row.package}@${row.version} ${row.class} ${index}`);

function readRows<T>(file: string): readonly T[] {
  return JSON.parse(readFileSync(join(SHARED, 'data', file), 'utf8')) as readonly T[];
}

function allCases(): readonly TargetCase[] {
  if (!options.clean) return readRows<TargetCase>('npm-targets.json');
  const nothing = { class: null, sink: null, fixedVersion: null, cluster: null };
  return readRows<{ name: string; version: string }>('clean-packages.json').map(({ name, version }) => ({
    ...nothing,
    package: name,
    version,
  }));
}

function chosenCases(): readonly (readonly [key: string, row: TargetCase])[] {
  const classes = options.classes?.split(',');
  const only = options.only?.split(',');
  const rows = allCases()
    .map((row, index) => [keyOf(row, index), row] as const)
    .filter(([, row]) => options.clean || options.half === 'all' || halfOf(row.package) === options.half)
    .filter(([, row]) => classes?.includes(row.class ?? '') ?? true)
    .filter(([, row]) => only?.includes(row.package) ?? true);
  if (!options.sample) return rows;
  return rows.toSorted(([left], [right]) => (left < right ? -1 : 1)).slice(0, Number(options.sample));
}

/** What an earlier run with the same file had scored. */
function readProgress(): Map<string, CaseScore> {
  const done = new Map<string, CaseScore>();
  if (!options.progress || !existsSync(options.progress)) return done;
  for (const line of readFileSync(options.progress, 'utf8').split('\n')) {
    if (line === '') continue;
    const { key, score } = JSON.parse(line) as { key: string; score: CaseScore };
    done.set(key, score);
  }
  return done;
}

const cases = chosenCases();
const done = readProgress();
const workshop = await openWorkshop({ cache: options.cache });
const scores: CaseScore[] = [];
try {
  for (const [key, row] of cases) {
    const score =
      done.get(key) ??
      (await scoreCase(workshop, row, {
        oneLane: options['one-lane'],
        searchFixed: options['search-fixed'],
        note: (line) => {
          if (options.notes) appendFileSync(options.notes, `${line}\n`);
        },
      }));
    if (options.progress && !done.has(key)) appendFileSync(options.progress, `${JSON.stringify({ key, score })}\n`);
    scores.push(score);
    process.stderr.write(`\r${scores.length}/${cases.length} found ${scores.filter(({ found }) => found).length} `);
  }
} finally {
  await workshop.close();
}
const report = options.clean
  ? renderClean(scores)
  : renderReport(scores, { half: options.half, classes: Object.keys(FLAW_CLASSES) });
if (options.report) writeFileSync(options.report, report);
// A library's helper process that never settles must not keep a bench that has ended.
process.stdout.write(`\n${report}`, () => process.exit());
