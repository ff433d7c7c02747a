/**
 * What changed between two sets of files, in the smallest parts that can be taken or left one by one. Unlike the hunks
 * of a patch they carry no context, so any choice of them applies.
 */
import { diffLines } from 'diff';
import type { FileTexts } from './unified-diff.ts';

export interface Edit {
  readonly path: string;
  /** Character range of the old text; null for a file that is added or removed as a whole. */
  readonly range: readonly [from: number, to: number] | null;
  /** Undefined where the file is removed. */
  readonly text: string | undefined;
}

/** Beyond this a file is taken as one part: finding the lines in common would cost more than they save. */
const DIFF_MILLISECONDS = 2_000;

/** Paths sorted, and each file from its start to its end. */
export function editsBetween(before: FileTexts, after: FileTexts): Edit[] {
  const paths = [...new Set([...before.keys(), ...after.keys()])].sort();
  return paths.flatMap((path) => {
    const [old, now] = [before.get(path), after.get(path)];
    if (old === now) return [];
    return old === undefined || now === undefined ? [{ path, range: null, text: now }] : editsIn(path, old, now);
  });
}

function editsIn(path: string, old: string, now: string): Edit[] {
  const parts = diffLines(old, now, { timeout: DIFF_MILLISECONDS });
  if (parts === undefined) return [{ path, range: [0, old.length], text: now }];
  const edits: { path: string; range: [number, number]; text: string }[] = [];
  let at = 0;
  let isOpen = false;
  for (const { added, removed, value } of parts) {
    if (!added && !removed) {
      at += value.length;
      isOpen = false;
      continue;
    }
    if (!isOpen) edits.push({ path, range: [at, at], text: '' });
    isOpen = true;
    const edit = edits.at(-1);
    if (edit && removed) {
      at += value.length;
      edit.range = [edit.range[0], at];
    }
    if (edit && added) edit.text += value;
  }
  return edits;
}

export function applyEdits(before: FileTexts, edits: readonly Edit[]): Map<string, string> {
  const after = new Map(before);
  for (const path of new Set(edits.map((edit) => edit.path))) {
    const own = edits.filter((edit) => edit.path === path);
    const whole = own.find(({ range }) => range === null);
    if (whole?.text !== undefined) after.set(path, whole.text);
    else if (whole) after.delete(path);
    else after.set(path, rewrite(before.get(path) ?? '', own));
  }
  return after;
}

/** From the end to the start, so that the places before an edit stay where they are. */
function rewrite(text: string, edits: readonly Edit[]): string {
  return [...edits]
    .sort((left, right) => (right.range?.[0] ?? 0) - (left.range?.[0] ?? 0))
    .reduce((now, { range, text: insert }) => now.slice(0, range?.[0]) + (insert ?? '') + now.slice(range?.[1]), text);
}
