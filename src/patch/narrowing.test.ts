/** A small package that starts a program with what it is given: how far a patch may narrow what it takes, or dress it. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type FlawedPackage, openFlawedPackage } from '../../test/support/patched-package.ts';
import type { ProbePlan } from '../probe/index.ts';
import { type Baseline, type PatchParts, verifyPatch, writePatch } from './index.ts';

/** What the program prints is not there to be found where programs only seem to run: each ordinary call throws. */
const SOURCE = `'use strict';
const { execSync } = require('child_process');
exports.look = function look(word) {
  const printed = execSync('lookup ' + word).toString();
  return printed.match(/found (.*)/)[1];
};
`;
const FILES = new Map([
  ['package.json', '{"name":"word-look","version":"1.0.0","main":"index.js"}'],
  ['index.js', SOURCE],
]);
const PLAN: ProbePlan = {
  flaw: 'command-injection',
  file: '',
  format: 'cjs',
  reach: [{ kind: 'get', name: 'look' }],
  drive: { kind: 'call', args: [{ kind: 'payload' }], after: [] },
  payload: ';touch {{canary}};',
};

let flawed: FlawedPackage;
let parts: PatchParts;
let baseline: Baseline;

before(async () => {
  flawed = await openFlawedPackage('word-look', FILES, PLAN);
  ({ parts, baseline } = flawed);
});
after(() => flawed?.close());

/** With this as the first line of the function. */
const verdictWith = (line: string) => verdictOf('look(word) {', `look(word) {\n  ${line}`);

async function verdictOf(from: string, to: string) {
  const text = SOURCE.replace(from, () => to);
  const patch = writePatch(FILES, new Map(FILES).set('index.js', text));
  const { verdict, reasons } = await verifyPatch(parts, baseline, patch);
  return { verdict, told: reasons.join('\n') };
}

test('a patch that takes words of one kind alone is a fix, and tells what it refuses', async () => {
  const { verdict, told } = await verdictWith("if (!/^[0-9]*$/.test(word)) throw new Error('not a number');");
  assert.equal(verdict, 'fixes', told);
  assert.match(told, /inputs that no document mentions are refused now/);
});

test('a patch that measures what it is given, or does nothing with it, is no fix', async () => {
  for (const line of ["if (word.length > 16) throw new Error('too long');", 'if (word.length > 0) return;']) {
    const { verdict, told } = await verdictWith(line);
    assert.match(verdict, /^(?:breaks|symptom-only)$/, `${line}: ${told}`);
  }
});

test('quotes that the word itself can close are no fix', async () => {
  for (const quoted of [`"'" + word + "'"`, `'"' + word.replace(/["$\`]/g, '\\\\$&') + '"'`]) {
    const { verdict, told } = await verdictOf("'lookup ' + word", `'lookup ' + ${quoted}`);
    assert.equal(verdict, 'symptom-only', `${quoted}: ${told}`);
  }
});
