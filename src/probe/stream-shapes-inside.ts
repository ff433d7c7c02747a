/** What to write into streams, and what to emit where a package listens. */
import type { FlawClass } from '../formats/flaw-class.ts';
import type { Subject } from './enumerate-inside.ts';
import type { PlanValue } from './plan.ts';
import {
  type Attempt,
  CODE_PAYLOADS,
  COMMAND_PAYLOADS,
  POLLUTING_OBJECTS,
  POLLUTING_PATHS,
  POLLUTING_TEXTS,
} from './shapes-inside.ts';

const P: PlanValue = { kind: 'payload' };
const PARSED: PlanValue = { kind: 'parse', text: '{{payload}}' };
const EMPTY: PlanValue = { kind: 'json', value: {} };
const ANY: PlanValue = { kind: 'any-property', value: P };
const LINE: PlanValue = { kind: 'text', text: '{{payload}}\n' };
const ONE: PlanValue = { kind: 'json', value: '1' };
const EVENTS = 6;

/** A text, a line, bytes, and an object for streams of objects. */
const CHUNKS: readonly PlanValue[] = [P, { kind: 'buffer', of: P }, LINE, { kind: 'array', items: [P] }, ANY];
const POLLUTING_CHUNKS: readonly PlanValue[] = [PARSED, P, { kind: 'buffer', of: P }, LINE];

function payloadsOf(flaw: FlawClass): readonly string[] {
  if (flaw === 'command-injection') return COMMAND_PAYLOADS;
  return flaw === 'code-injection' ? CODE_PAYLOADS : POLLUTING_OBJECTS;
}

function each(payloads: readonly string[], lists: readonly (readonly PlanValue[])[]): Attempt[] {
  return payloads.flatMap((payload) => lists.map((args) => ({ payload, args })));
}

/** The subject is `end` or `write` of a stream. */
export function streamAttempts(flaw: FlawClass): readonly Attempt[] {
  const isPollution = flaw === 'prototype-pollution';
  const chunks = (isPollution ? POLLUTING_CHUNKS : CHUNKS).map((chunk) => [chunk]);
  return [
    ...each(payloadsOf(flaw), chunks),
    ...(isPollution ? each(POLLUTING_TEXTS, [[P], [{ kind: 'buffer', of: P }]]) : []),
  ];
}

/** The subject is `emit` of something that listens to these events itself. */
export function emitterAttempts(flaw: FlawClass, { events = [] }: Subject): readonly Attempt[] {
  const lists = (rests: readonly (readonly PlanValue[])[]): (readonly PlanValue[])[] =>
    events
      .slice(0, EVENTS)
      .flatMap((event) => rests.map((rest): readonly PlanValue[] => [{ kind: 'json', value: event }, ...rest]));
  if (flaw !== 'prototype-pollution')
    return each(
      payloadsOf(flaw),
      lists([[P], [ANY], [P, P], [EMPTY, P], [{ kind: 'array', items: [P] }], [{ kind: 'buffer', of: P }]]),
    );
  return [
    ...each(POLLUTING_OBJECTS, lists([[PARSED], [EMPTY, PARSED], [P]])),
    ...each(POLLUTING_PATHS.slice(0, 6), lists([[P, ONE], [EMPTY, P, ONE], [P]])),
  ];
}

/** Events of the machinery of streams itself. */
const MACHINERY = new Set(
  'prefinish finish end close error drain pipe unpipe pause resume readable data newListener removeListener'.split(' '),
);

type AnyFunction = (...args: unknown[]) => unknown;

const isFunction = (value: unknown): value is AnyFunction => typeof value === 'function';

function member(value: object, name: string): unknown {
  try {
    return (value as Record<string, unknown>)[name];
  } catch {
    return undefined;
  }
}

export function isStream(value: object): boolean {
  return ['write', 'end', 'on', 'emit'].every((name) => isFunction(member(value, name)));
}

/** Names of the events that the object listens to itself. */
export function ownEvents(value: object): readonly string[] {
  const names = member(value, 'eventNames');
  if (!isFunction(names) || !isFunction(member(value, 'emit'))) return [];
  try {
    const told = Reflect.apply(names, value, []) as unknown;
    if (!Array.isArray(told)) return [];
    const texts = told.filter((name): name is string => typeof name === 'string' && name.length <= 60);
    return isStream(value) ? texts.filter((name) => !MACHINERY.has(name)) : texts.filter((name) => name !== 'error');
  } catch {
    return [];
  }
}
