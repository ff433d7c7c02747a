import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { request as httpRequest } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { createPublicServer } from './public-server.ts';

const home = await mkdtemp(join(tmpdir(), 'headstart-public-'));
const directory = join(home, 'public');
await mkdir(join(directory, '.well-known'), { recursive: true });
await mkdir(join(directory, 'log/tile/0'), { recursive: true });
await writeFile(join(directory, '.well-known/security.txt'), 'Contact: mailto:a@example.org\n');
await writeFile(join(directory, '.draft'), 'draft-marker');
await writeFile(join(directory, 'feed.json'), '{}');
await writeFile(join(directory, 'log/tile/0/000'), 'full');
await writeFile(join(home, 'secret'), 'draft-marker');
await symlink(join(home, 'secret'), join(directory, 'link'));
const server = await createPublicServer({ directory });
await server.listen({ port: 0, host: '127.0.0.1' });
const { port } = server.server.address() as { port: number };
after(async () => {
  await server.close();
  await rm(home, { recursive: true });
});

/** The path goes out as written: clients that tidy up `..` would hide the attack. */
function get(path: string): Promise<{ status: number; body: string; headers: Record<string, unknown> }> {
  return new Promise((resolve, reject) => {
    httpRequest({ port, path, host: '127.0.0.1' }, (response) => {
      let body = '';
      response.on('data', (chunk) => (body += chunk));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body, headers: response.headers }));
    })
      .on('error', reject)
      .end();
  });
}

test('what lies below public is served, the well-known files too', async () => {
  assert.equal((await get('/feed.json')).body, '{}');
  assert.match((await get('/.well-known/security.txt')).body, /^Contact:/);
  assert.match(String((await get('/log/tile/0/000')).headers['cache-control']), /immutable/);
});

for (const path of [
  '/../secret',
  '/%2e%2e/secret',
  '/..%2fsecret',
  '/log/../../secret',
  '//../secret',
  '/..\\secret',
  '/.draft',
  '/%2edraft',
  '/link',
  '/.well-known/../../secret',
  '/%00',
  '/%',
]) {
  test(`${path} is not found, and nothing of it leaks`, async () => {
    const { status, body } = await get(path);
    assert.equal(status, 404);
    assert.equal(body, 'Not found\n');
  });
}
