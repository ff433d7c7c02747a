/** The calls under way in this gateway, so that a stop or a revocation ends those it means and no other. */
import type { Refusal } from '../dialect/index.ts';

export interface LiveCall<Attributes> {
  readonly id: string;
  readonly attributes: Attributes;
  /** Ends it with an error of its protocol. A second one changes nothing. */
  end(refusal: Refusal): void;
}

export type LiveCalls<Attributes> = ReturnType<typeof createLiveCalls<Attributes>>;

export function createLiveCalls<Attributes>() {
  const calls = new Set<LiveCall<Attributes>>();
  return {
    add: (call: LiveCall<Attributes>): void => void calls.add(call),
    remove: (call: LiveCall<Attributes>): void => void calls.delete(call),
    get size(): number {
      return calls.size;
    },
    all: (): readonly LiveCall<Attributes>[] => [...calls],
    /** Ends every call for which there is a refusal. Gives how many. */
    endWhere(refusalOf: (attributes: Attributes) => Refusal | undefined): number {
      let ended = 0;
      for (const call of [...calls]) {
        const refusal = refusalOf(call.attributes);
        if (!refusal) continue;
        call.end(refusal);
        ended += 1;
      }
      return ended;
    },
  };
}

/** Ends a call at whatever step it is. */
export interface Gate {
  readonly refusal: Refusal | undefined;
  end(refusal: Refusal): void;
  /** From now on it is `end` that ends it. */
  handOver(end: (refusal: Refusal) => void): void;
}

export function createGate(): Gate {
  let refusal: Refusal | undefined;
  let next: ((refusal: Refusal) => void) | undefined;
  return {
    get refusal() {
      return refusal;
    },
    end(given) {
      refusal ??= given;
      next?.(given);
    },
    handOver(end) {
      next = end;
    },
  };
}
