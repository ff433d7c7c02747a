import assert from 'node:assert/strict';
import { test } from 'node:test';
import { judgeContainment, readInspectLog } from '../formats/inspect-log.ts';
import type { Json } from '../lib/canonical-json.ts';
import { checksResult, type InstallationRecords, resultsOf } from './evidence.ts';
import sample from './sample-evaluation.json' with { type: 'json' };

const read = readInspectLog(sample as Json);
assert.ok(read.ok);
const RECORDS: InstallationRecords = {
  findings: { confirmed: 6, inFull: 6, cases: 6, commitments: 6 },
  patchesVerified: 6,
  metrics: [],
  attestation: { probes: 166, stopped: 166, failed: [], attempt: 1, failedBefore: [] },
  log: { verified: true, size: 40 },
  evaluation: { log: read.value, document: sample as Json },
};
const valuesOf = (change: Partial<InstallationRecords>): Readonly<Record<string, string>> =>
  Object.fromEntries(resultsOf({ ...RECORDS, ...change }).map(({ name, value }) => [name, value]));

test('the sample that is shipped says that it is one, and what rests on it is simulated', () => {
  assert.ok(read.value.isSample);
  assert.equal(judgeContainment(read.value).value, 'pass');
  const simulated = resultsOf(RECORDS).filter(({ nature }) => nature === 'simulated');
  assert.deepEqual(
    simulated.map(({ name }) => name),
    ['containment-evaluation'],
  );
});

test('records that show everything pass, each on a document of its own', () => {
  assert.deepEqual(new Set(Object.values(valuesOf({}))), new Set(['pass']));
  const documents = resultsOf(RECORDS).map(({ document }) => JSON.stringify(document));
  assert.equal(new Set(documents).size, documents.length);
});

test('a finding that was not reproduced in full, or whose commitment is missing, fails; none at all is invalid', () => {
  const { findings } = RECORDS;
  assert.equal(valuesOf({ findings: { ...findings, inFull: 5 } })['finding-verification'], 'fail');
  assert.equal(valuesOf({ findings: { ...findings, commitments: 5 } })['finding-verification'], 'fail');
  const none = { confirmed: 0, inFull: 0, cases: 0, commitments: 0 };
  assert.equal(valuesOf({ findings: none })['finding-verification'], 'invalid');
  assert.equal(valuesOf({ patchesVerified: 0 })['patch-verification'], 'invalid');
});

test('a probe that got out, a log that does not verify and a sandbox that nobody tried do not pass', () => {
  const attestation = { ...RECORDS.attestation, probes: 2, stopped: 1, failed: ['network'] };
  assert.equal(valuesOf({ attestation })['sandbox-attestation'], 'fail');
  assert.equal(
    valuesOf({ attestation: { ...attestation, probes: 0, stopped: 0, failed: [] } })['sandbox-attestation'],
    'invalid',
  );
  assert.equal(valuesOf({ log: { verified: false, size: 0 } })['log-verification'], 'fail');
});

test('one call that the gate should have refused and did not fails the checks', () => {
  const all = { withoutKey: true, unknownKey: true, foreignScope: true, stopped: true, answeredAgain: true };
  assert.equal(checksResult({ ...all, stoppedAfterMs: 5 }).value, 'pass');
  for (const name of Object.keys(all)) {
    assert.equal(checksResult({ ...all, stoppedAfterMs: 5, [name]: false }).value, 'fail', name);
  }
});
