/** A small flawed package of our own, its true fix, and the ways a patch only seems to be one. */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { type FlawedPackage, openFlawedPackage } from '../../test/support/patched-package.ts';
import { type ProbePlan, renderReproducer } from '../probe/index.ts';
import type { Sandbox } from '../sandbox/index.ts';
import type { PackageTree } from '../target/index.ts';
import { copyWith } from './copy-service.ts';
import {
  type Baseline,
  createTestComparison,
  measureBaseline,
  type PatchParts,
  readReproducer,
  repairPatch,
  verifyPatch,
  writePatch,
} from './index.ts';

const SOURCE = `'use strict';
const { walk } = require('./walk.js');

function put(object, path, value) {
  const keys = path.split('.');
  const last = keys.pop();
  const place = walk(object, keys);
  place[last] = value;
  return object;
}

function take(object, path) {
  return path.split('.').reduce((at, key) => (at === undefined ? undefined : at[key]), object);
}

exports.put = put;
exports.take = take;
exports.unused = require.resolve('./unused.js') ? 1 : 0;
`;
const WALK = `'use strict';
exports.walk = function walk(object, keys) {
  let at = object;
  for (const key of keys) {
    if (typeof at[key] !== 'object' && typeof at[key] !== 'function') at[key] = {};
    at = at[key];
  }
  return at;
};
`;
const UNUSED = `exports.nothing = (a, b) => a + b;\n`;
const FILES = new Map([
  ['package.json', '{"name":"deep-put","version":"1.0.0","main":"index.js","scripts":{"test":"node test.js"}}'],
  [
    'test.js',
    "const { put, take } = require('.');\nrequire('assert').equal(take(put({}, 'deep.er', 5), 'deep.er'), 5);\n",
  ],
  ['index.js', SOURCE],
  ['walk.js', WALK],
  ['unused.js', UNUSED],
]);
const PLAN: ProbePlan = {
  flaw: 'prototype-pollution',
  file: '',
  format: 'cjs',
  reach: [{ kind: 'get', name: 'put' }],
  drive: {
    kind: 'call',
    args: [{ kind: 'json', value: {} }, { kind: 'payload' }, { kind: 'json', value: '1' }],
    after: [],
  },
  payload: '__proto__.{{canary}}',
};

let flawed: FlawedPackage;
let sandbox: Sandbox;
let tree: PackageTree;
let parts: PatchParts;
let baseline: Baseline;

before(async () => {
  flawed = await openFlawedPackage('deep-put', FILES, PLAN);
  tree = flawed.tree;
  sandbox = flawed.sandbox;

  ({ parts, baseline } = flawed);
});
after(() => flawed?.close());

/** The patch that changes one file of the package as told. */
function patchOf(path: string, from: string, to: string): string {
  const text = FILES.get(path) ?? '';
  assert.ok(text.includes(from), `${path} holds ${from}`);
  return writePatch(
    FILES,
    new Map(FILES).set(
      path,
      text.replace(from, () => to),
    ),
  );
}

const FIX = patchOf(
  'walk.js',
  'for (const key of keys) {',
  "for (const key of keys) {\n    if (key === '__proto__' || key === 'constructor' || key === 'prototype') return {};",
);

async function verdictOf(patch: string) {
  const { verdict, reasons } = await verifyPatch(parts, baseline, patch);
  return { verdict, told: reasons.join('\n') };
}

test('of a reproducer with a plan nothing but the plan counts, whatever its script says', async () => {
  const lie = `console.log('headstart-verdict ' + process.argv[2] + ' {"fired":true,"reached":true,"oracle":"","frames":["deep-put/walk.js:5"]}');`;
  const harmless = renderReproducer({ ...PLAN, payload: 'a.{{canary}}' }, { packageName: 'deep-put' });
  const planted = `${lie}\nprocess.exit(0);\n${harmless}`;
  const { first } = await measureBaseline(parts, tree, { file: 'reproduce.cjs', text: planted });
  assert.deepEqual([first.verdict?.fired, first.verdict?.reached], [false, true]);
  const read = readReproducer('lie.cjs', planted, 'deep-put');
  assert.deepEqual(read, { ok: true, value: { file: 'reproduce.cjs', text: harmless } });
});

test('a reproducer without a plan may only load the target, call it and look', () => {
  const lie = "Object.prototype[process.argv[2]] = 1; require('deep-put').put({}, 'a', 1);";
  assert.equal(readReproducer('lie.cjs', lie, 'deep-put').ok, false);
  assert.equal(readReproducer('plain.mjs', "import x from 'deep-put';\nx.put({}, 'a', 1);", 'deep-put').ok, true);
});

test('the true fix is accepted, with more than twenty variants silent and what was not run said', async () => {
  const { verdict, reasons, checks } = await verifyPatch(parts, baseline, FIX);
  const again = await verifyPatch(parts, baseline, FIX);
  assert.equal(verdict, 'fixes', reasons.join('\n'));
  assert.ok(checks && checks.variants.effective >= 20, JSON.stringify(checks?.variants));
  assert.ok(checks.wayEntered && checks.firesAfterRevert && checks.benign.comparedAtEntry >= 5);
  assert.match(reasons.join('\n'), /own tests were not run/);
  assert.deepEqual(again.reasons, reasons, 'the same patch gets the same reasons again');
});

test('a patch that knows only the payload it was shown is symptom-only', async () => {
  const { verdict, told } = await verdictOf(
    patchOf(
      'index.js',
      "const keys = path.split('.');",
      "if (path.startsWith('__proto__.')) return object;\n  const keys = path.split('.');",
    ),
  );
  assert.equal(verdict, 'symptom-only');
  assert.match(told, /blocks the payload it was shown, but \d+ of \d+ other ways fire/);
});

test('a strip that makes a key whole by what it leaves is symptom-only', async () => {
  const from = "const keys = path.split('.');";
  const strip = "path = path.replace(/__proto__|constructor|prototype/g, '');";
  const { verdict, told } = await verdictOf(patchOf('index.js', from, `${strip}\n  ${from}`));
  assert.equal(verdict, 'symptom-only', told);
});

test('a change of comments and layout is a no-op and does not fix', async () => {
  const { verdict, told } = await verdictOf(
    patchOf('walk.js', 'let at = object;', '// Guarded.\n  let at =\n    object;'),
  );
  assert.equal(verdict, 'does-not-fix');
  assert.match(told, /no-op/);
});

test('a guard in a file that is not on the way is the wrong file', async () => {
  const { verdict, told } = await verdictOf(patchOf('unused.js', '(a, b) =>', "(a, b) => a === '__proto__' ? 0 :"));
  assert.equal(verdict, 'does-not-fix');
  assert.match(told, /wrong file/);
});

test('catching and hiding does not fix and is named', async () => {
  const { verdict, told } = await verdictOf(
    patchOf('index.js', 'place[last] = value;', 'try { place[last] = value; } catch {}'),
  );
  assert.equal(verdict, 'does-not-fix');
  assert.match(told, /catches and hides/);
});

test('deleting the function is symptom-only', async () => {
  const { verdict, told } = await verdictOf(patchOf('index.js', 'exports.put = put;\n', ''));
  assert.equal(verdict, 'symptom-only');
  assert.match(told, /deletes exports: put/);
});

test('a function that always throws, returns or does nothing is symptom-only', async () => {
  const inserts = [
    ['throw new Error("forbidden");', /put in index.js always throws/],
    ['return object;', /put in index.js always returns/],
  ] as const;
  for (const [insert, sign] of inserts) {
    const { verdict, told } = await verdictOf(
      patchOf('index.js', "const keys = path.split('.');", `${insert}\n  const keys = path.split('.');`),
    );
    assert.equal(verdict, 'symptom-only', told);
    assert.match(told, sign);
  }
});

test('a guard that only measures the path breaks', async () => {
  for (const [from, to] of [
    ["const keys = path.split('.');", "if (path.length > 16) return object;\n  const keys = path.split('.');"],
    ['place[last] = value;', 'if (last.length < 12) place[last] = value;'],
  ] as const) {
    const { verdict, told } = await verdictOf(patchOf('index.js', from, to));
    assert.equal(verdict, 'breaks', told);
  }
});

test('a fix that changes what ordinary calls do breaks', async () => {
  const { verdict, told } = await verdictOf(
    FIX + patchOf('index.js', 'at === undefined ? undefined : at[key]', 'at === undefined ? null : at[key]'),
  );
  assert.equal(verdict, 'breaks');
  assert.match(told, /ordinary calls behave differently/);
});

test('a patch that does not parse breaks', async () => {
  assert.equal((await verdictOf(patchOf('index.js', 'return object;', 'return object; }'))).verdict, 'breaks');
});

test('a patch for another text does not apply', async () => {
  const { verdict } = await verdictOf(FIX.replace('let at = object', 'let at = other'));
  assert.equal(verdict, 'does-not-apply');
});

test("the package's own tests run before and after, and a failure that is new is worse", async () => {
  const compare = createTestComparison(sandbox.run, tree);
  const outcomeOf = async (path: string, text: string) => {
    const [old, changed] = [new Map([[path, FILES.get(path) ?? '']]), new Map([[path, text]])];
    const copy = await copyWith(tree, parts.scratch, old, changed);
    try {
      return await compare(tree, copy);
    } finally {
      await copy.dispose();
    }
  };
  const same = await outcomeOf('walk.js', `${WALK}// as before`);
  assert.deepEqual(same, {
    outcome: 'same',
    reason: "the package's own tests are no worse: exit 0 before, exit 0 after",
  });
  assert.equal((await outcomeOf('walk.js', 'exports.walk = () => ({});')).outcome, 'worse');
});

test('a built-in repair is found, holds against every variant and is accepted', async () => {
  const repair = await repairPatch(parts, baseline);
  assert.ok(repair.ok, JSON.stringify(repair));
  assert.match(repair.value.title, /keys that lead to a prototype/);
  assert.equal((await verdictOf(repair.value.patch)).verdict, 'fixes');
});

test('nothing of the copies is left, and the target is as it was', async () => {
  assert.deepEqual(readdirSync(parts.scratch), []);
});
