import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { LaneCandidate } from './lane.ts';
import { createRedosLane, REDOS_LANE_LIMITS } from './redos-lane.ts';
import { redosVariants } from './redos-payload.ts';
import { proposeAttacks } from './regex-attacks.ts';
import { scanExpressions } from './regex-scan-inside.ts';
import { tryAttacks } from './regex-trial-inside.ts';
import { renderReproducer, reproducerFileName } from './render.ts';
import { readVerdict } from './verdict.ts';

/** Our own small packages: nothing hostile, so they run here and not in the sandbox. */
const homes: string[] = [];
after(() => {
  for (const home of homes) rmSync(home, { recursive: true, force: true });
});

function home(text: string): string {
  const directory = mkdtempSync(join(tmpdir(), 'redos-'));
  homes.push(directory);
  const at = join(directory, 'node_modules', 'small');
  mkdirSync(at, { recursive: true });
  writeFileSync(join(at, 'package.json'), '{"name":"small","version":"1.0.0"}');
  writeFileSync(join(at, 'index.js'), text);
  return directory;
}

async function search(directory: string): Promise<readonly LaneCandidate[]> {
  const lane = createRedosLane({ ...REDOS_LANE_LIMITS, findings: 2 });
  const target = { name: 'small', version: '1.0.0', token: 'token', seed: 1 };
  const found: LaneCandidate[] = [];
  let groups = lane.prepare(target);
  for (let round = 0; groups.length > 0 && round < 3; round++) {
    const outputs = groups.map((group) => {
      for (const file of group.files) writeFileSync(join(directory, file.path), file.content);
      const [, script = '', ...rest] = group.command;
      const path = fileURLToPath(new URL(script.replace('probe/', './'), import.meta.url));
      const run = spawnSync(process.execPath, [path, ...rest], { cwd: directory, encoding: 'utf8', timeout: 60_000 });
      return { group: group.name, stdout: run.stdout };
    });
    const reading = await lane.read(target, round, outputs);
    found.push(...reading.candidates);
    groups = reading.next;
  }
  return found;
}

function reproduce(directory: string, candidate: LaneCandidate) {
  const file = join(directory, reproducerFileName(candidate.plan));
  writeFileSync(file, renderReproducer(candidate.plan, { packageName: 'small' }));
  const run = spawnSync(process.execPath, [file, 'hsfeed01'], { cwd: directory, encoding: 'utf8', timeout: 60_000 });
  return { status: run.status, verdict: readVerdict(run.stdout, 'hsfeed01') };
}

describe('the search for slow regular expressions', () => {
  test('an expression behind a header is found, with the header and the line; the fixed one is silent', async () => {
    const text = (pattern: string) => `module.exports = function read(request) {
  const value = request.headers['x-list'] || '';
  return value.split(${pattern});
};`;
    const directory = home(text('/ *, */'));
    const [found] = await search(directory);
    assert.equal(found?.entry, "require('small')({ headers: { 'x-list': payload } })");
    assert.deepEqual(found.sink, { file: 'small/index.js', line: 3 });
    const shown = reproduce(directory, found);
    assert.equal(shown.status, 0);
    assert.ok((shown.verdict?.growth?.exponent ?? 0) > 1.6);
    const fixed = reproduce(home(text("','")), found);
    assert.deepEqual([fixed.status, fixed.verdict?.reached], [1, true]);
  });

  test('an expression that only its own kind of text reaches is found', async () => {
    const text = `exports.title = (text) => {
  if (!text.startsWith('#!')) throw new Error('no title');
  return /^#!((?:a+)+)$/.exec(text);
};`;
    const [found] = await search(home(text));
    assert.equal(found?.plan.growth, 'exponential');
  });

  test('quick expressions, and slow ones that no call reaches, are no finds', async () => {
    assert.deepEqual(
      await search(home('exports.words = (text) => text.split(/,/).map((word) => /^[a-z]+$/.test(word));')),
      [],
    );
    assert.deepEqual(
      await search(home('const never = /(a+)+$/; exports.one = () => 1; exports.never = () => never.source;')),
      [],
    );
  });
});

describe('attacks on one expression', () => {
  const grows = (expression: RegExp): boolean => {
    const attacks = proposeAttacks(expression.source, expression.flags);
    return tryAttacks(expression.source, expression.flags, attacks, Infinity).length > 0;
  };

  test('are found for repeats that overlap, nest, or start at every place', () => {
    for (const slow of [/^\s*|\s*$/g, / *, */, /(a|aa)*$/, /\/\*[\s\S]*?\*\//g]) assert.ok(grows(slow), String(slow));
  });

  test('are not found for repeats that are kept apart', () => {
    for (const quick of [/^[a-z]+$/, /^\d+-\d+$/, /^"[^"]*"$/, /[0-9]/g]) assert.ok(!grows(quick), String(quick));
  });

  test('have at least twenty variants that differ', () => {
    const expression = { source: '\\s+$', flags: '' };
    const drive = { kind: 'call', args: [{ kind: 'payload' }], after: [] } as const;
    const plan = {
      flaw: 'redos',
      file: '',
      format: 'cjs',
      reach: [],
      drive,
      payload: 'x{{repeat}}!',
      pump: ' ',
    } as const;
    const variants = redosVariants({ ...plan, expression });
    assert.ok(variants.length >= 20);
    assert.equal(new Set(variants.map((variant) => JSON.stringify(variant))).size, variants.length);
  });
});

test('literals are told from divisions, comments, strings and templates', () => {
  const text =
    "a = b / c / d; // /no/\nx = '/no/' + `/no/`; /* /no/ */ f(/one/g, c ? /[/]two/ : 1)\nreturn /three\\//i";
  const found = scanExpressions(text, 10).map(({ source, flags, line }) => `${source} ${flags} ${line}`);
  assert.deepEqual(found, ['one g 2', '[/]two  2', 'three\\/ i 3']);
});
