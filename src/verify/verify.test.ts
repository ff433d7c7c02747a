import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { CAMPAIGN_PACKAGES, createWorkbench } from '../../test/fixtures/workbench.ts';
import type { Candidate } from '../finder/index.ts';
import { sha256Hex } from '../lib/hash.ts';
import type { PlanValue, ProbePlan } from '../probe/index.ts';
import { claimOf, createVerification } from './index.ts';

const bench = await createWorkbench();
after(() => bench.close());
const verification = createVerification(bench.parts);

const payload: PlanValue = { kind: 'payload' };

function plan(flaw: ProbePlan['flaw'], name: string, args: readonly PlanValue[], text: string): ProbePlan {
  return {
    flaw,
    file: '',
    format: 'cjs',
    reach: [{ kind: 'get', name }],
    drive: { kind: 'call', args, after: [] },
    payload: text,
  };
}

function candidateOf(it: ProbePlan): Candidate {
  return { target: '', flaw: it.flaw, entry: '', sink: null, oracle: '', plan: it };
}

const set = plan(
  'prototype-pollution',
  'set',
  [{ kind: 'json', value: {} }, payload, { kind: 'json', value: '1' }],
  '__proto__.{{canary}}',
);
const CALLS: Readonly<
  Record<string, { readonly plan: ProbePlan; readonly sink: string; readonly functionName: string }>
> = {
  'headstart-fixture-pollution': { plan: set, sink: 'index.js:8', functionName: 'set' },
  'headstart-fixture-command': {
    plan: plan('command-injection', 'lookUp', [payload, { kind: 'callback' }], '; touch {{canary}} #'),
    sink: 'index.js:4',
    functionName: 'lookUp',
  },
  'headstart-fixture-code': {
    plan: {
      ...plan('code-injection', 'getter', [payload], 'x[(globalThis.{{canary}}=1)]'),
      drive: { kind: 'call', args: [payload], after: [{ kind: 'call', args: [{ kind: 'json', value: {} }] }] },
    },
    sink: 'index.js:10',
    functionName: 'getter',
  },
};

const CONTROLS: Readonly<Record<string, readonly string[]>> = {
  'headstart-fixture-pollution': ['target-absent', 'stub', 'without-route'],
  'headstart-fixture-command': ['target-absent', 'stub', 'command-replay'],
  'headstart-fixture-code': ['target-absent', 'stub'],
};

const BY_CONTRACT: readonly { readonly what: string; readonly name: string; readonly plan: ProbePlan }[] = [
  {
    what: 'runs the command it is handed',
    name: 'headstart-fixture-command',
    plan: plan('command-injection', 'run', [payload, { kind: 'callback' }], 'touch {{canary}}'),
  },
  {
    what: 'evaluates the expression it is handed',
    name: 'headstart-fixture-code',
    plan: plan('code-injection', 'evaluate', [payload], 'globalThis.{{canary}} = 1'),
  },
  {
    what: 'writes to the prototype of what it is handed',
    name: 'headstart-fixture-pollution',
    plan: plan(
      'prototype-pollution',
      'teach',
      [{ kind: 'json', value: {} }, { kind: 'parse', text: '{"{{canary}}":"1"}' }, payload],
      '__proto__',
    ),
  },
];

for (const { what, name, plan: asked } of BY_CONTRACT) {
  test(`a function that ${what} has no flaw in that`, async () => {
    const outcome = await verification.verifyCandidate(candidateOf(asked), await bench.open(`${name}@1.0.0`));
    assert.equal(outcome.ok, false);
    assert.equal(!outcome.ok && outcome.refusal.reason, 'by-contract');
  });
}

for (const [name, expected] of Object.entries(CALLS)) {
  test(`a flaw becomes a finding with its place and root cause: ${name}`, async () => {
    const outcome = await verification.verifyCandidate(candidateOf(expected.plan), await bench.open(`${name}@1.0.0`));
    assert.ok(outcome.ok, outcome.ok ? '' : outcome.refusal.detail);
    const { sink, rootCause, reproduction, controls, reproducer } = outcome.value;
    assert.equal(`${sink?.file}:${sink?.line}`, `${name}/${expected.sink}`);
    assert.equal(rootCause.functionName, expected.functionName);
    assert.deepEqual([reproduction.reproduced, reproduction.of], [3, 3]);
    assert.deepEqual(
      controls.map(({ kind }) => kind),
      CONTROLS[name],
    );
    assert.equal(reproducer.sha256, sha256Hex(reproducer.text));
  });

  test(`the same call on the fixed version is silent: ${name}`, async () => {
    const outcome = await verification.verifyCandidate(candidateOf(expected.plan), await bench.open(`${name}@1.0.1`));
    assert.equal(outcome.ok, false);
    assert.equal(!outcome.ok && outcome.refusal.reason, 'silent');
  });
}

test('a call that is not there is not reached, and that is no silence', async () => {
  const gone = plan('prototype-pollution', 'gone', [payload], '__proto__.{{canary}}');
  const outcome = await verification.verifyCandidate(
    candidateOf(gone),
    await bench.open('headstart-fixture-pollution@1.0.0'),
  );
  assert.equal(!outcome.ok && outcome.refusal.reason, 'not-reached');
});

test('a finding is reproduced as often as asked, each time in a fresh sandbox', async () => {
  const tree = await bench.open('headstart-fixture-pollution@1.0.0');
  const first = await verification.reproduce(claimOf(set, tree.name), tree, 2);
  const second = await verification.reproduce(claimOf(set, tree.name), tree, 2);
  assert.deepEqual([first.reproduced, first.of], [2, 2]);
  assert.notEqual(first.recordSha256, second.recordSha256);
});

test('a script with a plan at its end is still read when it is not what the plan renders to', async () => {
  const tree = await bench.open('headstart-fixture-pollution@1.0.0');
  const { reproducer, flaw } = claimOf(set, tree.name);
  const text = `Object.prototype[process.argv[2]] = 1;\n${reproducer.text}`;
  const outcome = await verification.reproduce({ flaw, reproducer: { ...reproducer, text } }, tree, 1);
  assert.deepEqual([outcome.reproduced, outcome.of], [0, 1]);
});

test('the affected versions of the package for the first start are measured, not guessed', async () => {
  const settings = await createWorkbench(CAMPAIGN_PACKAGES);
  try {
    const tree = await settings.open('headstart-fixture-settings@1.1.0');
    const verified = await createVerification(settings.parts).verifyCandidate(candidateOf(set), tree);
    assert.ok(verified.ok, verified.ok ? '' : verified.refusal.detail);
    const measured = await createVerification(settings.parts).measureAffected(
      verified.value,
      tree.name,
      tree.version,
      1,
    );
    assert.ok(measured.ok);
    assert.deepEqual(
      measured.value.measured.map(({ version, outcome }) => `${version} ${outcome}`),
      // The fix throws before it would write: the call was reached and nothing happened.
      ['1.0.0 fires', '1.1.0 fires', '1.2.0 silent'],
    );
    assert.deepEqual(measured.value.events, [{ introduced: '0' }, { fixed: '1.2.0' }]);
    assert.equal(measured.value.fixedIn, '1.2.0');
  } finally {
    await settings.close();
  }
});
