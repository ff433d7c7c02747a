import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { generateX25519Identity, identityToRecipient } from 'age-encryption';
import { createWorld, FINDING, newCase, type World } from '../../test/support/disclosure.ts';
import type { SmtpClient } from '../contact/index.ts';

const ADDRESS = 'marker-of-the-maintainer@example.org';

let world: World;
/** What the mail client was given. */
const sent: { readonly to: string; readonly raw: string }[] = [];
/** Of a mail client. */
const deaf: Pick<SmtpClient, 'settleMs' | 'readBack'> = {
  settleMs: 0,
  readBack: async () => ({ kind: 'cannot-say', reason: 'nobody to ask', isForGood: true }),
};

before(async () => {
  const send: SmtpClient['send'] = async (_, message) => {
    sent.push(message);
    return { kind: 'delivered', remote: null };
  };
  world = await createWorld({ time: 'real', smtp: { ...deaf, send } });
});
after(() => world.close());

const by = (to?: string) => ({ actor: 'operator', ...(to !== undefined && { to }) });

async function confirmed(simulated = false): Promise<string> {
  const id = await world.open({ vendor: { name: 'them', address: null, simulated } });
  assert.ok((await world.disclosure.take('confirm', id, by())).ok);
  return id;
}

test('the report goes to the address that was named with notify, and the address is nowhere in the clear', async () => {
  const id = await confirmed();
  assert.ok((await world.disclosure.take('notify', id, by(ADDRESS))).ok);
  const opened = await world.disclosure.find(id);
  const [message] = opened?.messages ?? [];
  assert.equal(message?.channel, 'smtp');
  assert.equal(await world.outbox.send(message?.id ?? ''), 'sent');
  assert.deepEqual(
    sent.map(({ to }) => to),
    [ADDRESS],
  );
  assert.match(sent[0]?.raw ?? '', /^To: marker-of-the-maintainer@example\.org\r$/m);
  assert.deepEqual(
    opened?.history.map(({ event }) => event),
    ['opened', 'confirm', 'vendor-addressed', 'notify'],
  );
  const tables = ['cases', 'case_parties', 'case_events', 'reports', 'details'].map((name) => `disclosure.${name}`);
  for (const table of [...tables, 'contact.messages']) {
    // Bytes are shown in hexadecimal.
    const { rows } = await world.database.query<{ row: string }>(`select t::text as row from ${table} t`);
    const hex = Buffer.from('marker-of-the-maintainer').toString('hex');
    assert.ok(rows.length > 0 && rows.every(({ row }) => !row.includes('marker-of') && !row.includes(hex)), table);
  }
});

test('a demonstration takes no address, and stays where it was', async () => {
  const id = await confirmed(true);
  const refused = await world.disclosure.take('notify', id, by(ADDRESS));
  assert.deepEqual(refused, { ok: false, refusal: { kind: 'demonstration-has-no-address' } });
  const opened = await world.disclosure.find(id);
  assert.deepEqual([opened?.case.stage, opened?.messages.length], ['confirmed', 0]);
});

for (const address of [
  '',
  'nobody',
  'a@b@c',
  'a@example.org, b@example.org',
  'Name <a@example.org>',
  'a@e.org\r\nBcc: b@e.org',
]) {
  test(`${JSON.stringify(address)} is no address to report to`, async () => {
    const refused = await world.disclosure.take('notify', await confirmed(), by(address));
    assert.deepEqual(refused, { ok: false, refusal: { kind: 'no-such-address' } });
  });
}

test('only the step that notifies takes an address, and a refused step keeps none', async () => {
  const id = await confirmed();
  const early = await world.disclosure.take('reject', id, by(ADDRESS));
  assert.deepEqual(early, { ok: false, refusal: { kind: 'address-without-report', step: 'reject' } });
  assert.ok((await world.disclosure.take('notify', id, by())).ok);
  assert.equal((await world.disclosure.take('notify', id, by(ADDRESS))).ok, false);
  const opened = await world.disclosure.find(id);
  assert.equal(opened?.messages[0]?.channel, 'file');
  assert.ok(!opened?.history.some(({ event }) => event === 'vendor-addressed'));
});

test('what a server says is kept without the address in it', async () => {
  const refusing = {
    ...deaf,
    send: async () => ({ kind: 'declined', reason: `550 <${ADDRESS}> no such user` }) as const,
  };
  const other = await createWorld({ time: 'real', smtp: refusing });
  try {
    const id = await other.open(newCase({ vendor: { name: 'them', address: ADDRESS, simulated: false } }));
    for (const step of ['confirm', 'notify'] as const) assert.ok((await other.disclosure.take(step, id, by())).ok);
    const messageId = (await other.disclosure.find(id))?.messages[0]?.id ?? '';
    assert.equal(await other.outbox.send(messageId), 'refused');
    assert.equal((await other.disclosure.find(id))?.messages[0]?.trouble, '550 <(address)> no such user');
  } finally {
    await other.close();
  }
});

/** One step on. */
const notify = async (to: { address: string; publicKey?: string; mayBePublic?: boolean }, opened = confirmed()) =>
  world.disclosure.take('notify', await opened, { actor: 'operator', to });

test('a report that everybody could read takes a person who says so, and a flaw of low severity', async () => {
  const address = 'issue:owner/repository';
  const unsaid = await notify({ address });
  assert.deepEqual(unsaid, { ok: false, refusal: { kind: 'public-needs-a-person' } });
  const medium = await notify({ address, mayBePublic: true });
  assert.deepEqual(medium, { ok: false, refusal: { kind: 'too-severe-for-public', severity: 'medium' } });
  const low = { ...FINDING, severity: { ...FINDING.severity, severity: 'low' as const } };
  const id = await world.open({ finding: low, vendor: { name: 'them', address: null, simulated: false } });
  assert.ok((await world.disclosure.take('confirm', id, by())).ok);
  assert.ok((await notify({ address, mayBePublic: true }, Promise.resolve(id))).ok);
  // GitHub is not configured here.
  assert.equal((await world.disclosure.find(id))?.messages[0]?.channel, 'file');
});

test('a demonstration is not made public either', async () => {
  const refused = await notify({ address: 'issue:owner/repository', mayBePublic: true }, confirmed(true));
  assert.deepEqual(refused, { ok: false, refusal: { kind: 'demonstration-has-no-address' } });
});

test('mail is encrypted to the key that was named with the address, and nothing of the report is in the clear', async () => {
  const identity = await generateX25519Identity();
  const publicKey = await identityToRecipient(identity);
  const id = await confirmed();
  assert.ok((await notify({ address: ADDRESS, publicKey }, Promise.resolve(id))).ok);
  sent.splice(0);
  const messageId = (await world.disclosure.find(id))?.messages[0]?.id ?? '';
  assert.equal(await world.outbox.send(messageId), 'sent');
  const raw = sent[0]?.raw ?? '';
  assert.ok(!raw.includes('marker-of-the-reproducer') && !raw.includes('pollution'));
  assert.match(raw, new RegExp(`Subject: Security report, encrypted\\s+\\(${messageId}`));
});

test('a key that cannot be used, or would be for nothing, is refused and nothing is sent', async () => {
  const bad = await notify({ address: ADDRESS, publicKey: 'age1nothing' });
  assert.equal(!bad.ok && bad.refusal.kind, 'no-public-key');
  const recipient = await identityToRecipient(await generateX25519Identity());
  const forge = await notify({ address: 'github:owner/repository', publicKey: recipient });
  assert.equal(!forge.ok && forge.refusal.kind, 'key-without-mail');
});
