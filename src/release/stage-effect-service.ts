/**
 * Who would gain or lose a model by a stage, and by each step of a rollout on it: told by the very rules that gateways judge by, in a transaction that is undone.
 */
import { ok, type Result, refuse } from '../lib/result.ts';
import type { ReleaseStage } from '../policy/index.ts';
import {
  createAuthorityBook,
  createAuthorityStore,
  createNoticeStore,
  findGrant,
  type RolloutNotice,
} from '../program/index.ts';
import type { Database, Transaction } from '../store/database.ts';
import { decide as within } from '../store/decide.ts';
import { tierOf } from './stage-service.ts';

export interface StageEffect {
  /** Keys that could make a call then and cannot now. */
  readonly gain: number;
  readonly lose: number;
  readonly keep: number;
  readonly gaining: readonly AffectedOrganisation[];
  readonly losing: readonly AffectedOrganisation[];
}

/** With how many keys that gain, or lose, the model. */
export interface AffectedOrganisation {
  readonly organisation: string;
  readonly name: string;
  readonly keys: number;
}

export interface SteppedEffect extends StageEffect {
  /** At each step, against what holds now. */
  readonly steps: readonly StageEffect[];
}

type DryRun =
  | { readonly kind: 'dry-run'; readonly effect: SteppedEffect }
  | { readonly kind: 'not-found'; readonly what: string; readonly named: string };

export async function foreseeStage(
  database: Database,
  model: string,
  stage: ReleaseStage | 'closed',
  now: Date,
  steps: readonly RolloutNotice[] = [],
): Promise<Result<SteppedEffect, Extract<DryRun, { readonly kind: 'not-found' }>>> {
  const outcome = await within<never, DryRun>(database, async (tx) => {
    const before = await keysWith(tx, model, now);
    const notices = createNoticeStore(tx);
    const foreseen = { stage: stage === 'closed' ? stage : tierOf(stage), isByDecision: true };
    const isKnown = await notices.setStage(model, foreseen);
    if (!isKnown) return refuse({ kind: 'not-found', what: 'model', named: model });
    const stepped: StageEffect[] = [];
    for (const step of steps) {
      await notices.setRollout(step);
      stepped.push(compare(before, await keysWith(tx, model, now)));
    }
    if (steps.length > 0) await notices.dropRollout(model);
    // Refused, so that nothing of it stays.
    return refuse({ kind: 'dry-run', effect: { ...compare(before, await keysWith(tx, model, now)), steps: stepped } });
  });
  if (outcome.ok) return outcome;
  return outcome.refusal.kind === 'dry-run' ? ok(outcome.refusal.effect) : refuse(outcome.refusal);
}

/** Keys that may call the model, each with its organisation. */
async function keysWith(tx: Transaction, model: string, now: Date): Promise<ReadonlyMap<string, Holder>> {
  const book = createAuthorityBook();
  await createAuthorityStore(tx).readAll(book);
  const callers = book.callers(now).filter((caller) => findGrant(caller, model, now));
  return new Map(
    callers.map(({ key, organisation }) => [key, { organisation, name: book.nameOf(organisation) ?? organisation }]),
  );
}

type Holder = Omit<AffectedOrganisation, 'keys'>;

function compare(before: ReadonlyMap<string, Holder>, after: ReadonlyMap<string, Holder>): StageEffect {
  const gained = [...after].filter(([key]) => !before.has(key)).map(([, holder]) => holder);
  const lost = [...before].filter(([key]) => !after.has(key)).map(([, holder]) => holder);
  return {
    gain: gained.length,
    lose: lost.length,
    keep: before.size - lost.length,
    gaining: affected(gained),
    losing: affected(lost),
  };
}

/** Those with the most keys first. */
function affected(holders: readonly Holder[]): readonly AffectedOrganisation[] {
  return [...Map.groupBy(holders, ({ organisation }) => organisation).values()]
    .flatMap((same) => (same[0] ? [{ ...same[0], keys: same.length }] : []))
    .toSorted((left, right) => right.keys - left.keys || (left.name < right.name ? -1 : 1));
}
