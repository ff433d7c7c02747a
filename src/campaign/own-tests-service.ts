/**
 * The package's own tests before and after a candidate patch, within a budget that a campaign can bear. What cannot be
 * run within it is told as not run, with the reason, and never counts as no worse.
 *
 *   a test script? ─▶ tests among the published files? ─▶ fetch what they need, no install script ─▶ run on both versions
 */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createTestComparison, type PatchParts, type RunInSandbox, type TestComparison } from '../patch/index.ts';
import { openTarget, type PackageTree, type Registry } from '../target/index.ts';

export interface OwnTestsParts {
  readonly run: RunInSandbox;
  readonly scratch: string;
  readonly registry: Registry;
  readonly budget?: OwnTestsBudget;
}

export interface OwnTestsBudget {
  readonly fetchSeconds: number;
  /** Of one run of the tests. */
  readonly runSeconds: number;
}

const BUDGET: OwnTestsBudget = { fetchSeconds: 20, runSeconds: 20 };
const TEST_PATH = /(^|[/._-])(tests?|specs?|__tests__)([/._-]|$)/i;

type CompareTests = NonNullable<PatchParts['compareTests']>;
type Prepared = { readonly compare: CompareTests; readonly tree: PackageTree } | string;

const notRun = (reason: string): TestComparison => ({ outcome: 'not-run', reason });

/** For the patches of one target. Nothing is fetched before the first patch that has come through everything else. */
export function createOwnTests({ run, scratch, registry, budget = BUDGET }: OwnTestsParts, target: string) {
  let prepared: Promise<Prepared> | undefined;
  let cutOff: string | undefined;
  const limited: RunInSandbox = async (request) => {
    const seconds = Math.min(request.limits?.seconds ?? budget.runSeconds, budget.runSeconds);
    const answer = await run({ ...request, limits: { ...request.limits, seconds, cpuSeconds: seconds } });
    if (answer.ok && answer.value.end !== 'exited') cutOff = answer.value.end;
    return answer;
  };

  async function prepare(plain: PackageTree): Promise<Prepared> {
    const missing = await missingOfTests(join(plain.directory, plain.packagePath));
    if (missing) return missing;
    const fetching = openTarget({ target, scratch, registry, withDevDependencies: true });
    const end = new AbortController();
    const late = sleep(budget.fetchSeconds * 1_000, undefined, { signal: end.signal }).catch(() => undefined);
    const opened = await Promise.race([fetching, late]);
    end.abort();
    if (opened === undefined) {
      void fetching.then((it) => (it.ok ? it.value.dispose() : undefined)).catch(() => undefined);
      return `what they need was not fetched within ${budget.fetchSeconds} s`;
    }
    if (!opened.ok) return `what they need cannot be fetched: ${opened.refusal.kind}`;
    const tree = opened.value;
    const compareBoth = createTestComparison(limited, tree);
    return {
      tree,
      compare: (_before, { patched }) =>
        compareBoth(
          { directory: tree.directory },
          { directory: tree.directory, ...(patched && { patched: { ...patched, packagePath: tree.packagePath } }) },
        ),
    };
  }

  return {
    async compare(plain: PackageTree, ...versions: Parameters<CompareTests>): Promise<TestComparison> {
      prepared ??= prepare(plain);
      const it = await prepared;
      if (typeof it === 'string') return notRun(it);
      cutOff = undefined;
      const comparison = await it.compare(...versions);
      // Half a run says nothing about the patch, for it or against it.
      return cutOff === undefined ? comparison : notRun(`a run of them was cut off by its limit (${cutOff})`);
    },

    async dispose(): Promise<void> {
      const it = await prepared?.catch(() => undefined);
      if (it !== undefined && typeof it !== 'string') await it.tree.dispose();
    },
  };
}

/** Why the tests cannot run whatever is fetched; undefined where they may. */
export async function missingOfTests(directory: string): Promise<string | undefined> {
  const script = await readScript(directory);
  if (!script || /no test specified/.test(script)) return 'the package has no test script';
  const names = await readdir(directory, { recursive: true });
  const own = names.filter((name) => !name.split('/').includes('node_modules'));
  return own.some((name) => TEST_PATH.test(name)) ? undefined : 'the package is published without its tests';
}

async function readScript(directory: string): Promise<string | undefined> {
  try {
    const manifest: unknown = JSON.parse(await readFile(join(directory, 'package.json'), 'utf8'));
    const script = (manifest as { readonly scripts?: { readonly test?: unknown } } | null)?.scripts?.test;
    return typeof script === 'string' ? script : undefined;
  } catch {
    return undefined;
  }
}
