/**
 * A finding's reproducer on another release of its package, by the same rule of three as the finding itself:
 *
 *   3 of 3 fire ─▶ still there                        some of 3, or a call not reached ─▶ unclear, with the reason
 *   3 of 3 reach the call in silence ─▶ variants: all silent ─▶ fixed
 *                                            └─ one fires 3 of 3 ─▶ still there: only the one payload is refused
 */
import type { PackageTree } from '../target/index.ts';
import { outcomeOf, RUNS, type RunOutcome } from './confirm.ts';
import { type Claim, judgeOptionsOf } from './confirm-service.ts';
import { type ReproductionService, stageOf } from './reproduce-service.ts';

export interface ReleaseTrial {
  readonly outcome: 'still-there' | 'fixed' | 'unclear';
  /** One sentence for people. */
  readonly reason: string;
  readonly fired: number;
  readonly of: number;
}

export async function tryRelease(
  runs: ReproductionService,
  claim: Claim,
  variants: readonly Claim[],
  tree: PackageTree,
): Promise<ReleaseTrial> {
  const own = await runThree(runs, claim, tree);
  if (own.outcome !== 'fixed') return own;
  for (const variant of variants) {
    const tried = await runThree(runs, variant, tree);
    if (tried.outcome === 'still-there') {
      return {
        ...tried,
        reason: `the reproducer is silent, a variant of it fired in ${tried.fired} of ${tried.of} runs`,
      };
    }
    // A variant that does not reach its call says nothing of a release on which the reproducer does.
    if (tried.fired > 0) return { ...tried, reason: `of a variant of the reproducer: ${tried.reason}` };
  }
  return variants.length > 0 ? { ...own, reason: `${own.reason}, as are ${variants.length} variants` } : own;
}

async function runThree(runs: ReproductionService, claim: Claim, tree: PackageTree): Promise<ReleaseTrial> {
  const options = judgeOptionsOf(claim, tree.name);
  const observed = await runs.runTimes({ ...claim, stage: stageOf(tree) }, RUNS);
  return judgeThree(observed.map((run) => outcomeOf(run, options)));
}

export function judgeThree(outcomes: readonly RunOutcome[]): ReleaseTrial {
  const of = outcomes.length;
  const fired = outcomes.filter(({ outcome }) => outcome === 'fires').length;
  const told = (outcome: ReleaseTrial['outcome'], reason: string): ReleaseTrial => ({ outcome, reason, fired, of });
  if (of < RUNS) return told('unclear', `${of} runs are not ${RUNS}`);
  if (fired === of) return told('still-there', `fired in ${fired} of ${of} runs`);
  if (fired > 0) return told('unclear', `fired in ${fired} of ${of} runs`);
  const unclear = outcomes.find((each) => each.outcome === 'not-comparable');
  if (unclear?.outcome === 'not-comparable') return told('unclear', unclear.reason);
  return told('fixed', `silent in ${of} of ${of} runs with the same call reached`);
}
