/**
 * No rule of the search knows a target by its name: twenty published targets under another name, version, folder and
 * README give the same findings. Needs the npm registry and the list of targets; says so where one is missing.
 */
import assert from 'node:assert/strict';
import { chmod, cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { type Candidate, scanTree } from '../../src/finder/index.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { sha256Hex } from '../../src/lib/hash.ts';
import { systemRandom } from '../../src/lib/id.ts';
import { chooseProfile, createSandbox, type Sandbox } from '../../src/sandbox/index.ts';
import { createRegistry, openTarget, type PackageTree } from '../../src/target/index.ts';

interface Row {
  readonly package: string;
  readonly version: string;
  readonly class: string;
}

const PER_CLASS: Readonly<Record<string, number>> = {
  'prototype-pollution': 8,
  'command-injection': 5,
  'path-traversal': 4,
  'code-injection': 2,
  redos: 1,
};
const NEW_NAME = 'plain-subject';
const NEW_VERSION = '7.7.7';

let scratch = '';
let sandbox: Sandbox;

before(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'rename-'));
  await chmod(scratch, 0o711);
  const opened = await createSandbox({
    profile: chooseProfile(),
    stateDirectory: scratch,
    nodeBinary: process.execPath,
    random: systemRandom,
    clock: systemClock,
  });
  assert.ok(opened.ok, opened.ok ? '' : opened.refusal.reason);
  sandbox = opened.value;
});

after(async () => {
  await sandbox.close();
  await rm(scratch, { recursive: true, force: true });
});

async function readRows(): Promise<readonly Row[] | undefined> {
  const shared = process.env.HEADSTART_SHARED ?? join(import.meta.dirname, '..', '..', '..', 'shared');
  const text = await readFile(join(shared, 'data', 'npm-targets.json'), 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  const left = { ...PER_CLASS };
  return (JSON.parse(text) as Row[]).filter((row) => {
    const isDevelopment = Number.parseInt(sha256Hex(row.package).slice(0, 1), 16) % 2 === 0;
    const more = left[row.class] ?? 0;
    if (!isDevelopment || more === 0 || row.package.startsWith('@')) return false;
    left[row.class] = more - 1;
    return true;
  });
}

/** The same files with another name, version and folder, and a README that tells neither. */
async function renamed(tree: PackageTree): Promise<PackageTree> {
  const directory = await mkdtemp(join(scratch, 'renamed-'));
  await chmod(directory, 0o755);
  await cp(join(tree.directory, 'node_modules'), join(directory, 'node_modules'), { recursive: true });
  const packagePath = join('node_modules', NEW_NAME);
  await mkdir(dirname(join(directory, packagePath)), { recursive: true });
  await cp(join(directory, tree.packagePath), join(directory, packagePath), { recursive: true });
  await rm(join(directory, tree.packagePath), { recursive: true });
  const manifestFile = join(directory, packagePath, 'package.json');
  const manifest = JSON.parse(await readFile(manifestFile, 'utf8')) as Record<string, unknown>;
  await rm(manifestFile);
  await writeFile(manifestFile, JSON.stringify({ ...manifest, name: NEW_NAME, version: NEW_VERSION }));
  for (const file of await readdir(join(directory, packagePath))) {
    if (!/^readme/i.test(file)) continue;
    const path = join(directory, packagePath, file);
    const text = (await readFile(path, 'utf8')).replaceAll(tree.name, NEW_NAME);
    await rm(path);
    await writeFile(path, text);
  }
  return {
    ...tree,
    purl: `pkg:npm/${NEW_NAME}@${NEW_VERSION}`,
    name: NEW_NAME,
    version: NEW_VERSION,
    directory,
    packagePath,
    contentSha256: sha256Hex(`renamed ${tree.contentSha256}`),
    dispose: () => rm(directory, { recursive: true, force: true }),
  };
}

const scan = (tree: PackageTree) => scanTree({ tree, sandbox, seed: 1, concurrency: 1 });

function told(candidates: readonly Candidate[], name: string): readonly string[] {
  const place = ({ sink }: Candidate): string =>
    sink ? `${sink.file.replace(`${name}/`, '<package>/')}:${sink.line}` : '-';
  return candidates.map((candidate) => `${candidate.flaw} ${place(candidate)}`).sort();
}

test('twenty targets under another name give the same findings', async (t) => {
  const rows = await readRows();
  if (!rows) return t.skip('the list of targets is not here');
  const registry = createRegistry({ mode: 'cache-first' });
  let compared = 0;
  for (const row of rows) {
    const opened = await openTarget({ target: `pkg:npm/${row.package}@${row.version}`, scratch, registry });
    if (!opened.ok) {
      if (opened.refusal.kind === 'registry-unavailable') return t.skip(opened.refusal.reason);
      continue;
    }
    const other = await renamed(opened.value);
    try {
      const [before, behind] = [await scan(opened.value), await scan(other)];
      const first = told(before.candidates, row.package);
      const second = told(behind.candidates, NEW_NAME);
      const listed = (each: readonly string[]) => each.filter((text) => text.startsWith(row.class));
      assert.deepEqual(listed(second), listed(first));
      compared++;
    } finally {
      await other.dispose();
      await opened.value.dispose();
    }
  }
  assert.ok(compared >= 18, `${compared} of ${rows.length} could be compared`);
});
