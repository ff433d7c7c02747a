/**
 * No rule of the search knows a target by its name: twenty published targets under another name, version, folder and
 * README give the same findings. Needs the npm registry and the list of targets; says so where one is missing.
 *
 * Which twenty is decided by the hash of their names. Only the lane of the listed class is run: lanes do not know of each
 * other, and five lanes of twenty targets twice take over an hour.
 */
import assert from 'node:assert/strict';
import { chmod, cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { type Candidate, scanTree } from '../../src/finder/index.ts';
import type { FlawClass } from '../../src/formats/flaw-class.ts';
import { sha256Hex } from '../../src/lib/hash.ts';
import type { Sandbox } from '../../src/sandbox/index.ts';
import { createRegistry, openTarget, type PackageTree } from '../../src/target/index.ts';
import { openSandbox } from '../support/sandbox.ts';

interface Row {
  readonly package: string;
  readonly version: string;
  readonly class: FlawClass;
}

const PER_CLASS: Readonly<Record<string, number>> = {
  'prototype-pollution': 8,
  'command-injection': 5,
  'path-traversal': 4,
  'code-injection': 2,
  redos: 1,
};
const LIMIT_MS = 40 * 60_000;
const NEW_NAME = 'plain-subject';
const NEW_VERSION = '7.7.7';

let scratch = '';
let sandbox: Sandbox;

before(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'rename-'));
  await chmod(scratch, 0o711);
  sandbox = await openSandbox();
});

after(async () => {
  await sandbox.close();
  await rm(scratch, { recursive: true, force: true });
});

async function readRows(): Promise<readonly Row[] | undefined> {
  const shared = process.env.HEADSTART_SHARED ?? join(import.meta.dirname, '..', '..', '..', 'shared');
  const text = await readFile(join(shared, 'data', 'npm-targets.json'), 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  const byHash = (JSON.parse(text) as Row[])
    .map((row) => ({ ...row, hash: sha256Hex(row.package) }))
    .filter(({ hash }) => Number.parseInt(hash.slice(0, 1), 16) % 2 === 0)
    .toSorted((left, right) => (left.hash < right.hash ? -1 : 1));
  return Object.entries(PER_CLASS).flatMap(([flaw, count]) =>
    byHash.filter((row) => row.class === flaw).slice(0, count),
  );
}

/** Where it stands for the package; where it is called or assigned it is a name of the reader's own code. */
function withoutName(readme: string, name: string): string {
  const literal = name.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');
  return readme.replaceAll(new RegExp(`(?<![\\w$.-])${literal}(?![\\w$(.]| *=)`, 'g'), NEW_NAME);
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
    const text = withoutName(await readFile(path, 'utf8'), tree.name);
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

const scan = (tree: PackageTree, flaw: FlawClass) =>
  scanTree({ tree, sandbox, seed: 1, concurrency: 2, classes: [flaw] });

function told(candidates: readonly Candidate[], name: string): readonly string[] {
  const place = ({ sink }: Candidate): string =>
    sink ? `${sink.file.replace(`${name}/`, '<package>/')}:${sink.line}` : '-';
  return candidates.map((candidate) => `${candidate.flaw} ${place(candidate)}`).sort();
}

test('twenty targets under another name give the same findings', { timeout: LIMIT_MS }, async (t) => {
  const rows = await readRows();
  if (!rows) return t.skip('the list of targets is not here');
  // The archives are the user's npm cache's: a second run asks the registry for nothing.
  const registry = createRegistry({ mode: 'cache-first' });
  let compared = 0;
  let found = 0;
  let again = 0;
  const differing: string[] = [];
  for (const row of rows) {
    const opened = await openTarget({ target: `pkg:npm/${row.package}@${row.version}`, scratch, registry });
    if (!opened.ok) {
      if (opened.refusal.kind === 'registry-unavailable') return t.skip(opened.refusal.reason);
      continue;
    }
    const other = await renamed(opened.value);
    try {
      const pair = async () => [
        told((await scan(opened.value, row.class)).candidates, row.package),
        told((await scan(other, row.class)).candidates, NEW_NAME),
      ];
      let [first = [], second = []] = await pair();
      if (first.join() !== second.join()) {
        // A search that a busy machine cut short differs once; a rule that knows a name differs every time.
        again += 1;
        [first = [], second = []] = await pair();
      }
      // By hash: what is found in a target may be unpublished.
      if (first.join() !== second.join()) differing.push(`${row.class} ${sha256Hex(row.package).slice(0, 12)}`);
      compared += 1;
      found += first.length;
    } finally {
      await other.dispose();
      await opened.value.dispose();
    }
  }
  t.diagnostic(`${compared} targets compared, ${found} findings, ${again} compared twice`);
  assert.deepEqual(differing, []);
  assert.ok(compared >= 18, `${compared} of ${rows.length} could be compared`);
  // Twenty times nothing would be the same, too.
  assert.ok(found >= compared / 2, `only ${found} findings in ${compared} targets`);
});
