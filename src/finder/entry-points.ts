/** What a package's manifest names as command-line programs. The manifest is hostile: only files that are there count. */
import { posix } from 'node:path';
import type { PackageHints } from '../probe/index.ts';

const PROGRAMS = 4;

interface Manifest {
  readonly bin?: unknown;
  readonly type?: unknown;
  readonly directories?: unknown;
}

function readManifest(text: string): Manifest {
  try {
    const value: unknown = JSON.parse(text.replace(/^\uFEFF/, ''));
    return value !== null && typeof value === 'object' ? value : {};
  } catch {
    return {};
  }
}

function isScript(path: string, head: string): boolean {
  return /\.[cm]?js$/.test(path) || (/^#!.*\bnode\b/.test(head) && !posix.basename(path).includes('.'));
}

/** `files` are the regular files of the package; `headOf` gives a file's first characters. */
export async function commandLinePrograms(
  manifestText: string,
  files: readonly string[],
  headOf: (path: string) => Promise<string>,
): Promise<PackageHints['programs']> {
  const { bin, type, directories } = readManifest(manifestText);
  const folder = (directories as { bin?: unknown } | null | undefined)?.bin;
  const written = typeof bin === 'string' ? [bin] : bin && typeof bin === 'object' ? Object.values(bin) : [];
  const inFolder =
    typeof folder === 'string' && written.length === 0
      ? files.filter((file) => file.startsWith(`${posix.normalize(folder).replace(/\/$/, '')}/`))
      : [];
  const there = new Set(files);
  const found = new Map<string, PackageHints['programs'][number]>();
  for (const each of [...written, ...inFolder]) {
    if (typeof each !== 'string' || found.size >= PROGRAMS) continue;
    const tidy = posix.normalize(each).replace(/^\.\//, '');
    const file = [tidy, `${tidy}.js`, posix.join(tidy, 'index.js')].find((path) => there.has(path));
    if (!file || !isScript(file, await headOf(file))) continue;
    const isModule = file.endsWith('.mjs') || (type === 'module' && !file.endsWith('.cjs'));
    found.set(file, { file, format: isModule ? 'esm' : 'cjs' });
  }
  return [...found.values()];
}
