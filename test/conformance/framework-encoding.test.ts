/** The two encodings in the first form, as they lie beside the project. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { readFramework } from '../../src/policy/index.ts';
import { sharedPath } from './vectors.ts';

const folder = sharedPath('facts/encodings');
const skip = existsSync(folder) ? false : 'no encodings beside the project';
const textOf = (name: string): string => readFileSync(join(folder, name), 'utf8');

test('the encoding of the RSP is read with its gates, its open term and both its quorums', { skip }, () => {
  const read = readFramework(textOf('anthropic-rsp-3.4.json'));
  assert.ok(read.ok, JSON.stringify(read));
  const { gates, terms, quorums, duties, source, supersedes } = read.value;
  assert.deepEqual(
    gates.map(({ id }) => id),
    ['cb1', 'cb2', 'misalignment', 'auto-rnd'].map((id) => `${id}-safeguards`),
  );
  assert.deepEqual(terms, [{ id: 'publicly-deploy', term: 'publicly deploy', status: 'undefined', loc: 's3.1' }]);
  assert.deepEqual(
    quorums.map(({ approve }) => ('all' in approve ? approve.all.length : 0)),
    [2, 4],
  );
  assert.equal(duties.length, 10);
  assert.deepEqual([source.sha256, source.sha256Prefix, supersedes], [null, '6247b9e4', '3.3']);
});

test('the encoding of the Preparedness Framework is read: three categories, two levels, and no Critical standard', {
  skip,
}, () => {
  const read = readFramework(textOf('openai-preparedness-2.json'));
  assert.ok(read.ok, JSON.stringify(read));
  const { gates, quorums, vectors, source } = read.value;
  assert.equal(gates.length, 6);
  const critical = gates.find(({ id }) => id === 'cyber-Critical');
  assert.deepEqual(critical?.blocks, ['external', 'development']);
  assert.ok(critical?.requires.some((each) => 'artefact' in each && each.artefact === 'critical-standard'));
  assert.equal(vectors.length, 2);
  const [quorum] = quorums;
  assert.deepEqual(quorum?.approve, { all: ['OpenAI Leadership (CEO or designee)'] });
  assert.deepEqual(
    [quorum?.recommend, quorum?.mayActWithoutRecommendation, quorum?.reverse],
    [['SAG'], true, ['Board SSC']],
  );
  assert.equal(source.variants.length, 2);
});

test('an encoding with an unknown clause, without its decision bodies, or with a gate on no level is refused', {
  skip,
}, () => {
  const changed = (change: (document: Record<string, unknown>) => void) => {
    const document = JSON.parse(textOf('openai-preparedness-2.json')) as Record<string, unknown>;
    change(document);
    const read = readFramework(JSON.stringify(document));
    return read.ok ? 'read' : `${read.refusal.kind} ${read.refusal.place}`;
  };
  assert.equal(
    changed((each) => Object.assign(each, { waivers: [] })),
    'unknown-clause /waivers?',
  );
  assert.equal(
    changed((each) => delete each.decisions),
    'missing-quorum /quorums',
  );
  assert.equal(
    changed((each) => Object.assign(each, { gates: [{ level: 'Extreme', blocks: ['external deployment'] }] })),
    'unknown-clause /gates/0/level',
  );
  assert.equal(
    changed((each) => Object.assign(each, { gates: [{ level: 'High', blocks: ['sleep'] }] })),
    'unknown-clause /gates/0/blocks',
  );
  assert.equal(
    changed((each) => Object.assign(each, { supersedes: { version: '2' } })),
    'cycle /supersedes',
  );
});
