/**
 * Version 4 of the semantics: as version 3, and a decision that grants a stage says until when. It rests on things that end: a
 * deviation, evidence and readings with a date, a safety case, the quiet before an order. From the first of these ends on the same
 * documents no longer give the stage.
 */
import type { Adoption } from './adoption.ts';
import type { Decision, DecisionEnd } from './decide.ts';
import { decideWithCase, type FindDocument, openSafetyCase } from './decide-with-case.ts';
import { CLAIM_KINDS, type Claim, type Dossier } from './dossier.ts';
import type { Framework } from './framework.ts';
import type { RefusedClaim } from './sift.ts';

/** A claim counts at the very instant that it is valid until, and no longer. */
const AFTER_MS = 1;

export function decideWithEnd(
  frameworks: readonly Framework[],
  dossier: Dossier,
  refusedBefore: readonly RefusedClaim[] = [],
  adoptions: readonly Adoption[] = [],
  find: FindDocument = () => undefined,
): Decision {
  const decision = decideWithCase(frameworks, dossier, refusedBefore, adoptions, find);
  const ends = decision.granted ? firstEnd(decision, endsOf(decision, frameworks, dossier, find)) : null;
  return { ...decision, semantics: 4, ends };
}

function endsOf(
  { deviations }: Decision,
  frameworks: readonly Framework[],
  dossier: Dossier,
  find: FindDocument,
): readonly DecisionEnd[] {
  const ends: DecisionEnd[] = [];
  const end = (instant: string, what: DecisionEnd['what'], place: string, plusMs = 0): void => {
    const at = new Date(Date.parse(instant) + plusMs);
    ends.push({ at: at.toISOString(), what, place });
  };
  for (const kind of CLAIM_KINDS) {
    for (const [at, { validUntil }] of (dossier[kind] as readonly Claim[]).entries()) {
      const what = kind === 'interpretations' || kind === 'deviations' ? ENDING[kind] : 'evidence';
      if (validUntil !== undefined) end(validUntil, what, `/${kind}/${at}`, AFTER_MS);
    }
  }
  for (const { framework, deviation, expiresAt } of deviations)
    end(expiresAt, 'deviation', `${framework}/${deviation}`);
  for (const { id, from, until } of dossier.orders) {
    const isEmpty = typeof until === 'string' && Date.parse(until) <= Date.parse(from);
    if (!isEmpty) end(from, 'order', id);
  }
  const { safetyCase, digest } = openSafetyCase(frameworks, dossier, find) ?? {};
  if (safetyCase && digest !== undefined) end(safetyCase.validUntil, 'safety-case', digest);
  return ends;
}

const ENDING = { interpretations: 'interpretation', deviations: 'deviation' } as const;

/** What is over when it is decided was judged then: an order that was withdrawn ends nothing. */
function firstEnd({ asOf }: Decision, ends: readonly DecisionEnd[]): DecisionEnd | null {
  const order = ({ at, what, place }: DecisionEnd): string => `${at} ${what} ${place}`;
  const [first] = ends
    .filter(({ at }) => Date.parse(at) > Date.parse(asOf))
    .toSorted((left, right) => (order(left) < order(right) ? -1 : 1));
  return first ?? null;
}
