/**
 * Answers of a maintainer who does not exist, for demonstrations. Every word of it says so, and only a demonstration
 * takes it: the type asks for one, and so does the check.
 */
import type { Case } from './case.ts';
import type { Step } from './case-step.ts';
import type { Learnt } from './finding.ts';

export type DemonstrationCase = Case & { readonly kind: 'demonstration' };

export const isDemonstration = (it: Case): it is DemonstrationCase => it.kind === 'demonstration';

export interface SimulatedAnswer {
  /** Days after the step before. */
  readonly afterDays: number;
  readonly step: Extract<Step, 'acknowledge' | 'patch' | 'fix-released'>;
  readonly note: string;
}

export const SIMULATED_ACTOR = 'simulated maintainer';

/** What the simulated maintainer does next, or undefined where it is not its turn. */
export function nextSimulatedAnswer(
  it: DemonstrationCase,
  { fixedVersion, patch }: Pick<Learnt, 'fixedVersion' | 'patch'>,
): SimulatedAnswer | undefined {
  if (!it.parties.some(({ role, simulated }) => role === 'vendor' && simulated)) return undefined;
  switch (it.stage) {
    case 'notified':
      return { afterDays: 2, step: 'acknowledge', note: 'SIMULATED: "Thank you, the reproducer shows it here too."' };
    case 'acknowledged':
      return {
        afterDays: 9,
        step: 'patch',
        note: `SIMULATED: "${patch === null ? 'We wrote a patch of our own' : 'Your patch works for us'}, we prepare a release."`,
      };
    case 'patched':
      return {
        afterDays: 5,
        step: 'fix-released',
        note: `SIMULATED: "Released${fixedVersion ? ` as ${fixedVersion}` : ''}."`,
      };
    default:
      return undefined;
  }
}
