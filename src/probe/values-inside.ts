/**
 * Turns the values of a plan into real ones. Runs inside the sandbox, before and beside hostile code, so it keeps its
 * own references to the built-ins it uses.
 */
import process from 'node:process';
import type { PlanReach, PlanValue } from './plan.ts';

const parseJson = JSON.parse;
const { apply, construct, get, defineProperty } = Reflect;

export interface ValueContext {
  readonly payload: string;
  readonly canary: string;
  /** Names read from any-property objects are noted here. */
  readonly seen: Set<string>;
  /** Functions handed to the target that were called, and what they were called with. */
  readonly called: unknown[][];
  /** Where given: names that were read from its plain objects and not found. */
  readonly missed?: Set<string>;
}

export function fillText(text: string, context: { readonly payload: string; readonly canary: string }): string {
  return text.split('{{payload}}').join(context.payload).split('{{canary}}').join(context.canary);
}

/** The same inside a JSON text: what is put in is escaped as the inside of a JSON string unless it is the whole text. */
function fillJson(text: string, context: ValueContext): unknown {
  if (text === '{{payload}}') return parseJson(fillText(text, context));
  const escaped = JSON.stringify(fillText('{{payload}}', context)).slice(1, -1);
  return parseJson(text.split('{{payload}}').join(escaped).split('{{canary}}').join(context.canary));
}

/** Answered as a plain object would, so that promises, printing and conversions do not go astray. */
const PLAIN = new Set([
  'then',
  'toJSON',
  'inspect',
  'constructor',
  'hasOwnProperty',
  'isPrototypeOf',
  'length',
  'prototype',
  '__proto__',
  'nodeType',
  'asymmetricMatch',
]);

function anyProperty(value: PlanValue, deep: boolean, context: ValueContext): object {
  const asText = () => String(buildValue(value, context));
  return new Proxy({} as Record<string, unknown>, {
    get(target, name) {
      if (name === Symbol.toPrimitive) return deep ? asText : undefined;
      if (typeof name === 'symbol' || PLAIN.has(name)) return get(target, name);
      if (name === 'toString' || name === 'valueOf') return asText;
      context.seen.add(name);
      if (name in target) return target[name];
      const made = deep ? anyProperty(value, context.seen.size < 12, context) : buildValue(value, context);
      target[name] = made;
      return made;
    },
    has: (target, name) => typeof name === 'string' && !(PLAIN.has(name) && !(name in target)),
  });
}

/** The same object for the target, but for noting what is asked of it in vain. */
function observed<T extends object>(made: T, { missed }: ValueContext): T {
  if (!missed) return made;
  return new Proxy(made, {
    get(target, name) {
      if (typeof name === 'string' && !(name in target) && !PLAIN.has(name)) missed.add(name);
      return get(target, name);
    },
  });
}

export function buildValue(value: PlanValue, context: ValueContext): unknown {
  switch (value.kind) {
    case 'json':
      return value.value !== null && typeof value.value === 'object' ? structuredClone(value.value) : value.value;
    case 'undefined':
      return undefined;
    case 'payload':
      return fillText('{{payload}}', context);
    case 'text':
      return fillText(value.text, context);
    case 'parse':
      return fillJson(value.text, context);
    case 'array':
      return value.items.map((item) => buildValue(item, context));
    case 'object': {
      const made: Record<string, unknown> = {};
      for (const [name, member] of value.members)
        defineProperty(made, fillText(name, context), {
          value: buildValue(member, context),
          writable: true,
          enumerable: true,
          configurable: true,
        });
      return observed(made, context);
    }
    case 'buffer':
      return Buffer.from(String(buildValue(value.of, context)));
    case 'callback':
      return (...args: unknown[]) => {
        if (context.called.length < 8) context.called.push(args);
      };
    case 'returns':
      return () => buildValue(value.value, context);
    case 'named-function': {
      const made = () => undefined;
      defineProperty(made, 'name', { value: fillText(value.text, context) });
      return made;
    }
    case 'root':
      return process.cwd();
    case 'port':
      return 0;
    case 'any-property':
      return anyProperty(value.value, value.deep === true, context);
  }
}

export interface Reached {
  readonly value: unknown;
  /** What the value was read from: the `this` of a call. */
  readonly owner: unknown;
}

function take(owner: unknown, name: string): unknown {
  if (owner === null || owner === undefined) throw new TypeError(`nothing to read ${name} from`);
  return (owner as Record<string, unknown>)[name];
}

/** Walks the steps from `start`. Throws what the target throws; a step `await` is left to the caller. */
export function walkReach(start: Reached, steps: readonly PlanReach[], context: ValueContext): Reached {
  let at = start;
  for (const step of steps) {
    if (step.kind === 'get') at = { value: take(at.value, step.name), owner: at.value };
    else if (step.kind === 'tap') callValue({ value: take(at.value, step.name), owner: at.value }, step.args, context);
    else if (step.kind === 'call') at = { value: callValue(at, step.args, context), owner: undefined };
    else if (step.kind === 'construct') at = { value: constructValue(at, step.args, context), owner: undefined };
  }
  return at;
}

export function callValue(at: Reached, args: readonly PlanValue[], context: ValueContext): unknown {
  if (typeof at.value !== 'function') throw new TypeError('not a function');
  const built = args.map((arg) => buildValue(arg, context));
  return apply(at.value as (...values: unknown[]) => unknown, at.owner, built);
}

export function constructValue(at: Reached, args: readonly PlanValue[], context: ValueContext): unknown {
  if (typeof at.value !== 'function') throw new TypeError('not a constructor');
  const built = args.map((arg) => buildValue(arg, context));
  return construct(at.value as new (...values: unknown[]) => unknown, built);
}
