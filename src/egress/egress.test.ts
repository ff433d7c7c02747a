import assert from 'node:assert/strict';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { createEgress, type Resolve } from './egress.ts';
import { namedOrigins } from './named-host.ts';
import { isPublicAddress } from './public-address.ts';

const NOT_PUBLIC = [
  ...[
    '127.0.0.1',
    '127.9.9.9',
    '0.0.0.0',
    '10.1.2.3',
    '172.16.0.1',
    '172.31.255.255',
    '192.168.0.1',
    '169.254.169.254',
  ],
  ...['100.64.0.1', '100.100.100.200', '168.63.129.16', '192.0.0.192', '192.0.2.1', '198.18.0.1', '198.51.100.7'],
  ...['203.0.113.9', '224.0.0.1', '240.0.0.1', '255.255.255.255'],
  ...['::1', '::', 'fe80::1', 'fe80::1%eth0', 'fc00::1', 'fd00:ec2::254', 'ff02::1', '2001:db8::1'],
  ...['::ffff:127.0.0.1', '::ffff:a00:1', '64:ff9b::7f00:1', '2002:7f00:1::', '::127.0.0.1', 'fec0::1'],
  ...['2130706433', '0x7f.1', '0177.0.0.1', '127.1', 'localhost', '', '1.2.3', '1.2.3.4.5', '1.2.3.256'],
];

for (const address of NOT_PUBLIC) {
  test(`"${address}" is not a public address`, () => assert.equal(isPublicAddress(address), false));
}

for (const address of ['1.1.1.1', '93.184.216.34', '172.32.0.1', '2606:4700:4700::1111', '::ffff:1.1.1.1']) {
  test(`${address} is a public address`, () => assert.equal(isPublicAddress(address), true));
}

async function serve(t: { after(end: () => void): void }, listener: RequestListener) {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await new Promise((done) => server.once('listening', done));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

const resolvesTo =
  (...addresses: string[]): Resolve =>
  (_host, done) =>
    done(
      null,
      addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
    );

test('a literal address of this machine is refused before a byte is sent', async (t) => {
  let seen = 0;
  const port = await serve(t, (_request, response) => response.end(String(seen++)));
  for (const host of ['127.0.0.1', '[::ffff:127.0.0.1]', '2130706433', '0x7f.0.0.1', '127.1']) {
    const answer = await createEgress({}).request({ url: `http://${host}:${port}/` });
    assert.equal(answer.ok, false, host);
    assert.equal(!answer.ok && answer.refusal.kind, 'not-public', host);
  }
  assert.equal(seen, 0);
});

test('a name that points at this machine is refused, also when it points at a public address too', async (t) => {
  const port = await serve(t, (_request, response) => response.end());
  for (const addresses of [['127.0.0.1'], ['93.184.216.34', '127.0.0.1'], ['::1']]) {
    const answer = await createEgress({ resolve: resolvesTo(...addresses) }).request({
      url: `http://partner.example:${port}/`,
    });
    assert.equal(!answer.ok && answer.refusal.kind, 'not-public');
  }
});

test('a name is looked up once a connection: a second answer cannot be slipped in', async (t) => {
  const port = await serve(t, (_request, response) => response.end());
  let lookups = 0;
  const rebinding: Resolve = (_host, done) => {
    lookups += 1;
    done(null, [{ address: lookups === 1 ? '192.0.2.1' : '93.184.216.34', family: 4 }]);
  };
  const answer = await createEgress({ resolve: rebinding }).request({ url: `http://partner.example:${port}/` });
  assert.deepEqual([!answer.ok && answer.refusal.kind, lookups], ['not-public', 1]);
});

test('a redirect is judged like the first address', async (t) => {
  let inner = 0;
  const port = await serve(t, (request, response) => {
    if (request.url === '/inside') return void response.end(String(inner++));
    response.writeHead(302, { location: `http://127.0.0.2:${port}/inside` }).end();
  });
  const egress = createEgress({ named: namedOrigins([`http://127.0.0.1:${port}/`]) });
  const answer = await egress.request({ url: `http://127.0.0.1:${port}/` });
  assert.deepEqual(!answer.ok && answer.refusal, { kind: 'not-public', host: '127.0.0.2', address: '127.0.0.2' });
  assert.equal(inner, 0);
});

test('what the operator named is reached, and only on that scheme, host and port', async (t) => {
  const port = await serve(t, (request, response) => response.end(request.url));
  const other = await serve(t, (_request, response) => response.end());
  const egress = createEgress({ named: namedOrigins([`http://127.0.0.1:${port}`]) });
  const answer = await egress.request({ url: `http://127.0.0.1:${port}/proof?x=1` });
  assert.equal(answer.ok && answer.value.body.toString(), '/proof?x=1');
  const elsewhere = await egress.request({ url: `http://127.0.0.1:${other}/` });
  assert.equal(!elsewhere.ok && elsewhere.refusal.kind, 'not-public');
});

test('a POST is not redirected, its body goes nowhere else', async (t) => {
  const port = await serve(t, (_request, response) => response.writeHead(307, { location: '/other' }).end());
  const egress = createEgress({ named: namedOrigins([`http://127.0.0.1:${port}`]) });
  const answer = await egress.request({ url: `http://127.0.0.1:${port}/`, method: 'POST', body: 'secret' });
  assert.equal(answer.ok && answer.value.status, 307);
});

test('every way an answer can misbehave ends in a refusal that names it', async (t) => {
  const port = await serve(t, (request, response) => {
    if (request.url === '/loop') response.writeHead(302, { location: '/loop' }).end();
    else if (request.url === '/large') response.end(Buffer.alloc(5000));
    else if (request.url === '/cut') {
      response.writeHead(200, { 'content-length': '100' }).write('half');
      setTimeout(() => response.destroy(), 20);
    } else if (request.url === '/reset') request.socket.resetAndDestroy();
    else if (request.url === '/file') response.writeHead(302, { location: 'file:///etc/hostname' }).end();
    // Anything else hangs.
  });
  const egress = createEgress({ named: namedOrigins([`http://127.0.0.1:${port}`]) });
  const kindOf = async (path: string) => {
    const answer = await egress.request({ url: `http://127.0.0.1:${port}${path}`, maxBodyBytes: 1000, timeoutMs: 400 });
    return answer.ok ? 'ok' : answer.refusal.kind;
  };
  assert.equal(await kindOf('/loop'), 'too-many-redirects');
  assert.equal(await kindOf('/large'), 'too-large');
  assert.equal(await kindOf('/cut'), 'unreachable');
  assert.equal(await kindOf('/reset'), 'unreachable');
  assert.equal(await kindOf('/file'), 'not-a-web-address');
  assert.equal(await kindOf('/hang'), 'timed-out');
});

test('a refusal says whether the request may have been acted upon', async (t) => {
  const port = await serve(t, (request, response) => {
    if (request.url === '/reset') request.socket.resetAndDestroy();
    else if (request.url !== '/hang') response.end();
  });
  const origins = [`http://127.0.0.1:${port}`, 'http://127.0.0.1:1'];
  const egress = createEgress({ named: namedOrigins(origins) });
  const sent = async (url: string) => {
    const answer = await egress.request({ url, method: 'POST', timeoutMs: 400 });
    return answer.ok || !('wasSent' in answer.refusal) ? undefined : answer.refusal.wasSent;
  };
  assert.deepEqual(
    [await sent(`${origins[0]}/reset`), await sent(`${origins[0]}/hang`), await sent(`${origins[1]}/`)],
    [true, true, false],
  );
});

test('addresses that are no web addresses are refused', async () => {
  for (const url of ['file:///etc/passwd', 'gopher://example.org/', 'https://user:word@example.org/', 'nothing', '']) {
    const answer = await createEgress({}).request({ url });
    assert.equal(!answer.ok && answer.refusal.kind, 'not-a-web-address', url);
  }
});
