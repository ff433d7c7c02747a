/** A small server of files that climbs out of its directory: what a patch cannot do is to put another server before it. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type FlawedPackage, openFlawedPackage } from '../../test/support/patched-package.ts';
import type { ProbePlan } from '../probe/index.ts';
import { verifyPatch, writePatch } from './index.ts';

const SOURCE = `'use strict';
const fs = require('fs');
const http = require('http');
exports.serve = function serve() {
  http
    .createServer((request, response) => {
      fs.readFile(process.cwd() + decodeURIComponent(request.url.split('?')[0]), (error, text) => {
        response.writeHead(error ? 404 : 200);
        response.end(error ? 'none' : text);
      });
    })
    .listen(8080);
};
`;
const FILES = new Map([
  ['package.json', '{"name":"file-serve","version":"1.0.0","main":"index.js"}'],
  ['index.js', SOURCE],
]);
const PLAN: ProbePlan = {
  flaw: 'path-traversal',
  file: '',
  format: 'cjs',
  reach: [{ kind: 'get', name: 'serve' }],
  drive: { kind: 'http', args: [], requestTarget: '{{payload}}', control: '/{{canary}}.txt' },
  payload: '/../../../../../../../../../../../../{{canary}}.txt',
};
const ANOTHER = "  http.createServer((request, response) => response.end('hello')).listen(8081);\n";
const REFUSAL =
  "      if (request.url.includes('..') || request.url.includes('%')) return response.writeHead(403).end();\n";
const INTO_SERVE = 'exports.serve = function serve() {\n';
const INTO_ANSWER = '.createServer((request, response) => {\n';

let flawed: FlawedPackage;

before(async () => {
  flawed = await openFlawedPackage('file-serve', FILES, PLAN);
});
after(() => flawed?.close());

async function verdictOf(...insertions: readonly (readonly [after: string, text: string])[]) {
  let text = SOURCE;
  for (const [line, more] of insertions) text = text.replace(line, () => line + more);
  const patch = writePatch(FILES, new Map(FILES).set('index.js', text));
  const { verdict, reasons } = await verifyPatch(flawed.parts, flawed.baseline, patch);
  return { verdict, told: reasons.join('\n') };
}

test('a patch that only puts another server in front is no fix', async () => {
  const { verdict, told } = await verdictOf([INTO_SERVE, ANOTHER]);
  assert.equal(verdict, 'does-not-fix', told);
});

test('a fix may come with another server, as long as the first one answers what it did', async () => {
  const { verdict, told } = await verdictOf([INTO_ANSWER, REFUSAL], [INTO_SERVE, ANOTHER]);
  assert.equal(verdict, 'fixes', told);
});

test('another server does not stand for one that answers no more', async () => {
  const { verdict, told } = await verdictOf(
    [INTO_ANSWER, '      return response.writeHead(404).end();\n'],
    [INTO_SERVE, ANOTHER],
  );
  assert.match(verdict, /^(?:breaks|symptom-only)$/, told);
});
