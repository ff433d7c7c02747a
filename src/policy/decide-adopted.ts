/**
 * Version 2 of what a decision means: as version 1, and of each framework by which act it was adopted. On signed evidence a
 * framework that nobody adopted grants nothing; a file of claims, which opens nothing, is told so and no more.
 */
import { type Adoption, adoptionOf } from './adoption.ts';
import { type Decision, decide } from './decide.ts';
import type { Dossier } from './dossier.ts';
import type { Framework } from './framework.ts';
import type { RefusedClaim } from './sift.ts';
import type { Missing } from './stage-gate.ts';

export function decideAdopted(
  frameworks: readonly Framework[],
  dossier: Dossier,
  refusedBefore: readonly RefusedClaim[] = [],
  adoptions: readonly Adoption[] = [],
): Decision {
  const decided = decide(frameworks, dossier, refusedBefore);
  const judged = new Map(frameworks.map((framework) => [framework.id, adoptionOf(framework, adoptions, dossier.asOf)]));
  const why = (id: string): string | null => {
    const found = judged.get(id);
    return found && 'why' in found ? found.why : null;
  };
  const told = {
    ...decided,
    semantics: 2,
    inputs: {
      ...decided.inputs,
      frameworks: decided.inputs.frameworks.map((each) => {
        const { adoption = null } = judged.get(each.id) ?? {};
        return { ...each, adoption: adoption && { act: adoption.act, at: adoption.at, signedBy: adoption.signedBy } };
      }),
    },
    reasoning: decided.reasoning.map((each) => ({ ...each, adoption: why(each.framework) ?? 'adopted' })),
  };
  const missing = frameworks.flatMap(({ id, version }): readonly Missing[] => {
    const reason = why(id);
    return reason === null ? [] : [{ framework: id, clause: '', what: 'adoption', id: version, why: reason }];
  });
  if (missing.length === 0 || dossier.statements.length === 0) return told;
  return { ...told, stage: 'closed', granted: false, missing: [...missing, ...decided.missing] };
}
