/**
 * The upstream's own fix as the smallest patch that still holds: of all that changed between the flawed and the fixed
 * version, only the hunks without which the reproducer or a variant fires again.
 */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ok, type Result, refuse } from '../lib/result.ts';
import type { PackageSource, PackageTree } from '../target/index.ts';
import type { Version } from './attack-service.ts';
import { copyWith } from './copy-service.ts';
import { applyEdits, type Edit, editsBetween } from './edits.ts';
import { type Baseline, glanceAt, LOUD, type PatchParts, type QuickLook, resistsVariants } from './patch.ts';
import { brokenBy } from './symptoms.ts';
import { applyToFiles, carryOver, type FileTexts, readPatch, writePatch } from './unified-diff.ts';
import type { Upstream } from './upstream-source-service.ts';

const SCRIPT = /\.(?:[cm]?js|json)$/;
const BESIDE =
  /(?:^|\/)(?:tests?|__tests__|spec|examples?|docs?|bench(?:mark)?s?|coverage|node_modules|\.github)\/|\.min\.js$|(?:\.test|\.spec)\.[cm]?js$|(?:^|\/)(?:gulpfile|gruntfile|karma\.conf|webpack\.config|rollup\.config)[\w.]*js$|package-lock\.json$/i;
const FILES = 2_000;
const FILE_BYTES = 1024 * 1024;
const LINES_AROUND = 40;
/** What may be spent on making the patch smaller: a try that fires costs one run, one that is silent several. */
const TRIAL_RUNS = 120;
const SILENT_TRIAL_RUNS = 8;

/** Every script that changed between the two versions, as a patch; tests, documents and build files left out. */
export async function wholeUpstreamPatch(tree: PackageTree, fixed: PackageSource): Promise<Result<string, string>> {
  const before = await readScripts(join(tree.directory, tree.packagePath));
  const after = await readScripts(fixed.directory);
  if (entryOf(before) === entryOf(after)) {
    before.delete('package.json');
    after.delete('package.json');
  }
  const text = writePatch(before, after);
  return text === '' ? refuse('no script differs between the two versions') : ok(text);
}

/**
 * A release mends the flaw and changes other things with it. What is looked for is the part that mends: fewer edits at
 * every step, and never an ordinary call that differs where it did not differ a step before. So the whole release may
 * change behaviour, and the part that is left need not. Where releases lie between the two versions, what the last of
 * them changed is carried over and tried first.
 */
export async function upstreamPatch(
  parts: PatchParts,
  baseline: Baseline,
  { fixed, last }: Pick<Upstream, 'fixed' | 'last'>,
): Promise<Result<string, string>> {
  const { tree } = baseline;
  const release = await wholeUpstreamPatch(tree, fixed);
  if (!release.ok) return release;
  const read = readPatch(release.value);
  if (!read.ok) return read;
  const texts = await readScripts(join(tree.directory, tree.packagePath));
  const applied = applyToFiles(texts, read.value);
  if (!applied.ok) return applied;
  const edits = editsBetween(texts, applied.value);
  const { glance, look } = createLooks(parts, baseline, texts);
  const loaded = new Set(baseline.first.coverage.loaded);
  const near = edits.filter(({ path }) => !texts.has(path) || loaded.has(`${tree.name}/${path}`));
  if (last) {
    const carried = await carriedEdits(texts, last, fixed);
    const seen = carried.length > 0 ? await look(carried) : LOUD;
    if (seen.isSilent) return made(await shrink(carried, seen.unlike, look));
  }
  const whole = await glance(edits);
  const isNoWorse = ({ isSilent, unlike }: QuickLook) =>
    isSilent && [...unlike].every((id) => whole.isSilent && whole.unlike.has(id));
  for (const start of [editsAtFrames(baseline, texts, edits), near, edits]) {
    if (start.length === 0 || (start !== edits && start.length === edits.length)) continue;
    const seen = start === edits ? whole : await glance(start);
    if (!isNoWorse(seen)) continue;
    const bold = await shrink(start, seen.unlike, glance);
    if ((await look(bold)).isSilent) return made(bold);
    // It was made smaller than the variants allow: every step is held against them now.
    if ((await look(start)).isSilent) return made(await shrink(start, seen.unlike, look));
  }
  return refuse('the fixed version does not mend this finding');

  function made(kept: readonly Edit[]): Result<string, string> {
    return ok(writePatch(texts, applyEdits(texts, kept)));
  }
}

/** What the fixing release itself changed, as far as it fits the version under examination. */
async function carriedEdits(texts: FileTexts, last: PackageSource, fixed: PackageSource): Promise<Edit[]> {
  const [before, after] = [await readScripts(last.directory), await readScripts(fixed.directory)];
  for (const files of [before, after]) files.delete('package.json');
  return editsBetween(texts, carryOver(texts, before, after));
}

/** Around the places the effect came through, where most flaws are mended. */
function editsAtFrames({ tree, first }: Baseline, texts: FileTexts, edits: readonly Edit[]): readonly Edit[] {
  const places = (first.verdict?.frames ?? []).flatMap((frame) => {
    const [, file = '', line = ''] = /^(.+):(\d+)$/.exec(frame) ?? [];
    const path = file.slice(tree.name.length + 1);
    const text = file.startsWith(`${tree.name}/`) ? texts.get(path) : undefined;
    if (text === undefined) return [];
    const start = (at: number) => text.split('\n').slice(0, Math.max(0, at)).join('\n').length;
    return [{ path, from: start(Number(line) - LINES_AROUND), to: start(Number(line) + LINES_AROUND) }];
  });
  return edits.filter(({ path, range }) =>
    places.some((place) => path === place.path && range !== null && range[0] <= place.to && range[1] >= place.from),
  );
}

/** Where the package begins: a fix may lie in a file that only the new manifest names. */
function entryOf(texts: ReadonlyMap<string, string>): string {
  try {
    const { main, exports, module, type } = JSON.parse(texts.get('package.json') ?? '{}');
    return JSON.stringify([main, exports, module, type]);
  } catch {
    return '';
  }
}

type Look = (edits: readonly Edit[]) => Promise<QuickLook>;

/** Files first, then edits in ever smaller blocks: what can be left out is left out. */
async function shrink(edits: readonly Edit[], unlikeAtFirst: ReadonlySet<string>, look: Look) {
  let kept = edits;
  let unlike = unlikeAtFirst;
  let runs = TRIAL_RUNS;
  const tryWithout = async (block: readonly Edit[]): Promise<void> => {
    const rest = kept.filter((edit) => !block.includes(edit));
    if (rest.length === 0 || rest.length === kept.length || runs <= 0) return;
    const seen = await look(rest);
    runs -= seen.isSilent ? SILENT_TRIAL_RUNS : 1;
    if (!seen.isSilent || ![...seen.unlike].every((id) => unlike.has(id))) return;
    kept = rest;
    unlike = seen.unlike;
  };
  for (const path of new Set(edits.map((edit) => edit.path))) {
    await tryWithout(kept.filter((edit) => edit.path === path));
  }
  for (let size = Math.ceil(kept.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    const blocks = Array.from({ length: Math.ceil(kept.length / size) }, (_, at) =>
      kept.slice(at * size, (at + 1) * size),
    );
    for (const block of blocks.reverse()) await tryWithout(block);
  }
  return kept;
}

/** `glance` leaves out the variants, which cost most. No choice of edits is tried twice. */
function createLooks(
  parts: PatchParts,
  baseline: Baseline,
  texts: FileTexts,
): { readonly glance: Look; readonly look: Look } {
  const glances = new Map<string, Promise<QuickLook>>();
  const glance = (edits: readonly Edit[]): Promise<QuickLook> => {
    const key = JSON.stringify(edits);
    const seen = glances.get(key) ?? tryWith(parts, baseline, texts, edits, LOUD, glanceAt);
    glances.set(key, seen);
    return seen;
  };
  const look = async (edits: readonly Edit[]): Promise<QuickLook> => {
    const seen = await glance(edits);
    return seen.isSilent && (await tryWith(parts, baseline, texts, edits, false, resistsVariants)) ? seen : LOUD;
  };
  return { glance, look };
}

async function tryWith<T>(
  parts: PatchParts,
  baseline: Baseline,
  texts: FileTexts,
  edits: readonly Edit[],
  whereBroken: T,
  trial: (parts: PatchParts, baseline: Baseline, copy: Version) => Promise<T>,
): Promise<T> {
  const after = applyEdits(texts, edits);
  const paths = [...new Set(edits.map(({ path }) => path))];
  const files = paths.map((path) => ({ path, before: texts.get(path), after: after.get(path) }));
  if (brokenBy(files).length > 0) return whereBroken;
  const only = (all: FileTexts) => new Map([...all].filter(([path]) => paths.includes(path)));
  const copy = await copyWith(baseline.tree, parts.scratch, only(texts), only(after));
  try {
    return await trial(parts, baseline, copy);
  } finally {
    await copy.dispose();
  }
}

async function readScripts(root: string): Promise<Map<string, string>> {
  const texts = new Map<string, string>();
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  for (const entry of entries) {
    const path = join(entry.parentPath, entry.name).slice(root.length + 1);
    const mayBeProgram = !entry.name.includes('.');
    if (!entry.isFile() || BESIDE.test(path) || texts.size >= FILES || !(SCRIPT.test(path) || mayBeProgram)) continue;
    const bytes = await readFile(join(root, path));
    if (bytes.length > FILE_BYTES || (mayBeProgram && !/^#!.*node/.test(bytes.toString('latin1', 0, 80)))) continue;
    texts.set(path, bytes.toString('utf8'));
  }
  return texts;
}
