/**
 * Harmless facts that show a flaw, with the stack at the moment they happen. Runs inside the sandbox.
 *
 *   prototype-pollution  a write of a fresh key lands on Object.prototype (a trap there sees the writer's stack)
 *   code-injection       evaluated text assigns a fresh global (a trap sees the stack, `eval at file:line` included)
 *   command-injection    a command creates a file of fresh name; hooks on node:child_process saw who started it
 */
import childProcess from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import process from 'node:process';
import { promisify } from 'node:util';

const { defineProperty, getOwnPropertyDescriptor, apply } = Reflect;
const objectPrototype = Object.prototype;
const PlainError = Error;
const STACK_DEPTH = 60;
const FRAME = /node_modules[\\/]((?:@[^\\/\s]+[\\/])?[^\s()]+?):(\d+):\d+/g;

/** Frames below `node_modules`, nearest the effect first, `path:line` relative to it. */
export function targetFrames(stack: string): string[] {
  const frames: string[] = [];
  for (const match of String(stack).matchAll(FRAME)) {
    const path = String(match[1]).replace(/^.*node_modules\//, '');
    const frame = `${path}:${match[2]}`;
    if (frames[frames.length - 1] !== frame) frames[frames.length] = frame;
    if (frames.length >= 24) break;
  }
  return frames;
}

export function stackHere(): string {
  const limit = PlainError.stackTraceLimit;
  const prepare = PlainError.prepareStackTrace;
  PlainError.stackTraceLimit = STACK_DEPTH;
  (PlainError as { prepareStackTrace?: unknown }).prepareStackTrace = undefined;
  const stack = String(new PlainError().stack);
  PlainError.stackTraceLimit = limit;
  if (prepare) PlainError.prepareStackTrace = prepare;
  return stack;
}

export interface Effect {
  readonly canary: string;
  readonly frames: readonly string[];
  /** For commands: the whole command was the payload, so that running it may be what the function is for. */
  readonly whole?: boolean;
  readonly programs?: readonly string[];
}

export type OnEffect = (effect: Effect) => void;

const wrapped = new WeakSet<object>();

function watchDefineProperty(armed: ReadonlySet<string>, onEffect: OnEffect): void {
  for (const holder of [Object, Reflect] as { defineProperty: (...args: unknown[]) => unknown }[]) {
    const original = holder.defineProperty;
    const replacement = function (this: unknown, ...args: unknown[]): unknown {
      const done = apply(original, this, args);
      if (args[0] === objectPrototype && armed.has(String(args[1])))
        onEffect({ canary: String(args[1]), frames: targetFrames(stackHere()) });
      return done;
    };
    wrapped.add(replacement);
    holder.defineProperty = replacement;
  }
}

export interface PropertyTrap {
  arm(canary: string): void;
  /** Takes every trap away again. */
  disarm(): void;
}

/** A setter under each armed name on `holder`; assignments to other objects go through as if it were not there. */
export function trapProperty(holder: object, onEffect: OnEffect): PropertyTrap {
  const armed = new Set<string>();
  if (holder === objectPrototype) watchDefineProperty(armed, onEffect);
  return {
    arm(canary) {
      armed.add(canary);
      defineProperty(holder, canary, {
        configurable: true,
        enumerable: false,
        get: () => undefined,
        set(this: unknown, value: unknown) {
          if (this === holder || this === undefined) onEffect({ canary, frames: targetFrames(stackHere()) });
          else if ((typeof this === 'object' && this !== null) || typeof this === 'function')
            defineProperty(this, canary, { value, writable: true, enumerable: true, configurable: true });
        },
      });
    },
    disarm() {
      for (const canary of armed) {
        const found = getOwnPropertyDescriptor(holder, canary);
        armed.delete(canary);
        if (found?.configurable) Reflect.deleteProperty(holder, canary);
      }
    },
  };
}

export interface StartedCommand {
  readonly text: string;
  readonly frames: readonly string[];
  readonly directory: string;
  /** The text goes through a shell. */
  readonly shell: boolean;
}

const STARTERS = ['exec', 'execSync', 'spawn', 'spawnSync', 'execFile', 'execFileSync'] as const;

const SHELL = /(?:^|\/)(?:ba|da|z)?sh$/;

/** The command line as a shell or the kernel will see it. */
function commandText(args: readonly unknown[]): string {
  const parts = Array.isArray(args[1]) ? args[1].map(String) : [];
  const program = String(args[0]);
  if (SHELL.test(program) && /^-\w*c$/.test(parts[0] ?? '')) return parts.slice(1).join(' ');
  return [program, ...parts].join(' ');
}

function onPath(program: string): boolean {
  if (program.includes('/')) return true;
  return String(process.env.PATH ?? '')
    .split(':')
    .some((directory) => existsSync(join(directory, program)));
}

const SHELL_WORDS = new Set(
  'if then else elif fi for while until do done case esac in function cd echo exit export set unset test true false eval exec read shift trap umask wait type command hash'.split(
    ' ',
  ),
);

/** Programs at the head of a command, and those it asks for with `which`. */
function programsIn(text: string): string[] {
  const found = new Set<string>();
  for (const part of text.split(/[;&|\n]+/)) {
    const words = part
      .trim()
      .split(/\s+/)
      .map((word) => word.replace(/["'`$(){}\\]/g, ''));
    const [first = '', second = '', third = ''] = words;
    found.add(first);
    if (['which', 'hash', 'type', 'sudo', 'where'].includes(first)) found.add(second);
    if (first === 'command') found.add(third);
  }
  return [...found].filter((word) => /^[A-Za-z][\w.+-]{1,40}$/.test(word) && !SHELL_WORDS.has(word));
}

/** `promisify(exec)` must go through the hook too; the built-in's own form would go around it. */
function promised(hook: (...args: unknown[]) => unknown): (...args: unknown[]) => Promise<unknown> {
  return (...args) =>
    new Promise((resolve, reject) => {
      hook(...args, (error: unknown, stdout: unknown, stderr: unknown) =>
        error instanceof PlainError ? reject(error) : resolve({ stdout, stderr }),
      );
    });
}

/**
 * Hooks every way to start a program. Missing programs get a stand-in that does nothing, because a package whose
 * program is absent often gives up before it reaches the flawed call.
 */
export function watchCommands(standIns: string, onStart: (command: StartedCommand) => void): () => readonly string[] {
  const made = new Set<string>();
  mkdirSync(standIns, { recursive: true });
  process.env.PATH = `${process.env.PATH ?? ''}:${standIns}`;
  const holder = childProcess as unknown as Record<string, (...args: unknown[]) => unknown>;
  for (const name of STARTERS) {
    const original = holder[name];
    if (!original) continue;
    const hook = function (this: unknown, ...args: unknown[]): unknown {
      const text = commandText(args);
      const options = args.find(
        (arg, index) => index > 0 && typeof arg === 'object' && arg !== null && !Array.isArray(arg),
      );
      const { cwd, shell } = (options ?? {}) as { cwd?: unknown; shell?: unknown };
      onStart({
        text,
        frames: targetFrames(stackHere()),
        directory: typeof cwd === 'string' ? cwd : '.',
        shell: name === 'exec' || name === 'execSync' || Boolean(shell) || SHELL.test(String(args[0])),
      });
      for (const program of programsIn(text)) {
        if (made.size > 40 || made.has(program) || onPath(program)) continue;
        made.add(program);
        writeFileSync(join(standIns, program), '#!/bin/sh\nexit 0\n', { mode: 0o755 });
      }
      return apply(original, this, args);
    };
    if (name === 'exec' || name === 'execFile') Object.assign(hook, { [promisify.custom]: promised(hook) });
    holder[name] = hook;
  }
  syncBuiltinESMExports();
  return () => [...made];
}

/** Names of the files in the directories that a command may have written to. */
export function filesIn(directories: Iterable<string>): Set<string> {
  const names = new Set<string>();
  for (const directory of directories) {
    try {
      for (const name of readdirSync(directory)) names.add(name);
    } catch {
      // A directory the target named and never made.
    }
  }
  return names;
}
