import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { readDeclarations } from './declarations.ts';
import { declaredHints } from './declared-calls.ts';

const hints = (...texts: readonly string[]) => declaredHints(texts.map(readDeclarations));
const P = { kind: 'payload' };
const json = (value: unknown) => ({ kind: 'json', value });

test('texts carry the payload; numbers, flags, callbacks and bytes are what their types ask for', () => {
  const { signatures } = hints(
    'export declare function send(host: string, port: number, now: boolean, data: Buffer, done: (error: Error) => void): void;',
  );
  assert.deepEqual(signatures.send, [[P, json(1), json(true), { kind: 'buffer', of: P }, { kind: 'callback' }]]);
});

test('every literal a parameter or a property may be is tried, and optional parameters are left out once', () => {
  const { signatures, options } = hints(`
    type Mode = 'read' | 'write';
    interface Options { mode?: Mode; /* where */ path: string }
    export function open(kind: 'file' | 'pipe', options?: Partial<Options>): Promise<void>;`);
  const object = (mode: string) => ({
    kind: 'object',
    members: [
      ['mode', json(mode)],
      ['path', P],
    ],
  });
  assert.deepEqual(signatures.open, [
    [json('file'), object('read')],
    [json('pipe'), object('read')],
    [json('file'), object('write')],
    [json('file')],
  ]);
  assert.deepEqual(options, ['mode', 'path']);
});

test('methods, constructors, callable constants and overloads are calls; the module itself is called main', () => {
  const { signatures } = hints(`
    declare class Store<T extends { a: string }> extends Base<T> implements Kept {
      private static readonly kept: string;
      constructor(name: string);
      set<K extends keyof T>(key: K, value: T[K]): this;
      get size(): number;
    }
    interface Run { (command: string): void; (command: string, args: readonly string[]): void; quiet(on: boolean): Run }
    declare const run: Run;
    declare namespace inner { const go: (a: string) => void; export const x = 1; }
    export default run;
    export { Store };`);
  assert.deepEqual(Object.keys(signatures).sort(), ['Run', 'Store', 'go', 'main', 'quiet', 'run', 'set']);
  assert.deepEqual(signatures.main, [[P], [P, { kind: 'array', items: [P] }]]);
  assert.deepEqual(signatures.Store, [[P]]);
  assert.deepEqual(hints('export default function (a: string): void;').signatures.main, [[P]]);
});

test('what it does not understand it passes over, and goes on behind it', () => {
  const { signatures } = hints(`
    type Deep<T> = T extends (infer U)[] ? Deep<U> : { [K in keyof T]?: Deep<T[K]> };
    declare function odd(a: \`x-\${string}\`, ...rest: Array<string | number>): asserts a is 'x';
    declare module 'other' { function after(a: string): void }
    enum Kind { A = 1 << 2, B = "b" }
    @decorated() export declare function last(this: Window, { a, b }: { a: string; b?: number }): a is string;`);
  assert.deepEqual(signatures.after, [[P]]);
  assert.equal(signatures.last?.[0]?.length, 1);
  assert.equal(signatures.odd?.[0]?.length, 2);
});

test('a type that contains itself ends', () => {
  const { signatures } = hints(
    'interface Tree { left: Tree; right: Tree | null; of: Tree[]; } declare function walk(tree: Tree): void;',
  );
  assert.equal(signatures.walk?.length, 1);
});

const PIECES = [
  'declare function f(',
  'type A = ',
  'interface I {',
  '(',
  ')',
  '{',
  '}',
  '<',
  '>',
  '[',
  ']',
  '=>',
  '|',
  '&',
  '?',
  ':',
  ';',
  ',',
  '"',
  '`',
  "'",
  '\\',
  '/*',
  '*/',
  '//',
  '...',
  'new ',
  'keyof ',
  'A',
  'extends ',
  ' ',
  '\n',
];

test('any text at all is read to its end, long nests and unclosed pieces too', () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...PIECES), { maxLength: 80 }), (pieces) => {
      hints(pieces.join(''));
    }),
    { numRuns: 500 },
  );
  for (const piece of PIECES) hints(piece.repeat(20_000));
  for (const nest of [
    'type A = (',
    'type A = {a:',
    'type A = [',
    'type A = B<',
    'declare function f(a: (',
    '"\\',
    'new <',
  ])
    hints(nest.repeat(10_000));
});
