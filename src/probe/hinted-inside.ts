/** Calls made up from what is known of one function: its parameters' names, its text, examples of calls to it. */
import type { FlawClass } from '../formats/flaw-class.ts';
import type { Subject } from './enumerate-inside.ts';
import type { PlanValue } from './plan.ts';
import { type Attempt, CODE_PAYLOADS, COMMAND_PAYLOADS, type FunctionHints } from './shapes-inside.ts';

const PARAMETERS = /^(?:async\s*)?(?:function\s*\*?\s*[\w$]*\s*|[\w$]+\s*)?\(([^)]*)\)|^(?:async\s+)?([\w$]+)\s*=>/;

function parametersOf(source: string): string[] {
  const text = /^class\b/.test(source) ? source.slice(Math.max(0, source.search(/\bconstructor\s*\(/))) : source;
  const match = PARAMETERS.exec(text);
  return (match?.[1] ?? match?.[2] ?? '')
    .split(',')
    .map((part) =>
      part
        .replace(/\/\*.*?\*\//g, '')
        .trim()
        .replace(/^[.{[]+/, '')
        .replace(/[^\w$].*$/s, ''),
    )
    .filter((name) => name !== '')
    .slice(0, 8);
}

/** Argument lists by the name of the function called. */
export type CallLists = Readonly<Record<string, readonly (readonly PlanValue[])[]>>;

function listsFor(name: string, lists: CallLists): readonly (readonly PlanValue[])[] {
  return Object.hasOwn(lists, name) ? (lists[name] ?? []) : [];
}

export function hintsFor(subject: Subject, examples: CallLists, signatures: CallLists): FunctionHints {
  const words = new Set<string>();
  // What an ES module exports by default is what its documentation calls by the package's name.
  const name = subject.name === 'default' ? 'main' : subject.name;
  for (const match of subject.source.matchAll(/(?:\.|['"])([a-zA-Z_$][\w$]{1,24})\b/g)) {
    if (words.size < 60) words.add(String(match[1]));
  }
  return {
    parameters: parametersOf(subject.source),
    examples: listsFor(name, examples),
    signatures: listsFor(name, signatures),
    words: [...words],
  };
}

const IS_CALLBACK = /^(?:cb|callback|done|next|fn|func|handler|listener|complete|resolve|reject|iterator|on[A-Z])/i;
const IS_OPTIONS =
  /^(?:opt|option|config|conf|setting|param|args|argv|data|props|attr|info|ctx|context|obj|this|req|spec)/i;
const IS_LIST = /^(?:args|argv|list|arr|files|items|\w+List|\w+s)$/;
const IS_NUMBER = /^(?:n|i|num|count|port|size|len|length|timeout|ms|depth|level|index|pid|width|height)$/i;

const P: PlanValue = { kind: 'payload' };
const CALLBACK: PlanValue = { kind: 'callback' };

/** What a parameter of this name is likely to want, with the payload in it or without. */
function guess(name: string, tainted: boolean): readonly PlanValue[] {
  if (IS_CALLBACK.test(name)) return [CALLBACK];
  if (!tainted) {
    if (IS_OPTIONS.test(name)) return [{ kind: 'json', value: {} }];
    if (IS_NUMBER.test(name)) return [{ kind: 'json', value: 1 }];
    return [{ kind: 'json', value: 'x' }];
  }
  if (IS_OPTIONS.test(name)) return [{ kind: 'any-property', value: P }, P];
  if (IS_LIST.test(name)) return [{ kind: 'array', items: [P] }, P];
  return [P];
}

function byParameters(parameters: readonly string[]): (readonly PlanValue[])[] {
  if (parameters.length === 0) return [];
  const shapes: (readonly PlanValue[])[] = [];
  const first = (values: readonly PlanValue[]): PlanValue => values[0] ?? P;
  shapes.push(parameters.map((name) => first(guess(name, true))));
  shapes.push(parameters.map((name) => guess(name, true).at(-1) ?? P));
  parameters.forEach((name, at) => {
    for (const value of guess(name, true))
      shapes.push(parameters.map((other, index) => (index === at ? value : first(guess(other, false)))));
  });
  return shapes;
}

/** The example with one text (or all of them) replaced by the payload. */
function* tainted(example: readonly PlanValue[]): Generator<readonly PlanValue[]> {
  const spots = countSpots(example);
  for (let spot = 0; spot < Math.min(spots, 10); spot++) yield replaceSpot(example, spot);
  if (spots > 1) yield replaceSpot(example, -1);
}

function isSpot(value: PlanValue): boolean {
  return value.kind === 'payload' || (value.kind === 'json' && ['string', 'number'].includes(typeof value.value));
}

function countSpots(values: readonly PlanValue[]): number {
  let count = 0;
  const visit = (value: PlanValue): void => {
    if (isSpot(value)) count++;
    else if (value.kind === 'array') value.items.forEach(visit);
    else if (value.kind === 'object') for (const [, member] of value.members) visit(member);
  };
  values.forEach(visit);
  return count;
}

/** `spot` -1 replaces all. */
function replaceSpot(values: readonly PlanValue[], spot: number): readonly PlanValue[] {
  let at = 0;
  const visit = (value: PlanValue): PlanValue => {
    if (isSpot(value)) {
      const mine = at++;
      if (spot !== -1 && mine !== spot) return value.kind === 'payload' ? { kind: 'json', value: 'x' } : value;
      const text = value.kind === 'json' && typeof value.value === 'string' ? value.value : '';
      return spot === -1 || text === '' ? P : { kind: 'payload' };
    }
    if (value.kind === 'array') return { kind: 'array', items: value.items.map(visit) };
    if (value.kind === 'object')
      return { kind: 'object', members: value.members.map(([name, member]) => [name, visit(member)] as const) };
    return value;
  };
  return values.map(visit);
}

const POLLUTING_VALUES: readonly { readonly payload: string; readonly value: PlanValue }[] = [
  { payload: '{"__proto__":{"{{canary}}":"1"}}', value: { kind: 'parse', text: '{{payload}}' } },
  { payload: '{"constructor":{"prototype":{"{{canary}}":"1"}}}', value: { kind: 'parse', text: '{{payload}}' } },
  { payload: '__proto__.{{canary}}', value: P },
  { payload: 'constructor.prototype.{{canary}}', value: P },
  { payload: '/__proto__/{{canary}}', value: P },
  { payload: '["__proto__","{{canary}}"]', value: { kind: 'parse', text: '{{payload}}' } },
];

/** Every argument of an example in turn becomes something that leads to the prototype. */
function pollutingExamples(examples: readonly (readonly PlanValue[])[]): Attempt[] {
  const attempts: Attempt[] = [];
  for (const example of examples)
    for (let at = 0; at < example.length; at++)
      for (const { payload, value } of POLLUTING_VALUES)
        attempts.push({
          payload,
          args: example.map((arg, index) =>
            index === at ? value : arg.kind === 'payload' ? { kind: 'json', value: {} } : arg,
          ),
        });
  return attempts;
}

export function hintedAttempts(flaw: FlawClass, hints: FunctionHints): Attempt[] {
  if (flaw === 'prototype-pollution')
    return [...pollutingExamples(hints.examples.slice(0, 6)), ...pollutingExamples(hints.signatures.slice(0, 3))];
  if (flaw !== 'command-injection' && flaw !== 'code-injection') return [];
  const payloads = flaw === 'command-injection' ? COMMAND_PAYLOADS : CODE_PAYLOADS;
  const shapes = [
    ...byParameters(hints.parameters),
    ...hints.examples.slice(0, 5).flatMap((example) => [...tainted(example)]),
    // Made with the payload in every text; the first one also with one text at a time.
    ...hints.signatures,
    ...hints.signatures.slice(0, 1).flatMap((list) => [...tainted(list)]),
  ];
  return payloads.slice(0, 14).flatMap((payload) => shapes.map((args) => ({ payload, args })));
}

const PAIR_LIMIT = 40;

/** Where state is kept between calls: one method is told the key, the next one writes below it. */
export function pairedAttempts(flaw: FlawClass, subject: Subject, all: readonly Subject[]): Attempt[] {
  const last = subject.reach.at(-1);
  if (flaw !== 'prototype-pollution' || last?.kind !== 'get' || subject.constructs) return [];
  const owner = JSON.stringify(subject.reach.slice(0, -1));
  const others = all.filter((other) => other !== subject && JSON.stringify(other.reach.slice(0, -1)) === owner);
  return others.slice(0, PAIR_LIMIT).flatMap((other) => {
    const step = other.reach.at(-1);
    if (step?.kind !== 'get') return [];
    const reach = [...subject.reach.slice(0, -1), { kind: 'tap', name: step.name, args: [P] } as const, last];
    const written: PlanValue = { kind: 'parse', text: '{"{{canary}}":"1"}' };
    const key: PlanValue = { kind: 'text', text: '{{canary}}' };
    return [
      { payload: '__proto__', reach, args: [written] },
      { payload: '__proto__', reach, args: [key, { kind: 'json', value: '1' }] },
    ];
  });
}

const READS = 7;

/** Objects with the names that were read: each pair of them as a key that leads to the prototype and a key below it. */
export function attemptsFromReads(names: readonly string[]): Attempt[] {
  const read = names.slice(0, READS);
  const key: PlanValue = { kind: 'text', text: '{{canary}}' };
  const one: PlanValue = { kind: 'json', value: '1' };
  const pairs = read.flatMap((outer) =>
    read.filter((inner) => inner !== outer).map((inner) => [outer, inner] as const),
  );
  const objects = pairs.map(([outer, inner]): PlanValue => {
    const rest = read.filter((name) => name !== outer && name !== inner).map((name) => [name, one] as const);
    return { kind: 'object', members: [[outer, P], [inner, key], ...rest] };
  });
  const bare = pairs.map(
    ([outer, inner]): PlanValue => ({
      kind: 'object',
      members: [
        [outer, P],
        [inner, key],
      ],
    }),
  );
  const single = read.map(
    (name): PlanValue => ({
      kind: 'object',
      members: [[name, { kind: 'parse', text: '{"__proto__":{"{{canary}}":"1"}}' }]],
    }),
  );
  const paths = read.flatMap((name) => {
    const rest = read.filter((other) => other !== name).map((other) => [other, one] as const);
    const object: PlanValue = { kind: 'object', members: [[name, P], ...rest] };
    return ['__proto__.{{canary}}', 'constructor.prototype.{{canary}}'].flatMap((payload) => [
      { payload, args: [object] },
      { payload, args: [{ kind: 'json', value: {} } as const, object] },
    ]);
  });
  const keys = [...bare, ...objects, ...single].flatMap((object) => [
    { payload: '__proto__', args: [object] },
    { payload: '__proto__', args: [{ kind: 'json', value: {} } as const, object] },
    { payload: '__proto__', args: [object, { kind: 'callback' } as const] },
  ]);
  return [...keys, ...paths];
}
