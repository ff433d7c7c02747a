/**
 * The command line: one root that every module's commands hang on, and the one place where an outcome becomes an exit
 * code. A command that is not built does not exist (exit 2).
 */
import { Command, CommanderError } from 'commander';
import { StoreError, type StoreTrouble } from '../store/store-error.ts';
import { CommandEnd, EXIT, type ExitName, type Terminal } from './terminal.ts';

export type RegisterCommands = (program: Command) => void;

/** Runs one command line to its end and gives the exit code. Faults are told in full on standard error. */
export async function runCommandLine(
  args: readonly string[],
  { terminal, register }: { readonly terminal: Terminal; readonly register: readonly RegisterCommands[] },
): Promise<number> {
  const program = new Command('headstart')
    .description('Restricted-access programme, coordinated disclosure and a public log')
    .exitOverride()
    .showHelpAfterError('(--help shows what there is)')
    .configureOutput({ writeOut: (text) => terminal.data(text), writeErr: (text) => terminal.say(text.trimEnd()) });
  for (const add of register) add(program);
  let exit: number = EXIT.ok;
  try {
    await program.parseAsync(args, { from: 'user' });
    exit = Number(process.exitCode ?? EXIT.ok);
  } catch (error) {
    exit = toExit(error, terminal);
  }
  return exit;
}

/** A store that cannot be opened is a state of this machine, told with what to do; it is no fault of the program. */
const STORE_EXIT: Partial<Record<StoreTrouble, ExitName>> = { checksum: 'failed', 'not-empty': 'conflict' };

function toExit(error: unknown, terminal: Terminal): number {
  if (error instanceof CommandEnd) {
    if (error.message) terminal.say(`headstart: ${error.message}`);
    return EXIT[error.exit];
  }
  if (error instanceof StoreError) {
    terminal.say(`headstart: ${error.message}`);
    return EXIT[STORE_EXIT[error.trouble] ?? 'unavailable'];
  }
  // Commander ends by throwing; help and version are no errors, everything else is wrong usage and already told.
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  terminal.say(`headstart: fault: ${describe(error)}`);
  return EXIT.fault;
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause === undefined ? '' : `\n  because: ${describe(error.cause)}`;
  return `${error.stack ?? error.message}${cause}`;
}
