/** Composition root: makes the parts, hangs the commands on the command line, and ends with their exit code. */
import { createTerminal, runCommandLine } from './cli/index.ts';
import { registerAll } from './commands.ts';
import { readConfig } from './config.ts';
import { createParts } from './parts.ts';

const terminal = createTerminal(process.stdout, process.stderr);
const parts = createParts(readConfig(process.env), terminal);
let exit = 70;
try {
  exit = await runCommandLine(process.argv.slice(2), {
    terminal,
    register: [(program) => registerAll(program, parts)],
  });
} finally {
  await parts.close();
}
process.exitCode = exit;
