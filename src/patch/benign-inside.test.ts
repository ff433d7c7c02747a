import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

test('what is said while the reader sleeps is not lost', async () => {
  const home = mkdtempSync(join(tmpdir(), 'headstart-benign-'));
  try {
    mkdirSync(join(home, 'node_modules', 'wordy'), { recursive: true });
    // The package touches its standard output, after which a full pipe refuses instead of waiting.
    writeFileSync(
      join(home, 'node_modules', 'wordy', 'index.js'),
      "process.stdout; exports.say = (n) => 'x'.repeat(500) + n;",
    );
    const calls = Array.from({ length: 300 }, (_, index) => ({
      id: `call ${index}`,
      isEntry: true,
      isGuess: false,
      file: '',
      format: 'cjs',
      reach: [{ kind: 'get', name: 'say' }],
      drive: { kind: 'call', args: [{ kind: 'json', value: index }], after: [] },
      payload: '',
    }));
    const job = { token: 'token', name: 'wordy', file: '', format: 'cjs', reach: [], calls };
    writeFileSync(join(home, 'job.json'), JSON.stringify(job));
    const script = join(import.meta.dirname, 'benign-inside.ts');
    const child = spawn(process.execPath, ['--no-warnings', script, 'job.json'], {
      cwd: home,
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    // Not read until what fits into the pipe is there, and for a while longer.
    await once(child.stdout, 'readable');
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    let said = '';
    for await (const chunk of child.stdout.setEncoding('utf8')) said += chunk;
    assert.equal(said.match(/"kind":"did"/g)?.length, 300);
    assert.match(said, /token \{"kind":"done"\}/);
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
});
