/**
 * Calls that carry a text into a function: as an argument, in an option, in a header, inside a text of the kind the
 * function seems to want. Runs inside the sandbox.
 */
import type { Subject } from './enumerate-inside.ts';
import type { PlanReach, PlanValue } from './plan.ts';
import type { Arrival } from './promised-inside.ts';
import { callValue, constructValue, type ValueContext, walkReach } from './values-inside.ts';

export interface Call {
  readonly file: string;
  readonly format: 'cjs' | 'esm';
  readonly reach: readonly PlanReach[];
  readonly kind: 'call' | 'construct';
  readonly args: readonly PlanValue[];
  readonly after: readonly PlanReach[];
}

export type Examples = Readonly<Record<string, readonly (readonly PlanValue[])[]>>;

const P: PlanValue = { kind: 'payload' };
const json = (value: string | number | boolean | Record<string, never>): PlanValue => ({ kind: 'json', value });
const X = json('x');
const NONE = json({});
const CALLBACK: PlanValue = { kind: 'callback' };
const any = (value: PlanValue): PlanValue => ({ kind: 'any-property', value });
const object = (...members: [string, PlanValue][]): PlanValue => ({ kind: 'object', members });

const REQUEST = object(
  ['headers', any(P)],
  ['url', P],
  ['method', json('POST')],
  ['body', any(P)],
  ['query', any(P)],
  ['connection', object(['remoteAddress', P])],
  ['socket', object(['remoteAddress', P])],
);
const RESPONSE = object(['setHeader', CALLBACK], ['getHeader', CALLBACK], ['end', CALLBACK], ['on', CALLBACK]);

const SHAPES: readonly (readonly PlanValue[])[] = [
  [P],
  [P, NONE],
  [P, CALLBACK],
  [P, P],
  [X, P],
  [P, X],
  [REQUEST, RESPONSE, CALLBACK],
  [any(P)],
  [P, P, P],
  [X, X, P],
  [{ kind: 'array', items: [P] }],
  [{ kind: 'array', items: [P] }, X],
  [X, { kind: 'array', items: [P] }],
  [NONE, P],
  [P, any(P)],
  [X, any(P)],
  [{ kind: 'buffer', of: P }],
  [json(1), P],
  [P, json(1)],
  [P, NONE, CALLBACK],
  [CALLBACK, P],
];

/** Texts of many kinds with room for the payload. */
const CARRIERS: readonly string[] = [
  'a@{{payload}}',
  '{{payload}}@a.com',
  'http://{{payload}}',
  'http://a.com/{{payload}}',
  '//{{payload}}',
  'text/{{payload}}',
  'text/html; charset={{payload}}',
  'text/html; a="{{payload}}"',
  'a={{payload}}',
  'a=b; {{payload}}',
  '{{payload}}; Path=/',
  '#{{payload}}',
  '<a {{payload}}>',
  '<{{payload}}>',
  '<!--{{payload}}-->',
  '"{{payload}}"',
  '({{payload}})',
  '[{{payload}}]',
  '{{{payload}}}',
  'rgb({{payload}})',
  'url({{payload}})',
  'a {{payload}} { color: red }',
  'a: {{payload}}\n',
  'data:image/png;base64,{{payload}}',
  'data:{{payload}},x',
  '1{{payload}}',
  '1.2.3-{{payload}}',
  '%{{payload}}s',
  '$`{{payload}}`',
  'feat: a\n\n{{payload}}',
  'a\n{{payload}}\nb',
  '`{{payload}}`',
  '/{{payload}}/',
  '{"a":"{{payload}}"}',
  ' {{payload}} ',
  'x{{payload}}x',
];

const LITERALS = /(['"`])((?:(?!\1)[^\\\n]){1,24})\1/g;

/** Carriers made of the function's own texts: what it looks for is likely to be needed. */
export function carriersFor(source: string, limit: number): PlanValue[] {
  const texts = new Set<string>();
  for (const match of source.matchAll(LITERALS)) {
    if (texts.size >= limit) break;
    const text = match[2] ?? '';
    if (text.includes('{{')) continue;
    texts.add(`${text}{{payload}}`);
    if (!/^\w+$/.test(text)) texts.add(`{{payload}}${text}`);
  }
  return [...texts, ...CARRIERS].map((text) => ({ kind: 'text', text }));
}

/** Every text of an example that the payload could stand in, one at a time: instead of it and at its ends. */
function* spots(value: PlanValue): Generator<PlanValue> {
  if (value.kind === 'json' && typeof value.value === 'string') {
    yield P;
    yield { kind: 'text', text: `${value.value}{{payload}}` };
    yield { kind: 'text', text: `{{payload}}${value.value}` };
    const middle = value.value.length >> 1;
    if (middle > 0)
      yield { kind: 'text', text: `${value.value.slice(0, middle)}{{payload}}${value.value.slice(middle)}` };
  } else if (value.kind === 'json' && value.value !== null && typeof value.value === 'object') {
    const entries = Object.entries(value.value).slice(0, 12);
    const whole = entries.map(([name, member]) => [name, { kind: 'json', value: member }] as [string, PlanValue]);
    for (const [at, [, member]] of whole.entries())
      for (const put of spots(member))
        yield Array.isArray(value.value)
          ? { kind: 'array', items: whole.map(([, other], index) => (index === at ? put : other)) }
          : {
              kind: 'object',
              members: whole.map(([name, other], index) => [name, index === at ? put : other] as const),
            };
  } else if (value.kind === 'array') {
    for (const [at, item] of value.items.entries())
      for (const put of spots(item))
        yield { ...value, items: value.items.map((other, index) => (index === at ? put : other)) };
  } else if (value.kind === 'object') {
    for (const [at, [, member]] of value.members.entries())
      for (const put of spots(member))
        yield {
          ...value,
          members: value.members.map(([name, other], index) => [name, index === at ? put : other] as const),
        };
  }
}

function* fromExamples(examples: readonly (readonly PlanValue[])[]): Generator<readonly PlanValue[]> {
  for (const example of examples.slice(0, 12))
    for (const [at, arg] of example.entries()) {
      let count = 0;
      for (const put of spots(arg)) {
        if (count++ >= 16) break;
        yield example.map((other, index) => (index === at ? put : other));
      }
    }
}

export function* argumentsFor(subject: Subject, examples: Examples): Generator<readonly PlanValue[]> {
  if (Object.hasOwn(examples, subject.name)) yield* fromExamples(examples[subject.name] ?? []);
  yield* SHAPES;
}

/** The same call with the payload in a carrier. */
export function* carried(args: readonly PlanValue[], carriers: readonly PlanValue[]): Generator<readonly PlanValue[]> {
  for (const carrier of carriers) yield args.map((arg) => (arg.kind === 'payload' ? carrier : arg));
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  value !== null && (typeof value === 'object' || typeof value === 'function');

/** What may be done with a result that does its work later. */
export function afterFor(result: unknown): readonly (readonly PlanReach[])[] {
  if (typeof result === 'function') return [[{ kind: 'call', args: [P] }]];
  if (!isObject(result) || result instanceof Promise) return [];
  const steps: PlanReach[][] = [];
  try {
    if (typeof result.write === 'function' && typeof result.on === 'function')
      steps.push([
        { kind: 'tap', name: 'write', args: [P] },
        { kind: 'tap', name: 'end', args: [] },
      ]);
    for (const name of ['parse', 'toString', 'process', 'render', 'exec', 'test', 'match', 'validate', 'format'])
      if (
        typeof result[name] === 'function' &&
        (name !== 'toString' || Object.hasOwn(Object.getPrototypeOf(result) ?? {}, name))
      )
        steps.push([
          { kind: 'get', name },
          { kind: 'call', args: [P] },
        ]);
  } catch {
    // A getter that throws has nothing to offer.
  }
  return steps.slice(0, 4);
}

export const contextOf = (payload: string): ValueContext => ({ payload, canary: '', seen: new Set(), called: [] });

/**
 * Makes the call from where its way has led, and what follows; throws what the target throws. Names read from
 * any-property objects go to `seen`.
 */
export function perform(from: Arrival, call: Call, payload: string, seen?: Set<string>): unknown {
  const context = { ...contextOf(payload), ...(seen ? { seen } : {}) };
  const at = walkReach(from.at, from.rest, context);
  const made = call.kind === 'construct' ? constructValue(at, call.args, context) : callValue(at, call.args, context);
  if (call.after.length === 0) return made;
  return walkReach({ value: made, owner: undefined }, call.after, context).value;
}

/** The value with less in it, largest cut first. */
function less(value: PlanValue, seen: readonly string[]): PlanValue[] {
  switch (value.kind) {
    case 'any-property':
      return [
        NONE,
        ...seen.map((name) => object([name, value.value])),
        object(...seen.map((name) => [name, value.value] as [string, PlanValue])),
      ];
    case 'object': {
      const { members } = value;
      const dropped = members.map(
        (_, at): PlanValue => ({ ...value, members: members.filter((__, other) => other !== at) }),
      );
      const inner = members.flatMap(([name, member], at) =>
        less(member, seen).map(
          (put): PlanValue => ({
            ...value,
            members: members.map((pair, other) => (other === at ? ([name, put] as const) : pair)),
          }),
        ),
      );
      return [...dropped, ...inner];
    }
    case 'array':
      return value.items.length > 1
        ? value.items.map((_, at): PlanValue => ({ ...value, items: value.items.filter((__, other) => other !== at) }))
        : [];
    case 'text':
      return [P];
    default:
      return [];
  }
}

/** Calls one step simpler than this one. */
export function* simplerCalls(call: Call, seen: readonly string[]): Generator<Call> {
  if (call.after.length > 0) yield { ...call, after: [] };
  if (call.args.length > 1) yield { ...call, args: call.args.slice(0, -1) };
  for (const [at, arg] of call.args.entries()) {
    if (arg.kind === 'payload' && call.args.length > 1)
      yield { ...call, args: call.args.map((other, index) => (index === at ? X : other)) };
    for (const put of less(arg, seen))
      yield { ...call, args: call.args.map((other, index) => (index === at ? put : other)) };
  }
}
