export { type RegisterCommands, runCommandLine } from './cli.ts';
export { registerDoctor } from './doctor.ts';
export { registerLogCommands } from './log.ts';
export { registerSandboxCommands } from './sandbox.ts';
export { registerScan, type ScanLine } from './scan.ts';
export { type Addresses, type Role, registerServe, type ServeParts, serve } from './serve.ts';
export { registerStart } from './start.ts';
export { registerStoreCommands } from './store.ts';
export { CommandEnd, createTerminal, EXIT, type ExitName, type Terminal } from './terminal.ts';
