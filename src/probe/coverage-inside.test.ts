import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { BlockCoverage } from './coverage-inside.ts';

const home = mkdtempSync(join(tmpdir(), 'coverage-'));
after(() => rmSync(home, { recursive: true, force: true }));

test('only a call that enters a block for the first time opens something, and what it passed by is told', () => {
  mkdirSync(join(home, 'node_modules', 'small'), { recursive: true });
  const text = `module.exports = (o) => { if (o.mode === 'deep') { return o.kind === 'one' ? 1 : 2; } return 3; };`;
  writeFileSync(join(home, 'node_modules', 'small', 'index.js'), text);
  const coverage = new BlockCoverage();
  const small = createRequire(join(home, 'x.cjs'))('small') as (options: object) => number;
  coverage.take();
  small({});
  const first = coverage.take();
  assert.ok(first.opened > 0);
  assert.ok(first.passedBy.some((part) => part.includes("o.mode === 'deep'")));
  small({});
  assert.equal(coverage.take().opened, 0);
  small({ mode: 'deep' });
  const deeper = coverage.take();
  assert.ok(deeper.opened > 0);
  assert.ok(deeper.passedBy.some((part) => part.includes("o.kind === 'one'")));
  small({ mode: 'deep', kind: 'one' });
  assert.ok(coverage.take().opened > 0);
});
