/**
 * Strings by which an index finds the pairs worth comparing: two records are compared only if they share one. A key that
 * very many records share is of no use; whoever keeps the index leaves it out (`MAX_BUCKET`).
 */
import { windowOf } from './census.ts';
import type { Signature } from './signature.ts';
import { hash32 } from './text-fingerprint.ts';

/** Records under one key beyond which the key no longer makes candidates. */
export const MAX_BUCKET = 200;

/** Most keys of one record. */
const MAX_KEYS = 64;

/** Rows of a MinHash band: texts of which about half is common share one of sixteen bands. */
const BAND_ROWS = 4;

const DAY_SECONDS = 86_400;

export function candidateKeys(signature: Signature): readonly string[] {
  const { project, frames, fuzzTarget, reported, file, sink, patched, cwe, textMinHash } = signature;
  const window = windowOf(signature);
  const keys = new Set<string>();
  const within = (kind: string, value: string): void => {
    if (value !== '') keys.add(`${kind}:${project}:${value}`);
  };
  if (frames.length > 0) within('window', window === 'none' ? '' : window);
  for (const { name, scope } of frames) {
    within('frame', name);
    within('scope', scope);
  }
  if (reported !== undefined) {
    const day = Math.floor(reported / DAY_SECONDS);
    // Of two reports at most a day apart, the later's first key is one of the earlier's two.
    for (const each of [day, day + 1]) within('day', `${each}:${fuzzTarget}`);
  }
  within('file', file);
  // From here on over project borders: one flaw in several copies of the same code.
  if (sink.length > 8) keys.add(`sink:${hash32(sink)}`);
  for (const line of patched) if (line.length > 8) keys.add(`patched:${hash32(line)}`);
  const base = file.split('/').at(-1) ?? '';
  if (base !== '') for (const each of cwe) keys.add(`copy:${each}:${base}`);
  for (let row = 0; row + BAND_ROWS <= textMinHash.length; row += BAND_ROWS) {
    keys.add(`text:${row}:${hash32(textMinHash.slice(row, row + BAND_ROWS).join())}`);
  }
  return [...keys].slice(0, MAX_KEYS);
}
