/**
 * Are two records the same flaw? Two crash reports of one project are judged by the learnt score; what a report says of
 * source, sink, fix and text is weighed by hand, because no labelled data of that kind was at hand. Every verdict says why.
 */
import type { Census } from './census.ts';
import { CRASH_FEATURES, crashFeatures } from './crash-features.ts';
import parameters from './crash-parameters.json' with { type: 'json' };
import { crashReasons } from './crash-reason.ts';
import { logOdds, probabilityOf, readScore } from './score.ts';
import type { Signature } from './signature.ts';
import { type Evidence, MOST_OF_WORDS, sourceEvidence } from './source-evidence.ts';

/** From here on two records are merged: set where, on projects that were not learnt from, four of five such pairs were right. */
export const MERGE_AT = parameters.mergeAt;

/** From here on a pair is shown to a person, side by side. */
export const BORDERLINE_AT = 0.35;

export interface Judgement {
  /** That both are the same flaw, 0 to 1. */
  readonly probability: number;
  readonly verdict: 'same' | 'borderline' | 'different';
  readonly reasons: readonly string[];
}

const CRASH_SCORE = readScore(parameters.score, CRASH_FEATURES);

/** Odds before any evidence that two records sharing a key, but no crash, are one flaw: about one in fifty. */
const SOURCE_START = -4;

/** Nothing learnt may outweigh two different projects. */
const OTHER_PROJECT = -6;

const BORDERLINE_ODDS = Math.log(BORDERLINE_AT / (1 - BORDERLINE_AT));

/** The census is that of all records at hand: how rare a thing is cannot be seen from two. */
export function judge(a: Signature, b: Signature, census: Census): Judgement {
  const evidence = sourceEvidence(a, b);
  const isCrash = areCrashes(a, b);
  const start = isCrash ? logOdds(CRASH_SCORE, crashFeatures(a, b, census)) : SOURCE_START;
  const apart = a.project === b.project ? 0 : OTHER_PROJECT;
  const odds = evidence.reduce((sum, { weight }: Evidence) => sum + weight, start + apart);
  const probability = probabilityOf(odds);
  const reasons = [
    ...(isCrash ? crashReasons(a, b, census) : []),
    ...evidence.map(({ reason }) => reason),
    ...(apart === 0 ? [] : [`different projects: ${a.project || 'not named'} and ${b.project || 'not named'}`]),
  ];
  return {
    probability,
    verdict: verdictOf(probability),
    reasons: reasons.length > 0 ? reasons : ['nothing in common'],
  };
}

/** False where `judge` would find them different whatever their texts say: told of signatures that were made without. */
export function mayBeAlike(a: Signature, b: Signature): boolean {
  if (areCrashes(a, b)) return true;
  const apart = a.project === b.project ? 0 : OTHER_PROJECT;
  const odds = sourceEvidence(a, b).reduce((sum, { weight }) => sum + weight, SOURCE_START + apart);
  return odds + MOST_OF_WORDS >= BORDERLINE_ODDS;
}

const areCrashes = (a: Signature, b: Signature): boolean =>
  a.frames.length > 0 && b.frames.length > 0 && a.project === b.project;

export function verdictOf(probability: number): Judgement['verdict'] {
  if (probability >= MERGE_AT) return 'same';
  return probability >= BORDERLINE_AT ? 'borderline' : 'different';
}
