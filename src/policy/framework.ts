/**
 * A framework as data: what it looks at, which gates it sets, who decides, which clocks run. Files of this shape lie in
 * `frameworks/`, held to `framework.schema.json` there. The text of a clause is a paraphrase; `loc` says where it stands.
 */
import type { Json } from '../lib/canonical-json.ts';

export type Modality = 'MUST' | 'EXPECT' | 'MAY';
/** Where a clause gets its power from: the issuer's own word, the same at its discretion, law, or an agreement. */
export type Force = 'self' | 'self-discretionary' | 'law' | 'contract';

/** From the innermost to the outermost. */
export const RELEASE_STAGES = ['internal', 'partners', 'trusted', 'limited', 'general'] as const;
export type ReleaseStage = (typeof RELEASE_STAGES)[number];

/** What a gate closes: words of the frameworks, or a stage and all further out. */
export const SCOPES = [
  'development',
  'internal',
  'high-risk-internal',
  'external',
  'partners',
  'trusted',
  'limited',
  'general',
] as const;
export type Scope = (typeof SCOPES)[number];

export type Condition =
  | { readonly always: true }
  | { readonly category: string; readonly level: string }
  | { readonly flag: string }
  | { readonly all: readonly Condition[] }
  | { readonly any: readonly Condition[] };

export type Requirement =
  | { readonly safeguard: string }
  /** A document or evaluation that must exist, as a result that passed. */
  | { readonly artefact: string }
  /** At least one of the claims that cover this way of harm stands. */
  | { readonly vector: string }
  | { readonly metric: string; readonly atLeast: number }
  /** Another gate of the same framework holds. */
  | { readonly clause: string }
  | { readonly all: readonly Requirement[] }
  | { readonly any: readonly Requirement[] };

export interface Level {
  readonly id: string;
  readonly threshold: Json;
  /** Reached when so many of these tests pass; a void test can be counted neither way. */
  readonly tests?: { readonly names: readonly string[]; readonly passes: number };
}

export interface Category {
  readonly id: string;
  readonly name: string;
  /** From the lowest to the highest. */
  readonly levels: readonly Level[];
  readonly loc: string | null;
}

export interface Term {
  readonly id: string;
  readonly term: string;
  /** `undefined`: without a signed reading nothing can be said. `wide`: the strictest reading binds until a signed one. */
  readonly status: 'undefined' | 'wide';
  readonly loc: string | null;
}

interface Named {
  readonly id: string;
  readonly name: string;
  readonly loc: string | null;
}

export interface Vector extends Named {
  readonly claims: readonly string[];
}

export interface Gate {
  readonly id: string;
  readonly text: string;
  readonly when: Condition;
  readonly blocks: readonly Scope[];
  readonly requires: readonly Requirement[];
  readonly term?: string;
  readonly modality: Modality;
  readonly force: Force;
  readonly loc: string | null;
}

/** Something to be done that closes no stage; where its term is undefined, the stage waits for a reading all the same. */
export interface Duty {
  readonly id: string;
  readonly text: string;
  readonly when: string | null;
  readonly by: string | null;
  readonly term?: string;
  readonly modality: Modality;
  readonly force: Force;
  readonly loc: string | null;
}

/** Who must agree. Bodies are named as the framework names them. */
export interface Quorum {
  readonly id: string;
  readonly for: string;
  /** Asked only where this holds. */
  readonly when: Condition;
  readonly approve: { readonly all: readonly string[] } | { readonly any: readonly string[] };
  readonly recommend?: readonly string[];
  readonly mayActWithoutRecommendation?: boolean;
  readonly reverse?: readonly string[];
  readonly propose?: readonly string[];
  readonly consult?: readonly string[];
  readonly notify?: readonly string[];
  readonly loc: string | null;
}

export interface Deviation {
  readonly id: string;
  readonly text: string;
  /** Gates it can lift. */
  readonly lifts: readonly string[];
  /** Conditions, each of which must be shown by evidence. */
  readonly requires: readonly string[];
  readonly raises: readonly string[];
  readonly loc: string | null;
}

export const CLOCK_KINDS = ['incident', 'finding', 'deployment'] as const;
export type ClockKind = (typeof CLOCK_KINDS)[number];

export interface ClockRule {
  readonly id: string;
  readonly event: string;
  readonly kinds: readonly ClockKind[];
  /** Facts that must be true, or above zero; all of them. */
  readonly when: readonly string[];
  /** Facts any of which ends the matter, so that this clock does not run. */
  readonly unless: readonly string[];
  /** The instant it counts from: `awareAt`, `resolvedAt`, or an instant among the facts. */
  readonly origin: string;
  /** Where the origin is not known, this one. */
  readonly otherwise: string | null;
  /** ISO 8601: hours are elapsed, everything longer is of the calendar. `P0D`: at once. */
  readonly duration: string;
  /** Added to the duration first: `PT72H`, then a month. */
  readonly after: string | null;
  /** An instant that ends it where it is earlier. */
  readonly earlyEnd: string | null;
  /** Again and again, so often. */
  readonly every: string | null;
  readonly recipient: string;
  readonly modality: Modality;
  readonly force: Force;
  readonly inForceFrom: string | null;
  readonly loc: string | null;
}

export interface Source {
  readonly url: string | null;
  /** Of the issuer's bytes; null where nobody has checked it. */
  readonly sha256: string | null;
  readonly sha256Prefix: string | null;
  /** Other bytes that were seen under the same label. */
  readonly variants: readonly { readonly md5?: string; readonly sha256?: string; readonly seen: Json }[];
}

export interface Framework {
  readonly id: string;
  readonly issuer: string;
  readonly title: string;
  readonly version: string;
  readonly effective: string | null;
  readonly supersedes: string | null;
  readonly source: Source;
  readonly force: Force;
  readonly terms: readonly Term[];
  readonly categories: readonly Category[];
  readonly safeguards: readonly Named[];
  readonly artefacts: readonly Named[];
  readonly metrics: readonly Named[];
  readonly flags: readonly Named[];
  readonly vectors: readonly Vector[];
  readonly gates: readonly Gate[];
  readonly duties: readonly Duty[];
  readonly quorums: readonly Quorum[];
  readonly deviations: readonly Deviation[];
  readonly clocks: readonly ClockRule[];
  readonly notCovered: readonly string[];
  /** SHA-256 of the canonical JSON of the file. */
  readonly digest: string;
}

export const labelOf = ({ issuer, title, version }: Framework): string => `${issuer} ${title} ${version}`;

/** Whether the issuer's own bytes behind the label are known in full. */
export const isSourceVerified = ({ source }: Framework): boolean => source.sha256 !== null;
