import assert from 'node:assert/strict';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import pg from 'pg';
import { startPostgres } from './postgres-launcher.ts';
import { makeTestDirectory } from './test-directory.ts';

test('the log quotes no statement, no value and no row', async () => {
  const home = makeTestDirectory('headstart-log-');
  const directory = join(home, 'postgres');
  try {
    const server = await startPostgres({ directory, throwaway: true });
    const client = new pg.Client({ connectionString: server.url });
    await client.connect();
    await client.query(`create table t (n int check (n > 0), secret text unique)`);
    await client.query(`insert into t values (1, 'MARKER-unique')`);
    await assert.rejects(client.query(`insert into t values (-1, 'MARKER-check')`));
    await assert.rejects(client.query(`insert into t values (1, 'MARKER-unique')`));
    await assert.rejects(client.query('select $1::int', ['MARKER-parameter']));
    await assert.rejects(client.query(`select 1 'MARKER-syntax'`));
    await client.end();
    await server.stop();
    const log = readFileSync(join(directory, 'server.log'), 'utf8');
    assert.match(log, /ready to accept connections/);
    const quoted = log.split('\n').filter((line) => line.includes('MARKER'));
    assert.deepEqual(quoted, []);
  } finally {
    rmSync(home, { recursive: true, force: true, maxRetries: 10 });
  }
});
