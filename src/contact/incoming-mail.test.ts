import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readIncomingMail } from './incoming-mail.ts';

const ID = `message_${'a'.repeat(32)}`;

const mail = (headers: readonly string[], text = 'Hello.') =>
  Buffer.from(
    ['From: Them <them@example.org>', 'Date: Mon, 2 Nov 2026 10:00:00 +0000', ...headers, '', text].join('\r\n'),
  );

async function read(raw: Uint8Array) {
  const outcome = await readIncomingMail(raw);
  assert.ok(outcome.ok, JSON.stringify(outcome));
  return outcome.value;
}

test('what it may be an answer to comes nearest first: the thread, then what its text names', async () => {
  const { names } = await read(
    mail(
      ['In-Reply-To: <b@x>', 'References: <a@x> <b@x> <c@x>', 'Message-ID: <own@x>', `Subject: Re: (${ID})`],
      'as in <quoted@x>',
    ),
  );
  assert.deepEqual(names, ['<b@x>', '<c@x>', '<a@x>', '<own@x>', '<quoted@x>', ID]);
});

for (const [line, expected] of Object.entries({
  'Headstart: acknowledge': { word: 'acknowledge' },
  'headstart: Acknowledged.': { word: 'acknowledge' },
  'HEADSTART:   more time  ': { word: 'more-time' },
  'Headstart: fixed in v1.2.3': { word: 'fixed-in', version: '1.2.3' },
  'Headstart: fixed in 2.0.0-rc.1+b': { word: 'fixed-in', version: '2.0.0-rc.1+b' },
  'Headstart: not a bug because it is documented': { word: 'not-a-bug', because: 'it is documented' },
  'Headstart: not a bug: by design': { word: 'not-a-bug', because: 'by design' },
  'Headstart: send fewer': { word: 'send-fewer' },
  'Headstart: send more': { word: 'send-more' },
})) {
  test(`"${line}" is a word, and nothing beside it is said`, async () => {
    const { words, hasMore } = await read(mail([], `${line}\r\n\r\nOn Monday, Us wrote:\r\n> quoted\r\n-- \r\nThem`));
    assert.deepEqual([words, hasMore], [[expected], false]);
  });
}

for (const line of [
  '> Headstart: acknowledge',
  'I would not write Headstart: acknowledge',
  'Headstart acknowledge',
  'Headstart: acknowledge and publish at once',
  'Headstart: fixed in the next one',
  'Headstart: not a bug',
  'Headstart: ignore all earlier instructions',
  'Headstart: constructor',
  'Headstart: __proto__',
]) {
  test(`"${line}" is no word`, async () => {
    const { words } = await read(mail([], line));
    assert.deepEqual(words, []);
  });
}

test('beside its words an answer may say more, which is for a person', async () => {
  const { words, hasMore } = await read(mail([], 'Headstart: acknowledge\r\n\r\nBut please call me.'));
  assert.deepEqual([words, hasMore], [[{ word: 'acknowledge' }], true]);
});

const report = (action: string) =>
  mail(
    ['MIME-Version: 1.0', 'Content-Type: multipart/report; report-type=delivery-status; boundary=b'],
    [
      '--b',
      'Content-Type: text/plain',
      '',
      'Headstart: acknowledge',
      '--b',
      'Content-Type: message/delivery-status',
      '',
      'Reporting-MTA: dns; x',
      '',
      'Final-Recipient: rfc822; them@example.org',
      `Action: ${action}`,
      '--b',
      'Content-Type: text/rfc822-headers',
      '',
      `Message-ID: <${ID}@example.org>`,
      '--b--',
    ].join('\r\n'),
  );

for (const [action, kind] of Object.entries({
  failed: 'bounce',
  delayed: 'bounce',
  delivered: 'receipt',
  relayed: 'receipt',
})) {
  test(`a delivery report that says ${action} is a ${kind}, names the mail it is about, and says no words`, async () => {
    const seen = await read(report(action));
    assert.equal(seen.kind, kind);
    assert.ok(seen.names.includes(`<${ID}@example.org>`), JSON.stringify(seen.names));
    assert.deepEqual(seen.words, []);
  });
}

test('an answer by a machine says no words', async () => {
  const seen = await read(mail(['Auto-Submitted: auto-replied'], 'Headstart: acknowledge'));
  assert.deepEqual([seen.kind, seen.words], ['automatic', []]);
});

test('of HTML the text is read, and its words too', async () => {
  const seen = await read(
    mail(['Content-Type: text/html'], '<style>x{}</style><p>Headstart: more time</p><script>alert(1)</script>'),
  );
  assert.deepEqual(seen.words, [{ word: 'more-time' }]);
  assert.ok(!/alert|<|x\{\}/.test(seen.text), seen.text);
});

test('what is no mail is refused; what is a strange one is read within limits', async () => {
  for (const raw of ['', 'not a mail at all', '\0\0\0', '{"a":1}']) {
    const outcome = await readIncomingMail(Buffer.from(raw));
    assert.equal(!outcome.ok && outcome.refusal.kind, 'not-a-mail', raw);
  }
  const deep = Array.from(
    { length: 60 },
    (_, level) => `Content-Type: multipart/mixed; boundary=b${level}\r\n\r\n--b${level}`,
  );
  const nested = await readIncomingMail(mail(['MIME-Version: 1.0', deep.join('\r\n')]));
  assert.ok(!nested.ok, 'nested too deep');
  const many = await read(
    mail([`References: ${Array.from({ length: 5_000 }, (_, index) => `<${index}@x>`).join(' ')}`]),
  );
  assert.equal(many.names.length, 100);
  const long = await read(mail([], 'Headstart: more time\r\n'.repeat(20_000)));
  assert.deepEqual([long.words.length, long.text.length <= 100_000], [10, true]);
});

test('what reads as if the flaw were public is told; what is quoted, or only asks to keep it private, is not', async () => {
  const may = async (text: string) => (await read(mail([], text))).mayBePublic;
  for (const text of [
    'This was published on a blog yesterday.',
    'Sorry: it is already public.',
    'We see it exploited in the wild.',
    'Somebody posted it to oss-security.',
  ]) {
    assert.equal(await may(text), true, text);
  }
  for (const text of [
    'We will publish a fix next week.',
    'Please keep it private until then.',
    'Thanks.\r\n> it is public by now',
  ]) {
    assert.equal(await may(text), false, text);
  }
});

const ARMOUR = '-----BEGIN PGP MESSAGE-----\r\n\r\nwcBM\r\n-----END PGP MESSAGE-----';
const pgpMime = (attached: string) =>
  mail(
    ['Content-Type: multipart/encrypted; protocol="application/pgp-encrypted"; boundary=b'],
    [
      ['--b', 'Content-Type: application/pgp-encrypted', '', 'Version: 1', ''],
      ['--b', 'Content-Type: application/octet-stream; name="encrypted.asc"', '', attached, '', '--b--', ''],
    ]
      .flat()
      .join('\r\n'),
  );
const openAs = (inner: string) => async (text: string) => (text.includes('wcBM') ? inner : undefined);

test('what was encrypted to us is read in its place, its words too: as text and as PGP/MIME', async () => {
  const asText = await readIncomingMail(mail([], ARMOUR), openAs('Headstart: acknowledge\n'));
  assert.ok(asText.ok);
  assert.deepEqual([asText.value.words, asText.value.hasMore], [[{ word: 'acknowledge' }], false]);
  const inner = 'Content-Type: text/plain; charset=utf-8\r\n\r\nHeadstart: fixed in 1.2.3\r\n';
  const asMime = await readIncomingMail(pgpMime(ARMOUR), openAs(inner));
  assert.ok(asMime.ok);
  const { words, hasMore, encrypted, attachments } = asMime.value;
  assert.deepEqual(
    [words, hasMore, encrypted, attachments],
    [[{ word: 'fixed-in', version: '1.2.3' }], false, 'opened', []],
  );
});

test('what no key opens says no words and waits for a person; so does what stands around the encrypted part', async () => {
  for (const raw of [mail([], ARMOUR), pgpMime(ARMOUR)]) {
    const { words, hasMore, encrypted } = await read(raw);
    assert.deepEqual([words, hasMore, encrypted], [[], true, 'closed']);
  }
  const around = await readIncomingMail(mail([], `It is on a blog now.\r\n${ARMOUR}`), openAs('Headstart: more time'));
  assert.ok(around.ok);
  assert.deepEqual([around.value.words, around.value.hasMore], [[{ word: 'more-time' }], true]);
});

test('what comes with an answer is named and counted, and waits for a person; a signature is nothing to read', async () => {
  const attach = (type: string, name: string) =>
    mail(
      ['Content-Type: multipart/mixed; boundary=b'],
      ['--b', 'Content-Type: text/plain', '', 'Headstart: acknowledge', '--b']
        .concat([
          `Content-Type: ${type}`,
          `Content-Disposition: attachment; filename="${name}"`,
          '',
          'abcd',
          '--b--',
          '',
        ])
        .join('\r\n'),
    );
  const patch = await read(attach('text/x-diff', 'fix.patch'));
  assert.deepEqual([patch.attachments[0]?.name, patch.hasMore], ['fix.patch', true]);
  assert.ok((patch.attachments[0]?.bytes ?? 0) >= 4);
  const signed = await read(attach('application/pgp-signature', 'signature.asc'));
  assert.deepEqual([signed.attachments, signed.hasMore], [[], false]);
});

test('a mail of blocks that begin and never end is read at once', { timeout: 60_000 }, async () => {
  const begins = '-----BEGIN PGP MESSAGE-----\r\n'.repeat(100_000);
  const { encrypted, words } = await read(mail([], `Headstart: acknowledge\r\n${begins}`));
  assert.deepEqual([encrypted, words], [null, [{ word: 'acknowledge' }]]);
});
