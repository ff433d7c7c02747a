/**
 * The SSVC outcome of a case by the supplier's table, from what execution showed (the CVSS vector) and what is known of the
 * world. Value density and public safety impact are not known here: diffuse and minimal are taken.
 */
import { decideSsvc } from '../formats/ssvc.ts';
import type { SsvcOutcome } from './harm.ts';

export interface KnownFacts {
  readonly isAttacked: boolean;
  readonly isExploitPublic: boolean;
}

const OUTCOMES: Readonly<Record<string, SsvcOutcome>> = {
  D: 'defer',
  S: 'scheduled',
  O: 'out-of-cycle',
  I: 'immediate',
};

export function outcomeOf(vector: string, facts: KnownFacts): SsvcOutcome {
  const metrics = new Map(vector.split('/').map((part) => part.split(':') as [string, string]));
  const isNone = (name: string): boolean => (metrics.get(name) ?? 'N') === 'N';
  const reached = metrics.get('AV') === 'N' && metrics.get('AC') === 'L';
  const isAutomatable = reached && ['AT', 'PR', 'UI'].every(isNone);
  const isTotal = ['C', 'I'].every((name) => (metrics.get(`V${name}`) ?? metrics.get(name)) === 'H');
  const exploitation = facts.isAttacked ? 'A' : facts.isExploitPublic ? 'P' : 'N';
  const decided = decideSsvc('supplier_patch_development_priority_1_0_0', [
    ['E', exploitation],
    ['U', isAutomatable ? 'E' : 'L'],
    ['TI', isTotal ? 'T' : 'P'],
    ['PSI', 'M'],
  ]);
  const outcome = decided.ok ? OUTCOMES[decided.value.key] : undefined;
  if (!outcome) throw new Error(`the supplier's table gave no outcome for ${vector}`);
  return outcome;
}
