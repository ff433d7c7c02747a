/** `serve`: one process with a status page and a public server, which ends without a trace when it is told to. */
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { createInstallation, type Ended, type Installation, type Running } from '../support/installation.ts';

let installation: Installation;
let serving: Running;
let first: string;
let addresses: { readonly console: string; readonly gateway: string; readonly public: string };

before(async () => {
  installation = await createInstallation();
  serving = installation.start('serve', '--port', '0');
  first = await new Promise<string>((resolve, reject) => {
    serving.child.stdout?.once('data', (chunk: Buffer) => resolve(chunk.toString()));
    serving.ended.then(({ stderr }) => reject(new Error(stderr)), reject);
  });
  addresses = JSON.parse(first);
});

after(async () => {
  serving?.child.kill('SIGTERM');
  await serving?.ended;
  await installation?.close();
});

/** `fetch` would tidy the path. */
function ask(address: string, path: string): Promise<{ status: number; body: string }> {
  const { hostname, port } = new URL(address);
  return new Promise((resolve, reject) => {
    request({ hostname, port, path }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (chunk) => {
        body += chunk;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
    })
      .on('error', reject)
      .end();
  });
}

test('the first thing on standard output is one line of JSON with the addresses', () => {
  assert.match(first, /^\{[^\n]*\}\n$/);
  assert.deepEqual(Object.keys(addresses).sort(), ['console', 'gateway', 'mail', 'public']);
  assert.match(addresses.console, /^http:\/\/127\.0\.0\.1:\d+/);
  assert.match(addresses.public, /^http:\/\/127\.0\.0\.1:\d+/);
});

test('the status page answers before any campaign has run', async () => {
  const { status, body } = await ask(addresses.console, '/');
  assert.equal(status, 200);
  assert.match(body, /No campaign has run/);
});

test('the API answers beside the status page: its document to everyone, the rest to nobody without a session', async () => {
  const { status, body } = await ask(addresses.console, '/api/v1/openapi.json');
  assert.equal(status, 200);
  assert.ok('/api/v1/stops' in JSON.parse(body).paths);
  assert.equal((await ask(addresses.console, '/api/v1/session')).status, 401);
});

test('the report form answers beside the status page, and never on the public server', async () => {
  const { status, body } = await ask(addresses.console, '/report');
  assert.equal(status, 200);
  assert.match(body, /<form method="post" action="\/report">/);
  assert.equal((await ask(addresses.public, '/report')).status, 404);
});

test('the public server serves the key of the log and its security contact', async () => {
  for (const name of ['log.pub', '.well-known/security.txt', 'feed.json']) {
    const { status, body } = await ask(addresses.public, `/${name}`);
    assert.equal(status, 200, name);
    assert.equal(body, readFileSync(join(installation.public, name), 'utf8'), name);
  }
});

test('the public server shows nothing outside public, by no spelling of a path', async () => {
  symlinkSync('../master.key', join(installation.public, 'linked'));
  mkdirSync(join(installation.public, '.draft'));
  writeFileSync(join(installation.public, '.draft', 'x'), 'secret');
  const key = readFileSync(join(installation.home, 'master.key')).toString('latin1');
  for (const path of [
    '/../master.key',
    '/%2e%2e/master.key',
    '/..%2fmaster.key',
    '/log/../../master.key',
    '/log/%2e%2e/%2e%2e/master.key',
    '/..%5cmaster.key',
    '//master.key',
    '/linked',
    '/.draft/x',
    '/%00',
    '/%',
    '/public/../../master.key',
    '/log/..%252f..%252fmaster.key',
    '/.well-known/../../keys/log.key',
    join('/', installation.home, 'master.key'),
  ]) {
    const { status, body } = await ask(addresses.public, path);
    assert.ok(status >= 400 && status < 500, `${path}: ${status}`);
    assert.ok(!body.includes(key) && !body.includes('secret'), path);
  }
});

test('a second serve on the same data directory is refused and told which process has it', async () => {
  const ended = await installation.run('serve', '--port', '0');
  assert.equal(ended.code, 7);
  assert.match(ended.stderr, new RegExp(`runs on .* already \\(process ${serving.child.pid}\\); stop it first`));
  assert.equal(ended.stdout, '');
  assert.equal((await ask(addresses.console, '/')).status, 200, 'the first one still answers');
});

test('a command runs beside it', async () => {
  await installation.expect(0, 'case', 'list', '--json');
});

test('SIGTERM ends it with 0 and leaves no process, no lock and no scratch behind', async () => {
  serving.child.kill('SIGTERM');
  const ended: Ended = await serving.ended;
  assert.equal(ended.code, 0, ended.stderr);
  assert.equal(ended.stdout, first, 'nothing else was said on standard output');
  assert.deepEqual(processesOf(installation.home), []);
  assert.deepEqual(
    readdirSync('/dev/shm').filter((name) => name.includes(`-${serving.child.pid}-`)),
    [],
  );
  await assert.rejects(ask(addresses.public, '/log.pub'));
});

/** Processes whose command line names this data directory. */
function processesOf(home: string): string[] {
  return readdirSync('/proc').filter((name) => {
    if (!/^\d+$/.test(name)) return false;
    try {
      return readFileSync(`/proc/${name}/cmdline`, 'latin1').includes(home);
    } catch {
      return false;
    }
  });
}
