/** Composition root: makes the parts, hangs the commands on the command line, and ends with their exit code. */
import { createTerminal, EXIT, runCommandLine } from './cli/index.ts';
import { registerAll } from './commands.ts';
import { type Config, ConfigError, readConfig } from './config.ts';
import { createParts } from './parts.ts';

/** Time for standard output to drain, milliseconds. */
const LINGER_MS = 2_000;

const terminal = createTerminal(process.stdout, process.stderr);
try {
  process.exitCode = await run(readConfig(process.env));
} catch (error) {
  if (!(error instanceof ConfigError)) throw error;
  terminal.say(`headstart: ${error.message}`);
  process.exitCode = EXIT.usage;
}
// A library's helper process that never settles must not keep a command that has ended.
setTimeout(() => process.exit(), LINGER_MS).unref();

async function run(config: Config): Promise<number> {
  const parts = createParts(config, terminal);
  try {
    return await runCommandLine(process.argv.slice(2), {
      terminal,
      register: [(program) => registerAll(program, parts)],
    });
  } finally {
    await parts.close();
  }
}
