import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FLAW_CLASSES, type FlawClass } from '../formats/flaw-class.ts';
import type { ProbePlan } from '../probe/index.ts';
import { type Exposure, evidenceOf, METRICS, proposeSeverity } from './severity.ts';

const propose = (flaw: FlawClass, exposure: Exposure, needsOption = false) =>
  proposeSeverity({ flaw, exposure, needsOption });

test('every metric of every proposal has a value and a reason', () => {
  for (const flaw of Object.keys(FLAW_CLASSES) as FlawClass[]) {
    for (const exposure of ['server', 'library', 'command-line'] as const) {
      const proposal = propose(flaw, exposure);
      for (const metric of METRICS) {
        assert.match(proposal.vector, new RegExp(`/${metric}:[A-Z]`));
        assert.ok(proposal.reasons[metric].length > 10, `${flaw} ${exposure} ${metric}`);
      }
      assert.ok(proposal.score > 0);
    }
  }
});

test('scores are those of the standard for the vector', () => {
  assert.equal(propose('command-injection', 'library').score, 9.2);
  assert.equal(propose('command-injection', 'library').severity, 'critical');
  assert.equal(propose('path-traversal', 'server').score, 8.7);
});

test('what a server does for anyone outweighs what a command line does for its user', () => {
  for (const flaw of Object.keys(FLAW_CLASSES) as FlawClass[]) {
    assert.ok(propose(flaw, 'server').score > propose(flaw, 'command-line').score, flaw);
  }
});

test('a needed option never raises the score', () => {
  for (const flaw of Object.keys(FLAW_CLASSES) as FlawClass[]) {
    assert.ok(propose(flaw, 'server', true).score <= propose(flaw, 'server').score, flaw);
  }
});

test('quadratic growth weighs less than exponential growth', () => {
  const redos = { flaw: 'redos', exposure: 'server', needsOption: false } as const;
  assert.ok(proposeSeverity({ ...redos, exponent: 2 }).score < proposeSeverity(redos).score);
});

test('the way input arrives is read from the plan', () => {
  const base = { flaw: 'path-traversal', file: '', format: 'cjs', reach: [], payload: 'p' } as const;
  const http: ProbePlan = { ...base, drive: { kind: 'http', args: [], requestTarget: '/{{payload}}' } };
  const bin: ProbePlan = { ...base, drive: { kind: 'bin', bin: 'b', args: [{ kind: 'payload' }] } };
  const option: ProbePlan = {
    ...base,
    drive: {
      kind: 'call',
      args: [
        { kind: 'json', value: 'x' },
        { kind: 'object', members: [['shell', { kind: 'payload' }]] },
      ],
      after: [],
    },
  };
  assert.equal(evidenceOf(http).exposure, 'server');
  assert.equal(evidenceOf(bin).exposure, 'command-line');
  assert.deepEqual([evidenceOf(option).exposure, evidenceOf(option).needsOption], ['library', true]);
});
