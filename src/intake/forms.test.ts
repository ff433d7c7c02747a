import assert from 'node:assert/strict';
import { test } from 'node:test';
import { armor, Encrypter, generateIdentity, identityToRecipient } from 'age-encryption';
import type { Claim } from './claim.ts';
import { NO_KEYS, readKeys } from './decryption.ts';
import { toSource } from './file-client.ts';
import type { Piece } from './piece.ts';
import { type Format, readAs } from './readers.ts';

async function read(name: string, text: string | Buffer, format: Format | 'auto' = 'auto', keys = NO_KEYS) {
  const bytes = Buffer.isBuffer(text) ? text : Buffer.from(text);
  const reading = await readAs(toSource(name, bytes), format, keys);
  if ('reason' in reading) return { format: undefined, refusal: reading.detail, pieces: [] as Piece[] };
  const pieces: Piece[] = [];
  for await (const piece of reading.pieces) {
    if (piece.bytes)
      assert.deepEqual(piece.bytes, bytes.subarray(piece.from, piece.to), 'its bytes stand where it says');
    pieces.push(piece);
  }
  return { format: reading.format, refusal: undefined, pieces };
}

const claimsOf = ({ pieces }: { pieces: readonly Piece[] }): (Claim | undefined)[] => pieces.map(({ claim }) => claim);

test('a table is read by the names of its columns, quotes and line ends within fields kept', async () => {
  const text =
    '\uFEFFTitle;Severity;CWE;File;Line\r\n"Over""flow;\nlong";High;787;src/a.c;12\r\n\r\nUse;P4;CWE-416;b.c:7;\r\n';
  const table = await read('x.csv', text);
  assert.equal(table.format, 'csv');
  const [first, second] = claimsOf(table);
  assert.equal(first?.title, 'Over"flow; long');
  assert.deepEqual(first?.severity, { level: 'high', said: 'High' });
  assert.deepEqual(first?.cwes, ['CWE-787']);
  assert.deepEqual([first?.places[0]?.file, first?.places[0]?.line], ['src/a.c', 12]);
  assert.deepEqual([second?.severity?.level, second?.places[0]?.file, second?.places[0]?.line], ['low', 'b.c', 7]);
  assert.equal(table.pieces.length, 2);
});

test('a row that cannot be read is one rejected record, and the rows before it stand', async () => {
  const { pieces } = await read('x.csv', 'title,severity\na,high\n"b,low\nc,low\n');
  assert.deepEqual(
    pieces.map(({ rejection }) => rejection?.reason),
    [undefined, 'unreadable'],
  );
  const without = await read('x.csv', 'colour,size\nred,1\n');
  assert.match(without.refusal ?? '', /no column says what was found/);
});

test('JSON is read as an array, as the list an export wraps it in, as one object and line by line', async () => {
  const one = {
    name: 'Path traversal',
    path: 'lib/a.js',
    start: { line: 4 },
    extra: { severity: 'ERROR', message: 'm' },
  };
  for (const text of [
    JSON.stringify([one, one]),
    JSON.stringify({ errors: [], results: [one, one], version: 1 }),
    `${JSON.stringify(one)}\n${JSON.stringify(one)}\n`,
  ]) {
    const [claim, again] = claimsOf(await read('x.json', text));
    assert.equal(claim?.title, 'Path traversal');
    assert.deepEqual([claim?.places[0]?.file, claim?.places[0]?.line, claim?.severity?.level], ['lib/a.js', 4, 'high']);
    assert.deepEqual(again, claim);
  }
  assert.equal((await read('x.json', JSON.stringify(one))).pieces.length, 1);
});

test('of JSON lines a broken one is rejected alone; elsewhere a broken text is refused whole', async () => {
  const lines = await read('x.jsonl', '{"title":"a"}\n{"title":\n[1]\n{"title":"b"}\n');
  assert.deepEqual(
    lines.pieces.map(({ rejection }) => rejection?.reason),
    [undefined, 'unreadable', 'empty', undefined],
  );
  const broken = await read('x.json', '[{"title":"a"},{"title":}]');
  assert.match(broken.refusal ?? '', /a value expected, found "}" \(byte 24\)/);
});

test('a crash report names itself by its type and frames', async () => {
  const seen = { project: 'p', engine: 'libfuzzer', crashType: 'Heap-buffer-overflow READ 1', crashState: ['f', 'g'] };
  const [claim] = claimsOf(
    await read('x.jsonl', `${JSON.stringify({ id: 1, seen })}\n${JSON.stringify({ id: 2, seen })}`),
  );
  assert.equal(claim?.title, 'Heap-buffer-overflow READ 1 in f');
  assert.deepEqual([claim?.stack, claim?.project, claim?.tool], [['f', 'g'], 'p', 'libfuzzer']);
});

test('Markdown is one report a document, one a heading, or one a numbered finding below its title', async () => {
  const body = '**Severity:** Critical\n- CWE: 22\n\n| File | `src/x.ts:9` |\n\n```sh\n# no heading\n```\n';
  const single = await read(
    'x.md',
    `---\nreporter: "A. B."\n---\n# Path leaves its root\n\n${body}## Finding details\nmore`,
  );
  assert.equal(single.pieces.length, 1);
  const [claim] = claimsOf(single);
  assert.deepEqual(
    [claim?.title, claim?.severity?.level, claim?.reporter],
    ['Path leaves its root', 'critical', 'A. B.'],
  );
  assert.deepEqual([claim?.cwes, claim?.places[0]?.file, claim?.places[0]?.line], [['CWE-22'], 'src/x.ts', 9]);
  const several = await read('x.md', `intro\n# One\n${body}# Two\n${body}`);
  assert.deepEqual(
    claimsOf(several).map((it) => it?.title),
    ['One', 'Two'],
  );
  const numbered = await read('x.md', `# Audit\nintro\n## Finding 1: a\n${body}## Finding 2: b\n${body}`);
  assert.deepEqual(
    claimsOf(numbered).map((it) => it?.title),
    ['Finding 1: a', 'Finding 2: b'],
  );
  const whole = numbered.pieces.map(({ bytes }) => bytes?.toString()).join('');
  assert.ok(whole.startsWith('# Audit') && whole.endsWith(body), 'no byte of the document is in no record');
});

test('reports of HackerOne and Bugcrowd keep their number, severity, weakness and scope', async () => {
  const hackerOne = {
    id: '1337',
    type: 'report',
    attributes: {
      title: 'XSS',
      state: 'triaged',
      vulnerability_information: 'Steps',
      created_at: '2026-02-03T04:05:06Z',
    },
    relationships: {
      weakness: { data: { type: 'weakness', attributes: { name: 'XSS - Stored', external_id: 'cwe-79' } } },
      severity: { data: { type: 'severity', attributes: { rating: 'high', score: 7.1 } } },
      structured_scope: { data: { attributes: { asset_identifier: 'api.example.test' } } },
      reporter: { data: { attributes: { username: 'r' } } },
    },
  };
  const bugcrowd = {
    id: 'b-1',
    type: 'submission',
    attributes: {
      title: 'SSRF',
      severity: 1,
      vrt_id: 'server_side_injection',
      state: 'not_applicable',
      bug_url: 'https://x.test/',
    },
  };
  const { pieces } = await read('x.json', JSON.stringify({ data: [hackerOne, bugcrowd] }));
  const [first, second] = pieces;
  assert.deepEqual(
    [
      first?.claim?.tool,
      first?.claim?.sourceId,
      first?.claim?.severity?.level,
      first?.claim?.cwes,
      first?.claim?.project,
    ],
    ['HackerOne', 'hackerone:1337', 'high', ['CWE-79'], 'api.example.test'],
  );
  assert.deepEqual([second?.claim?.severity?.level, second?.rejection?.reason], ['critical', 'dismissed']);
  const alone = await read('x.json', JSON.stringify({ data: hackerOne }));
  assert.equal(alone.pieces.length, 1);
});

test('of a transcript the last answer is the report, and one without an answer is empty', async () => {
  const log = {
    version: 2,
    eval: { task: 't', model: 'm' },
    samples: [
      { id: 's1', epoch: 1, messages: [], output: { model: 'm-1', completion: '## Overflow in parse()\nCWE-787 …' } },
      {
        id: 's2',
        epoch: 1,
        messages: [{ role: 'assistant', content: [{ type: 'text', text: 'Nothing.' }] }],
        output: {},
      },
      { id: 's3', epoch: 1, messages: [{ role: 'user', content: 'hi' }], output: { choices: [] } },
    ],
  };
  const { pieces } = await read('log.json', JSON.stringify(log));
  assert.deepEqual(
    pieces.map(({ claim }) => [claim?.title, claim?.tool, claim?.isByModel]),
    [
      ['Overflow in parse()', 'm-1', true],
      ['Nothing.', 'transcript', true],
      ['', 'transcript', true],
    ],
  );
});

const MAIL =
  'From: A <a@example.test>\r\nSubject: =?utf-8?q?Fl=C3=A4w?=\r\nMessage-ID: <1@example.test>\r\nDate: Mon, 2 Feb 2026 10:00:00 +0100\r\n';

test('a mail is one report; its attachments are named, not opened', async () => {
  const mail = `${MAIL}Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nProject: left-pad\r\nbroken\r\n--b\r\nContent-Type: application/zip; name=p.zip\r\nContent-Disposition: attachment; filename=p.zip\r\nContent-Transfer-Encoding: base64\r\n\r\nUEsDBA==\r\n--b--\r\n`;
  const { format, pieces } = await read('report', mail);
  const [claim] = claimsOf({ pieces });
  assert.equal(format, 'mail');
  assert.deepEqual([claim?.title, claim?.reporter, claim?.project], ['Fläw', 'a@example.test', 'left-pad']);
  assert.deepEqual(claim?.attachments, [{ name: 'p.zip', bytes: 4 }]);
  assert.deepEqual(claim?.sourceId, '<1@example.test>');
});

test('a mailbox is one report a message; a line that only begins like a separator is none', async () => {
  const box = `From a@x Mon Feb  2 10:00:00 2026\n${MAIL}\none\nFrom here on it fails.\n\nFrom b@x Mon Feb  2 10:00:00 2026\n${MAIL.replace('<1@', '<2@')}\ntwo\n`;
  const { format, pieces } = await read('all', box);
  assert.equal(format, 'mbox');
  assert.deepEqual(
    claimsOf({ pieces }).map((claim) => claim?.text),
    ['one\nFrom here on it fails.', 'two'],
  );
});

test('a report encrypted with age is opened by its key, and kept as it came without', async () => {
  const identity = await generateIdentity();
  const encrypter = new Encrypter();
  encrypter.addRecipient(await identityToRecipient(identity));
  const secret = armor.encode(await encrypter.encrypt('Project: left-pad\nsealed words'));
  const mail = `${MAIL}\r\n${secret.replaceAll('\n', '\r\n')}`;
  const closed = await read('x.eml', mail);
  assert.deepEqual(
    closed.pieces.map(({ rejection }) => rejection?.reason),
    ['encrypted'],
  );
  const keys = readKeys(`# created\n${identity}\n`);
  const opened = await read('x.eml', mail, 'auto', keys);
  assert.equal(opened.pieces[0]?.rejection, undefined);
  assert.match(claimsOf(opened)[0]?.text ?? '', /sealed words/);
  assert.equal(claimsOf(opened)[0]?.project, 'left-pad');
  const other = await read('x.eml', mail, 'auto', readKeys(await generateIdentity()));
  assert.deepEqual(
    other.pieces.map(({ rejection }) => rejection?.reason),
    ['encrypted'],
  );
});

test('a report encrypted with PGP is opened by its key, as text and as PGP/MIME', async () => {
  const { generateKey, readKey, createMessage, encrypt } = await import('openpgp');
  const { privateKey, publicKey } = await generateKey({
    userIDs: [{ name: 'x', email: 'x@example.test' }],
    type: 'ecc',
  });
  const encryptionKeys = await readKey({ armoredKey: publicKey });
  const inside = 'Content-Type: text/plain; charset=utf-8\r\n\r\nsealed words\r\n';
  const secret = String(await encrypt({ message: await createMessage({ text: inside }), encryptionKeys }));
  const mime = `${MAIL}Content-Type: multipart/encrypted; protocol="application/pgp-encrypted"; boundary=b\r\n\r\n--b\r\nContent-Type: application/pgp-encrypted\r\n\r\nVersion: 1\r\n\r\n--b\r\nContent-Type: application/octet-stream; name=encrypted.asc\r\n\r\n${secret}\r\n--b--\r\n`;
  assert.equal((await read('x.eml', mime)).pieces[0]?.rejection?.reason, 'encrypted');
  for (const mail of [mime, `${MAIL}\r\n${secret}`]) {
    const opened = await read('x.eml', mail, 'auto', readKeys(privateKey));
    assert.equal(claimsOf(opened)[0]?.text.trim(), 'sealed words');
  }
});

test('what is packed, no text, UTF-16 or of no known form is refused with what to do', async () => {
  for (const [bytes, why] of [
    [Buffer.from('504b03041400', 'hex'), /packed \(zip\)/],
    [Buffer.from('1f8b0800', 'hex'), /packed \(gzip\)/],
    [Buffer.from('a\0b'), /zero bytes/],
    [Buffer.from('\uFEFF{}', 'utf16le'), /UTF-16/],
    [Buffer.from(''), /empty/],
    [Buffer.from('just words'), /--format takes/],
  ] as const) {
    assert.match((await read('x', bytes)).refusal ?? '', why);
  }
});
