/** A small package of our own on a fresh directory, its flaw reproduced in a sandbox: what a patch is then tried on. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../src/lib/clock.ts';
import { systemRandom } from '../../src/lib/id.ts';
import { measureBaseline, type PatchParts } from '../../src/patch/index.ts';
import { type ProbePlan, renderReproducer, reproducerFileName } from '../../src/probe/index.ts';
import { createSandbox } from '../../src/sandbox/index.ts';
import { createRegistry, openTarget } from '../../src/target/index.ts';

export type FlawedPackage = Awaited<ReturnType<typeof openFlawedPackage>>;

export async function openFlawedPackage(name: string, files: ReadonlyMap<string, string>, plan: ProbePlan) {
  const home = mkdtempSync(join(tmpdir(), 'headstart-patch-'));
  const made = await createSandbox({
    profile: 'user',
    stateDirectory: join(home, 'state'),
    nodeBinary: process.execPath,
    random: systemRandom,
    clock: systemClock,
  });
  assert.ok(made.ok);
  const sandbox = made.value;
  const target = join(home, name);
  mkdirSync(target);
  for (const [path, text] of files) writeFileSync(join(target, path), text);
  const registry = createRegistry({ mode: 'offline', cache: join(home, 'cache') });
  const opened = await openTarget({ target, scratch: join(home, 'scratch'), registry });
  assert.ok(opened.ok);
  const tree = opened.value;
  const parts: PatchParts = { run: sandbox.run, random: systemRandom, scratch: join(home, 'copies') };
  const text = renderReproducer(plan, { packageName: name });
  const baseline = await measureBaseline(parts, tree, { file: reproducerFileName(plan), text });
  return {
    home,
    sandbox,
    tree,
    parts,
    baseline,
    async close(): Promise<void> {
      await sandbox.close();
      rmSync(home, { recursive: true, force: true });
    },
  };
}
