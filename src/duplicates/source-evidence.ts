/**
 * What reports of scanners and persons say of the same flaw: the statement it happens in, the lines its fix changes, its
 * place, its kind, its words. Weights are logarithms of odds, set by hand.
 */
import type { Signature } from './signature.ts';
import { pathLikeness } from './source-place.ts';
import { minHashLikeness, simHashDistance } from './text-fingerprint.ts';

export interface Evidence {
  readonly weight: number;
  readonly reason: string;
}

/** Lines by which a place may have moved between two versions and still be the same. */
const DRIFT_LINES = 30;

/** Least share of common runs of words for texts to count as alike. */
const ALIKE_TEXT = 0.5;

/** Bits by which SimHashes of a text and its rewording differ at most. */
const ALIKE_BITS = 8;

/** The most that texts can say for two records. */
export const MOST_OF_WORDS = 3;

export function sourceEvidence(a: Signature, b: Signature): readonly Evidence[] {
  return [...rootCause(a, b), ...place(a, b), ...kind(a, b), ...words(a, b), ...copies(a, b)];
}

function rootCause(a: Signature, b: Signature): Evidence[] {
  const found: Evidence[] = [];
  const common = a.patched.filter((line) => b.patched.includes(line)).length;
  const least = Math.min(a.patched.length, b.patched.length);
  if (common > 0) {
    const share = common / least;
    found.push({ weight: share >= 0.5 ? 6 : 3, reason: `their fixes change ${common} of ${least} lines in common` });
  } else if (least > 0) found.push({ weight: -3, reason: 'their fixes change different lines' });
  if (a.sink !== '' && b.sink !== '') {
    const isSame = a.sink === b.sink;
    found.push(isSame ? { weight: 2.5, reason: 'the same statement' } : { weight: -2, reason: 'different statements' });
  }
  return found;
}

function place(a: Signature, b: Signature): Evidence[] {
  if (a.file === '' || b.file === '') return [];
  if (pathLikeness(a.file, b.file) < 1) return [{ weight: -3, reason: 'different files' }];
  const found: Evidence[] = [{ weight: 1.5, reason: `the same file, ${a.file}` }];
  if (a.line === undefined || b.line === undefined) return found;
  const drift = Math.abs(a.line - b.line);
  const hasSameSink = a.sink !== '' && a.sink === b.sink;
  if (drift === 0) found.push({ weight: 3, reason: `the same line, ${a.line}` });
  else if (drift <= 2) found.push({ weight: 1.5, reason: `${drift} lines apart` });
  else if (hasSameSink && drift <= DRIFT_LINES)
    found.push({ weight: 2, reason: `the same statement, moved by ${drift} lines` });
  else found.push({ weight: hasSameSink ? -0.5 : -3, reason: `${drift} lines apart` });
  return found;
}

function kind(a: Signature, b: Signature): Evidence[] {
  const found: Evidence[] = [];
  if (a.cwe.length > 0 && b.cwe.length > 0) {
    const common = a.cwe.find((each) => b.cwe.includes(each));
    found.push(
      common ? { weight: 1, reason: `both are ${common}` } : { weight: -1.5, reason: `${a.cwe[0]} and ${b.cwe[0]}` },
    );
  }
  if (a.rule !== '' && b.rule !== '') {
    // Two rules of one scanner at one place are two findings until somebody says otherwise; of two scanners they may be one.
    found.push(
      a.rule === b.rule ? { weight: 1, reason: `the same rule, ${a.rule}` } : { weight: -1, reason: 'different rules' },
    );
  }
  return found;
}

function words(a: Signature, b: Signature): Evidence[] {
  if (a.textSimHash === undefined || b.textSimHash === undefined) return [];
  const share = minHashLikeness(a.textMinHash, b.textMinHash);
  const bits = simHashDistance(a.textSimHash, b.textSimHash);
  const percent = `${Math.round(share * 100)} % of the words in a row are common`;
  if (share >= 0.9) return [{ weight: MOST_OF_WORDS, reason: percent }];
  if (share >= ALIKE_TEXT) return [{ weight: 2, reason: percent }];
  return bits <= ALIKE_BITS ? [{ weight: 1, reason: `texts differ in ${bits} of 64 bits` }] : [];
}

/** One upstream's code in two projects: only the code itself shows it, so a shared statement or fix at the same path. */
function copies(a: Signature, b: Signature): Evidence[] {
  if (a.project === b.project) return [];
  const isCode = (a.sink !== '' && a.sink === b.sink) || a.patched.some((line) => b.patched.includes(line));
  const names = new Set(a.frames.map(({ name }) => name));
  const sharedFrames = names.intersection(new Set(b.frames.map(({ name }) => name))).size;
  const isPath = a.file !== '' && b.file !== '' && pathLikeness(a.file, b.file) === 1;
  if (isCode && isPath) return [{ weight: 6, reason: 'a copy of the same upstream code' }];
  if (sharedFrames >= 3) return [{ weight: 6.5, reason: `${sharedFrames} frames of the same upstream code` }];
  return [];
}
