/**
 * Tiers, the rings of the programme, from the innermost to the outermost, and what each unlocks. The access level of a
 * request selects behaviour among what the tier unlocks; it never grants anything.
 */
import { ok, type Result, refuse } from '../lib/result.ts';

export const TIERS = ['internal', 'partner', 'trusted', 'limited', 'general'] as const;
export type Tier = (typeof TIERS)[number];

/** The lowest tier to which a model is open; `closed`: to nobody. */
export const STAGES = ['closed', ...TIERS] as const;
export type Stage = (typeof STAGES)[number];

/** How the guards treat a request, from the most cautious on. */
export const ACCESS_LEVELS = ['standard', 'dual-use', 'research'] as const;
export type AccessLevel = (typeof ACCESS_LEVELS)[number];

/** A token bucket. */
export interface Rate {
  readonly perSecond: number;
  readonly burst: number;
}

export interface TierRights {
  readonly levels: readonly AccessLevel[];
  /** Of a request that names none. */
  readonly defaultLevel: AccessLevel;
  /** How long a grant lasts unless it says otherwise. */
  readonly grantDays: number;
  /** Of each key; a person and an organisation have several times that. */
  readonly rate: Rate;
}

const RIGHTS: Readonly<Record<Tier, TierRights>> = {
  internal: {
    levels: ['standard', 'dual-use', 'research'],
    defaultLevel: 'dual-use',
    grantDays: 365,
    rate: { perSecond: 20_000, burst: 40_000 },
  },
  partner: {
    levels: ['standard', 'dual-use', 'research'],
    defaultLevel: 'dual-use',
    grantDays: 365,
    rate: { perSecond: 20_000, burst: 40_000 },
  },
  trusted: {
    levels: ['standard', 'dual-use'],
    defaultLevel: 'dual-use',
    grantDays: 180,
    rate: { perSecond: 1_000, burst: 2_000 },
  },
  limited: { levels: ['standard'], defaultLevel: 'standard', grantDays: 90, rate: { perSecond: 100, burst: 400 } },
  general: { levels: ['standard'], defaultLevel: 'standard', grantDays: 90, rate: { perSecond: 20, burst: 100 } },
};

export const isTier = (text: unknown): text is Tier => TIERS.some((tier) => tier === text);
export const rightsOf = (tier: Tier): TierRights => RIGHTS[tier];

/** Whether `held` is `needed` or further in. */
export function isWithin(held: Tier, needed: Stage): boolean {
  return needed !== 'closed' && TIERS.indexOf(held) <= TIERS.indexOf(needed);
}

/** The one further in: what a caller must satisfy where both bind. */
export function stricter(left: Stage, right: Stage): Stage {
  return STAGES.indexOf(left) <= STAGES.indexOf(right) ? left : right;
}

export interface LevelRefusal {
  readonly kind: 'level-not-unlocked';
  readonly tier: Tier;
  readonly asked: string;
  readonly unlocked: readonly AccessLevel[];
}

/** What providers call them in `access_programs`. */
const PROVIDERS_NAMES: ReadonlyMap<string, AccessLevel> = new Map([
  ['daybreak_blue', 'dual-use'],
  ['daybreak_red', 'research'],
]);

export function selectLevel(tier: Tier, asked: string | undefined): Result<AccessLevel, LevelRefusal> {
  const { levels, defaultLevel } = RIGHTS[tier];
  if (asked === undefined) return ok(defaultLevel);
  const named = PROVIDERS_NAMES.get(asked) ?? asked;
  const level = levels.find((each) => each === named);
  return level ? ok(level) : refuse({ kind: 'level-not-unlocked', tier, asked, unlocked: levels });
}
