/**
 * What a gateway has in hand, in memory: of every limit a part that Postgres set aside for it. Reserving and posting are
 * sums here; an *exchange* with Postgres spends, gives back and takes for all limits at once.
 *
 *   held = free + reserved (calls under way) + used (calls that ended, not told yet)
 */
import { type Ask, assertMicro, type CallId, type LeaseId, type LimitId } from './credit.ts';

export interface Reservation {
  readonly call: CallId;
  readonly lease: LeaseId;
  readonly limits: readonly LimitId[];
  readonly reservedMicro: number;
}

interface Part {
  held: number;
  reserved: number;
  used: number;
  /** Reserved since the last exchange: what is likely to be asked again. */
  demand: number;
  lastUsedMs: number;
  /** The last exchange gave less than was asked. */
  isScarce: boolean;
  /** Others fell short of it. */
  isWanted: boolean;
  reportedReserved: number;
}

export interface PartAsk extends Ask {
  readonly limit: LimitId;
  /** After this exchange, by calls under way. */
  readonly reservedMicro: number;
}

export interface PartAnswer {
  readonly limit: LimitId;
  readonly heldMicro: number;
  readonly takenMicro: number;
  /** Left for others. */
  readonly availableMicro: number;
  /** Held by other leases, so that some of it may come back. */
  readonly elsewhereMicro: number;
}

export interface Demand {
  readonly limits: readonly LimitId[];
  readonly micro: number;
}

/** An idle part goes back after so long where the limit runs short, and where it does not. */
const SCARCE_IDLE_MS = 1_000;
const AMPLE_IDLE_MS = 30_000;
/** Taken ahead: so many times what the last interval used, and so many times what is needed now. */
const SLACK_INTERVALS = 4;
const SLACK_CALLS = 8;

const free = (part: Part): number => part.held - part.reserved - part.used;

export type Holding = ReturnType<typeof createHolding>;

export function createHolding() {
  const parts = new Map<LimitId, Part>();
  function getPart(limit: LimitId): Part {
    const part = parts.get(limit);
    if (!part) throw new Error(`nothing is held of ${limit}`);
    return part;
  }

  return {
    /** Takes from all of the limits, or from none. Nothing is asked of a limit for what costs nothing. */
    reserve(limits: readonly LimitId[], micro: number, nowMs: number): boolean {
      assertMicro(micro);
      if (micro === 0) return true;
      for (const limit of limits) {
        const part = parts.get(limit);
        if (!part || free(part) < micro) return false;
      }
      for (const limit of limits) {
        const part = getPart(limit);
        part.reserved += micro;
        part.demand += micro;
        part.lastUsedMs = nowMs;
      }
      return true;
    },

    /** The rest of the reservation is free again at once. */
    post(limits: readonly LimitId[], reservedMicro: number, costMicro: number): void {
      assertMicro(costMicro);
      if (costMicro > reservedMicro) throw new RangeError(`a call costs at most the ${reservedMicro} reserved for it`);
      if (reservedMicro === 0) return;
      for (const limit of limits) {
        const part = getPart(limit);
        part.reserved -= reservedMicro;
        part.used += costMicro;
      }
    },

    /** The limits of a demand that what is free does not meet. */
    missing({ limits, micro }: Demand): LimitId[] {
      if (micro === 0) return [];
      return limits.filter((limit) => {
        const part = parts.get(limit);
        return !part || free(part) < micro;
      });
    },

    freeMicro: (limit: LimitId): number => {
      const part = parts.get(limit);
      return part ? free(part) : 0;
    },

    limits: (): LimitId[] => [...parts.keys()],

    markWanted(limits: readonly LimitId[]): boolean {
      let isGiving = false;
      for (const limit of limits) {
        const part = parts.get(limit);
        if (!part) continue;
        part.isWanted = true;
        isGiving ||= free(part) > 0;
      }
      return isGiving;
    },

    ...createExchangeSide(parts),

    /** The lease is lost: nothing is in hand any more. */
    clear: (): void => parts.clear(),
  };
}

function createExchangeSide(parts: Map<LimitId, Part>) {
  return {
    /** What to exchange now. What is given back is no longer free from here on; what was used is being told. */
    plan(waiting: readonly Demand[], nowMs: number): PartAsk[] {
      const needs = gatherNeeds(waiting);
      for (const limit of needs.keys()) {
        if (!parts.has(limit)) parts.set(limit, newPart(nowMs));
      }
      const asks: PartAsk[] = [];
      for (const [limit, part] of parts) {
        const ask = planPart(limit, part, needs.get(limit), nowMs, free(part));
        if (ask) asks.push(ask);
      }
      return asks;
    },

    apply(asks: readonly PartAsk[], answers: readonly PartAnswer[]): void {
      const asked = new Map(asks.map((ask) => [ask.limit, ask]));
      for (const answer of answers) {
        const part = parts.get(answer.limit);
        if (!part) throw new Error(`nothing was asked of ${answer.limit}`);
        const ask = asked.get(answer.limit);
        part.used -= ask?.spentMicro ?? 0;
        part.held = answer.heldMicro;
        const askedMicro = ask ? ask.wantMicro + ask.slackMicro : 0;
        if (askedMicro > 0) part.isScarce = answer.takenMicro < askedMicro;
        if (part.held === 0 && part.reserved === 0 && part.used === 0) parts.delete(answer.limit);
      }
    },
  };
}

function newPart(nowMs: number): Part {
  return {
    held: 0,
    reserved: 0,
    used: 0,
    demand: 0,
    lastUsedMs: nowMs,
    isScarce: false,
    isWanted: false,
    reportedReserved: 0,
  };
}

interface Need {
  least: number;
  total: number;
}

function gatherNeeds(waiting: readonly Demand[]): Map<LimitId, Need> {
  const needs = new Map<LimitId, Need>();
  for (const { limits, micro } of waiting) {
    if (micro === 0) continue;
    for (const limit of limits) {
      const need = needs.get(limit);
      if (!need) needs.set(limit, { least: micro, total: micro });
      else {
        need.least = Math.min(need.least, micro);
        need.total += micro;
      }
    }
  }
  return needs;
}

/**
 * Where something waits, all that is free goes into the pool and the whole need is taken from it: two gateways that
 * each hold a part too small for anything thus never block each other.
 */
function planPart(
  limit: LimitId,
  part: Part,
  need: Need | undefined,
  nowMs: number,
  free: number,
): PartAsk | undefined {
  const demand = part.demand;
  part.demand = 0;
  const idleMs = nowMs - part.lastUsedMs;
  const isIdle = idleMs >= (part.isScarce ? SCARCE_IDLE_MS : AMPLE_IDLE_MS);
  const isLow = !part.isWanted && free < demand;
  const giveMicro = need || part.isWanted || isIdle ? free : 0;
  part.isWanted = false;
  const slackMicro = need
    ? Math.max(SLACK_CALLS * need.least, SLACK_INTERVALS * demand)
    : isLow
      ? SLACK_INTERVALS * demand
      : 0;
  const isStill =
    !need && giveMicro === 0 && slackMicro === 0 && part.used === 0 && part.reserved === part.reportedReserved;
  if (isStill && (part.held > 0 || part.reserved > 0)) return undefined;
  part.held -= giveMicro;
  part.reportedReserved = part.reserved;
  return {
    limit,
    spentMicro: part.used,
    giveMicro,
    needMicro: need?.least ?? 0,
    wantMicro: need?.total ?? 0,
    slackMicro,
    reservedMicro: part.reserved,
  };
}
