/**
 * Objects that come through a promise: waited for once, then called often, as what a module exports is. Runs inside the
 * sandbox.
 *
 *   root ──steps──▶ promise ─await─▶ object ──rest──▶ function        the way is split behind its last `await`
 */
import type { PlanReach } from './plan.ts';
import { type Reached, type ValueContext, walkReach } from './values-inside.ts';

export interface Arrival {
  readonly at: Reached;
  /** The steps that are left from there. */
  readonly rest: readonly PlanReach[];
}

/** What a promise may take before it counts as one that never comes. */
export const PROMISE_MILLISECONDS = 100;
/** Waiting in one search; after that what came once is called again and again. */
const WAITING_MILLISECONDS = 2_000;

const now = Date.now;
const later = setTimeout;
const stop = clearTimeout;
const NEVER = Symbol('never');

/** As it was before the target was loaded, which may put its own in the place of it. */
const NativePromise = Promise;
const { race } = Promise;

/** A target's value may refuse to be looked at. */
export function isNativePromise(value: unknown): value is Promise<unknown> {
  try {
    return value instanceof NativePromise;
  } catch {
    return false;
  }
}

/** Node's own or a library's. */
export function isPromise(value: unknown): value is Promise<unknown> {
  if (isNativePromise(value)) return true;
  try {
    const { then, catch: refused } = (value ?? {}) as { readonly then?: unknown; readonly catch?: unknown };
    return typeof value === 'object' && typeof then === 'function' && typeof refused === 'function';
  } catch {
    return false;
  }
}

/** Undefined where it is refused, or not there in time. */
export async function settled(promise: unknown, milliseconds: number): Promise<{ value: unknown } | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new NativePromise<typeof NEVER>((resolve) => {
    timer = later(resolve, milliseconds, NEVER);
  });
  try {
    const value = await race.call(NativePromise, [promise, late]);
    return value === NEVER ? undefined : { value };
  } catch {
    return undefined;
  } finally {
    stop(timer);
  }
}

export class Arrivals {
  readonly #kept = new Map<string, Reached | undefined>();
  #waited = 0;

  /** At the root itself where no promise is on the way; undefined where one on the way brings nothing. */
  reach(root: Reached, steps: readonly PlanReach[], context: ValueContext): Arrival | Promise<Arrival | undefined> {
    const last = steps.findLastIndex(({ kind }) => kind === 'await') + 1;
    return last === 0 ? { at: root, rest: steps } : this.#wait(root, steps, last, context);
  }

  /** What is reached next is made afresh, while there is time to wait for it. */
  forget(): void {
    if (this.#waited < WAITING_MILLISECONDS) this.#kept.clear();
  }

  async #wait(root: Reached, steps: readonly PlanReach[], last: number, context: ValueContext) {
    const key = JSON.stringify(steps.slice(0, last));
    if (!this.#kept.has(key)) this.#kept.set(key, await this.#walk(root, steps.slice(0, last), context));
    const at = this.#kept.get(key);
    return at && { at, rest: steps.slice(last) };
  }

  async #walk(root: Reached, steps: readonly PlanReach[], context: ValueContext): Promise<Reached | undefined> {
    const from = now();
    let at = root;
    try {
      for (const step of steps) {
        if (step.kind !== 'await') at = walkReach(at, [step], context);
        else {
          const came = await settled(at.value, PROMISE_MILLISECONDS);
          if (!came) return undefined;
          at = { value: came.value, owner: undefined };
        }
      }
      return at;
    } catch {
      return undefined;
    } finally {
      this.#waited += now() - from;
    }
  }
}
