/** Every channel over a fake of its other side that refuses, hangs, answers garbage, or does it and loses the answer. */
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { after, afterEach, before, test } from 'node:test';
import { GITHUB_TOKEN, startFakeGithub } from '../../test/support/fake-github.ts';
import { startFakeVince, VINCE_TOKEN } from '../../test/support/fake-vince.ts';
import { type Asked, type HttpFault, startFaultyServer } from '../../test/support/faulty-server.ts';
import { createEgress, namedOrigins } from '../egress/index.ts';
import { systemClock } from '../lib/clock.ts';
import { toSecret } from '../lib/secret.ts';
import type { Carrier, Delivery, Matter, RealMatter } from './channel.ts';
import { createGithubClients } from './github-client.ts';
import type { Content, ReportLetter } from './letter.ts';
import { createVinceClient } from './vince-client.ts';
import { createWebhookClient } from './webhook-client.ts';

const TIMEOUT_MS = 500;
const REAL: RealMatter = { id: 'case_1', kind: 'real', time: 'real', parties: [{ simulated: false }] };
const CONTENT: Content = {
  subject: 'Security: something',
  text: 'What it is.\n',
  severity: 'low',
  cwe: 'CWE-22',
  package: { type: 'npm', name: 'example', version: '1.0.0' },
};

let github: Awaited<ReturnType<typeof startFakeGithub>>;
let vince: Awaited<ReturnType<typeof startFakeVince>>;
let hook: Awaited<ReturnType<typeof startFaultyServer>>;
const hooked: Asked[] = [];
let serial = 0;

before(async () => {
  github = await startFakeGithub({ lateMs: 50 });
  vince = await startFakeVince({ lateMs: 50 });
  hook = await startFaultyServer({ lateMs: 50, act: (asked) => ({ status: 202, json: hooked.push(asked) }) });
});
after(() => Promise.all([github.close(), vince.close(), hook.close()]));
afterEach(() => {
  github.repositories.clear();
  vince.reports.splice(0);
  hooked.splice(0);
});

const egress = () => createEgress({ named: namedOrigins([github.origin, vince.origin, hook.origin]) });
const githubWith = (token: string) =>
  createGithubClients({ token: toSecret(token), apiUrl: github.origin }, { egress: egress(), timeoutMs: TIMEOUT_MS });

function reportLetter(): ReportLetter {
  serial += 1;
  const marker = `message_${serial.toString(16).padStart(32, '0')}`;
  return { owner: 'them', repo: 'theirs', marker, content: CONTENT };
}

interface Way {
  readonly carrier: () => Carrier<unknown>;
  readonly letter: () => unknown;
  readonly server: () => { failWith(...faults: HttpFault[]): void; failLooksWith(...faults: HttpFault[]): void };
  readonly arrived: () => number;
}

const WAYS: Readonly<Record<string, Way>> = {
  'a private report': {
    carrier: () => githubWith(GITHUB_TOKEN)['github-report'] as Carrier<unknown>,
    letter: reportLetter,
    server: () => github,
    arrived: () => github.repository('them/theirs').advisories.length,
  },
  'a draft advisory': {
    carrier: () => githubWith(GITHUB_TOKEN)['github-advisory'] as Carrier<unknown>,
    letter: reportLetter,
    server: () => github,
    arrived: () => github.repository('them/theirs').advisories.length,
  },
  'a public issue': {
    carrier: () => githubWith(GITHUB_TOKEN)['github-issue'] as Carrier<unknown>,
    letter: reportLetter,
    server: () => github,
    arrived: () => github.repository('them/theirs').issues.length,
  },
  'a report to CERT/CC': {
    carrier: () =>
      createVinceClient(
        { url: vince.url, token: toSecret(VINCE_TOKEN) },
        { egress: egress(), timeoutMs: TIMEOUT_MS },
      ) as Carrier<unknown>,
    letter: () => {
      const { marker, content } = reportLetter();
      return { marker, content, vendor: 'Them', reporter: { name: 'Us', address: 'us@example.org' } };
    },
    server: () => vince,
    arrived: () => vince.reports.length,
  },
  'a webhook': {
    carrier: () =>
      createWebhookClient(
        { secret: toSecret('marker-of-the-secret') },
        { egress: egress(), clock: systemClock, timeoutMs: TIMEOUT_MS },
      ) as Carrier<unknown>,
    letter: () => ({ marker: reportLetter().marker, url: `${hook.origin}/hook`, body: '{"a":1}' }),
    server: () => hook,
    arrived: () => hooked.length,
  },
};

/** What the sender can know, and what is so once everything has settled. */
const FATES: Readonly<Record<HttpFault, readonly [Delivery['kind'], number]>> = {
  none: ['delivered', 1],
  refuse: ['declined', 0],
  hang: ['unknown', 0],
  garbage: ['unknown', 1],
  'lose-before': ['unknown', 0],
  'lose-after': ['unknown', 1],
  'error-before': ['unknown', 0],
  'error-after': ['unknown', 1],
  late: ['unknown', 1],
};

for (const [name, way] of Object.entries(WAYS)) {
  for (const [fault, [kind, arrivals]] of Object.entries(FATES)) {
    // Of a webhook any 2xx is an answer: what is in it is nobody's business.
    const expected = name === 'a webhook' && fault === 'garbage' ? 'delivered' : kind;
    test(`${name} to a server with the fault ${fault}: ${expected}`, async () => {
      way.server().failWith(fault as HttpFault);
      const before = way.arrived();
      const delivery = await way.carrier().send(REAL, way.letter());
      assert.equal(delivery.kind, expected, JSON.stringify(delivery));
      if (fault === 'late') await new Promise((resolve) => setTimeout(resolve, 150));
      assert.equal(way.arrived() - before, arrivals);
    });
  }

  test(`${name} takes no demonstration, whatever its type claims`, async () => {
    const forged: Matter = { ...REAL, parties: [{ simulated: true }] };
    const delivery = await way.carrier().send(forged as RealMatter, way.letter());
    assert.deepEqual([delivery.kind, way.arrived()], ['declined', 0]);
  });
}

for (const name of ['a private report', 'a draft advisory', 'a public issue']) {
  const way = WAYS[name] as Way;
  const justNow = () => new Date(Date.now() - 1_000);

  test(`${name} whose answer was lost is found by its reference, among hundreds`, async () => {
    const letter = way.letter();
    way.server().failWith('lose-after');
    assert.equal((await way.carrier().send(REAL, letter)).kind, 'unknown');
    for (let more = 0; more < 230; more++) await way.carrier().send(REAL, way.letter());
    const found = await way.carrier().readBack(REAL, letter, justNow());
    assert.ok(found.kind === 'there' && found.remote, JSON.stringify(found));
  });

  test(`${name} that never arrived is absent, also where others are listed`, async () => {
    await way.carrier().send(REAL, way.letter());
    assert.deepEqual(await way.carrier().readBack(REAL, way.letter(), justNow()), { kind: 'absent' });
  });

  test(`${name}: a listing that cannot be read says nothing`, async () => {
    await way.carrier().send(REAL, way.letter());
    for (const fault of ['refuse', 'hang', 'garbage', 'lose-before', 'error-before'] as const) {
      way.server().failLooksWith(fault);
      const found = await way.carrier().readBack(REAL, way.letter(), justNow());
      assert.ok(found.kind === 'cannot-say' && !found.isForGood, `${fault}: ${JSON.stringify(found)}`);
    }
  });

  test(`${name}: where the listing is too long to reach the attempt, nothing is known`, async () => {
    const here = github.repository('them/theirs');
    await way.carrier().send(REAL, way.letter());
    for (let more = 0; more < 11; more++) {
      here.advisories.push(...here.advisories.slice(0, 100));
      here.issues.push(...here.issues.slice(0, 100));
      while (here.advisories.length < 100 && here.advisories[0]) here.advisories.push(here.advisories[0]);
      while (here.issues.length < 100 && here.issues[0]) here.issues.push(here.issues[0]);
    }
    const found = await way.carrier().readBack(REAL, way.letter(), justNow());
    assert.deepEqual([found.kind, found.kind === 'cannot-say' && found.isForGood], ['cannot-say', false]);
  });
}

test('a report whose reference line was edited out is not taken for absent', async () => {
  const way = WAYS['a private report'] as Way;
  const letter = way.letter();
  await way.carrier().send(REAL, letter);
  const [advisory] = github.repository('them/theirs').advisories;
  assert.ok(advisory);
  advisory.description = 'What a maintainer made of it.';
  const found = await way.carrier().readBack(REAL, letter, new Date());
  assert.ok(found.kind === 'cannot-say' && found.isForGood);
  advisory.author = { ...(advisory.author as NonNullable<typeof advisory.author>), login: 'somebody-else' };
  assert.deepEqual(await way.carrier().readBack(REAL, letter, new Date()), { kind: 'absent' });
});

test('where private reporting is off the report is refused, and the reason names no project', async () => {
  github.repository('them/theirs').privateReporting = false;
  const delivery = await githubWith(GITHUB_TOKEN)['github-report'].send(REAL, reportLetter());
  assert.deepEqual(delivery, { kind: 'declined', reason: 'answered with 404' });
});

test('a token that is not accepted is a fault to be mended, and the token is told to nobody', async () => {
  const sent = await githubWith('marker-of-another')['github-report'].send(REAL, reportLetter());
  assert.deepEqual(sent, { kind: 'not-delivered', reason: 'answered with 401' });
});

test('what was posted bears the facts and its reference', async () => {
  const letter = reportLetter();
  await githubWith(GITHUB_TOKEN)['github-report'].send(REAL, letter);
  const [advisory] = github.repository('them/theirs').advisories;
  assert.equal(advisory?.summary, CONTENT.subject);
  assert.equal(advisory?.description, `${CONTENT.text}\n\nReference: ${letter.marker}\n`);
  assert.deepEqual([advisory?.severity, advisory?.cwe_ids, advisory?.state], ['low', ['CWE-22'], 'triage']);
});

test('a report to CERT/CC is found once it is a case, and is never taken for absent', async () => {
  const way = WAYS['a report to CERT/CC'] as Way;
  const letter = way.letter();
  await way.carrier().send(REAL, letter);
  const pending = await way.carrier().readBack(REAL, letter, new Date());
  assert.ok(pending.kind === 'cannot-say' && pending.isForGood);
  for (const report of vince.reports) report.isCase = true;
  assert.deepEqual(await way.carrier().readBack(REAL, letter, new Date()), { kind: 'there', remote: 'VU#100001' });
});

test('a webhook is signed over its id, the time and the very bytes', async () => {
  const way = WAYS['a webhook'] as Way;
  await way.carrier().send(REAL, way.letter());
  const [asked] = hooked;
  const id = asked?.headers['webhook-id'];
  const signed = `${id}.${asked?.headers['webhook-timestamp']}.${asked?.body}`;
  const expected = createHmac('sha256', 'marker-of-the-secret').update(signed).digest('base64');
  assert.equal(asked?.headers['webhook-signature'], `v1,${expected}`);
});

test('an address that is not public is refused before a byte is sent, unless the operator named it', async () => {
  const requests = hook.requests();
  const carrier = createWebhookClient({ secret: toSecret('x') }, { egress: createEgress({}), clock: systemClock });
  const letter = { marker: 'message_1', url: `${hook.origin}/hook`, body: '{}' };
  const delivery = await carrier.send(REAL, letter);
  assert.equal(delivery.kind, 'declined');
  assert.equal(hook.requests(), requests);
});
