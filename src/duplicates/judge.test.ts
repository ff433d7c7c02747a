import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { takeCensus } from './census.ts';
import type { DuplicateRecord } from './duplicate-record.ts';
import { judge, mayBeAlike } from './judge.ts';
import { signatureOf } from './signature.ts';

const CRASH: DuplicateRecord = {
  id: 'a',
  project: 'p',
  engine: 'libfuzzer',
  sanitizer: 'asan',
  fuzzTarget: 'parse_fuzzer',
  crashType: 'Heap-buffer-overflow READ 1',
  crashState: ['reader::Next', 'reader::ReadHeader', 'parse_all'],
  severity: 'Medium',
  reported: 1_600_000_000,
  regressedAfter: 1_599_900_000,
  regressedBy: 1_599_986_400,
};

const ask = (a: DuplicateRecord, b: DuplicateRecord, company: readonly DuplicateRecord[] = []) => {
  const signatures = [a, b, ...company].map(signatureOf);
  const [one, other] = signatures;
  assert.ok(one && other);
  return judge(one, other, takeCensus(signatures));
};

test('the same crash from another engine, an hour later and from the same build, is likelier one flaw than another crash of years before', () => {
  const twin = { ...CRASH, id: 'b', engine: 'afl', reported: 1_600_003_600 };
  const stranger = {
    ...CRASH,
    id: 'c',
    crashType: 'Stack-overflow',
    crashState: ['writer::Flush', 'writer::Close', 'finish'],
    fuzzTarget: 'write_fuzzer',
    reported: 1_500_000_000,
    regressedAfter: 1_400_000_000,
    regressedBy: 1_400_086_400,
  };
  const [near, far] = [ask(CRASH, twin, [stranger]), ask(CRASH, stranger, [twin])];
  assert.ok(near.probability > far.probability + 0.3, `${near.probability} and ${far.probability}`);
  assert.equal(far.verdict, 'different');
  assert.ok(near.reasons.some((reason) => reason.includes('reader::Next')));
});

const FOUND: DuplicateRecord = {
  id: 'a',
  project: 'shop',
  file: 'src/db/query.js',
  line: 40,
  cwe: ['CWE-89'],
  rule: 'sql-injection',
  sink: 'db.query("select " + name)',
};

test('two scanners that name one statement are one flaw, also after it moved', () => {
  const other = { ...FOUND, id: 'b', rule: 'js/sqli', file: '/home/ci/shop/src/db/query.js' };
  assert.equal(ask(FOUND, other).verdict, 'same');
  const moved = ask(FOUND, { ...other, line: 52 });
  assert.equal(moved.verdict, 'same');
  assert.ok(moved.reasons.includes('the same statement, moved by 12 lines'));
});

test('two rules in one file are two findings: no pair is merged for its file and kind alone', () => {
  const other = { ...FOUND, id: 'b', line: 90, rule: 'second-order', sink: 'db.run(stored)' };
  assert.equal(ask(FOUND, other).verdict, 'different');
  const { sink: _sink, line: _line, ...place } = FOUND;
  assert.notEqual(ask(place, { ...place, id: 'b', rule: 'another' }).verdict, 'same');
});

test('lines that both fixes change make one flaw of two places; fixes without a common line speak against it', () => {
  const fix = ['-  if (n > size) return;', '-  copy(to, from, n);'];
  const one = { ...FOUND, sink: 'copy(to, from, n)', patchedLines: fix };
  const other = { ...FOUND, id: 'b', line: 300, sink: 'copy(to, from, n)', patchedLines: [...fix].reverse() };
  assert.equal(ask(one, other).verdict, 'same');
  const apart = ask(one, { ...other, patchedLines: ['-  return cache[key];'] });
  assert.ok(apart.probability < ask(one, { ...other, patchedLines: undefined }).probability);
});

test('another project is another flaw, unless the code itself shows a copy of the same upstream', () => {
  const other = { ...FOUND, id: 'b', project: 'mall', sink: 'store.find(name)' };
  assert.equal(ask(FOUND, other).verdict, 'different');
  const copy = { ...FOUND, id: 'b', project: 'mall', file: 'vendor/shop/src/db/query.js' };
  assert.notEqual(ask(FOUND, copy).verdict, 'different');
});

test('the order of a pair does not matter, and every verdict has a reason', () => {
  const maybe = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });
  const record = fc.record({
    id: fc.string({ minLength: 1 }),
    project: fc.constantFrom('p', 'q', undefined),
    crashType: fc.constantFrom('UNKNOWN READ', 'Heap-use-after-free READ 8', undefined),
    crashState: maybe(fc.array(fc.constantFrom('a::b', 'c_d', 'main', 'e<f'), { maxLength: 4 })),
    reported: maybe(fc.integer({ min: 0, max: 2e9 })),
    regressedAfter: maybe(fc.constantFrom(1e9, 1.1e9)),
    regressedBy: maybe(fc.constantFrom(1.2e9, 1.3e9)),
    text: maybe(fc.lorem({ maxCount: 12 })),
    file: fc.constantFrom('a/b.c', 'x/a/b.c', 'c.c', undefined),
    line: maybe(fc.integer({ min: 1, max: 99 })),
    sink: fc.constantFrom('f(x)', 'g(y);', undefined),
  });
  fc.assert(
    fc.property(record, record, (a, b) => {
      const [one, other] = [ask(a, b), ask(b, a)];
      assert.ok(Math.abs(one.probability - other.probability) < 1e-12);
      assert.equal(one.verdict, other.verdict);
      assert.ok(one.reasons.length > 0 && one.probability >= 0 && one.probability <= 1);
    }),
  );
});

test('what is left out before texts are looked at would have been different whatever they say', () => {
  const text = fc.constantFrom(
    'a value of the outside reaches a copy',
    'a value of the inside reaches a copy',
    'other words',
  );
  const record = fc.record({
    id: fc.constant('x'),
    project: fc.constantFrom('p', 'q'),
    rule: fc.constantFrom('r', 's', undefined),
    file: fc.constantFrom('src/a.c', 'lib/src/a.c', 'src/b.c', undefined),
    line: fc.constantFrom(1, 2, 40, undefined),
    cwe: fc.constantFrom([], ['CWE-787'], ['CWE-79']),
    sink: fc.constantFrom('copy(a, b)', 'move(a, b)', undefined),
    title: text,
    text,
  });
  const seen = { left: 0, kept: 0 };
  fc.assert(
    fc.property(record, record, (one, other) => {
      const [a, b] = [signatureOf(one), signatureOf(other)];
      const withoutText = (it: DuplicateRecord) => signatureOf({ ...it, title: undefined, text: undefined });
      const isLeft = !mayBeAlike(withoutText(one), withoutText(other));
      seen[isLeft ? 'left' : 'kept'] += 1;
      if (isLeft) assert.equal(judge(a, b, takeCensus([a, b])).verdict, 'different');
    }),
    { numRuns: 2_000 },
  );
  assert.ok(seen.left > 100 && seen.kept > 100, JSON.stringify(seen));
});
