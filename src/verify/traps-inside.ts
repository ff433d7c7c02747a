/**
 * The traps of the observer, one per kind of effect. Each only reports; none prevents. Runs before hostile code and
 * keeps its own references to what it uses.
 */
import childProcess from 'node:child_process';
import fs from 'node:fs';
import Module, { syncBuiltinESMExports } from 'node:module';
import { performance } from 'node:perf_hooks';
import process from 'node:process';
import vm from 'node:vm';
import type { Observer } from './observer-inside.ts';

type Callable = (...args: unknown[]) => unknown;
type Holder = Record<string, Callable | undefined>;

const { apply, construct, defineProperty, ownKeys } = Reflect;
const plainString = String;
const includes = plainString.prototype.includes;
const objectPrototype = Object.prototype;
const isArray = Array.isArray;
const { readFileSync, statSync } = fs;
const cpuUsage = process.cpuUsage.bind(process);
const now = performance.now.bind(performance);
const roundDown = Math.floor;
const isBuffer = Buffer.isBuffer;

const MAX_FLAG_BYTES = 4_096;
/** A single regular expression, or all its runs on inputs of one length, must take this long to be told. */
const SLOW_MICROSECONDS = 4_000;
/** Below this, the time on the wall is taken for the time used. */
const SHORT_MS = 0.5;
/** After this, the CPU time used is asked for again. */
const STALE_MS = 2;

const has = (text: string, part: string) => apply(includes, text, [part]) as boolean;

export function installTraps(observer: Observer): void {
  trapPrototype(observer);
  trapGlobal(observer);
  trapCommands(observer);
  trapFiles(observer);
  trapCompilers(observer);
  if (observer.orders.flaw === 'redos') trapExpressions(observer);
  syncBuiltinESMExports();
}

/** A property that tells who writes it. `inner` is another trap that a reproducer put over ours: it is called in turn. */
function trapProperty(holder: object, canary: string, onWrite: () => void): (descriptor: PropertyDescriptor) => void {
  let held: unknown;
  let inner: PropertyDescriptor | undefined;
  defineProperty(holder, canary, {
    // Not configurable, so that nobody can take the trap away.
    configurable: false,
    enumerable: false,
    get(this: unknown) {
      return inner?.get ? apply(inner.get, this, []) : held;
    },
    set(this: unknown, value: unknown) {
      if (this !== holder && this !== undefined && this !== globalThis) {
        if ((typeof this === 'object' && this !== null) || typeof this === 'function')
          defineProperty(this, canary, { value, writable: true, enumerable: true, configurable: true });
        return;
      }
      onWrite();
      if (inner?.set) apply(inner.set, this, [value]);
      else held = value;
    },
  });
  return (descriptor) => {
    if (descriptor.get || descriptor.set) inner = descriptor;
    else held = descriptor.value;
  };
}

function trapPrototype(observer: Observer): void {
  const { canary } = observer.orders;
  const overlay = trapProperty(objectPrototype, canary, () => observer.report('pollute', [['by', 'assignment']]));
  trapDefine(objectPrototype, observer, overlay, 'pollute');
}

function trapGlobal(observer: Observer): void {
  const { canary } = observer.orders;
  const overlay = trapProperty(globalThis, canary, () => observer.report('evaluate', [['by', 'assignment']]));
  trapDefine(globalThis, observer, overlay, 'evaluate');
}

/** Definition goes around a setter: here it is told, too, and laid over the trap instead of replacing it. */
function trapDefine(
  holder: object,
  observer: Observer,
  overlay: (descriptor: PropertyDescriptor) => void,
  kind: string,
): void {
  const { canary } = observer.orders;
  for (const owner of [Object, Reflect] as unknown as Holder[]) {
    const original = owner.defineProperty as Callable;
    owner.defineProperty = function defineProperty(...args: unknown[]) {
      if (args[0] !== holder || args[1] !== canary) return apply(original, owner, args);
      const descriptor = (args[2] ?? {}) as PropertyDescriptor;
      observer.report(kind, [['by', descriptor.get || descriptor.set ? 'accessor' : 'definition']]);
      overlay(descriptor);
      return owner === (Reflect as unknown as Holder) ? true : args[0];
    };
  }
  const { defineProperties } = Object;
  (Object as unknown as Holder).defineProperties = (...args) => {
    const [target, descriptors] = args as [object, PropertyDescriptorMap];
    if (target === holder)
      for (const name of ownKeys(descriptors)) if (name === canary) observer.report(kind, [['by', 'definition']]);
    return apply(defineProperties, Object, args);
  };
  for (const name of ['__defineSetter__', '__defineGetter__'] as const) {
    const original = (objectPrototype as unknown as Holder)[name] as Callable;
    const replacement = function (this: unknown, ...args: unknown[]) {
      if (this !== holder || args[0] !== canary) return apply(original, this, args);
      observer.report(kind, [['by', 'accessor']]);
      overlay(name === '__defineSetter__' ? { set: args[1] as () => void } : { get: args[1] as () => unknown });
      return undefined;
    };
    defineProperty(objectPrototype, name, { value: replacement, writable: true, configurable: true });
  }
}

const SHELL_STARTERS = new Set(['exec', 'execSync']);
const STARTERS = ['exec', 'execSync', 'spawn', 'spawnSync', 'execFile', 'execFileSync', 'fork'] as const;

/** Tells every program started, with the shell it goes through. The canary need not be in it: the outside looks. */
function trapCommands(observer: Observer): void {
  for (const name of STARTERS) {
    const original = (childProcess as unknown as Holder)[name];
    if (!original) continue;
    const replacement: Callable = function (this: unknown, ...args) {
      const list = isArray(args[1]) ? (args[1] as unknown[]) : [];
      const options = args.find((arg) => typeof arg === 'object' && arg !== null && !isArray(arg)) as
        | { shell?: unknown; cwd?: unknown }
        | undefined;
      const shell = SHELL_STARTERS.has(name) || Boolean(options?.shell);
      let line = '';
      for (let index = 0; index < list.length; index += 1) line += `${index > 0 ? '\u001f' : ''}${list[index]}`;
      observer.report('start-program', [
        ['program', `${args[0]}`],
        ['arguments', line],
        ['shell', shell ? 'yes' : 'no'],
        ['directory', typeof options?.cwd === 'string' ? options.cwd : process.cwd()],
      ]);
      return apply(original, this, args);
    };
    for (const key of ownKeys(original)) {
      if (key === 'length' || key === 'name' || key === 'prototype') continue;
      (replacement as unknown as Record<PropertyKey, unknown>)[key] = promisedThrough(replacement);
    }
    (childProcess as unknown as Holder)[name] = replacement;
  }
}

/** `promisify(exec)` takes the built-in's own form, which would go around the trap. */
function promisedThrough(start: Callable): Callable {
  return (...args) =>
    new Promise((resolve, reject) => {
      start(...args, (error: unknown, stdout: unknown, stderr: unknown) => {
        if (error) reject(error);
        else resolve({ stdout, stderr });
      });
    });
}

const OPENERS = [
  'open',
  'openSync',
  'readFile',
  'readFileSync',
  'createReadStream',
  'copyFile',
  'copyFileSync',
  'writeFile',
  'writeFileSync',
  'appendFile',
  'appendFileSync',
  'createWriteStream',
  'mkdir',
  'mkdirSync',
  'mkdtemp',
  'mkdtempSync',
  'rename',
  'renameSync',
  'link',
  'linkSync',
  'symlink',
  'symlinkSync',
  'cp',
  'cpSync',
] as const;

/** Tells every touch of a file that has the canary in its name or, where it is small, in its content. */
function trapFiles(observer: Observer): void {
  const { canary } = observer.orders;
  for (const holder of [fs, fs.promises] as unknown as Holder[]) {
    for (const name of OPENERS) {
      const original = holder[name];
      if (!original) continue;
      const replacement: Callable = function (this: unknown, ...args) {
        const first = pathText(args[0]);
        const named = has(first, canary) || has(pathText(args[1]), canary);
        if (named || holdsCanary(first, canary))
          observer.report('touch-file', [
            ['call', name],
            ['path', first],
            ['named', named ? 'yes' : 'no'],
          ]);
        return new.target ? construct(original, args) : apply(original, this, args);
      };
      for (const key of ownKeys(original)) {
        if (key === 'length' || key === 'name' || key === 'prototype') continue;
        (replacement as unknown as Record<PropertyKey, unknown>)[key] = (
          original as unknown as Record<PropertyKey, unknown>
        )[key];
      }
      holder[name] = replacement;
    }
  }
}

function pathText(value: unknown): string {
  if (typeof value === 'string') return value;
  if (isBuffer(value)) return value.toString();
  return value instanceof URL ? decodeURIComponent(value.pathname) : '';
}

function holdsCanary(path: string, canary: string): boolean {
  if (path === '') return false;
  try {
    const found = statSync(path, { throwIfNoEntry: false });
    if (!found?.isFile() || found.size > MAX_FLAG_BYTES) return false;
    return has(readFileSync(path, 'utf8'), canary);
  } catch {
    return false;
  }
}

/** Text turned into code by other ways than `eval` and `Function`, which leave their origin on the stack. */
function trapCompilers(observer: Observer): void {
  const { canary } = observer.orders;
  const tell = (call: string, text: unknown, options: unknown) => {
    const name =
      typeof options === 'string' ? options : `${(options as { filename?: unknown } | undefined)?.filename ?? ''}`;
    const hasCanary = typeof text === 'string' && has(text, canary);
    if (hasCanary || has(name, '/node_modules/'))
      observer.report('compile', [
        ['call', call],
        ['file', name],
        ['canary', hasCanary ? 'yes' : 'no'],
      ]);
  };
  const holder = vm as unknown as Holder;
  for (const name of ['runInThisContext', 'runInNewContext', 'runInContext', 'compileFunction']) {
    const original = holder[name] as Callable;
    holder[name] = function (this: unknown, ...args: unknown[]) {
      tell(name, args[0], name === 'runInThisContext' || name === 'compileFunction' ? (args[2] ?? args[1]) : args[2]);
      return apply(original, this, args);
    };
  }
  const Script = vm.Script;
  const WatchedScript = function (this: unknown, ...args: unknown[]) {
    tell('Script', args[0], args[1]);
    return construct(Script, args, new.target ?? Script);
  };
  WatchedScript.prototype = Script.prototype;
  (vm as unknown as Record<string, unknown>).Script = WatchedScript;
  const loader = (Module as unknown as { prototype: Holder }).prototype;
  const compile = loader._compile as Callable;
  loader._compile = function (this: unknown, ...args: unknown[]) {
    const [text, file] = args as [string, string];
    if (!sameAsFile(text, file)) tell('module', text, file);
    return apply(compile, this, args);
  };
}

function sameAsFile(text: string, file: string): boolean {
  try {
    const real = readFileSync(file, 'utf8');
    return text === real || text === real.replace(/^\uFEFF/, '');
  } catch {
    return false;
  }
}

/**
 * Times every use of a regular expression in CPU time of the process, so that other load does not count. A package may
 * run thousands of short ones: asking for CPU time at each would grow with the input and hide the growth looked for.
 */
function createStopwatch(): { readonly start: () => number; readonly microsecondsSince: (started: number) => number } {
  let askedAt = now();
  let usedThen = cpuMicroseconds();
  const ask = (at: number) => {
    askedAt = at;
    usedThen = cpuMicroseconds();
  };
  return {
    start() {
      const at = now();
      if (at - askedAt > STALE_MS) ask(at);
      return at;
    },
    microsecondsSince(started) {
      const at = now();
      if (at - started < SHORT_MS) return (at - started) * 1000;
      // What passed between the last answer and the start counts as used: too little is told rather than too much.
      const before = usedThen + (started - askedAt) * 1000;
      ask(at);
      return usedThen > before ? usedThen - before : 0;
    },
  };
}

function cpuMicroseconds(): number {
  const { user, system } = cpuUsage();
  return user + system;
}

/** Microseconds in all, and at the last time they were told. */
interface Spent {
  total: number;
  told: number;
}

function trapExpressions(observer: Observer): void {
  const stopwatch = createStopwatch();
  /** By source, then by the length of the input. */
  const spent = new Map<string, Map<number, Spent>>();
  let depth = 0;
  const watch = (holder: Holder, name: string, expressionOf: (self: unknown, args: unknown[]) => unknown) => {
    const original = holder[name] as Callable;
    const replacement: Callable = function (this: unknown, ...args) {
      if (depth > 0) return apply(original, this, args);
      depth += 1;
      const started = stopwatch.start();
      try {
        return apply(original, this, args);
      } finally {
        const used = stopwatch.microsecondsSince(started);
        depth -= 1;
        const expression = expressionOf(this, args);
        const input = this instanceof RegExp ? args[0] : this;
        if (expression instanceof RegExp && typeof input === 'string')
          note(expression.source, expression.flags, input.length, used);
      }
    };
    defineProperty(holder, name, { value: replacement, writable: true, configurable: true });
  };
  const note = (source: string, flags: string, length: number, microseconds: number) => {
    const lengths = spent.get(source) ?? new Map<number, Spent>();
    if (lengths.size === 0) spent.set(source, lengths);
    const sum = lengths.get(length) ?? { total: 0, told: 0 };
    sum.total += microseconds;
    lengths.set(length, sum);
    if (sum.total < SLOW_MICROSECONDS || sum.total < 1.5 * sum.told) return;
    sum.told = sum.total;
    observer.report('expression', [
      ['source', source],
      ['flags', flags],
      ['length', `${length}`],
      ['microseconds', `${roundDown(sum.total)}`],
    ]);
  };
  const texts = plainString.prototype as unknown as Holder;
  for (const name of ['match', 'matchAll', 'replace', 'replaceAll', 'search', 'split'])
    watch(texts, name, (_self, args) => args[0]);
  for (const name of ['exec', 'test']) watch(RegExp.prototype as unknown as Holder, name, (self) => self);
}
