/** What a package's manifest names: command-line programs, and declarations of types. The manifest is hostile: only files that are there count. */
import { posix } from 'node:path';
import type { PackageHints } from '../probe/index.ts';

const PROGRAMS = 4;

interface Manifest {
  readonly bin?: unknown;
  readonly type?: unknown;
  readonly directories?: unknown;
  readonly main?: unknown;
  readonly types?: unknown;
  readonly typings?: unknown;
  readonly exports?: unknown;
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

const EXPORTS_DEPTH = 5;

function typesIn(value: unknown, depth = 0): string[] {
  if (value === null || typeof value !== 'object' || depth > EXPORTS_DEPTH) return [];
  return Object.entries(value).flatMap(([name, member]) =>
    name === 'types' && typeof member === 'string' ? [member] : typesIn(member, depth + 1),
  );
}

/** Files of declarations that the manifest names, or that lie where the compiler looks without being told. */
export function declarationFiles(manifestText: string, there: ReadonlySet<string>): readonly string[] {
  const { main, types, typings, exports } = readManifest(manifestText);
  const script = typeof main === 'string' ? main.replace(/\.[cm]?js$/, '') : 'index';
  const named = [types, typings, ...typesIn(exports), script, posix.join(script, 'index'), 'index'];
  return existing(
    named.filter((path) => typeof path === 'string'),
    there,
  );
}

/** Files that a file of declarations takes from. */
export function namedDeclarations(file: string, text: string, there: ReadonlySet<string>): readonly string[] {
  const found = [...text.matchAll(/\b(?:from|path=|import\()\s*['"](\.{1,2}\/[^'"\n]{1,200})['"]/g)];
  return existing(
    found.map(([, path = '']) => posix.join(posix.dirname(file), path)),
    there,
  );
}

function existing(paths: readonly string[], there: ReadonlySet<string>): string[] {
  const found = paths.flatMap((path) => {
    const tidy = posix.normalize(path).replace(/^\.\//, '');
    const bare = tidy.replace(/\.[cm]?js$/, '');
    return [tidy, `${bare}.d.ts`, `${bare}.d.cts`, `${bare}.d.mts`, posix.join(bare, 'index.d.ts')].find(
      (each) => /\.d\.[cm]?ts$/.test(each) && there.has(each),
    );
  });
  return [...new Set(found.filter((path) => path !== undefined))];
}
