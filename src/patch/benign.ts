/**
 * Ordinary calls, to see that a patch changes nothing but the flaw: the attacked function with harmless input of the
 * same shape, and every other export with a few plain arguments. What each did is compared before and after.
 */
import type { FlawClass } from '../formats/flaw-class.ts';
import type { Json } from '../lib/canonical-json.ts';
import type { PlanReach, PlanValue, ProbePlan } from '../probe/index.ts';

export interface BenignCall {
  readonly id: string;
  /** Of the attacked function, as opposed to another export. */
  readonly isEntry: boolean;
  readonly file: string;
  readonly format: 'cjs' | 'esm';
  readonly reach: readonly PlanReach[];
  readonly drive: ProbePlan['drive'];
  readonly payload: string;
}

/** What a call did: a digestible image of its value, error, arguments afterwards, callbacks and programs started. */
type Outcome = Json;

export interface ExportEntry {
  readonly path: readonly string[];
  readonly type: string;
  readonly arity: number;
}

export interface Behaviour {
  readonly exports: readonly ExportEntry[] | null;
  readonly outcomes: ReadonlyMap<string, Outcome>;
}

interface Difference {
  readonly id: string;
  readonly isEntry: boolean;
}

export interface Comparison {
  /** Calls that gave the same twice before the patch, and can be compared. */
  readonly compared: number;
  readonly comparedAtEntry: number;
  readonly differences: readonly Difference[];
  readonly missingExports: readonly string[];
}

const EXPORTS_CALLED = 24;
const PLAIN_ARGUMENTS: readonly (readonly Json[])[] = [
  [],
  ['abc'],
  [{ a: 1, b: { c: 2 } }],
  [{ a: 1 }, { b: { c: 2 } }],
  [{ a: { b: 1 } }, 'a.b'],
  [{ a: { b: 1 } }, 'a.c', 5],
  [{ a: { b: 1 } }, 'x.y.z'],
  [{ a: { b: 1 } }, ['a', 'b']],
  ['abc', 'b'],
  [[3, 1, 2]],
  [7],
];

const WORDS: Readonly<Record<FlawClass, readonly string[]>> = {
  'prototype-pollution': [
    'a',
    'a.b',
    'a.b.c',
    'name',
    'x[0].y',
    'a/b',
    '/a/b',
    'list.0',
    'a=1',
    'a[b]=1',
    '[s]\na=1\n',
  ],
  'command-injection': ['abc', 'file.txt', '1234', 'user-name', 'v1.2.3', 'main', 'src/a', 'example.org', 'a_b', ''],
  'code-injection': ['1', '"abc"', '{"a":1}', '[1,2]', 'true', 'abc', 'null', '12.5', '{"a":{"b":"c"}}', 'a.b', ''],
  'path-traversal': [
    '/',
    '/index.html',
    '/a.txt',
    '/b/c.txt',
    '/missing',
    '/a.txt?x=1',
    '/b/',
    '/b//c.txt',
    '/%61.txt',
  ],
  redos: [
    'abc',
    '',
    'a b c',
    '123',
    'foo@example.org',
    '<div class="x">',
    'a,b;c',
    '2020-01-02',
    'https://example.org/a?b=c',
    '#fff',
    '1.2.3',
    '"q"',
    '  x  ',
    'a\nb',
    '- x\n- y',
  ],
};

const OBJECTS = [
  '{}',
  '{"a":1}',
  '{"a":{"b":1}}',
  '{"a":{"b":{"c":[1,2]}},"d":"e"}',
  '{"name":"x","nested":{"deep":true},"n":null}',
  '{"list":[1,{"x":2}],"t":"u"}',
  '{"0":"zero","x-y":{"z":""}}',
];
const LISTS = ['["a"]', '["a","b"]', '["a","b","c"]', '["list",0]', '["x"]', '[]', '[{"a":1},{"a":{"b":2}}]'];

export function benignCalls(plan: ProbePlan, exports: readonly (readonly string[])[]): BenignCall[] {
  const { file, format, reach, drive } = plan;
  const atEntry = payloadsLike(plan).map(
    (payload, index): BenignCall => ({
      id: `entry ${index}: ${payload.slice(0, 60)}`,
      isEntry: true,
      file,
      format,
      reach,
      drive: benignDrive(drive, payload),
      payload,
    }),
  );
  const elsewhere = exports.slice(0, EXPORTS_CALLED).flatMap((names) =>
    PLAIN_ARGUMENTS.map(
      (args, index): BenignCall => ({
        id: `${names.join('.') || 'module'} ${index}`,
        isEntry: false,
        file,
        format,
        reach: names.map((name) => ({ kind: 'get', name })),
        drive: { kind: 'call', args: args.map((value): PlanValue => ({ kind: 'json', value })), after: [] },
        payload: '',
      }),
    ),
  );
  return [...atEntry, ...elsewhere];
}

function payloadsLike({ flaw, payload, drive }: ProbePlan): readonly string[] {
  const isParsed = 'args' in drive && JSON.stringify(drive.args).includes('"text":"{{payload}}"');
  if (flaw !== 'prototype-pollution') return WORDS[flaw];
  if (isParsed || /^\s*\{/.test(payload)) return /^\s*\[/.test(payload) ? LISTS : OBJECTS;
  return WORDS[flaw];
}

function benignDrive(drive: ProbePlan['drive'], payload: string): ProbePlan['drive'] {
  return 'requestTarget' in drive && drive.requestTarget !== undefined ? { ...drive, requestTarget: payload } : drive;
}

/** A call that differed between two runs of the same unpatched code says nothing and is left out. */
export function compareBehaviour(
  calls: readonly BenignCall[],
  before: readonly [Behaviour, Behaviour],
  after: Behaviour,
): Comparison {
  const image = (behaviour: Behaviour, id: string) => {
    const outcome = behaviour.outcomes.get(id);
    return outcome === undefined ? undefined : JSON.stringify(outcome);
  };
  const stable = calls.filter(({ id }) => {
    const first = image(before[0], id);
    return first !== undefined && first === image(before[1], id) && !wasEvaluated(before[0].outcomes.get(id));
  });
  const [{ exports }] = before;
  const kept = new Set((after.exports ?? []).map(({ path, type }) => `${path.join('.')} ${type}`));
  return {
    compared: stable.length,
    comparedAtEntry: stable.filter(({ isEntry }) => isEntry).length,
    differences: stable
      .filter(({ id }) => image(before[0], id) !== image(after, id))
      .map(({ id, isEntry }) => ({ id, isEntry })),
    missingExports: (exports ?? [])
      .filter(({ path, type }) => !kept.has(`${path.join('.')} ${type}`))
      .map(({ path }) => path.join('.') || '(the module itself)'),
  };
}

/** An input that failed as program text was no ordinary input: a fix that no longer evaluates it may do anything. */
function wasEvaluated(outcome: Outcome | undefined): boolean {
  return /^\{"result":\{"threw":"(?:SyntaxError|ReferenceError)"/.test(JSON.stringify(outcome ?? null));
}

/** Ways to functions, the shortest first, for calls and variants. */
export function functionsOf(exports: readonly ExportEntry[] | null): string[][] {
  return (exports ?? []).filter(({ type }) => type === 'function').map(({ path }) => [...path]);
}
