/**
 * A step of a rollout as a gateway knows it: who of a newly opened ring is let in already. A step only takes away: who is
 * outside has no grant, so that they are answered as anybody to whom the model does not belong.
 */
import { createHmac } from 'node:crypto';
import type { Rate, Stage, Tier } from './tier.ts';
import { isWithin } from './tier.ts';

/** Of an organisation, of all who are let in by the step together, or neither. */
export interface StepRates {
  readonly organisation?: Rate;
  readonly model?: Rate;
}

/** One row a model; without one no step restricts it. */
export interface RolloutNotice {
  /** Of the model. */
  readonly id: string;
  /** Keys of this ring and further in had the model before, and keep it. */
  readonly base: Stage;
  /** Of a million organisations so many are let in. */
  readonly shareMillionths: number;
  /** Of the rollout: which organisations come first is another order in each. */
  readonly salt: Uint8Array;
  /** Keyed tags of countries; undefined: everywhere. */
  readonly regions: readonly string[] | undefined;
  readonly rates: StepRates;
}

export const WHOLE_SHARE = 1_000_000;
const POSITION_BYTES = 6;

/** Where an organisation stands between 0 and `WHOLE_SHARE`: the same whatever the share is, so that growth drops nobody. */
export function sharePosition(salt: Uint8Array, organisation: string): number {
  const mac = createHmac('sha256', salt).update(organisation).digest();
  return (mac.readUIntBE(0, POSITION_BYTES) / 2 ** (8 * POSITION_BYTES)) * WHOLE_SHARE;
}

/** `jurisdictions`: of each organisation in play, the tags of all that is evidenced; one of which nothing is known is nowhere. */
export function isLetIn(
  { base, shareMillionths, salt, regions }: RolloutNotice,
  tier: Tier,
  organisation: string,
  jurisdictions: readonly (readonly string[])[],
): boolean {
  if (isWithin(tier, base)) return true;
  if (!(sharePosition(salt, organisation) < shareMillionths)) return false;
  return (
    regions === undefined ||
    jurisdictions.every((tags) => tags.length > 0 && tags.every((tag) => regions.includes(tag)))
  );
}
