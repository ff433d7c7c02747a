/**
 * What a patch does to a package that depends on the patched one: the dependent's own tests, in the sandbox, with its
 * copy of the dependency as it is and then patched. What could not be run says nothing, and is told as unknown.
 */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { PackageTree } from '../target/index.ts';
import type { RunInSandbox } from './attack-service.ts';
import { copyWith, readPatched } from './copy-service.ts';
import { createTestComparison } from './own-tests-service.ts';
import { applyToFiles, readPatch } from './unified-diff.ts';

export interface DependentEffect {
  readonly dependent: string;
  readonly effect: 'breaking' | 'not-breaking' | 'unknown';
  readonly reason: string;
}

export interface DependentParts {
  readonly run: RunInSandbox;
  readonly scratch: string;
}

/** `dependent` was opened with what its own tests need; `patched` is the package and version that the patch is made for. */
export async function tryDependent(
  { run, scratch }: DependentParts,
  dependent: PackageTree,
  patched: { readonly name: string; readonly version: string },
  patch: string,
): Promise<DependentEffect> {
  const told = (effect: DependentEffect['effect'], reason: string): DependentEffect => ({
    ...{ dependent: dependent.purl, effect, reason },
  });
  const place = await placeOf(dependent, patched);
  if (typeof place === 'string') return told('unknown', place);
  const files = readPatch(patch);
  if (!files.ok) return told('unknown', `the patch cannot be read: ${files.refusal}`);
  const dependency = { ...dependent, packagePath: place.path };
  const before = await readPatched(dependency, files.value);
  const after = applyToFiles(before, files.value);
  if (!after.ok) return told('unknown', `the patch does not apply to its copy: ${after.refusal}`);
  const copy = await copyWith(dependency, scratch, before, after.value);
  try {
    const compare = createTestComparison(run, dependent);
    const { outcome, reason } = await compare({ directory: dependent.directory }, copy);
    if (outcome === 'not-run') return told('unknown', `its tests were not run: ${reason}`);
    return told(outcome === 'worse' ? 'breaking' : 'not-breaking', reason);
  } finally {
    await copy.dispose();
  }
}

/** Where its copy of this very version lies; or why the patch says nothing of it. */
async function placeOf(
  { directory }: PackageTree,
  { name, version }: { readonly name: string; readonly version: string },
): Promise<{ readonly path: string } | string> {
  const names = await readdir(directory, { recursive: true });
  const suffix = join('node_modules', name, 'package.json');
  const found = names.filter((each) => each === suffix || each.endsWith(`/${suffix}`)).sort(byDepth);
  const versions: string[] = [];
  for (const manifest of found) {
    const own = await versionIn(join(directory, manifest));
    if (own === version) return { path: manifest.slice(0, -'/package.json'.length) };
    if (own !== undefined) versions.push(own);
  }
  return versions.length === 0
    ? `it does not depend on ${name}`
    : `it uses ${name} ${versions.join(', ')}, and the patch is for ${version}`;
}

const byDepth = (left: string, right: string): number => left.length - right.length;

async function versionIn(manifest: string): Promise<string | undefined> {
  try {
    const { version }: { version?: unknown } = JSON.parse(await readFile(manifest, 'utf8'));
    return typeof version === 'string' ? version : undefined;
  } catch {
    return undefined;
  }
}
