/**
 * What a report says, whatever it came in as, read into one form. All of it is the word of strangers: data to be kept,
 * compared and shown escaped, never run, opened, followed or believed.
 */
export const SEVERITIES = ['critical', 'high', 'medium', 'low', 'none'] as const;
export type Severity = (typeof SEVERITIES)[number];

export interface ClaimPlace {
  /** As the report has it; it is never opened. */
  readonly file?: string | undefined;
  readonly line?: number | undefined;
  readonly endLine?: number | undefined;
  readonly column?: number | undefined;
  readonly endColumn?: number | undefined;
  readonly function?: string | undefined;
  readonly snippet?: string | undefined;
}

export interface Claim {
  readonly title: string;
  readonly text: string;
  readonly tool?: string | undefined;
  readonly toolVersion?: string | undefined;
  readonly rule?: string | undefined;
  /** With the words the report used: a claim with a source, not a decision. */
  readonly severity?: { readonly level: Severity; readonly said: string } | undefined;
  readonly cvss?: string | undefined;
  readonly cwes: readonly string[];
  readonly aliases: readonly string[];
  readonly project?: string | undefined;
  readonly version?: string | undefined;
  readonly places: readonly ClaimPlace[];
  /** Functions, innermost first. */
  readonly stack: readonly string[];
  readonly crash?: string | undefined;
  /** What found a crash, and between which builds it came in (Unix seconds). */
  readonly fuzzing?:
    | {
        readonly sanitizer?: string | undefined;
        readonly target?: string | undefined;
        readonly regressedAfter?: number | undefined;
        readonly regressedBy?: number | undefined;
      }
    | undefined;
  readonly fingerprints: Readonly<Record<string, string>>;
  readonly sourceId?: string | undefined;
  readonly reporter?: string | undefined;
  readonly reportedAt?: string | undefined;
  /** A model wrote it. */
  readonly isByModel?: boolean | undefined;
  /** Names and sizes; none is ever unpacked. */
  readonly attachments?: readonly { readonly name: string; readonly bytes: number }[] | undefined;
  /** Why the source itself says that there is nothing to act on. */
  readonly dismissed?: string | undefined;
}

/** Characters. What is longer is cut in the claim; the original bytes keep all of it. */
const MAX_TITLE = 300;
const MAX_TEXT = 40_000;
const MAX_FIELD = 1_000;
const CUT = '…';

export const clip = (text: string | undefined, max = MAX_FIELD): string | undefined =>
  text === undefined || text.length <= max ? text?.toWellFormed() : `${text.slice(0, max - 1)}${CUT}`.toWellFormed();

export const clipTitle = (text: string): string => clip(text.replace(/\s+/g, ' ').trim(), MAX_TITLE) ?? '';
export const clipText = (text: string): string => clip(text, MAX_TEXT) ?? '';

const WORDS: Readonly<Record<string, Severity>> = {
  critical: 'critical',
  crit: 'critical',
  p1: 'critical',
  severe: 'critical',
  high: 'high',
  important: 'high',
  error: 'high',
  p2: 'high',
  medium: 'medium',
  moderate: 'medium',
  warning: 'medium',
  p3: 'medium',
  low: 'low',
  minor: 'low',
  note: 'low',
  p4: 'low',
  none: 'none',
  info: 'none',
  informational: 'none',
  p5: 'none',
};

/** Bounds of the CVSS rating scale. */
const RATINGS: readonly (readonly [number, Severity])[] = [
  [9, 'critical'],
  [7, 'high'],
  [4, 'medium'],
  [0.1, 'low'],
  [0, 'none'],
];

/** A word of the usual scales, or a score from 0 to 10. Undefined for anything else: no severity is guessed. */
export function readSeverity(said: string | undefined): Claim['severity'] {
  if (said === undefined) return undefined;
  const word = said.trim().toLowerCase();
  const level = WORDS[word] ?? ofScore(word);
  return level && { level, said: clip(said.trim(), MAX_FIELD) ?? '' };
}

function ofScore(word: string): Severity | undefined {
  if (!/^\d{1,2}(\.\d+)?$/.test(word) || Number(word) > 10) return undefined;
  return RATINGS.find(([least]) => Number(word) >= least)?.[1];
}
