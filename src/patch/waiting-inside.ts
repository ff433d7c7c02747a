/**
 * Waits for what a call of the target still does, and no longer than it does anything: where nothing is under way in the
 * process nothing can happen any more. What an earlier call left open counts as under way, too.
 */
import process from 'node:process';

const LOOK_MS = 10;
/** So many looks one after the other must find nothing under way. */
const IDLE_LOOKS = 2;

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const resources = process.getActiveResourcesInfo.bind(process);
/** The process's own pipes. */
const standing: string[] = [];

/** To be called before anything of the target is loaded. From then on a timer that nothing waits for counts as well. */
export function rememberStanding(): void {
  const timer = setTimeout(() => undefined);
  Object.getPrototypeOf(timer).unref = function unref(this: NodeJS.Timeout) {
    return this;
  };
  clearTimeout(timer);
  standing.push(...resources());
}

function isUnderWay(): boolean {
  const own = [...standing];
  return resources().some((kind) => {
    const at = own.indexOf(kind);
    if (at >= 0) own.splice(at, 1);
    return at < 0;
  });
}

/** Until it is so, or it cannot become so any more, or the time is over. */
export async function waitFor(isSo: () => boolean, ms: number): Promise<void> {
  for (let waited = 0, idle = 0; !isSo() && waited < ms && idle < IDLE_LOOKS; waited += LOOK_MS) {
    await pause(LOOK_MS);
    idle = isUnderWay() ? 0 : idle + 1;
  }
}

/** What the promise gives, or the word `never`. */
export async function within<T>(value: T | Promise<T>, ms: number): Promise<T | string> {
  let isSettled = false;
  const settle = async (): Promise<T> => {
    try {
      return await value;
    } finally {
      isSettled = true;
    }
  };
  return await Promise.race([settle(), waitFor(() => isSettled, ms).then(() => 'never')]);
}
