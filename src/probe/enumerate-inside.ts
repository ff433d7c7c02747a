/**
 * Everything callable in a module, each with the steps that lead to it: exports nested, methods of prototypes, of
 * instances made with several constructor arguments, and of what factories give back, at once or through a promise. Runs
 * inside the sandbox and calls the target: the caller is prepared for hangs and exits.
 */
import { EventEmitter } from 'node:events';
import process from 'node:process';
import stream from 'node:stream';
import type { PlanReach, PlanValue } from './plan.ts';
import { isNativePromise, isPromise, PROMISE_MILLISECONDS, settled } from './promised-inside.ts';
import { isStream, ownEvents } from './stream-shapes-inside.ts';
import { type ValueContext, walkReach } from './values-inside.ts';

const { getOwnPropertyNames, getPrototypeOf, getOwnPropertyDescriptor } = Object;
const functionText = Function.prototype.toString;

export interface Subject {
  /** File of the package; empty for its main module. */
  readonly file: string;
  readonly format: 'cjs' | 'esm';
  readonly reach: readonly PlanReach[];
  readonly name: string;
  readonly source: string;
  readonly constructs: boolean;
  /** It is `end` or `write` of a stream. */
  readonly stream?: boolean;
  /** It is `emit` of something that listens to these events itself. */
  readonly events?: readonly string[];
  /** Other ways to an object of the same kind, made with other arguments. */
  readonly alternates?: readonly (readonly PlanReach[])[];
}

export interface EnumerationLimits {
  readonly functions: number;
  readonly depth: number;
  readonly milliseconds: number;
}

export interface EnumerationHooks {
  /** Told before every call into the target, so that a hang can be laid at its door; false means leave it out. */
  readonly before: (key: string) => boolean;
  readonly now: () => number;
  /** Told after every such call: puts right what the call may have bent. */
  readonly after?: () => void;
}

const OPTIONS: PlanValue = { kind: 'json', value: {} };
const TEXT: PlanValue = { kind: 'json', value: 'x' };
const HERE: PlanValue = { kind: 'json', value: '.' };
const PAYLOAD_ANY: PlanValue = { kind: 'any-property', value: { kind: 'payload' } };

/** Constructor and factory arguments, in the order of how often they do. */
const MAKER_ARGUMENTS: readonly (readonly PlanValue[])[] = [
  [],
  [OPTIONS],
  [TEXT],
  [HERE],
  [TEXT, OPTIONS],
  [OPTIONS, OPTIONS],
  [{ kind: 'callback' }],
  [{ kind: 'json', value: [] }],
  [PAYLOAD_ANY],
  [{ kind: 'payload' }],
];

const AWAIT: PlanReach = { kind: 'await' };
/** Promises waited for, and how often what came through them may lead to further ones. */
const PROMISES = 60;
const ROUNDS = 3;
const PROMISING_SOURCE = /^(?:static\s+)?async\b|\bnew\s+Promise\b|\.then\s*\(|\bPromise\s*\./;

const LEFT_OUT = new Set(['length', 'name', 'prototype', 'arguments', 'caller', 'constructor', '__proto__', 'super_']);
/** The machinery of streams and emitters; what goes through it is driven by writing and emitting. */
const MACHINERY =
  /^_(?:write|writev|transform|flush|read|final|destroy|construct|readableState|writableState|events|eventsCount|maxListeners|undestroy)$/;

export function sourceOf(value: unknown): string {
  try {
    return functionText.call(value).slice(0, 20_000);
  } catch {
    return '';
  }
}

function isClass(source: string): boolean {
  return /^class\b/.test(source);
}

const BUILT_IN = new Set<unknown>([
  Object.prototype,
  Function.prototype,
  Array.prototype,
  String.prototype,
  Promise.prototype,
  RegExp.prototype,
  Date.prototype,
  Map.prototype,
  Set.prototype,
  Error.prototype,
  Buffer.prototype,
  Uint8Array.prototype,
  EventEmitter.prototype,
  stream.prototype,
  stream.Readable.prototype,
  stream.Writable.prototype,
  stream.Duplex.prototype,
  stream.Transform.prototype,
  stream.PassThrough.prototype,
]);

for (const own of [process, process.stdout, process.stderr]) BUILT_IN.add(own);

/** Modules of Node that packages hand on; what they hold is not the package's. */
for (const name of 'fs path util child_process http https net os crypto events stream url querystring assert zlib vm'.split(
  ' ',
)) {
  const module = process.getBuiltinModule(name) as unknown as Record<string, unknown> | undefined;
  if (!module) continue;
  BUILT_IN.add(module);
  for (const member of Object.values(module))
    if (typeof member === 'function' || typeof member === 'object') BUILT_IN.add(member);
}

/** Names on the value and its prototypes up to the built-in ones. */
function namesOf(value: object): string[] {
  const names: string[] = [];
  const isEmitting = value instanceof EventEmitter;
  let at: object | null = value;
  for (let hops = 0; at !== null && hops < 6 && !BUILT_IN.has(at); hops++) {
    for (const name of getOwnPropertyNames(at)) {
      if (LEFT_OUT.has(name) || names.includes(name) || /^\d+$/.test(name) || (isEmitting && MACHINERY.test(name)))
        continue;
      names.push(name);
      if (names.length >= 200) return names;
    }
    at = getPrototypeOf(at) as object | null;
  }
  return names;
}

function hasMethods(value: unknown): boolean {
  if (typeof value !== 'function') return false;
  const prototype = getOwnPropertyDescriptor(value, 'prototype')?.value as object | undefined;
  return !!prototype && typeof prototype === 'object' && getOwnPropertyNames(prototype).length > 1;
}

/** What was promised, and how it was come by. */
interface Promised {
  readonly promise: unknown;
  readonly reach: readonly PlanReach[];
  readonly name: string;
  readonly depth: number;
}

const NATIVE = /\{\s*\[native code\]\s*\}\s*$/;

class Walk {
  readonly found: Subject[] = [];
  readonly #seen = new Set<unknown>();
  readonly #made = new Map<string, readonly PlanReach[]>();
  /** By the text of the first way to an object: the other ways. */
  readonly #alternates = new Map<string, (readonly PlanReach[])[]>();
  readonly #root: { readonly file: string; readonly format: 'cjs' | 'esm'; readonly value: unknown };
  readonly #limits: EnumerationLimits;
  readonly #hooks: EnumerationHooks;
  readonly #context: ValueContext;
  readonly #until: number;
  #promised: Promised[] = [];
  #promises = 0;

  constructor(
    root: { readonly file: string; readonly format: 'cjs' | 'esm'; readonly value: unknown },
    limits: EnumerationLimits,
    hooks: EnumerationHooks,
    context: ValueContext,
  ) {
    this.#root = root;
    this.#limits = limits;
    this.#hooks = hooks;
    this.#context = context;
    this.#until = hooks.now() + limits.milliseconds;
  }

  #full(): boolean {
    return this.found.length >= this.#limits.functions || this.#hooks.now() > this.#until;
  }

  visit(value: unknown, reach: readonly PlanReach[], name: string, depth: number): void {
    if (this.#full() || value === null || (typeof value !== 'object' && typeof value !== 'function')) return;
    if (this.#seen.has(value) || BUILT_IN.has(value)) return;
    this.#seen.add(value);
    if (isPromise(value)) this.#later({ promise: value, reach, name, depth });
    if (isNativePromise(value)) return;
    const source = typeof value === 'function' ? sourceOf(value) : '';
    if (typeof value === 'function') {
      if (NATIVE.test(source) && !value.name.startsWith('bound ') && depth > 0) return;
      this.#add(reach, name, source, isClass(source));
    } else this.#channels(value, reach, '', false);
    for (const member of depth < this.#limits.depth ? namesOf(value) : []) {
      if (this.#full()) return;
      let next: unknown;
      try {
        next = (value as Record<string, unknown>)[member];
      } catch {
        continue;
      }
      this.visit(next, [...reach, { kind: 'get', name: member }], member, depth + 1);
    }
    if (typeof value === 'function' && (depth < this.#limits.depth || PROMISING_SOURCE.test(source)))
      this.#make(value, reach, source, depth);
  }

  #add(reach: readonly PlanReach[], name: string, source: string, constructs: boolean): void {
    const { file, format } = this.#root;
    this.found.push({ file, format, reach, name, source, constructs });
    // A function written as a constructor may also do its work in the constructor.
    if (!constructs && /\bthis\s*\.\s*\w+\s*=/.test(source) && /^[A-Z]/.test(name))
      this.found.push({ file, format, reach, name, source, constructs: true });
  }

  /** Writing into a stream, and emitting what an emitter listens to itself. It is fresh where every walk makes a new one. */
  #channels(value: object, reach: readonly PlanReach[], source: string, fresh: boolean): void {
    const { file, format } = this.#root;
    const at = (name: string): Subject => ({
      file,
      format,
      reach: [...reach, { kind: 'get', name }],
      name,
      source,
      constructs: false,
    });
    if (isStream(value)) this.found.push({ ...at(fresh ? 'end' : 'write'), stream: true });
    const events = ownEvents(value);
    if (events.length > 0) this.found.push({ ...at('emit'), events });
  }

  /** Instances and results, and what hangs on them. */
  #make(value: unknown, reach: readonly PlanReach[], source: string, depth: number): void {
    const calls = reach.filter((step) => step.kind === 'call' || step.kind === 'construct').length;
    if (calls >= 2) return;
    const asClass = isClass(source) || hasMethods(value);
    const isDeep = depth > 2 || calls >= 1;
    // What an object promises on being asked may be the very thing it is there for: a connection, a session.
    if (!asClass && isDeep && !PROMISING_SOURCE.test(source)) return;
    let kept = 0;
    for (const args of MAKER_ARGUMENTS) {
      if (this.#full() || kept >= 2) return;
      const steps: PlanReach[] = [...reach, { kind: asClass ? 'construct' : 'call', args }];
      const key = `make ${this.#root.file} ${describe(reach)}`;
      if (!this.#hooks.before(key)) continue;
      const made = this.#tryWalk(steps);
      this.#hooks.after?.();
      if (isPromise(made)) this.#later({ promise: made, reach: steps, name: 'result', depth });
      if (made === undefined || isNativePromise(made) || (!asClass && isDeep)) continue;
      const shape = `${describe(reach)}:${namesOf(made).sort().join()}`;
      const first = this.#made.get(shape);
      if (first) {
        const ways = this.#alternates.get(JSON.stringify(first)) ?? [];
        if (ways.length < 5) this.#alternates.set(JSON.stringify(first), [...ways, steps]);
        continue;
      }
      this.#made.set(shape, steps);
      const before = this.found.length;
      if (typeof made === 'object') this.#channels(made, steps, source, true);
      this.#members(made, steps, depth, asClass);
      if (this.found.length > before) kept++;
    }
  }

  /** The subjects, each with the other ways to the object it hangs on. */
  subjects(): readonly Subject[] {
    return this.found.map((subject) => {
      const cut = subject.reach.findIndex((step) => step.kind === 'call' || step.kind === 'construct') + 1;
      const ways = cut > 0 ? this.#alternates.get(JSON.stringify(subject.reach.slice(0, cut))) : undefined;
      return ways ? { ...subject, alternates: ways.map((way) => [...way, ...subject.reach.slice(cut)]) } : subject;
    });
  }

  #tryWalk(steps: readonly PlanReach[]): object | undefined {
    try {
      const made = walkReach({ value: this.#root.value, owner: undefined }, steps, this.#context).value;
      return this.#seen.has(made) ? undefined : this.#holder(made);
    } catch {
      return undefined;
    }
  }

  /** What may have members worth a look. */
  #holder(made: unknown): object | undefined {
    if (made === null || (typeof made !== 'object' && typeof made !== 'function')) return undefined;
    return Array.isArray(made) || Buffer.isBuffer(made) ? undefined : made;
  }

  #later(promised: Promised): void {
    if (this.#promises++ < PROMISES) this.#promised.push(promised);
  }

  /** Waits for what was promised, all at once, and goes on with what came. */
  async awaitPromised(): Promise<void> {
    for (let round = 0; round < ROUNDS && this.#promised.length > 0; round++) {
      const waiting = this.#promised;
      this.#promised = [];
      const came = await Promise.all(waiting.map(({ promise }) => settled(promise, PROMISE_MILLISECONDS)));
      this.#hooks.after?.();
      for (const [at, { reach, name, depth }] of waiting.entries()) {
        const made = this.#holder(came[at]?.value);
        if (made === undefined || this.#seen.has(made) || this.#full()) continue;
        const steps = [...reach, AWAIT];
        const shape = `${describe(steps).replace(/\(\d\) await$/, ' await')}:${typeof made}${namesOf(made).sort().join()}`;
        if (this.#made.has(shape)) continue;
        this.#made.set(shape, steps);
        if (typeof made === 'object') this.#channels(made, steps, '', name === 'result');
        if (name !== 'result') this.visit(made, steps, name, depth);
        else this.#members(made, steps, depth, false);
      }
    }
  }

  #members(made: object, steps: readonly PlanReach[], depth: number, isInstance: boolean): void {
    if (typeof made === 'function') {
      this.visit(made, steps, 'result', depth + 1);
      return;
    }
    for (const member of namesOf(made)) {
      if (this.#full()) return;
      let next: unknown;
      try {
        next = (made as Record<string, unknown>)[member];
      } catch {
        continue;
      }
      // Methods met on the prototype are called on an instance instead: forget that they were seen.
      if (isInstance && typeof next === 'function') this.#replaceUnbound(next, member);
      this.visit(next, [...steps, { kind: 'get', name: member }], member, depth + 2);
    }
  }

  #replaceUnbound(method: unknown, name: string): void {
    if (!this.#seen.has(method)) return;
    const source = sourceOf(method);
    const index = this.found.findIndex(
      (subject) =>
        subject.name === name && subject.source === source && subject.reach.every((step) => step.kind === 'get'),
    );
    if (index < 0 || !this.found[index]?.reach.some((step) => step.kind === 'get' && step.name === 'prototype')) return;
    this.found.splice(index, 1);
    this.#seen.delete(method);
  }
}

/** A short text for a way to a function. */
export function describe(reach: readonly PlanReach[]): string {
  return reach
    .map((step) => {
      if (step.kind === 'get') return `.${step.name}`;
      if (step.kind === 'tap') return `.${step.name}(…)`;
      if (step.kind === 'construct') return ` new(${step.args.length})`;
      return step.kind === 'call' ? `(${step.args.length})` : ' await';
    })
    .join('');
}

export async function enumerate(
  root: { readonly file: string; readonly format: 'cjs' | 'esm'; readonly value: unknown },
  limits: EnumerationLimits,
  hooks: EnumerationHooks,
  context: ValueContext,
): Promise<readonly Subject[]> {
  const walk = new Walk(root, limits, hooks, context);
  walk.visit(root.value, [], root.file || 'main', 0);
  await walk.awaitPromised();
  return walk.subjects();
}
