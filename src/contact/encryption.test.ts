import assert from 'node:assert/strict';
import { test } from 'node:test';
import { armor, Decrypter, generateX25519Identity, identityToRecipient } from 'age-encryption';
import { decrypt, generateKey, readMessage, readPrivateKey } from 'openpgp';
import PostalMime from 'postal-mime';
import { encryptTo, readPublicKey } from './encryption.ts';
import { composeLetter, type MailLetter } from './letter.ts';

const CONTENT = { subject: 'marker-of-the-subject', text: 'märker-of-the-text\n.\nend\n', severity: 'low' } as const;

const pgpKeys = (expired = false) =>
  generateKey({
    userIDs: [{ name: 'Them' }],
    format: 'armored',
    ...(expired && { date: new Date('2020-01-01'), keyExpirationTime: 60 }),
  });

async function mailTo(publicKey: string): Promise<string> {
  const key = await readPublicKey(publicKey);
  assert.ok(key.ok, JSON.stringify(key));
  const { letter } = await composeLetter({
    id: 'message_1',
    caseId: 'case_1',
    isReal: true,
    channel: 'smtp',
    address: { channel: 'smtp', mail: 'them@example.org' },
    from: { name: 'Us', address: 'us@example.org' },
    date: new Date(0),
    content: CONTENT,
    encryptTo: key.value,
  });
  return (letter as MailLetter).raw;
}

const hidesAll = (raw: string): void => assert.ok(!/m.rker-of-the-(text|subject)/i.test(raw), raw);

test('a mail to an age key is read with its identity, subject and text to the byte, and by nobody else', async () => {
  const identity = await generateX25519Identity();
  const raw = await mailTo(await identityToRecipient(identity));
  hidesAll(raw);
  const { text = '', messageId } = await PostalMime.parse(raw);
  assert.equal(messageId, '<message_1@example.org>');
  const block = /-----BEGIN AGE.*END AGE ENCRYPTED FILE-----/s.exec(text)?.[0] ?? '';
  const decrypter = new Decrypter();
  decrypter.addIdentity(identity);
  const read = await decrypter.decrypt(armor.decode(block), 'text');
  assert.ok(read.startsWith(`Subject: ${CONTENT.subject}\n\n${CONTENT.text}`), read);
  const other = new Decrypter();
  other.addIdentity(await generateX25519Identity());
  await assert.rejects(other.decrypt(armor.decode(block)));
});

test('a mail to an OpenPGP key is PGP/MIME that its holder opens to a message of its own', async () => {
  const { privateKey, publicKey } = await pgpKeys();
  const raw = await mailTo(publicKey);
  hidesAll(raw);
  assert.match(raw, /^Content-Type: multipart\/encrypted; protocol="application\/pgp-encrypted"/m);
  const { attachments } = await PostalMime.parse(raw);
  assert.deepEqual(
    attachments.map(({ mimeType }) => mimeType),
    ['application/pgp-encrypted', 'application/octet-stream'],
  );
  const sealed = Buffer.from(attachments[1]?.content as ArrayBuffer).toString('latin1');
  const { data } = await decrypt({
    message: await readMessage({ armoredMessage: sealed }),
    decryptionKeys: await readPrivateKey({ armoredKey: privateKey }),
  });
  const inner = await PostalMime.parse(String(data));
  const text = inner.text?.replaceAll('\r\n', '\n') ?? '';
  assert.ok(text.startsWith(`Subject: ${CONTENT.subject}\n\n${CONTENT.text}`), text);
});

test('what is no public key, has run out or is a private one is refused before anything is written', async () => {
  const { privateKey } = await pgpKeys();
  const { publicKey: expired } = await pgpKeys(true);
  for (const text of ['', 'age1', 'AGE-SECRET-KEY-1QQQ', privateKey, expired, 'x'.repeat(300_000)]) {
    const read = await readPublicKey(text);
    assert.equal(!read.ok && read.refusal.kind, 'no-public-key', text.slice(0, 40));
  }
});

test("nothing is encrypted to a private key that was put in a public one's place", async () => {
  const { privateKey } = await pgpKeys();
  await assert.rejects(encryptTo({ kind: 'pgp', armored: privateKey }, 'x'));
});
