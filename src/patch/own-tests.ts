/** Reads what test runners say, and whether the package's own tests are worse after a patch. Pure. */
import type { TestComparison } from './judge.ts';

export interface TestRun {
  readonly exitCode: number;
  readonly end: string;
  /** Null where no count could be read. */
  readonly passed: number | null;
  readonly failed: number | null;
  /** For people: the first line that names an error, or else the last line. */
  readonly said: string;
}

const PASSED = [
  /(\d+) passing\b/g,
  /^# pass\s+(\d+)/gm,
  /(\d+) (?:tests? )?passed\b/g,
  /^ℹ pass (\d+)/gm,
  /(\d+) tests?, 0 failures/g,
];
const FAILED = [/(\d+) failing\b/g, /^# fail\s+(\d+)/gm, /(\d+) (?:tests? )?failed\b/g, /^ℹ fail (\d+)/gm];
const ERROR_LINE = /\b[A-Z]\w*Error\b|\bnot found\b|\bcannot find\b/i;
const MAX_LINE_CHARACTERS = 160;

export function readTestRun(exitCode: number, end: string, output: string): TestRun {
  const lines = output.split('\n').map((line) => line.replace(/\s+/g, ' ').trim());
  const said = lines.find((line) => ERROR_LINE.test(line)) ?? lines.findLast((line) => line !== '') ?? '';
  return {
    ...{ exitCode, end, passed: lastNumber(output, PASSED), failed: lastNumber(output, FAILED) },
    said: said.slice(0, MAX_LINE_CHARACTERS),
  };
}

function lastNumber(output: string, patterns: readonly RegExp[]): number | null {
  for (const pattern of patterns) {
    const last = [...output.matchAll(pattern)].at(-1);
    if (last) return Number(last[1]);
  }
  return null;
}

export function compareTestRuns(before: TestRun, after: TestRun): TestComparison {
  if (before.exitCode !== 0 && !before.passed) {
    return {
      outcome: 'not-run',
      reason: `they do not run on the unpatched version either: ${before.said || before.end}`,
    };
  }
  const said = (run: TestRun) =>
    run.passed === null ? `exit ${run.exitCode}` : `${run.passed} passed, ${run.failed ?? 0} failed`;
  const fewer = (after.passed ?? 0) < (before.passed ?? 0);
  const moreFail = (after.failed ?? 0) > (before.failed ?? 0);
  const isWorse = moreFail || (before.exitCode === 0 ? after.exitCode !== 0 || fewer : fewer);
  return isWorse
    ? { outcome: 'worse', reason: `the package's own tests are worse: ${said(before)} before, ${said(after)} after` }
    : { outcome: 'same', reason: `the package's own tests are no worse: ${said(before)} before, ${said(after)} after` };
}
