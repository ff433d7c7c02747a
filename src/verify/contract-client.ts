/** Reads what a package says of the function that a finding goes through: its manifest, and the names of parameters. */
import { readFile } from 'node:fs/promises';
import { join, normalize } from 'node:path';
import type { PackageTree } from '../target/index.ts';
import type { Spoken } from './contract.ts';
import { parametersAt } from './fingerprint.ts';
import type { WitnessEvent } from './witness.ts';

/** `frames` as of a finding: innermost first, `path:line` below `node_modules`. */
export async function spokenOf(
  tree: PackageTree,
  events: readonly WitnessEvent[],
  frames: readonly string[],
): Promise<Spoken> {
  return {
    packageName: tree.name,
    description: await readDescription(tree),
    parameters: await readParameters(tree, frames.at(-1)),
    nativeContext: events.some(
      ({ kind, detail }) => kind === 'compile' && detail.canary === 'yes' && detail.call !== 'module',
    ),
  };
}

async function readDescription(tree: PackageTree): Promise<string> {
  try {
    const text = await readFile(join(tree.directory, tree.packagePath, 'package.json'), 'utf8');
    const { description, keywords } = JSON.parse(text) as { description?: unknown; keywords?: unknown };
    const words = Array.isArray(keywords) ? keywords.filter((word) => typeof word === 'string') : [];
    return [typeof description === 'string' ? description : '', ...words].join(' ');
  } catch {
    // Without a manifest the package says nothing of itself.
    return '';
  }
}

async function readParameters(tree: PackageTree, frame: string | undefined): Promise<readonly string[]> {
  const [, file = '', line = ''] = /^(.*):(\d+)$/.exec(frame ?? '') ?? [];
  const inside = normalize(file);
  // The path was told from inside; it may not lead out of the tree.
  if (inside.startsWith('..') || inside.startsWith('/')) return [];
  try {
    const source = await readFile(join(tree.directory, 'node_modules', inside), 'utf8');
    return parametersAt(source, Number(line));
  } catch {
    return [];
  }
}
