/**
 * Reads what the package says of itself: which files can be loaded, and examples of calls. Runs outside the sandbox on
 * hostile text: only regular files below the package, bounded in size and number, nothing is executed.
 */
import { lstat, open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { PackageHints, PlanValue } from '../probe/index.ts';
import { type Declarations, readDeclarations } from './declarations.ts';
import { type DeclaredHints, declaredHints } from './declared-calls.ts';
import { commandLinePrograms, declarationFiles, namedDeclarations } from './entry-points.ts';
import { loadableFiles } from './loadable-files.ts';
import { codeBlocks, collectExamples } from './snippets.ts';

const FILE_BYTES = 300_000;
const FILES = 3000;
const TEXTS = 40;

async function regularFiles(directory: string, withDependencies = false): Promise<string[]> {
  const found: string[] = [];
  const queue = [''];
  for (let at = queue.shift(); at !== undefined && found.length < FILES; at = queue.shift()) {
    const entries = await readdir(join(directory, at), { withFileTypes: true }).catch(() => []);
    for (const entry of entries.sort((left, right) => (left.name < right.name ? -1 : 1))) {
      const path = at === '' ? entry.name : `${at}/${entry.name}`;
      if (entry.isDirectory() && (withDependencies || entry.name !== 'node_modules')) queue.push(path);
      if (entry.isFile()) found.push(path);
    }
  }
  return found.slice(0, FILES);
}

async function readText(directory: string, path: string): Promise<string> {
  const file = join(directory, path);
  const info = await lstat(file).catch(() => undefined);
  if (!info?.isFile()) return '';
  const handle = await open(file, 'r').catch(() => undefined);
  if (!handle) return '';
  try {
    const buffer = Buffer.alloc(Math.min(FILE_BYTES, info.size));
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, 0);
    return buffer.toString('utf8', 0, bytesRead);
  } finally {
    await handle.close();
  }
}

const STARTS_PROGRAMS = /child_process/;
const EVALUATES =
  /\beval\b|\bFunction\s*\(|\b(?:require|from)\s*\(?\s*['"](?:node:)?vm['"]|runIn(?:This|New)?Context|\.constructor\b|set(?:Timeout|Interval)\s*\(\s*[^\s(),]+\s*[,)]|_compile\b/;
const SEARCHED_FILES = 1500;

/** What the sources of the whole tree name. A tree too large to read whole counts as naming everything. */
async function readTraits(nodeModules: string): Promise<Pick<PackageHints, 'startsPrograms' | 'evaluates'>> {
  const files = (await regularFiles(nodeModules, true)).filter((path) =>
    /\.(?:[cm]?js|json|node)$|\/[^./]+$/.test(path),
  );
  if (files.length > SEARCHED_FILES) return { startsPrograms: true, evaluates: true };
  let startsPrograms = false;
  let evaluates = false;
  for (const path of files) {
    if (startsPrograms && evaluates) break;
    if (/\.(?:json|node)$/.test(path)) continue;
    const text = await readText(nodeModules, path);
    if (!/js$/.test(path) && !text.startsWith('#!')) continue;
    startsPrograms ||= STARTS_PROGRAMS.test(text);
    evaluates ||= EVALUATES.test(text);
  }
  return { startsPrograms, evaluates };
}

const DECLARATION_FILES = 8;

/** The declarations a package says it has, and those that they take from. */
async function readDeclaredHints(
  directory: string,
  manifest: string,
  files: readonly string[],
): Promise<DeclaredHints> {
  const there = new Set(files);
  const queue = [...declarationFiles(manifest, there)];
  const read = new Map<string, Declarations>();
  for (let at = queue.shift(); at !== undefined && read.size < DECLARATION_FILES; at = queue.shift()) {
    if (read.has(at)) continue;
    const text = await readText(directory, at);
    read.set(at, readDeclarations(text));
    queue.push(...namedDeclarations(at, text, there));
  }
  return declaredHints([...read.values()]);
}

/** `directory` holds `node_modules`; `packagePath` is where the package lies below it. */
export async function readPackageHints(directory: string, packagePath: string): Promise<PackageHints> {
  const packageDirectory = join(directory, packagePath);
  const name = packagePath.replace(/^.*node_modules\//, '');
  const files = await regularFiles(packageDirectory);
  const sources = new Map<string, string>();
  for (const path of files)
    if (/\.(?:[cm]?js)$/.test(path) && sources.size < 400) sources.set(path, await readText(packageDirectory, path));
  const examples = new Map<string, (readonly PlanValue[])[]>();
  let texts = 0;
  for (const path of files) {
    if (texts >= TEXTS) break;
    if (/^(?:[\w-]+\/)?readme[^/]*$/i.test(path)) {
      texts++;
      for (const block of codeBlocks(await readText(packageDirectory, path))) collectExamples(block, name, examples);
    } else if (
      /(?:^|\/)(?:tests?|specs?|__tests__|examples?)[./]|\.(?:test|spec)\.[cm]?js$/i.test(path) &&
      /\.[cm]?js$/.test(path)
    ) {
      texts++;
      collectExamples(sources.get(path) ?? '', name, examples);
    }
  }
  const manifest = await readText(packageDirectory, 'package.json');
  const traits = await readTraits(join(directory, 'node_modules'));
  return {
    files: loadableFiles(manifest, sources),
    examples: Object.fromEntries(examples),
    programs: await commandLinePrograms(manifest, files, (path) => readText(packageDirectory, path)),
    ...(await readDeclaredHints(packageDirectory, manifest, files)),
    ...traits,
  };
}
