/**
 * Versions of what a decision means. One that was superseded stays here with its golden decisions (`golden/<version>`),
 * so that a decision is worked out again by the rules it was made under.
 */
import { ok, type Result, refuse } from '../lib/result.ts';
import type { Adoption } from './adoption.ts';
import { type Decision, decide } from './decide.ts';
import { decideAdopted } from './decide-adopted.ts';
import { decideWithCase, type FindDocument } from './decide-with-case.ts';
import { decideWithEnd } from './decide-with-end.ts';
import type { Dossier } from './dossier.ts';
import type { Framework } from './framework.ts';
import type { RefusedClaim } from './sift.ts';

export type Decide = (
  frameworks: readonly Framework[],
  dossier: Dossier,
  refusedBefore?: readonly RefusedClaim[],
  adoptions?: readonly Adoption[],
  find?: FindDocument,
) => Decision;

export type Semantics = Readonly<Record<number, Decide>>;

export const SEMANTICS: Semantics = { 1: decide, 2: decideAdopted, 3: decideWithCase, 4: decideWithEnd };
export const CURRENT_SEMANTICS = 4;

export interface SemanticsRefusal {
  readonly kind: 'unknown-semantics';
  readonly version: number;
}

export function findSemantics(version: number, among: Semantics = SEMANTICS): Result<Decide, SemanticsRefusal> {
  const found = Object.hasOwn(among, version) ? among[version] : undefined;
  return found ? ok(found) : refuse({ kind: 'unknown-semantics', version });
}
