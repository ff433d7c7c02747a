/**
 * The package's own tests before and after a patch, in the sandbox. What they need must have been fetched with the
 * target (`withDevDependencies`); no install script is run for them.
 */
import { readFile } from 'node:fs/promises';
import { stripTypeScriptTypes } from 'node:module';
import { join } from 'node:path';
import type { PackageTree } from '../target/index.ts';
import { mountsOf, type RunInSandbox, SandboxRefused, type Version } from './attack-service.ts';
import type { TestComparison } from './judge.ts';
import { compareTestRuns, readTestRun, type TestRun } from './own-tests.ts';

const SCRIPT = new URL('./own-tests-inside.ts', import.meta.url);
const PACKAGE = '/package';
const LIMITS = {
  seconds: 150,
  cpuSeconds: 120,
  memoryMiB: 1_024,
  pids: 256,
  diskMiB: 256,
  outputBytes: 16 * 1024 * 1024,
};

/** For `PatchParts.compareTests`; the run before is made once and serves every patch. */
export function createTestComparison(run: RunInSandbox, tree: PackageTree) {
  let first: Promise<TestRun | string> | undefined;
  return async (before: Version, after: Version): Promise<TestComparison> => {
    const script = await readTestScript(tree);
    if (script === undefined) return { outcome: 'not-run', reason: 'the package has no test script' };
    first ??= runTests(run, tree, before, script);
    const old = await first;
    if (typeof old === 'string') return { outcome: 'not-run', reason: old };
    if (old.exitCode !== 0 && !old.passed) return compareTestRuns(old, old);
    const now = await runTests(run, tree, after, script);
    if (typeof now === 'string') return { outcome: 'not-run', reason: now };
    const comparison = compareTestRuns(old, now);
    if (comparison.outcome !== 'worse') return comparison;
    // A test that fails by chance must not refuse a fix: worse counts when it is worse again.
    const again = await runTests(run, tree, after, script);
    return typeof again === 'string' ? comparison : compareTestRuns(old, again);
  };
}

async function readTestScript(tree: PackageTree): Promise<string | undefined> {
  const text = await readFile(join(tree.directory, tree.packagePath, 'package.json'), 'utf8');
  try {
    const script: unknown = JSON.parse(text).scripts?.test;
    return typeof script === 'string' && script !== '' && !/no test specified/.test(script) ? script : undefined;
  } catch {
    return undefined;
  }
}

/** Gives the reason where the tests could not even be started. */
async function runTests(
  run: RunInSandbox,
  tree: PackageTree,
  version: Version,
  script: string,
): Promise<TestRun | string> {
  const inside = stripTypeScriptTypes(await readFile(SCRIPT, 'utf8'));
  // Where a dependency is patched, the package under test is as it was.
  const own = version.patched?.packagePath === tree.packagePath ? version.patched : undefined;
  const host = own?.host ?? join(version.directory, tree.packagePath);
  const answer = await run({
    command: ['node', '--no-warnings', 'own-tests-inside.mjs', PACKAGE, script],
    readOnly: [...mountsOf(version), { host, inside: PACKAGE }],
    files: [{ path: 'own-tests-inside.mjs', content: inside }],
    limits: LIMITS,
  });
  if (!answer.ok) {
    if (answer.refusal.kind === 'bad-request') return answer.refusal.reason;
    throw new SandboxRefused(answer.refusal);
  }
  const { exitCode, end, stdout, stderr } = answer.value;
  return readTestRun(exitCode, end, `${stderr.toString('utf8')}\n${stdout.toString('utf8')}`);
}
