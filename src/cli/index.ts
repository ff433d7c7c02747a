export { type RegisterCommands, runCommandLine } from './cli.ts';
export { CommandEnd, createTerminal, EXIT, type ExitName, type Terminal } from './terminal.ts';
