import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type JsonPath, JsonScanError, JsonScanner, type TakenJson, type Want } from './json-scan.ts';

interface Options {
  readonly want?: (path: JsonPath) => Want;
  readonly maxDepth?: number;
  readonly maxTakenBytes?: number;
}

/** In chunks of these sizes, again and again. */
function scan(bytes: Buffer, sizes: readonly number[], options: Options = {}): TakenJson[] {
  const { want = () => 'take', maxDepth = 200, maxTakenBytes = 1_000_000 } = options;
  const scanner = new JsonScanner({ want, maxDepth, maxTakenBytes });
  const taken: TakenJson[] = [];
  let at = 0;
  for (let turn = 0; at < bytes.length; turn += 1) {
    const size = sizes[turn % sizes.length] ?? 1;
    taken.push(...scanner.write(bytes.subarray(at, at + size)));
    at += size;
  }
  return [...taken, ...scanner.end()];
}

const isAccepted = (work: () => unknown): boolean => {
  try {
    work();
    return true;
  } catch (error) {
    if (error instanceof JsonScanError || error instanceof SyntaxError) return false;
    throw error;
  }
};

const sizes = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 5 });

test('a value comes out as the bytes it stood in, however the text is cut into chunks', () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.integer({ min: 0, max: 3 }), sizes, (value, indent, cut) => {
      const text = `  ${JSON.stringify(value, null, indent)}\n`;
      const [taken, ...others] = scan(Buffer.from(text), cut);
      assert.deepEqual(others, []);
      assert.equal(taken?.bytes?.toString(), text.trim());
      assert.deepEqual([taken?.from, taken?.to], [2, Buffer.byteLength(text) - 1]);
    }),
  );
});

test('what JSON.parse refuses is refused, and what it reads is read', () => {
  const damage = fc.record({
    at: fc.nat(),
    with: fc.constantFrom('', ',', '"', '}', ']', '{', '0', '-', 'e', '\\', '\n', 'tru', ':'),
  });
  fc.assert(
    fc.property(fc.jsonValue(), damage, sizes, (value, { at, with: piece }, cut) => {
      const whole = JSON.stringify(value);
      const place = at % (whole.length + 1);
      const text = whole.slice(0, place) + piece + whole.slice(piece === '' ? place + 1 : place);
      // A lone half of a character is no UTF-8 and is turned into another by the encoding itself.
      fc.pre(text.isWellFormed());
      assert.equal(
        isAccepted(() => scan(Buffer.from(text), cut)),
        isAccepted(() => JSON.parse(text)),
        text,
      );
    }),
    { numRuns: 2_000 },
  );
});

test('members of entered values are asked for, each by its path, and skipped ones are checked', () => {
  const text = '{"a":{"list":[1,{"x":"}"},"s"]},"b":[[1]],"a\\u0062":null}';
  const asked: string[] = [];
  const want = (path: JsonPath): Want => {
    asked.push(path.join('/'));
    return path[0] === 'b' ? 'skip' : path.length < 3 ? 'enter' : 'take';
  };
  const taken = scan(Buffer.from(text), [3], { want });
  assert.deepEqual(asked, ['', 'a', 'a/list', 'a/list/0', 'a/list/1', 'a/list/2', 'b', 'ab']);
  assert.deepEqual(
    taken.map(({ path, bytes }) => [path.join('/'), bytes?.toString()]),
    [
      ['a/list/0', '1'],
      ['a/list/1', '{"x":"}"}'],
      ['a/list/2', '"s"'],
    ],
  );
});

test('depth and length have limits: deeper is refused, longer comes without its bytes', () => {
  const deep = Buffer.from('['.repeat(300) + ']'.repeat(300));
  assert.throws(() => scan(deep, [7], { maxDepth: 299 }), /nested deeper than 299 levels \(byte 299\)/);
  assert.equal(scan(deep, [7], { maxDepth: 300 }).length, 1);
  const [long] = scan(Buffer.from(`["${'x'.repeat(100)}"]`), [10], {
    maxTakenBytes: 99,
    want: (path) => (path.length ? 'take' : 'enter'),
  });
  assert.deepEqual([long?.bytes, long?.from, long?.to], [undefined, 1, 103]);
});

test('a byte order mark is passed over, UTF-16 is named, and a second value is told as such', () => {
  assert.equal(scan(Buffer.from('\uFEFF{}'), [1])[0]?.from, 3);
  assert.throws(() => scan(Buffer.from('\uFEFF{}', 'utf16le'), [4]), /UTF-16/);
  assert.throws(
    () => scan(Buffer.from('{}\n{}'), [4]),
    (error: JsonScanError) => error.isAfterValue && error.at === 3,
  );
  assert.throws(() => scan(Buffer.from('{"a":'), [4]), /breaks off/);
});
