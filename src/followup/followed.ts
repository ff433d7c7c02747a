/** Cases whose packages are watched, and what was seen of them. Shapes, and what follows from a stage. Pure. */
import type { TrialOutcome } from './consequence.ts';
import type { Release } from './release.ts';

/** A release as it lies encrypted beside a case. */
export interface SeenRelease extends Release {
  /** Of git: where its tree can be had. */
  readonly repository?: string;
}

/** What came of a trial, as it lies encrypted. */
export interface KeptTrial {
  readonly reason: string;
  readonly fired: number;
  readonly of: number;
}

export interface TriedRelease extends SeenRelease {
  readonly seenAt: Date;
  readonly outcome: TrialOutcome | null;
  readonly reason: string | null;
}
