/**
 * How much harm waits with a flaw: SSVC outcome × exposure × chain × age. Pure; days are counted from any one origin.
 *
 * Age grows without bound and all else has a largest value, so whatever waits comes first one day.
 */
export type SsvcOutcome = 'defer' | 'scheduled' | 'out-of-cycle' | 'immediate';

/** Each outcome of the supplier's table counts as two of the one below. */
export const SSVC_WEIGHTS: Readonly<Record<SsvcOutcome, number>> = {
  defer: 1,
  scheduled: 2,
  'out-of-cycle': 4,
  immediate: 8,
};

/** By its name in the table: `Out-of-Cycle`. */
export function readOutcome(name: string): SsvcOutcome | undefined {
  const lower = name.toLowerCase();
  return Object.hasOwn(SSVC_WEIGHTS, lower) ? (lower as SsvcOutcome) : undefined;
}

export interface Waiting {
  readonly id: string;
  readonly outcome: SsvcOutcome;
  /** Attacks or a public exploit are known. */
  readonly isExploited: boolean;
  /** What depends on the project, as far as known: of real cases the partners whose products it hits. */
  readonly dependents: number;
  /** Part of a path of several flaws. */
  readonly isChained: boolean;
  readonly foundDay: number;
  /** Findings of one project with the same relation are mended by one patch series. Null: related to nothing. */
  readonly relation: string | null;
}

export interface Harm {
  readonly total: number;
  readonly weight: number;
  readonly exposure: number;
  readonly chain: number;
  readonly age: number;
}

const CHAIN_FACTOR = 2;
/** The age that counts as much as the flaw itself. */
const AGE_DAYS = 90;
/** As many packages as any registry has. */
const MOST_DEPENDENTS = 10_000_000;

export function harmOf(waiting: Waiting, today: number): Harm {
  const weight = SSVC_WEIGHTS[waiting.outcome];
  const exposure = 1 + Math.log10(1 + Math.min(Math.max(waiting.dependents, 0), MOST_DEPENDENTS));
  const chain = waiting.isChained ? CHAIN_FACTOR : 1;
  const age = 1 + Math.max(0, today - waiting.foundDay) / AGE_DAYS;
  return { total: weight * exposure * chain * age, weight, exposure, chain, age };
}

/** The largest harm that anything can have at age 0, over the smallest: what waits this many `AGE_DAYS` precedes it. */
export const LARGEST_SPREAD =
  (SSVC_WEIGHTS.immediate * (1 + Math.log10(1 + MOST_DEPENDENTS)) * CHAIN_FACTOR) / SSVC_WEIGHTS.defer;
