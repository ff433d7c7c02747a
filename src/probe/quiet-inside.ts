/** The process of a search as its target finds it: silent, and not to be ended from within. */
import process from 'node:process';

export function neutralise(): void {
  const silent = () => undefined;
  for (const name of ['log', 'error', 'warn', 'info', 'debug', 'trace', 'dir', 'table'] as const)
    console[name] = silent;
  process.stdout.write = () => true;
  process.stderr.write = () => true;
  const refuseExit = (): never => {
    throw new Error('the target asked to exit');
  };
  process.exit = refuseExit;
  process.abort = refuseExit;
  (process as { reallyExit?: unknown }).reallyExit = refuseExit;
  process.on('uncaughtException', silent);
  process.on('unhandledRejection', silent);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, silent);
}
