/**
 * Waits for what a call of the target still does, and no longer than it does anything: where nothing is under way in the
 * process nothing can happen any more. What an earlier call left open counts as under way, too.
 */
import process from 'node:process';

const LOOK_MS = 10;
/** So many looks one after the other must find nothing under way. */
const IDLE_LOOKS = 2;
/** More of them where an answer is on its way through the kernel, or being made by a thread that no list shows. */
const IDLE_LOOKS_AT_CONNECTIONS = 30;
const CONNECTION = /^(?:TCPServer|TCPSocket|Pipe)Wrap$/;

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

/** A server of HTTP looks after its connections by a timer of its own, for as long as it listens. */
export function rememberServer(): void {
  standing.push('Timeout');
}

function underWay(): string[] {
  const own = [...standing];
  return resources().filter((kind) => {
    const at = own.indexOf(kind);
    if (at >= 0) own.splice(at, 1);
    return at < 0;
  });
}

/**
 * For what comes over a connection whose other end lies in this very process: until it is so, or the time is over, or
 * nothing but connections is open for a while.
 */
export async function waitForPeer(isSo: () => boolean, ms: number): Promise<void> {
  await waitWhile(isMoreThanOpen, IDLE_LOOKS_AT_CONNECTIONS, isSo, ms);
}

/** Until nothing but connections is open, or the time is over. */
export async function waitUntilListening(ms: number): Promise<void> {
  await waitWhile(isMoreThanOpen, IDLE_LOOKS, () => false, ms);
}

const isMoreThanOpen = (): boolean => underWay().some((kind) => !CONNECTION.test(kind));

/** Until it is so, or it cannot become so any more, or the time is over. */
export async function waitFor(isSo: () => boolean, ms: number): Promise<void> {
  await waitWhile(() => underWay().length > 0, IDLE_LOOKS, isSo, ms);
}

async function waitWhile(isBusy: () => boolean, looks: number, isSo: () => boolean, ms: number): Promise<void> {
  for (let waited = 0, idle = 0; !isSo() && waited < ms && idle < looks; waited += LOOK_MS) {
    await pause(LOOK_MS);
    idle = isBusy() ? 0 : idle + 1;
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
