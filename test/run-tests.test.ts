import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';

const RUNNER = join(import.meta.dirname, '..', 'scripts', 'run-tests.ts');
const TEST = `import { test } from 'node:test'; import assert from 'node:assert';\n`;

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'headstart-runner-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

function start(files: Record<string, string>): { child: ChildProcess; output: () => string } {
  for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), TEST + text);
  const env = { ...process.env };
  // Set in every test process; a runner that sees it takes itself for one.
  delete env.NODE_TEST_CONTEXT;
  // By a pattern, so that it never means "every test of the repository", this one included.
  const child = spawn(process.execPath, [RUNNER, join(directory, '*.test.ts')], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env,
  });
  let text = '';
  child.stdout.on('data', (chunk) => {
    text += chunk;
  });
  return { child, output: () => text };
}

async function run(files: Record<string, string>): Promise<{ exit: number | null; lastLine: string }> {
  const { child, output } = start(files);
  const [exit] = await once(child, 'close');
  return { exit, lastLine: output().trimEnd().split('\n').at(-1) ?? '' };
}

const SERVER_IS_THERE = `
  const { createTestDatabase } = await import(${JSON.stringify(join(import.meta.dirname, '../src/store/test-database.ts'))});
  const { writeFileSync } = await import('node:fs');
  test('it has a database', async () => {
    const { database, url, drop } = await createTestDatabase();
    assert.ok(url.startsWith(process.env.HEADSTART_TEST_DATABASE_URL.split('/').slice(0, 3).join('/')));
    const { rows } = await database.query("select current_setting('cluster_name') as mark, pg_backend_pid() as pid");
    writeFileSync(new URL('pid', import.meta.url), String(rows[0].pid));
    await drop();
  });
`;

test('the last line counts what passed, failed and was skipped, and any failure fails the run', async () => {
  const outcome = await run({
    'good.test.ts': `test('good', () => {}); test('later', { skip: 'no machine' }, () => {});`,
    'bad.test.ts': `test('bad', () => assert.fail('on purpose')); test('good too', () => {});`,
    'broken.test.ts': `throw new Error('does not load');`,
  });
  assert.deepEqual(outcome, { exit: 1, lastLine: '2 passed, 2 failed, 1 skipped' });
});

test('tests share one database server, which is gone after the run', async () => {
  const outcome = await run({ 'one.test.ts': SERVER_IS_THERE });
  assert.deepEqual(outcome, { exit: 0, lastLine: '1 passed, 0 failed' });
  const pid = readFileSync(join(directory, 'pid'), 'utf8');
  assert.equal(existsSync(`/proc/${pid}`), false);
});

test('a run of no tests fails', async () => {
  assert.equal((await run({})).exit, 1);
});

test('an interrupted run ends its tests and its server, and fails', async () => {
  const hang = `${SERVER_IS_THERE}
    test('it hangs', async () => {
      await import('node:fs').then(({ writeFileSync }) =>
        writeFileSync(new URL('server', import.meta.url), process.env.HEADSTART_TEST_DATABASE_URL));
      await new Promise((resolve) => setTimeout(resolve, 600_000));
    });`;
  const { child } = start({ 'hang.test.ts': hang });
  while (!existsSync(join(directory, 'server'))) await new Promise((resolve) => setTimeout(resolve, 20));
  child.kill('SIGINT');
  const [exit] = await once(child, 'close');
  assert.equal(exit, 1);
  const { port } = new URL(readFileSync(join(directory, 'server'), 'utf8'));
  await assert.rejects(once((await import('node:net')).connect(Number(port), '127.0.0.1'), 'connect'), /ECONNREFUSED/);
});
