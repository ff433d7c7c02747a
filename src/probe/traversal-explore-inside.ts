/**
 * Looks through what a module exports for anything that becomes a server: functions and classes that listen, make a
 * server or make a `(request, response)` handler, and handlers themselves. Runs inside the sandbox.
 */
import type { PlanReach, PlanValue } from './plan.ts';
import { createExplorer, type Explorer } from './traversal-try-inside.ts';

const { getOwnPropertyNames, getPrototypeOf } = Object;
const functionText = Function.prototype.toString;

const sourceText = (value: unknown): string => {
  try {
    return functionText.call(value).slice(0, 30_000);
  } catch {
    return '';
  }
};

const ROOT: PlanValue = { kind: 'root' };
const PORT: PlanValue = { kind: 'port' };
const CALLBACK: PlanValue = { kind: 'callback' };

const STARTERS =
  /^(listen|start|run|serve|boot|up$|open|init|create|launch|begin|go$|app$|static|server|make|setup|default)/i;
const LEFT_OUT = new Set(['length', 'name', 'prototype', 'arguments', 'caller', 'constructor', '__proto__', 'super_']);
const EMITTER =
  /^(on|once|off|emit|addListener|removeListener|close|destroy|end|unref|ref|address|pipe|write|set(Max|Timeout))/;

export interface Node {
  readonly value: unknown;
  readonly reach: readonly PlanReach[];
  readonly name: string;
  /** Calls made on the way. */
  readonly calls: number;
}

/** Names on a value and its prototypes, starters first. */
function memberNames(value: object): string[] {
  const names = new Set<string>();
  let at: object | null = value;
  for (let hops = 0; at && hops < 4; hops++) {
    if (at === Object.prototype || at === Function.prototype || at === Array.prototype) break;
    for (const name of getOwnPropertyNames(at)) if (!LEFT_OUT.has(name) && !/^(_|\d)/.test(name)) names.add(name);
    at = getPrototypeOf(at) as object | null;
  }
  const rank = (name: string): number => (STARTERS.test(name) ? 0 : EMITTER.test(name) ? 2 : 1);
  return [...names].sort((left, right) => rank(left) - rank(right)).slice(0, 60);
}

const ROOT_NAME = /root|dir|path$|^path|base|public|static|www|folder|content|cwd|dest|src|docs?$|location/i;
const NOT_ROOT = /document|file|index|name|page|type|url|host|method|header|charset|prefix|route|mount|list|html/i;
const GENERIC = ['root', 'dir', 'directory', 'path', 'base', 'public', 'static', 'folder', 'contentBase'];

/** An options object with what the function was seen to read, or what such functions usually read. */
function optionsFrom(read: ReadonlySet<string>): PlanValue {
  const names = [...read].filter((name) => /^[\w$]{1,40}$/.test(name));
  const roots = names.filter((name) => ROOT_NAME.test(name) && !NOT_ROOT.test(name));
  const ports = names.filter((name) => /port$/i.test(name));
  const known = roots.length + ports.length > 0 ? roots : GENERIC;
  const members = known.map((name) => [name, ROOT] as const);
  return {
    kind: 'object',
    members: [...members, ...(ports.length ? ports : ['port']).map((name) => [name, PORT] as const)],
  };
}

/** Something that notes the names read from it and answers nothing. */
function observer(read: Set<string>): object {
  return new Proxy(Object.create(null) as object, {
    get(_target, name) {
      if (typeof name === 'string') read.add(name);
      return undefined;
    },
    has(_target, name) {
      if (typeof name === 'string') read.add(name);
      return false;
    },
  });
}

function shapesFor(options: PlanValue, calls: number): PlanValue[][] {
  const first = [[], [PORT], [ROOT], [options], [ROOT, PORT], [PORT, ROOT]];
  if (calls > 0) return first;
  return [...first, [options, CALLBACK], [PORT, CALLBACK], [ROOT, options], [PORT, options], [CALLBACK, options]];
}

const looksLikeHandler = (value: unknown): boolean =>
  typeof value === 'function' &&
  value.length >= 2 &&
  value.length <= 4 &&
  /\breq|\.url\b|\bctx\b/i.test(sourceText(value));

const isClassLike = (value: unknown, name: string): boolean => {
  const source = sourceText(value);
  if (/^class\b/.test(source)) return true;
  const prototype = (value as { prototype?: object }).prototype;
  const methods = prototype && typeof prototype === 'object' ? getOwnPropertyNames(prototype).length : 0;
  return methods > 1 || (/^[A-Z]/.test(name) && /\bthis\s*\.\s*\w+\s*=/.test(source));
};

export class Exploration {
  readonly #explorer: Explorer;
  readonly #seen = new Set<unknown>();
  readonly #shapes = new Set<string>();

  constructor(explorer: Explorer) {
    this.#explorer = explorer;
  }

  async visit(node: Node, depth: number): Promise<void> {
    const { value } = node;
    if (this.#explorer.over || value === null || (typeof value !== 'object' && typeof value !== 'function')) return;
    if (this.#seen.has(value)) return;
    this.#seen.add(value);
    if (typeof value === 'function') await this.#callable(node);
    if (depth >= 3) return;
    for (const name of memberNames(value)) {
      if (this.#explorer.over) return;
      let next: unknown;
      try {
        next = (value as Record<string, unknown>)[name];
      } catch {
        continue;
      }
      const reach: PlanReach[] = [...node.reach, { kind: 'get', name }];
      await this.visit({ value: next, reach, name, calls: node.calls }, depth + 1);
    }
  }

  async #callable(node: Node): Promise<void> {
    const { reach } = node;
    if (looksLikeHandler(node.value)) await this.#explorer.tryHandler(reach, [], 'self');
    if (node.calls >= 3) return;
    const read = new Set<string>();
    if (node.calls < 2) await this.#explorer.observe(reach, observer(read));
    const construct = isClassLike(node.value, node.name);
    for (const args of shapesFor(optionsFrom(read), node.calls)) {
      if (this.#explorer.over) return;
      const made = await this.#explorer.tryStart(reach, args, construct ? 'construct' : 'call');
      await this.#follow(node, args, construct ? 'construct' : 'call', made);
    }
  }

  async #follow(node: Node, args: readonly PlanValue[], kind: 'call' | 'construct', result: unknown): Promise<void> {
    let made = result;
    const steps: PlanReach[] = [...node.reach, { kind, args }];
    if (made instanceof Promise) {
      steps.push({ kind: 'await' });
      made = await this.#explorer.settle(made);
    }
    if (made === null || (typeof made !== 'object' && typeof made !== 'function')) return;
    if (typeof made === 'function' && (looksLikeHandler(made) || made.length >= 2))
      await this.#explorer.tryHandler(node.reach, args, 'makes');
    const shape = `${node.name} ${args.map((arg) => arg.kind).join()} ${memberNames(made).join()}`;
    if (this.#shapes.has(shape) || this.#shapes.size > 60) return;
    this.#shapes.add(shape);
    // The same object again (a function that returns `this`): its members are tried anew, now that it is set up.
    if (this.#seen.has(made)) for (const name of memberNames(made)) this.#forget(made, name);
    this.#seen.delete(made);
    await this.visit({ value: made, reach: steps, name: 'result', calls: node.calls + 1 }, 2);
  }

  #forget(owner: object, name: string): void {
    try {
      this.#seen.delete((owner as Record<string, unknown>)[name]);
    } catch {
      // A getter that throws has nothing to forget.
    }
  }
}

export { createExplorer };
