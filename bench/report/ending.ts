/** A bench that is told to end takes the processes it started with it, by their ids. */
import { constants } from 'node:os';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
/** `timeout -k 5` kills after five seconds. */
const END_WITHIN_MS = 4_000;

export function endWithThis(end: () => Promise<void>): void {
  for (const signal of SIGNALS) {
    process.once(signal, () => {
      const exit = (): never => process.exit(128 + constants.signals[signal]);
      setTimeout(exit, END_WITHIN_MS).unref();
      void end().finally(exit);
    });
  }
}
