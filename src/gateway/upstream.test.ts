/** One provider on loopback that says exactly the bytes it is told, and the connections that are kept to it. */
import assert from 'node:assert/strict';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { after, test } from 'node:test';
import type { AnswerHeaders } from './http-answer.ts';
import { createUpstreams, UPSTREAM_LIMITS, type UpstreamCall, type UpstreamLimits } from './upstream-client.ts';

interface Heard {
  readonly told: string[];
  readonly ended: Promise<string>;
  readonly call: UpstreamCall;
}

const closers: (() => Promise<void> | void)[] = [];
after(async () => {
  for (const close of closers) await close();
});

async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closers.push(() => void server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** `answer` gets every whole request of a connection, in order. */
async function provider(answer: (socket: Socket, text: string, connection: number) => void): Promise<string> {
  let connections = 0;
  const server = createServer((socket) => {
    connections += 1;
    const connection = connections;
    let text = '';
    socket.on('error', () => {});
    socket.on('data', (bytes) => {
      text += bytes.toString('latin1');
      const head = text.indexOf('\r\n\r\n') + 4;
      const length = Number(/content-length: (\d+)/.exec(text)?.[1]);
      if (head < 4 || text.length < head + length) return;
      const whole = text;
      text = '';
      answer(socket, whole, connection);
    });
  });
  return await listen(server);
}

function open(limits: Partial<UpstreamLimits> = {}) {
  const upstreams = createUpstreams({ ...UPSTREAM_LIMITS, ...limits });
  closers.push(() => upstreams.close());
  return (base: string, body = Buffer.from('{}'), path = '/v1/messages', headers: string[] = []): Heard => {
    const told: string[] = [];
    const { promise, resolve } = Promise.withResolvers<string>();
    const call = upstreams.send(
      { base, path, headers, body },
      {
        onStart: (status: number, given: AnswerHeaders) => void told.push(`${status} ${given['x-n'] ?? ''}`),
        onData: (bytes) => void told.push(bytes.toString('latin1')),
        onEnd: () => resolve('end'),
        onFailure: (failure) => resolve(failure),
      },
    );
    return { told, ended: promise, call };
  };
}

const OK = 'HTTP/1.1 200 OK\r\n';

test('a request is sent as it is, and its connection kept for the next', async () => {
  const seen: string[] = [];
  const base = await provider((socket, text, connection) => {
    seen.push(text);
    socket.write(`${OK}x-n: ${connection}\r\ncontent-length: 2\r\n\r\nok`);
  });
  const send = open();
  for (const size of [10, 100_000, 3]) {
    const body = Buffer.alloc(size, 0xe9);
    const heard = send(`${base}/eu/v1/`, body, '/v1/messages?beta=true', ['x-api-key', 'k']);
    assert.equal(await heard.ended, 'end');
    assert.deepEqual(heard.told, ['200 1', 'ok']);
    assert.equal(
      seen.at(-1),
      `POST /eu/v1/messages?beta=true HTTP/1.1\r\nhost: ${base.slice(7)}\r\nconnection: keep-alive\r\nx-api-key: k\r\n` +
        `content-length: ${size}\r\n\r\n${'\xe9'.repeat(size)}`,
    );
  }
});

test('as many connections as calls at once, and none is used twice while it is busy', async () => {
  const waiting: (() => void)[] = [];
  const base = await provider((socket, _, connection) => {
    waiting.push(() => socket.write(`${OK}x-n: ${connection}\r\ncontent-length: 0\r\n\r\n`));
    if (waiting.length === 3) for (const each of waiting.splice(0)) each();
  });
  const send = open();
  const heard = [send(base), send(base), send(base)];
  assert.deepEqual(await Promise.all(heard.map(({ ended }) => ended)), ['end', 'end', 'end']);
  assert.deepEqual(heard.map(({ told }) => told[0]).toSorted(), ['200 1', '200 2', '200 3']);
});

test('a connection that the other side will not keep, or on which it says more than it was asked, is used no more', async () => {
  const ends = [
    'connection: close\r\ncontent-length: 1\r\n\r\nx',
    'content-length: 1\r\n\r\nxHTTP/1.1 200 OK\r\n\r\n',
    '\r\nx',
  ];
  const base = await provider((socket, _, connection) => {
    const how = ends[connection - 1] ?? 'content-length: 1\r\n\r\nx';
    socket.write(`${OK}x-n: ${connection}\r\n${how}`);
    if (how === '\r\nx') socket.end();
  });
  const send = open();
  for (let connection = 1; connection <= 4; connection += 1) {
    const heard = send(base);
    assert.equal(await heard.ended, 'end');
    assert.deepEqual(heard.told, [`200 ${connection}`, 'x']);
  }
});

test('how a call fails is told once, and by its kind', async () => {
  const send = open({ headersMs: 60, silenceMs: 60 });
  const closed = createServer();
  const nobody = await listen(closed);
  await new Promise((resolve) => closed.close(resolve));
  assert.equal(await send(nobody).ended, 'unreachable');
  const failing = (act: (socket: Socket) => void) => provider((socket) => act(socket));
  assert.equal(await send(await failing((socket) => socket.destroy())).ended, 'broken');
  assert.equal(await send(await failing((socket) => socket.end())).ended, 'broken');
  assert.equal(await send(await failing((socket) => socket.write('SSH-2.0-x\r\n\r\n'))).ended, 'broken');
  assert.equal(await send(await failing((socket) => socket.end(`${OK}content-length: 9\r\n\r\nx`))).ended, 'broken');
  assert.equal(await send(await failing(() => {})).ended, 'timeout');
  assert.equal(await send(await failing((socket) => socket.write(`${OK}content-length: 9\r\n\r\nx`))).ended, 'timeout');
  assert.throws(() => send(nobody, Buffer.alloc(0), '/v1/messages?a b'), TypeError);
  assert.throws(() => send(nobody, Buffer.alloc(0), '/v1/messages', ['x', 'a\r\nb: c']), TypeError);
});

test('an abort closes the connection, and a pause holds what comes without calling it late', async () => {
  const closings: Promise<void>[] = [];
  const base = await provider((socket) => {
    closings.push(new Promise((resolve) => socket.on('close', () => resolve())));
    socket.write(`${OK}content-length: 9\r\n\r\nx`);
  });
  const send = open({ silenceMs: 80 });
  const gone = send(base);
  while (gone.told.length < 2) await new Promise((resolve) => setTimeout(resolve, 2));
  gone.call.abort();
  assert.equal(await gone.ended, 'broken');
  await closings[0];
  const early = send(base);
  early.call.abort();
  assert.equal(await early.ended, 'unreachable');
  const held = send(base);
  while (held.told.length < 2) await new Promise((resolve) => setTimeout(resolve, 2));
  held.call.pause();
  const first = await Promise.race([held.ended, new Promise((resolve) => setTimeout(resolve, 300, 'still held'))]);
  assert.equal(first, 'still held');
  held.call.resume();
  assert.equal(await held.ended, 'timeout');
});

test('a provider that answers before it has read the request is heard, on a connection that is not kept', async () => {
  let connections = 0;
  const server = createServer((socket) => {
    connections += 1;
    socket.pause();
    socket.on('error', () => {});
    socket.write(`${OK}content-length: 2\r\n\r\nno`);
  });
  const base = await listen(server);
  const send = open();
  for (let count = 1; count <= 2; count += 1) {
    const heard = send(base, Buffer.alloc(32 << 20));
    assert.equal(await heard.ended, 'end');
    assert.deepEqual(heard.told, ['200 ', 'no']);
    assert.equal(connections, count);
  }
});
