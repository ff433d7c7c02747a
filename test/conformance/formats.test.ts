import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { test } from 'node:test';
import { scoreCvss } from '../../src/formats/cvss.ts';
import { readPurl, toPurl } from '../../src/formats/purl.ts';
import { checkSchema } from '../../src/formats/schema-check.ts';
import { validate } from '../../src/formats/validate.ts';
import { needs, readVector, vectorFiles, vectorPath } from './vectors.ts';

for (const [name, count] of [
  ['simple4', 1_058],
  ['supplemental4', 576],
  ['security4', 54],
  ['threat4', 6],
  ['simple31', 2_592],
] as const) {
  test(`every score of ${name} (${count} vectors) comes out`, needs('cvss'), () => {
    const lines = readFileSync(vectorPath(`cvss/vectors_${name}.txt`), 'utf8')
      .split('\n')
      .filter(Boolean);
    assert.equal(lines.length, count);
    for (const line of lines) {
      const [vector = '', scores = ''] = line.split(' - ');
      const scored = scoreCvss(vector);
      // Of 3.1 stand base, temporal and environmental scores, of base vectors only: the first is meant.
      const expected = scores.match(/[\d.]+/g)?.[0];
      assert.equal(scored.ok && scored.value.score, Number(expected), vector);
    }
  });
}

test('60 OSV records and 13 converted ones are valid', needs('osv'), () => {
  const files = [...vectorFiles('osv/records/*/*.json'), ...vectorFiles('osv/pairs/*/*.osv.json')];
  assert.equal(files.length, 73);
  for (const file of files) assert.deepEqual(validate('osv', readVector(file)).errors, [], basename(file));
});

test(
  'both full CVE records and 20 CNA containers are valid, the rejected one is not a published container',
  needs('cve'),
  () => {
    for (const file of vectorFiles('cve/records/full*.json')) {
      assert.deepEqual(validate('cve', readVector(file)).errors, [], basename(file));
    }
    const containers = vectorFiles('cve/records/go/*.cve.json').map(
      (file) => (readVector(file) as { containers: { cna: unknown } }).containers.cna,
    );
    assert.equal(containers.length, 20);
    for (const container of containers) assert.deepEqual(checkSchema('cve-5.1-cna', container), []);
    assert.equal(
      validate('cve', readVector(vectorPath('cve/records/cnaContainer-rejected-example.json'))).valid,
      false,
    );
  },
);

test('13 CSAF VEX examples are valid', needs('csaf-2.0'), () => {
  const files = vectorFiles('csaf-2.0/examples/csaf_vex/*.json');
  assert.equal(files.length, 13);
  for (const file of files) assert.deepEqual(validate('csaf', readVector(file)).errors, [], basename(file));
});

interface CsafTestcases {
  readonly tests: readonly {
    readonly id: string;
    readonly group: string;
    readonly failures?: readonly { readonly name: string }[];
    readonly valid?: readonly { readonly name: string }[];
  }[];
}

test(
  'each of the 43 mandatory CSAF 2.0 tests finds what it must, and nothing in the documents it must pass',
  needs('csaf-2.0'),
  () => {
    const { tests } = readVector(vectorPath('csaf-2.0/testcases.json')) as CsafTestcases;
    const mandatory = tests.filter(({ group }) => group === 'mandatory');
    assert.equal(mandatory.length, 43);
    const wrong: string[] = [];
    for (const { id, failures = [], valid = [] } of mandatory) {
      const found = (name: string) =>
        validate('csaf', readVector(vectorPath(`csaf-2.0/${name}`))).errors.some(({ test: by }) => by === id);
      wrong.push(...failures.filter(({ name }) => !found(name)).map(({ name }) => `${id} misses ${name}`));
      wrong.push(...valid.filter(({ name }) => found(name)).map(({ name }) => `${id} refuses ${name}`));
    }
    assert.deepEqual(wrong, []);
  },
);

test('all 94 valid CSAF 2.0 documents pass every mandatory test', needs('csaf-2.0'), () => {
  const { tests } = readVector(vectorPath('csaf-2.0/testcases.json')) as CsafTestcases;
  const names = tests.flatMap(({ valid = [] }) => valid.map(({ name }) => name));
  assert.equal(names.length, 94);
  for (const name of names) {
    assert.deepEqual(validate('csaf', readVector(vectorPath(`csaf-2.0/${name}`))).errors, [], name);
  }
});

interface PurlCase {
  readonly test_type: 'parse' | 'build' | 'validation' | 'roundtrip';
  readonly expected_failure: boolean;
  readonly input: string | Record<string, unknown>;
  readonly expected_output: string | Record<string, unknown> | null;
}

test('npm package URLs are read and written as the specification says', needs('purl'), () => {
  const { tests } = readVector(vectorPath('purl/tests/types/npm-test.json')) as { tests: PurlCase[] };
  assert.ok(tests.length >= 10);
  for (const { test_type, input, expected_failure, expected_output } of tests) {
    if (test_type === 'parse' && typeof input === 'string') assert.equal(!readPurl(input).ok, expected_failure, input);
    if (test_type !== 'roundtrip' || typeof input !== 'string') continue;
    const read = readPurl(input);
    assert.equal(read.ok && toPurl(read.value), expected_output);
  }
});
