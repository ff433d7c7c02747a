/**
 * The upstream's own fix as the smallest patch that still holds: of all that changed between the flawed and the fixed
 * version, only the hunks without which the reproducer or a variant fires again.
 */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ok, type Result, refuse } from '../lib/result.ts';
import type { PackageSource, PackageTree } from '../target/index.ts';
import { copyWith } from './copy-service.ts';
import { type Baseline, isMended, type PatchParts } from './patch.ts';
import { brokenBy } from './symptoms.ts';
import { applyToFiles, type FilePatch, type FileTexts, readPatch, writePatch } from './unified-diff.ts';

const SCRIPT = /\.(?:[cm]?js|json)$/;
const BESIDE =
  /(?:^|\/)(?:tests?|__tests__|spec|examples?|docs?|bench(?:mark)?s?|coverage|node_modules|\.github)\/|\.min\.js$|(?:\.test|\.spec)\.[cm]?js$|(?:^|\/)(?:gulpfile|gruntfile|karma\.conf|webpack\.config|rollup\.config)[\w.]*js$|package-lock\.json$/i;
const FILES = 2_000;
const FILE_BYTES = 1024 * 1024;
/** Runs of reproducer and variants spent on making the patch smaller. */
const TRIALS = 24;

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

export async function upstreamPatch(
  parts: PatchParts,
  baseline: Baseline,
  fixed: PackageSource,
): Promise<Result<string, string>> {
  const { tree } = baseline;
  const whole = await wholeUpstreamPatch(tree, fixed);
  if (!whole.ok) return whole;
  const read = readPatch(whole.value);
  if (!read.ok) return read;
  const texts = await readScripts(join(tree.directory, tree.packagePath));
  const holds = async (patches: readonly FilePatch[]) => await isSilentWith(parts, baseline, texts, patches);
  const loaded = new Set(baseline.first.coverage.loaded);
  const near = read.value.filter(({ path, kind }) => kind === 'add' || loaded.has(`${tree.name}/${path}`));
  const start = near.length > 0 && (await holds(near)) ? near : read.value;
  if (start === read.value && !(await holds(start)))
    return refuse('the fixed version does not mend this finding, or changes other behaviour with it');
  const smallest = await shrink(start, holds);
  const after = applyToFiles(texts, smallest);
  return after.ok ? ok(writePatch(texts, after.value)) : after;
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

type Holds = (patches: readonly FilePatch[]) => Promise<boolean>;

/** Files first, then hunks in ever smaller blocks: what can be left out is left out. */
async function shrink(patches: readonly FilePatch[], holds: Holds): Promise<readonly FilePatch[]> {
  let kept = patches.flatMap((patch, file) => patch.diff.hunks.map((_, hunk) => ({ file, hunk })));
  const assemble = (parts: typeof kept) =>
    patches.flatMap((patch, file) => {
      const hunks = patch.diff.hunks.filter((_, hunk) => parts.some((one) => one.file === file && one.hunk === hunk));
      return hunks.length === 0 ? [] : [{ ...patch, diff: { ...patch.diff, hunks } }];
    });
  let trials = TRIALS;
  const tryWithout = async (block: typeof kept) => {
    const rest = kept.filter((part) => !block.includes(part));
    if (rest.length === 0 || trials <= 0) return;
    trials -= 1;
    if (await holds(assemble(rest))) kept = rest;
  };
  for (let file = 0; file < patches.length; file += 1) await tryWithout(kept.filter((part) => part.file === file));
  for (let size = Math.ceil(kept.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (const at of Array.from({ length: Math.ceil(kept.length / size) }, (_, index) => index * size).reverse()) {
      await tryWithout(kept.slice(at, at + size));
    }
  }
  return assemble(kept);
}

async function isSilentWith(parts: PatchParts, baseline: Baseline, texts: FileTexts, patches: readonly FilePatch[]) {
  const after = applyToFiles(texts, patches);
  if (!after.ok) return false;
  const files = patches.map(({ path }) => ({ path, before: texts.get(path), after: after.value.get(path) }));
  if (brokenBy(files).length > 0) return false;
  const copy = await copyWith(baseline.tree, parts.scratch, texts, after.value);
  try {
    return await isMended(parts, baseline, copy);
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
