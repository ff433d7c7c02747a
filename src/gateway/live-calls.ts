/** The calls under way in this gateway, so that a stop or a revocation ends those it means and no other. */
import type { Refusal } from '../dialect/index.ts';

export interface LiveCall<Attributes> {
  readonly id: string;
  readonly attributes: Attributes;
  /** Among the live ones; theirs to keep. */
  place: number;
  /** Ends it with an error of its protocol. A second one changes nothing. */
  end(refusal: Refusal): void;
}

export type LiveCalls<Attributes> = ReturnType<typeof createLiveCalls<Attributes>>;

export function createLiveCalls<Attributes>() {
  // No Set: V8 links the tables that a Set outgrows, so one that grew old keeps all calls since then until a full collection.
  const calls: LiveCall<Attributes>[] = [];
  return {
    add(call: LiveCall<Attributes>): void {
      call.place = calls.push(call) - 1;
    },
    remove(call: LiveCall<Attributes>): void {
      const last = calls[call.place] === call ? calls.pop() : undefined;
      if (!last || last === call) return;
      calls[call.place] = last;
      last.place = call.place;
    },
    get size(): number {
      return calls.length;
    },
    all: (): readonly LiveCall<Attributes>[] => calls.slice(),
    /** Ends every call for which there is a refusal. Gives how many. */
    endWhere(refusalOf: (attributes: Attributes) => Refusal | undefined): number {
      let ended = 0;
      for (const call of calls.slice()) {
        const refusal = refusalOf(call.attributes);
        if (!refusal) continue;
        call.end(refusal);
        ended += 1;
      }
      return ended;
    },
  };
}

/** A call under way, ended at whatever step it is. */
export class Gate<Attributes> implements LiveCall<Attributes> {
  readonly id: string;
  readonly attributes: Attributes;
  place = -1;
  refusal: Refusal | undefined = undefined;
  #next: Pick<LiveCall<Attributes>, 'end'> | undefined = undefined;

  constructor(id: string, attributes: Attributes) {
    this.id = id;
    this.attributes = attributes;
  }

  end(given: Refusal): void {
    this.refusal ??= given;
    this.#next?.end(given);
  }

  /** From now on it is this one that is ended. */
  handOver(next: Pick<LiveCall<Attributes>, 'end'>): void {
    this.#next = next;
  }
}
