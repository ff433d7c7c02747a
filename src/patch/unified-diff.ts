/**
 * A patch as people exchange it: a unified diff, read strictly and applied exactly (no fuzz, every context line must
 * agree). The text is hostile input: a path outside the package, a link or a binary change refuses it.
 */
import { applyPatch, createTwoFilesPatch, parsePatch, reversePatch, type StructuredPatch, structuredPatch } from 'diff';
import { ok, type Result, refuse } from '../lib/result.ts';

/** Text of the files of a package by their path below its root. */
export type FileTexts = ReadonlyMap<string, string>;

export interface FilePatch {
  /** Below the package's root. */
  readonly path: string;
  readonly kind: 'change' | 'add' | 'delete';
  readonly diff: StructuredPatch;
}

const PATCH_BYTES = 4 * 1024 * 1024;
const PATCH_FILES = 1_000;
const NOWHERE = '/dev/null';

/** Refuses with the reason. `a/`, `b/` and a `package/` before the path are dropped, as git and npm write them. */
export function readPatch(text: string): Result<readonly FilePatch[], string> {
  if (Buffer.byteLength(text) > PATCH_BYTES) return refuse(`the patch is larger than ${PATCH_BYTES} bytes`);
  if (/^(GIT binary patch|Binary files )/m.test(text)) return refuse('the patch changes a binary file');
  if (/^(new file|deleted file|new|old) mode 120000/m.test(text)) return refuse('the patch makes or changes a link');
  if (/^(rename|copy) (from|to) /m.test(text))
    return refuse('the patch renames a file; give it as removal and addition');
  let parsed: StructuredPatch[];
  try {
    parsed = parsePatch(text).filter(({ hunks }) => hunks.length > 0);
  } catch (error) {
    return refuse(`not a unified diff: ${(error as Error).message}`);
  }
  if (parsed.length === 0) return refuse('the patch holds no change');
  if (parsed.length > PATCH_FILES) return refuse(`the patch changes more than ${PATCH_FILES} files`);
  const patches: FilePatch[] = [];
  for (const diff of parsed) {
    const one = toFilePatch(diff);
    if (!one.ok) return one;
    patches.push(one.value);
  }
  const paths = new Set(patches.map(({ path }) => path));
  return paths.size < patches.length ? refuse('the patch names a file twice') : ok(patches);
}

function toFilePatch(diff: StructuredPatch): Result<FilePatch, string> {
  const from = nameOf(diff.oldFileName);
  const to = nameOf(diff.newFileName);
  if (from === undefined || to === undefined) return refuse('a change without file names');
  if (from === NOWHERE && to === NOWHERE) return refuse('a change of no file');
  const path = to === NOWHERE ? from : to;
  if (from !== NOWHERE && to !== NOWHERE && from !== to) return refuse(`the patch renames ${from}`);
  if (path.split('/').some((part) => part === '..' || part === '' || part === '.') || path.includes('\\')) {
    return refuse(`"${path}" does not lie in the package`);
  }
  return ok({ path, kind: from === NOWHERE ? 'add' : to === NOWHERE ? 'delete' : 'change', diff });
}

/** `a/package/lib/x.js<TAB>date` is `lib/x.js`. */
function nameOf(name: string | undefined): string | undefined {
  const bare = name?.split('\t')[0]?.trim();
  if (!bare) return undefined;
  if (bare === NOWHERE) return bare;
  return bare.replace(/^[ab]\//, '').replace(/^package\//, '');
}

/** The files after the patch; refuses with the first place that does not fit. */
export function applyToFiles(files: FileTexts, patches: readonly FilePatch[]): Result<FileTexts, string> {
  const after = new Map(files);
  for (const { path, kind, diff } of patches) {
    const before = files.get(path);
    if (kind === 'add' && before !== undefined) return refuse(`${path} is to be added, but is there already`);
    if (kind !== 'add' && before === undefined) return refuse(`${path} is not in the package`);
    const text = applyExactly(before ?? '', diff);
    if (text === undefined) return refuse(`a change of ${path} does not fit its text`);
    if (kind === 'delete' && text !== '') return refuse(`${path} is to be removed, but more than that stands in it`);
    if (kind === 'delete') after.delete(path);
    else after.set(path, text);
  }
  return ok(after);
}

/** Mixed line ends of old packages are met half-way by the library; nothing else is. */
function applyExactly(before: string, diff: StructuredPatch): string | undefined {
  const after = applyPatch(before, diff, { fuzzFactor: 0, autoConvertLineEndings: true });
  return after === false ? undefined : after;
}

export function reverse(patches: readonly FilePatch[]): FilePatch[] {
  return patches.map(({ path, kind, diff }) => ({
    path,
    kind: kind === 'add' ? 'delete' : kind === 'delete' ? 'add' : 'change',
    diff: reversePatch(diff),
  }));
}

/** Beyond this a file is not carried over: finding what its two versions have in common would cost too much. */
const DIFF_MILLISECONDS = 2_000;

/** `files` with every change from `before` to `after` whose surroundings they hold; what does not fit is left out. */
export function carryOver(files: FileTexts, before: FileTexts, after: FileTexts): FileTexts {
  const carried = new Map(files);
  for (const [path, text] of after) {
    const old = before.get(path);
    const own = files.get(path);
    if (old === undefined && own === undefined) carried.set(path, text);
    if (old === undefined || own === undefined || old === text) continue;
    const diff = structuredPatch(path, path, old, text, '', '', { context: 3, timeout: DIFF_MILLISECONDS });
    if (diff === undefined) continue;
    carried.set(
      path,
      diff.hunks.reduce((now, hunk) => applyExactly(now, { ...diff, hunks: [hunk] }) ?? now, own),
    );
  }
  return carried;
}

/** The patch from one set of files to another, paths sorted. */
export function writePatch(before: FileTexts, after: FileTexts): string {
  const paths = [...new Set([...before.keys(), ...after.keys()])].sort();
  return paths
    .filter((path) => before.get(path) !== after.get(path))
    .map((path) => {
      const from = before.has(path) ? `a/${path}` : NOWHERE;
      const to = after.has(path) ? `b/${path}` : NOWHERE;
      return createTwoFilesPatch(from, to, before.get(path) ?? '', after.get(path) ?? '', '', '', { context: 3 });
    })
    .join('');
}
