/**
 * What of a claim the judge of likeness is shown, and by which keys records that may be alike are found. A scanner's text
 * is its rule's, so what has a place is looked for near that place; what has none, by its words.
 */
import { candidateKeys, type DuplicateRecord, type Signature, signatureOf } from '../duplicates/index.ts';
import type { Claim } from './claim.ts';
import type { Trait } from './identity.ts';

/** Lines of one stretch of a file. Each record lies in two that overlap by half, so neighbours share one of them. */
const STRETCH_LINES = 64;
const MAX_KEYS = 24;

export interface Likeness {
  /** By which it is found, and by whom: enough to say that two are not to be compared. */
  readonly brief: Signature;
  /** Worked out when it is first compared: most records of a log never are. */
  readonly full: () => Signature;
}

export function toLikeness(claim: Claim): Likeness {
  const record = toDuplicateRecord(claim);
  // What has a place is not looked for by its words.
  const isPlaced = record.file !== undefined && record.line !== undefined;
  const brief = signatureOf(isPlaced ? { ...record, title: undefined, text: undefined } : record);
  let full = isPlaced ? undefined : brief;
  return {
    brief,
    full: () => {
      full ??= signatureOf(record);
      return full;
    },
  };
}

function toDuplicateRecord(claim: Claim): DuplicateRecord {
  const [place] = claim.places;
  const isCrash = claim.crash !== undefined || claim.rule === undefined;
  return {
    id: '',
    project: claim.project,
    engine: claim.tool,
    sanitizer: claim.fuzzing?.sanitizer,
    fuzzTarget: claim.fuzzing?.target,
    crashType: claim.crash,
    crashState: isCrash ? claim.stack : undefined,
    severity: claim.severity?.said,
    reported: instantOf(claim.reportedAt),
    regressedAfter: claim.fuzzing?.regressedAfter,
    regressedBy: claim.fuzzing?.regressedBy,
    title: claim.title,
    text: claim.text,
    cwe: claim.cwes,
    rule: claim.rule,
    file: place?.file,
    line: place?.line,
    sink: place?.snippet,
  };
}

/** Unix seconds. */
function instantOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const seconds = /^\d{9,10}$/.test(text) ? Number(text) : Date.parse(text) / 1_000;
  return Number.isFinite(seconds) ? seconds : undefined;
}

export interface LikenessTraits {
  /** By which it is found. */
  readonly kept: readonly Trait[];
  /** By which it looks for others. */
  readonly asked: readonly Trait[];
}

/**
 * A file's name and a weakness alone find what has no line only: two places of one name that share neither a stretch nor
 * a statement are no pair, and in a large log very many share these.
 */
export function likenessTraits(signature: Signature): LikenessTraits {
  const { project, file, line, frames } = signature;
  if (file === '' || line === undefined) {
    const keys = candidateKeys(signature).filter((key) => frames.length === 0 || !key.startsWith('text:'));
    return { kept: toTraits([...keys.filter(isCopy).map(ofUnplaced), ...keys]), asked: toTraits(keys) };
  }
  const keys = candidateKeys(signature).filter((key) => !key.startsWith('text:') && !key.startsWith('file:'));
  const stretches = [line, line + STRETCH_LINES / 2].map(
    (at, half) => `near:${half}:${Math.floor(at / STRETCH_LINES)}:${project}:${file}`,
  );
  return {
    kept: toTraits([...stretches, ...keys]),
    asked: toTraits([...stretches, ...keys.map((key) => (isCopy(key) ? ofUnplaced(key) : key))]),
  };
}

const isCopy = (key: string): boolean => key.startsWith('copy:');
const ofUnplaced = (key: string): string => `unplaced ${key}`;

const toTraits = (values: readonly string[]): readonly Trait[] =>
  values.slice(0, MAX_KEYS).map((value) => ({ field: 'likeness', value }));
