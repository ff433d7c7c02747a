import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { candidateKeys } from './candidate-key.ts';
import { cluster, clusterSignatures } from './cluster.ts';
import { type DuplicateRecord, readDuplicateRecord } from './duplicate-record.ts';
import { signatureOf } from './signature.ts';

const at = (id: string, file: string, line: number, more: Partial<DuplicateRecord> = {}): DuplicateRecord => ({
  id,
  project: 'p',
  file,
  line,
  cwe: ['CWE-79'],
  sink: `out(${file}${line})`,
  ...more,
});

test('each record is in exactly one cluster, named after its first record', () => {
  const records = [at('1', 'a.js', 3), at('2', 'b.js', 9), at('3', 'a.js', 3), at('4', 'a.js', 3, { rule: 'x' })];
  assert.deepEqual(cluster(records), [
    { id: '1', cluster: '1' },
    { id: '2', cluster: '2' },
    { id: '3', cluster: '1' },
    { id: '4', cluster: '1' },
  ]);
});

test('a record with nothing to compare stays alone', () => {
  assert.deepEqual(cluster([{ id: 'a' }, { id: 'b' }]), [
    { id: 'a', cluster: 'a' },
    { id: 'b', cluster: 'b' },
  ]);
});

test('a chain of likely pairs does not join records that disagree', () => {
  const signatures = ['a', 'b', 'c', 'd'].map((id) => signatureOf(at(id, 'same.js', 1)));
  const likely = new Set(['ab', 'bc', 'cd']);
  const clustered = clusterSignatures(signatures, (a, b) => (likely.has(a.id + b.id) ? 0.95 : 0.01));
  assert.deepEqual(
    clustered.map((each) => each.cluster),
    ['a', 'a', 'c', 'c'],
  );
});

test('records that the judge would merge share a key', () => {
  const keys = (record: DuplicateRecord): ReadonlySet<string> => new Set(candidateKeys(signatureOf(record)));
  const pairs: readonly (readonly [DuplicateRecord, DuplicateRecord])[] = [
    [at('1', 'src/a.js', 3), at('2', '/ci/src/a.js', 30, { sink: 'out(src/a.js3)' })],
    [
      { id: '1', text: 'an attacker sends a long name and the copy runs past its end' },
      { id: '2', text: 'An attacker sends a long name, and the copy runs past its end.' },
    ],
    [
      { id: '1', project: 'p', crashState: ['x::y'] },
      { id: '2', project: 'p', crashState: ['x::y<int>'] },
    ],
  ];
  for (const [a, b] of pairs) assert.ok(!keys(a).isDisjointFrom(keys(b)), JSON.stringify([a, b]));
});

test('a line of any form is a record with an id or none, and what is missing stays missing', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const record = readDuplicateRecord(value);
      assert.ok(record === undefined || record.id !== '');
    }),
  );
  assert.equal(readDuplicateRecord({ id: 7, line: 'x' })?.line, undefined);
  assert.equal(readDuplicateRecord({ id: 7, seen: { project: 'p' } })?.project, 'p');
});
