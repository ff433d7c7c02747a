/**
 * Work that may wait: done in order, a little each turn of the event loop, so that what is urgent is never long behind it.
 */

/** Of one turn, and between two. */
const SLICE_MS = 3;
const PAUSE_MS = 10;

export type Later = (work: () => void) => void;

/** `monotonicMs`: `performance.now()`. What is added runs, whatever what came before it threw. */
export function createBacklog(monotonicMs: () => number, onTrouble: (error: Error) => void): Later {
  let waiting: (() => void)[] = [];
  let isRunning = false;
  const turn = (): void => {
    const until = monotonicMs() + SLICE_MS;
    let done = 0;
    for (const work of waiting) {
      try {
        work();
      } catch (error) {
        onTrouble(error instanceof Error ? error : new Error(String(error)));
      }
      done += 1;
      if (monotonicMs() >= until) break;
    }
    waiting = waiting.slice(done);
    if (waiting.length > 0) setTimeout(turn, PAUSE_MS);
    else isRunning = false;
  };
  return (work) => {
    waiting.push(work);
    if (isRunning) return;
    isRunning = true;
    setImmediate(turn);
  };
}
