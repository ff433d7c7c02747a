/** A plain user fetches bubblewrap with apt, unpacks it below the data directory and runs sandboxes with it. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createSandbox, ensureBubblewrap } from '../../src/sandbox/index.ts';
import { sandboxOptions } from '../support/sandbox.ts';

const isRoot = process.getuid?.() === 0;

test('bubblewrap fetched as a plain user runs a sandbox', {
  skip: isRoot && 'run as a plain user',
  timeout: 300_000,
}, async () => {
  const home = mkdtempSync(join(tmpdir(), 'headstart-fetched-'));
  try {
    const said: string[] = [];
    const found = await ensureBubblewrap({
      home,
      noApt: false,
      say: (line) => void said.push(line),
      path: home,
      cloneHome: home,
    });
    assert.ok(found.ok, found.ok ? '' : found.refusal.reason);
    assert.ok(found.value.command.some((part) => part.startsWith(home)));
    assert.match(said.join('\n'), /bubblewrap.*apt-get download/);
    const made = await createSandbox({ ...sandboxOptions('user', home), bubblewrap: found.value });
    assert.ok(made.ok, made.ok ? '' : made.refusal.reason);
    const run = await made.value.run({ command: ['id', '-u'] });
    await made.value.close();
    assert.ok(run.ok);
    assert.equal(run.value.stdout.toString(), '65534\n');
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
});
