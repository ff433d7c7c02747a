import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { startPostgres } from './postgres-launcher.ts';
import { hasProcesses, readPidFile, serverMark } from './postgres-process.ts';
import { makeTestDirectory } from './test-directory.ts';

test('who leaves right after the server died does not bring it back', async () => {
  const home = makeTestDirectory('headstart-leaving-');
  const directory = join(home, 'postgres');
  const data = join(directory, 'data');
  try {
    const server = await startPostgres({ directory, throwaway: true });
    const file = await readPidFile(data);
    assert.ok(file);
    process.kill(file.pid, 'SIGKILL');
    await server.stop();
    const mark = await serverMark(data);
    // The killed server's own processes end by themselves; a new one would stay.
    for (let round = 0; round < 100 && (await hasProcesses(mark)); round += 1) {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    assert.equal(await hasProcesses(mark), false);
  } finally {
    rmSync(home, { recursive: true, force: true, maxRetries: 10 });
  }
});
