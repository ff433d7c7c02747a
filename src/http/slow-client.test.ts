import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { FastifyInstance } from 'fastify';
import { untilCutOff } from '../../test/support/slow-client.ts';
import { listenOnLoopback } from './listen.ts';
import { createStatusServer } from './status-server.ts';

let server: FastifyInstance;
let url: string;

before(async () => {
  server = createStatusServer({
    readStatus: async () => undefined,
    publicUrl: () => '',
    onFault: (error) => assert.fail(String(error)),
    limits: { headersMs: 150, requestMs: 400, idleMs: 200, checkMs: 20 },
  });
  server.post('/echo', async () => 'whole');
  url = await listenOnLoopback(server, 0);
});
after(() => server.close());

test('who says nothing, or half of the headers, is cut off', async () => {
  assert.match(await untilCutOff(url, ''), /^HTTP\/1\.1 408|^$/);
  assert.match(await untilCutOff(url, 'GET / HTTP/1.1\r\nhost: x\r\nx-half: '), /^HTTP\/1\.1 408/);
});

test('who never sends the end of the body is cut off', async () => {
  const head = 'POST /echo HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 50\r\n\r\n{"a":';
  assert.doesNotMatch(await untilCutOff(url, head), /whole/);
});

test('a connection that nothing more comes over is closed', async () => {
  const text = await untilCutOff(url, 'GET /status.json HTTP/1.1\r\nhost: x\r\n\r\n');
  assert.match(text, /^HTTP\/1\.1 200/);
});
