import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { inspect } from 'node:util';
import { inspectChannels } from './channels.ts';
import { readConfig } from './config.ts';

const PUBLISHER = {
  HEADSTART_PUBLISHER_NAME: 'Example coordination',
  HEADSTART_PUBLISHER_NAMESPACE: 'https://example.org',
  HEADSTART_PUBLISHER_CONTACT: 'mailto:security@example.org',
};
const MAIL = { ...PUBLISHER, HEADSTART_MAIL_FROM: 'security@example.org' };
const smtpOf = (url: string) => readConfig({ ...MAIL, HEADSTART_SMTP_URL: url }).smtp;

test('nothing has to be configured', () => {
  const { smtp, mailFrom, publisher } = readConfig({});
  assert.deepEqual({ smtp, mailFrom, publisher }, { smtp: undefined, mailFrom: undefined, publisher: undefined });
});

test('a mail server is read from its address, with the password unescaped', () => {
  const smtp = smtpOf('smtps://me%40example.org:p%2Fa%40ss@mail.example.org');
  assert.deepEqual([smtp?.host, smtp?.port, smtp?.secure], ['mail.example.org', 465, true]);
  assert.deepEqual([smtp?.login?.user, smtp?.login?.password.reveal()], ['me@example.org', 'p/a@ss']);
  const plain = smtpOf('smtp://[::1]:2525');
  assert.deepEqual(plain, { host: '::1', port: 2525, secure: false });
  assert.equal(smtpOf('smtp://mail.example.org')?.port, 587);
});

test('the password of the mail server is in no print of the configuration', () => {
  const config = readConfig({ ...MAIL, HEADSTART_SMTP_URL: 'smtp://me:marker-word@mail.example.org:587' });
  for (const print of [inspect(config, { depth: 9, showHidden: true }), JSON.stringify(config), `${config.smtp}`]) {
    assert.ok(!print.includes('marker-word'), print);
  }
});

test('one error names every wrong variable and repeats no secret', () => {
  const env = {
    DATABASE_URL: 'mysql://marker-word@host',
    HEADSTART_RELEASE_PASSPHRASE_A: 'marker-word',
    HEADSTART_ORIGIN: 'https://console.example.org/path',
    HEADSTART_GATEWAY_ORIGIN: 'gate.example.org',
    HEADSTART_JOURNAL_DAYS: '0',
    HEADSTART_SMTP_URL: 'http://me:marker-word@host',
    HEADSTART_MAIL_FROM: 'Someone <someone@example.org>',
    HEADSTART_PUBLISHER_NAME: ' ',
    HEADSTART_PUBLISHER_NAMESPACE: 'http://example.org',
    HEADSTART_PUBLISHER_CONTACT: 'security@example.org',
  };
  assert.throws(
    () => readConfig(env),
    ({ message }: Error) => {
      for (const name of Object.keys(env)) assert.ok(message.includes(name), `${name} is not named: ${message}`);
      return !message.includes('marker-word');
    },
  );
});

test('the program ends with one line and the exit code of wrong usage when its configuration is wrong', () => {
  const main = join(import.meta.dirname, 'main.ts');
  const env = { ...process.env, NODE_NO_WARNINGS: '1', HEADSTART_SMTP_URL: 'http://me:marker-word@host' };
  const { status, stderr } = spawnSync(process.execPath, [main, 'doctor'], { env, encoding: 'utf8' });
  assert.equal(status, 2, stderr);
  assert.match(stderr, /^headstart: Configuration: HEADSTART_SMTP_URL[^\n]*\n$/);
  assert.ok(!stderr.includes('marker-word'));
});

test('a mail server alone is not enough: a report says who sends it and where to answer', () => {
  assert.throws(
    () => readConfig({ HEADSTART_SMTP_URL: 'smtp://localhost' }),
    /HEADSTART_MAIL_FROM.*HEADSTART_PUBLISHER_NAME/,
  );
  assert.throws(
    () => readConfig({ ...MAIL, HEADSTART_PUBLISHER_CONTACT: '' }),
    /HEADSTART_PUBLISHER_CONTACT is missing/,
  );
});

for (const url of [
  'smtp://',
  'smtp://me@host',
  'smtp://host/path',
  'smtp://host?x=1',
  'smtp://a:%zz@host',
  'host:25',
]) {
  test(`${url} is no address of a mail server`, () => {
    assert.throws(() => smtpOf(url), /HEADSTART_SMTP_URL is not/);
  });
}

const CHANNELS = {
  HEADSTART_GITHUB_TOKEN: 'ghp_marker-word',
  HEADSTART_VINCE_TOKEN: 'marker-word-of-vince',
  HEADSTART_WEBHOOK_SECRET: 'marker-word-of-hooks',
};

test('no way out is open until it is configured', () => {
  const { channels, maildir } = readConfig({});
  assert.deepEqual({ channels, maildir }, { channels: {}, maildir: undefined });
});

test('the other ways out are told where they lead; their secrets are shown by nothing that prints them', () => {
  const config = readConfig({ ...MAIL, ...CHANNELS, HEADSTART_GITHUB_API: 'https://forge.example.org/api/v3/' });
  assert.equal(config.channels.github?.apiUrl, 'https://forge.example.org/api/v3');
  assert.equal(config.channels.vince?.url, 'https://kb.cert.org/vince/comm');
  assert.equal(config.channels.github?.token.reveal(), 'ghp_marker-word');
  for (const print of [inspect(config, { depth: 9, showHidden: true }), JSON.stringify(config)]) {
    assert.ok(!print.includes('marker-word'), print);
  }
  const said = inspectChannels(config).map(({ name, detail }) => `${name}: ${detail}`);
  assert.deepEqual(said.slice(3), [
    'GitHub: on: https://forge.example.org/api/v3',
    'CERT/CC: on: https://kb.cert.org/vince/comm',
    'webhooks: on: signed',
  ]);
  assert.ok(!said.join().includes('marker-word'));
});

for (const [name, value] of Object.entries(CHANNELS)) {
  test(`${name} needs to know who sends and where answers go, and is not repeated when it is wrong`, () => {
    assert.throws(
      () => readConfig({ [name]: value }),
      (error) => error instanceof Error && /HEADSTART_MAIL_FROM is needed by/.test(error.message),
    );
    assert.throws(
      () => readConfig({ ...MAIL, [name]: 'marker word' }),
      (error) => error instanceof Error && error.message.includes(name) && !error.message.includes('marker word'),
    );
  });
}

for (const url of [
  'http://forge.example.org',
  'https://user:word@forge.example.org',
  'nothing',
  'http://127.0.0.1.example.org',
]) {
  test(`a token is not sent to ${url}`, () => {
    assert.throws(() => readConfig({ ...MAIL, ...CHANNELS, HEADSTART_GITHUB_API: url }), /HEADSTART_GITHUB_API is not/);
  });
}

test('mail comes in nowhere until it is configured, then on loopback and for named addresses only', () => {
  assert.equal(readConfig({}).inbound, undefined);
  const { inbound } = readConfig({
    HEADSTART_INBOUND_LISTEN: '2525',
    HEADSTART_INBOUND_RECIPIENTS: 'a@example.org, b@example.org',
  });
  assert.deepEqual(
    [inbound?.host, inbound?.port, inbound?.recipients],
    ['127.0.0.1', 2525, ['a@example.org', 'b@example.org']],
  );
  const other = readConfig({ HEADSTART_INBOUND_LISTEN: '[::1]:0', HEADSTART_MAIL_FROM: 'us@example.org' }).inbound;
  assert.deepEqual([other?.host, other?.port, other?.recipients], ['::1', 0, ['us@example.org']]);
  const wrong = [
    { HEADSTART_INBOUND_LISTEN: '2525' },
    { HEADSTART_INBOUND_LISTEN: '99999', HEADSTART_INBOUND_RECIPIENTS: 'a@example.org' },
    { HEADSTART_INBOUND_LISTEN: 'a:b', HEADSTART_INBOUND_RECIPIENTS: 'a@example.org' },
    { HEADSTART_INBOUND_LISTEN: '2525', HEADSTART_INBOUND_RECIPIENTS: 'everyone' },
    { HEADSTART_INBOUND_LISTEN: '2525', HEADSTART_INBOUND_RECIPIENTS: 'a@example.org', HEADSTART_INBOUND_KEY: 'k' },
    {
      HEADSTART_INBOUND_LISTEN: '2525',
      HEADSTART_INBOUND_RECIPIENTS: 'a@example.org',
      HEADSTART_INBOUND_AUTHORITY: 'a b',
    },
  ];
  for (const env of wrong) assert.throws(() => readConfig(env), /HEADSTART_INBOUND_/);
});
