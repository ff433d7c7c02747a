import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CHEATS } from '../../test/fixtures/cheats.ts';
import { HONEST } from '../../test/fixtures/honest.ts';
import { screenReproducer } from './screen.ts';

const HEAD = "const target = require('name');\nconst canary = process.argv[2];\n";
const objection = (text: string): string | undefined => {
  const outcome = screenReproducer(HEAD + text, 'name');
  return outcome.ok ? undefined : outcome.refusal.detail;
};

for (const { name, text, packageName } of HONEST) {
  test(`a script that loads, calls and looks passes: ${name}`, () => {
    assert.deepEqual(screenReproducer(text, packageName), { ok: true, value: null });
  });
}

const REFUSED: Readonly<Record<string, string>> = {
  'a name of the world that is not listed': "eval('1');",
  'a listed name handed on as a value': 'target.each([1], setTimeout);',
  'a module of Node handed on': "const fs = require('fs'); target(fs);",
  'a function of a module handed on': "const fs = require('fs'); target(fs.readFileSync);",
  'a function taken out of a module': "const { readFileSync } = require('fs'); target(readFileSync);",
  'a module that is not listed': "require('child_process');",
  'a module under a computed name': "require('child_' + 'process');",
  'the way to a prototype': 'target.set(({}).constructor, 1);',
  'the way to a prototype in a pattern': 'const { constructor: it } = target;',
  'the way to a prototype by a computed name': "const name = 'constr' + 'uctor'; ({})[name];",
  'a write into what it did not make': 'target.run = 1;',
  'a write to the global object': 'globalThis[canary] = 1;',
  'a canary that is not the one handed over': 'const other = process.argv[3]; ({})[other];',
  'a regular expression of its own': "target.match(/(a+)+$/, 'a');",
  'a computed import': "import('name');",
  this: 'target.call(this);',
  'a class': 'class Cheat {}',
  'a deletion': 'delete target.check;',
  'a spread argument list through apply': "target.run.apply(null, ['x']);",
};

for (const [what, text] of Object.entries(REFUSED)) {
  test(`refused: ${what}`, () => assert.match(objection(text) ?? '', /^line 3: /));
}

test('what is not JavaScript is refused', () => assert.equal(objection('not ( java'), 'not JavaScript'));

test('the screen alone refuses most of the cheating scripts', () => {
  const passed = CHEATS.filter(({ text, packageName }) => screenReproducer(text, packageName).ok);
  assert.ok(passed.length <= CHEATS.length * 0.3, `${passed.length} of ${CHEATS.length} passed`);
});
