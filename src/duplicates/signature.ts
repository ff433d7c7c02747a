/** What of a record is compared, worked out once, so that comparing a pair costs no parsing. */
import { type CrashType, type Frame, readCrashType, readFrame, wordsOf } from './crash.ts';
import type { DuplicateRecord } from './duplicate-record.ts';
import { normaliseLine, pathTail } from './source-place.ts';
import { minHash, shinglesOf, simHash } from './text-fingerprint.ts';

export interface Signature {
  readonly id: string;
  readonly project: string;
  readonly engine: string;
  readonly sanitizer: string;
  readonly fuzzTarget: string;
  readonly fuzzWords: readonly string[];
  readonly crash: CrashType | undefined;
  readonly frames: readonly Frame[];
  /** Names and words of all frames, each once. */
  readonly frameNames: readonly string[];
  readonly frameWords: readonly string[];
  readonly severity: string;
  readonly reported: number | undefined;
  readonly regressedAfter: number | undefined;
  readonly regressedBy: number | undefined;
  readonly cwe: readonly string[];
  readonly rule: string;
  /** Last parts of the path: folders above differ between a project and its vendored copies. */
  readonly file: string;
  readonly line: number | undefined;
  readonly sink: string;
  /** Normalised lines that a fix changes. */
  readonly patched: readonly string[];
  readonly title: readonly string[];
  readonly textSimHash: bigint | undefined;
  readonly textMinHash: readonly number[];
}

export function signatureOf(record: DuplicateRecord): Signature {
  const text = [record.title ?? '', record.text ?? ''].join('\n').trim();
  const shingles = shinglesOf(text);
  const frames = (record.crashState ?? []).map(readFrame);
  return {
    id: record.id,
    project: (record.project ?? '').toLowerCase(),
    engine: (record.engine ?? '').toLowerCase(),
    sanitizer: (record.sanitizer ?? '').toLowerCase(),
    fuzzTarget: (record.fuzzTarget ?? '').toLowerCase(),
    fuzzWords: wordsOf(record.fuzzTarget ?? '').filter((word) => !/^(?:fuzz|fuzzer|fuzzing|test)$/.test(word)),
    crash: record.crashType === undefined ? undefined : readCrashType(record.crashType),
    frames,
    frameNames: [...new Set(frames.map(({ name }) => name))],
    frameWords: [...new Set(frames.flatMap(({ words }) => words))],
    severity: (record.severity ?? '').toLowerCase(),
    reported: record.reported,
    regressedAfter: record.regressedAfter,
    regressedBy: record.regressedBy,
    cwe: (record.cwe ?? []).map((each) => each.toUpperCase().replace(/^CWE[-_:/\s]*0*/, 'CWE-')),
    rule: (record.rule ?? '').toLowerCase(),
    file: pathTail(record.file ?? ''),
    line: record.line,
    sink: normaliseLine(record.sink ?? ''),
    patched: [...new Set((record.patchedLines ?? []).map(normaliseLine))].filter((line) => line.length > 3),
    title: wordsOf(record.title ?? ''),
    textSimHash: shingles.length > 0 ? simHash(shingles) : undefined,
    textMinHash: minHash(shingles),
  };
}
