import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { createEgress, namedOrigins } from '../egress/index.ts';
import { fetchFeed } from './feed-client.ts';

const TEXT = '#score_date:2025-01-01\n';
let folder: string;
const server = createServer((request, response) => {
  response.statusCode = request.url === '/feed.csv.gz' ? 200 : 404;
  response.end(gzipSync(TEXT));
});
let origin: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'headstart-feed-'));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
after(async () => {
  server.close();
  await rm(folder, { recursive: true, force: true });
});

test('a feed is read from a file or a named address, packed or not', async () => {
  const file = join(folder, 'feed.csv');
  const egress = createEgress({ named: namedOrigins([origin]) });
  for (const bytes of [Buffer.from(TEXT), gzipSync(TEXT)]) {
    await writeFile(file, bytes);
    assert.deepEqual(await fetchFeed(file, egress), { ok: true, value: TEXT });
  }
  assert.deepEqual(await fetchFeed(`${origin}/feed.csv.gz`, egress), { ok: true, value: TEXT });
});

test('no address within the own network is asked unless the operator named it', async () => {
  const fetched = await fetchFeed(`${origin}/feed.csv.gz`, createEgress({}));
  assert.equal(!fetched.ok && fetched.refusal.kind, 'unreachable');
});

test('what is not there, is refused or is damaged says which', async () => {
  const egress = createEgress({ named: namedOrigins([origin]) });
  const kindOf = async (place: string): Promise<string> => {
    const fetched = await fetchFeed(place, egress);
    return fetched.ok ? 'fetched' : fetched.refusal.kind;
  };
  assert.equal(await kindOf(join(folder, 'none')), 'no-file');
  assert.equal(await kindOf(`${origin}/none`), 'unreachable');
  const damaged = join(folder, 'damaged.gz');
  await writeFile(damaged, gzipSync(TEXT).subarray(0, 20));
  assert.equal(await kindOf(damaged), 'bad-feed');
});
