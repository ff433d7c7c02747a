/**
 * One run of a command-line program, as `node <file> <words>` would run it, with the oracles in place. A process of its
 * own per run: a program keeps its state in its modules.
 *
 *   in   environment HEADSTART_JOB: a JSON text, see ProgramRun
 *   out  descriptor 3: one JSON object a line, see ProgramLine
 */
import { writeSync } from 'node:fs';
import inspector from 'node:inspector';
import Module from 'node:module';
import process from 'node:process';
import { pathToFileURL } from 'node:url';
import { standInForOldHelpers } from './legacy-inside.ts';
import { standInForNetwork } from './network-inside.ts';
import { trapProperty, watchCommands } from './oracles-inside.ts';

export interface ProgramRun {
  readonly file: string;
  readonly format: 'cjs' | 'esm';
  readonly words: readonly string[];
  readonly standIns: string;
  /** Where nobody writes but through the flaw, and under which names; none where commands are looked for. */
  readonly traps: { readonly holder: 'globals' | 'prototype'; readonly canaries: readonly string[] };
  /** Tell which evaluated texts hold this; empty: none. */
  readonly marker: string;
  /** Tell what it prints. */
  readonly listens: boolean;
}

export type ProgramLine =
  | {
      readonly kind: 'command';
      readonly text: string;
      readonly shell: boolean;
      readonly frames: readonly string[];
      readonly directory: string;
    }
  | { readonly kind: 'evaluated'; readonly text: string }
  | { readonly kind: 'effect'; readonly canary: string; readonly frames: readonly string[] }
  | { readonly kind: 'printed'; readonly text: string }
  | {
      readonly kind: 'world';
      readonly legacy: boolean;
      readonly loopback: boolean;
      readonly programs: readonly string[];
    };

const PRINTED_CHARACTERS = 20_000;
const EVALUATED_CHARACTERS = 4000;
const LINES = 400;

const stringify = JSON.stringify;
const write = writeSync;
let lines = 0;
const say = (line: ProgramLine): void => {
  if (lines++ < LINES) write(3, `${stringify(line)}\n`);
};

const run = JSON.parse(process.env.HEADSTART_JOB ?? '{}') as ProgramRun;
delete process.env.HEADSTART_JOB;

/** Tells of texts that are compiled without being a file: what `eval`, `Function` and `vm` were given. */
function tellEvaluated(marker: string): void {
  const session = new inspector.Session();
  session.connect();
  const look = (parameters: { readonly scriptId: string; readonly url: string }): void => {
    if (parameters.url.startsWith('file:') || parameters.url.startsWith('node:')) return;
    session.post('Debugger.getScriptSource', { scriptId: parameters.scriptId }, (error, answer) => {
      const at = error ? -1 : answer.scriptSource.indexOf(marker);
      if (at >= 0)
        say({ kind: 'evaluated', text: answer.scriptSource.slice(Math.max(0, at - 400), at + EVALUATED_CHARACTERS) });
    });
  };
  session.on('Debugger.scriptParsed', ({ params }) => look(params));
  session.on('Debugger.scriptFailedToParse', ({ params }) => look(params));
  session.post('Debugger.enable');
}

function quieten(): void {
  let printed = '';
  const swallow = (chunk: unknown, ...rest: unknown[]): boolean => {
    if (printed.length < PRINTED_CHARACTERS) printed += String(chunk);
    const done = rest.find((each) => typeof each === 'function');
    if (done) setImmediate(done as () => void);
    return true;
  };
  process.stdout.write = swallow as typeof process.stdout.write;
  process.stderr.write = swallow as typeof process.stderr.write;
  process.on('exit', () => {
    if (run.listens) say({ kind: 'printed', text: printed.slice(0, PRINTED_CHARACTERS) });
    say({ kind: 'world', legacy: isLegacy(), loopback: asksNetwork(), programs: programs() });
  });
  const refuseExit = (): never => {
    throw new Error('exit asked for');
  };
  process.exit = refuseExit;
  process.abort = refuseExit;
  (process as { reallyExit?: unknown }).reallyExit = refuseExit;
  process.on('uncaughtException', () => undefined);
  process.on('unhandledRejection', () => undefined);
}

const isLegacy = standInForOldHelpers();
const asksNetwork = standInForNetwork();
const programs = watchCommands(run.standIns, (command) => say({ kind: 'command', ...command }));
if (run.traps.canaries.length > 0) {
  const holder = run.traps.holder === 'globals' ? globalThis : Object.prototype;
  const trap = trapProperty(holder, ({ canary, frames }) => say({ kind: 'effect', canary, frames }));
  for (const canary of run.traps.canaries) trap.arm(canary);
}
if (run.marker !== '') tellEvaluated(run.marker);
// A last line is wanted from a program that asks to end, too: it ends by itself once nothing is left to do.
quieten();
process.argv = [process.execPath, run.file, ...run.words];
try {
  if (run.format === 'esm') await import(pathToFileURL(run.file).href);
  else
    (Module as unknown as { _load(path: string, parent: null, isMain: boolean): unknown })._load(run.file, null, true);
} catch {
  // It may refuse the words; only the oracle decides.
}
