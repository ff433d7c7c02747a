/** What the bench of the search works with: one sandbox, one cache of packages, the search and the verification. */

import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Candidate, type ScanResult, scanTree } from '../src/finder/index.ts';
import type { FlawClass } from '../src/formats/flaw-class.ts';
import { systemRandom } from '../src/lib/id.ts';
import type { Result } from '../src/lib/result.ts';
import { simplifications } from '../src/probe/index.ts';
import type { SandboxRequest } from '../src/sandbox/index.ts';
import { createRegistry, listVersions, openTarget, type PackageTree } from '../src/target/index.ts';
import { type ConfirmedFinding, createVerification, type Rejection } from '../src/verify/index.ts';
import { openSandbox } from './report/open-sandbox.ts';

const SEED = 1;

export interface Workshop {
  readonly open: (purl: string) => ReturnType<typeof openTarget>;
  /** All classes where none is named. */
  readonly scan: (tree: PackageTree, flaw: FlawClass | undefined) => Promise<ScanResult>;
  readonly verify: (candidate: Candidate, tree: PackageTree) => Promise<Result<ConfirmedFinding, Rejection>>;
  /** One run of a finding's reproducer on another version. */
  readonly runAgainst: (finding: ConfirmedFinding, tree: PackageTree) => Promise<string>;
  /** CPU milliseconds so far: every sandbox run, and this process itself. */
  readonly cpuMs: () => number;
  close(): Promise<void>;
}

export async function openWorkshop({ cache }: { readonly cache: string | undefined }): Promise<Workshop> {
  const scratch = await mkdtemp(join(tmpdir(), 'finder-bench-'));
  await chmod(scratch, 0o711);
  const sandbox = await openSandbox(scratch);
  let inside = 0;
  const run = async (request: SandboxRequest) => {
    const ended = await sandbox.run(request);
    if (ended.ok) inside += ended.value.cpuMs;
    return ended;
  };
  const registry = createRegistry({ mode: 'cache-first', ...(cache ? { cache } : {}) });
  const open = (target: string) => openTarget({ target, scratch, registry });
  const verification = createVerification({
    run,
    random: systemRandom,
    scratch,
    simplifications,
    openTarget: open,
    listVersions: (name) => listVersions(registry, name),
  });
  return {
    open,
    scan: (tree, flaw) =>
      scanTree({ tree, sandbox: { run }, seed: SEED, concurrency: 1, ...(flaw ? { classes: [flaw] } : {}) }),
    verify: (candidate, tree) => verification.verifyCandidate(candidate, tree),
    runAgainst: async ({ flaw, reproducer }, tree) => {
      const nodeModules = join(tree.directory, 'node_modules');
      return (await verification.runAgainst({ flaw, reproducer }, tree.name, nodeModules)).outcome;
    },
    cpuMs: () => {
      const own = process.cpuUsage();
      return inside + (own.user + own.system) / 1000;
    },
    async close() {
      await sandbox.close();
      await rm(scratch, { recursive: true, force: true });
    },
  };
}
