/** Answers as providers send them, cut anywhere, and answers that could be read in two ways. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { BadAnswer, HttpAnswer } from './http-answer.ts';

interface Read {
  readonly told: string[];
  readonly answer: HttpAnswer;
}

/** What is told of these pieces, the pieces of a body joined. */
function read(pieces: readonly Buffer[], closes = false): Read {
  const told: string[] = [];
  const answer = new HttpAnswer();
  let body = '';
  const flush = (): void => {
    if (body !== '') told.push(`body ${body}`);
    body = '';
  };
  answer.begin({
    onStart: (status, headers) => void told.push(`start ${status} ${JSON.stringify(headers)}`),
    onData(bytes) {
      body += bytes.toString('latin1');
    },
    onEnd() {
      flush();
      told.push('end');
    },
  });
  for (const piece of pieces) answer.push(Buffer.from(piece));
  if (closes) answer.close();
  flush();
  return { told, answer };
}

const OK = 'HTTP/1.1 200 OK\r\n';
const CHUNKED = `${OK}Transfer-Encoding: chunked\r\n\r\n`;
const whole = (text: string): Buffer[] => [Buffer.from(text, 'latin1')];

const ANSWERS: readonly (readonly [string, string, readonly string[]])[] = [
  [
    'of known length',
    `${OK}Content-Type:  text/plain \r\ncontent-length: 5\r\n\r\nhello`,
    ['start 200 {"content-type":"text/plain","content-length":"5"}', 'body hello', 'end'],
  ],
  ['of no length', 'HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n', ['start 200 {"content-length":"0"}', 'end']],
  ['without a body', 'HTTP/1.1 204 No Content\r\n\r\n', ['start 204 {}', 'end']],
  [
    'in chunks',
    `${CHUNKED}5\r\nhello\r\n00B;x="y"\r\n, you there\r\n0\r\n\r\n`,
    ['start 200 {"transfer-encoding":"chunked"}', 'body hello, you there', 'end'],
  ],
  [
    'in chunks, with a trailer',
    `${CHUNKED}1\r\nx\r\n0\r\nx-sum: 1\r\nx-more: 2\r\n\r\n`,
    ['start 200 {"transfer-encoding":"chunked"}', 'body x', 'end'],
  ],
  [
    'after another that only says to go on',
    `HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n${OK}x-a: 1\r\nX-A: 2\r\nx-a: 3\r\ncontent-length: 1\r\n\r\ny`,
    ['start 200 {"x-a":["1","2","3"],"content-length":"1"}', 'body y', 'end'],
  ],
];

for (const [name, text, told] of ANSWERS) {
  test(`an answer ${name} is the same however it is cut`, () => {
    const bytes = Buffer.from(text, 'latin1');
    assert.deepEqual(read([bytes]).told, told);
    assert.deepEqual(read([...bytes].map((byte) => Buffer.from([byte]))).told, told);
    for (let at = 1; at < bytes.length; at += 1) {
      const { told: cut, answer } = read([bytes.subarray(0, at), bytes.subarray(at)]);
      assert.deepEqual(cut, told, `cut at ${at}`);
      assert.ok(answer.hasEnded && answer.isKept);
    }
  });
}

test('what chunks hold comes out byte for byte, and the chunks of one piece at once', () => {
  const bodies = fc.array(fc.uint8Array({ minLength: 1, maxLength: 40 }), { maxLength: 12 });
  const cuts = fc.array(fc.nat(600), { maxLength: 6 });
  fc.assert(
    fc.property(bodies, cuts, (chunks, at) => {
      const framed = chunks.map(
        (chunk) => `${chunk.length.toString(16)}\r\n${Buffer.from(chunk).toString('latin1')}\r\n`,
      );
      const bytes = Buffer.from(`${CHUNKED}${framed.join('')}0\r\n\r\n`, 'latin1');
      const places = [0, ...at.map((place) => Math.min(place, bytes.length)), bytes.length].sort((a, b) => a - b);
      const pieces = places.slice(1).map((to, index) => bytes.subarray(places[index], to));
      const body = Buffer.concat(chunks).toString('latin1');
      const expected = ['start 200 {"transfer-encoding":"chunked"}', ...(body === '' ? [] : [`body ${body}`]), 'end'];
      assert.deepEqual(read(pieces).told, expected);
    }),
  );
  const pieces: string[] = [];
  const answer = new HttpAnswer();
  answer.begin({ onStart() {}, onData: (bytes) => void pieces.push(bytes.toString()), onEnd() {} });
  answer.push(Buffer.from(`${CHUNKED}2\r\nab\r\n1\r\nc\r\n3\r\nd`));
  answer.push(Buffer.from('ef\r\n0\r\n\r\n'));
  assert.deepEqual(pieces, ['abcd', 'ef']);
});

test('an answer without a length ends where its connection does, and only that one', () => {
  const { told, answer } = read(whole(`${OK}x: y\r\n\r\nhello`), true);
  assert.deepEqual(told, ['start 200 {"x":"y"}', 'body hello', 'end']);
  assert.ok(!answer.isKept);
  assert.throws(() => read(whole(`${OK}content-length: 9\r\n\r\nhello`), true), BadAnswer);
  assert.throws(() => read(whole(`${CHUNKED}5\r\nhello\r\n`), true), BadAnswer);
  assert.throws(() => read(whole(OK), true), BadAnswer);
});

test('a connection is kept only where the other side keeps it', () => {
  const isKept = (head: string): boolean => read(whole(`${head}content-length: 0\r\n\r\n`)).answer.isKept;
  assert.ok(isKept(OK));
  assert.ok(!isKept(`${OK}Connection: Close\r\n`));
  assert.ok(!isKept(`${OK}connection: x, close\r\n`));
  assert.ok(!isKept('HTTP/1.0 200 OK\r\n'));
  assert.ok(isKept('HTTP/1.0 200 OK\r\nconnection: keep-alive\r\n'));
  assert.equal(read(whole(`${OK}keep-alive: timeout=5, max=9\r\ncontent-length: 0\r\n\r\n`)).answer.keptMs, 5_000);
});

test('what two readers could read differently, or is no answer, is refused', () => {
  const bad = [
    'HTTP/2 200 OK\r\n\r\n',
    'HTTP/1.1  200 OK\r\n\r\n',
    'HTTP/1.1 099 OK\r\n\r\n',
    'ICY 200 OK\r\n\r\n',
    'HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\n',
    `${OK}no field\r\n\r\n`,
    `${OK}: none\r\n\r\n`,
    `${OK}content-length : 5\r\n\r\nhello`,
    `${OK}x: y\r\n folded\r\n\r\n`,
    `${OK}x: y\nz: w\r\n\r\n`,
    `${OK}x: \0\r\n\r\n`,
    `${OK}content-length: 5\r\ncontent-length: 5\r\n\r\nhello`,
    `${OK}content-length: +5\r\n\r\nhello`,
    `${OK}content-length: 5, 5\r\n\r\nhello`,
    `${OK}content-length: 0x5\r\n\r\nhello`,
    `${OK}content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n`,
    `${OK}transfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n`,
    `${OK}transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n`,
    `${CHUNKED}\r\nhello\r\n`,
    `${CHUNKED}5\nhello\r\n`,
    `${CHUNKED}5\r\nhello!\r\n`,
    `${CHUNKED}5\r\nhello\n`,
    `${CHUNKED}0x5\r\nhello\r\n`,
    `${CHUNKED}-1\r\n`,
    `${CHUNKED}123456789\r\n`,
    `${CHUNKED} 5\r\nhello\r\n`,
    `${CHUNKED}5;x\nhello\r\n`,
    `${CHUNKED}0\r\nno field\r\n\r\n`,
    `${OK}content-length: 5\r\n\r\nhello and more`,
    `${CHUNKED}0\r\n\r\nmore`,
    `${OK}x: ${'y'.repeat(70_000)}\r\n\r\n`,
    `${CHUNKED}5;${'y'.repeat(2_000)}\r\n`,
  ];
  for (const text of bad) {
    assert.throws(() => read(whole(text)), BadAnswer, JSON.stringify(text.slice(0, 80)));
    assert.throws(() => read([...(whole(text)[0] ?? [])].map((byte) => Buffer.from([byte]))), BadAnswer);
  }
});
