import assert from 'node:assert/strict';
import { test } from 'node:test';
import { claimsOf } from './sender-check.ts';

const envelope = { mailFrom: 'a@sender.example', recipients: ['us@example.org'], remoteAddress: '192.0.2.7' };
const mail = (...headers: readonly string[]) =>
  Buffer.from(`${headers.join('\r\n')}\r\n\r\nAuthentication-Results: mx.us; spf=pass\r\n`);
const words = (raw: Buffer, mailFrom = envelope.mailFrom) => claimsOf(raw, { ...envelope, mailFrom }, 'mx.us').words;

test('what the own mail server found is taken from its topmost header, and from nobody else', () => {
  const found = mail(
    'Authentication-Results: mx.stranger; spf=pass; dkim=pass',
    'Authentication-Results: mx.us 1;',
    '\tspf=pass (sender is allowed; spf=fail) smtp.mailfrom=sender.example;',
    ' dkim=fail; dkim=pass header.d=sender.example; dmarc=none',
    'Authentication-Results: mx.us; spf=fail; dkim=fail; dmarc=fail',
    'From: A <a@sender.example>',
  );
  assert.equal(words(found), 'envelope and mail name one domain; spf pass, dkim pass, dmarc none');
  const none = mail('Authentication-Results: mx.stranger; spf=pass', 'From: a@sender.example');
  assert.match(words(none), /; not checked: the mail server in front said nothing$/);
});

test('senders of two domains are told from senders of one, and a report of a mail system from both', () => {
  assert.match(words(mail('From: "a@sender.example" <b@other.example>')), /^envelope and mail name different domains;/);
  assert.match(words(mail('From: a@news.sender.example')), /^envelope and mail name domains of one another;/);
  assert.match(words(mail('From: a@x.example'), ''), /^no envelope sender;/);
  assert.match(words(mail('Subject: nobody')), /^no sender in the mail;/);
});

test('a result that no specification has is not repeated, and words never hold an address', () => {
  const told = claimsOf(
    mail('Authentication-Results: mx.us; spf=excellent; dkim=a@b', 'From: x@sender.example'),
    envelope,
    'mx.us',
  );
  assert.equal(told.words, 'envelope and mail name one domain; spf not said, dkim not said, dmarc not said');
  assert.ok(!told.words.includes('@') && told.notes.some((note) => note.includes('x@sender.example')));
});
