import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { FINDING, type World } from '../../test/support/disclosure.ts';
import { createPages, type Pages } from '../../test/support/maintainer-pages.ts';
import { type Coordination, createCoordinationJobs, type Links } from '../coordination/index.ts';
import type { Disclosure } from '../disclosure/index.ts';
import { addDays } from '../lib/clock.ts';

let pages: Pages;
let world: World;
let disclosure: Disclosure;
let coordination: Coordination;
let links: Links;
let server: Pages['server'];
const HOSTILE = '<script>alert(1)</script>"\'&</pre>';

before(async () => {
  pages = await createPages();
  ({ world, disclosure, coordination, links, server } = pages);
});
after(() => pages.close());

const send: Pages['send'] = (changes) => pages.send(changes);
const get = (path: string) => server.inject({ method: 'GET', url: path });
const post = (path: string, form: Record<string, string>) =>
  server.inject({
    method: 'POST',
    url: path,
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    payload: new URLSearchParams(form).toString(),
  });

async function rowsOf(): Promise<string> {
  const tables = [
    'coordination.changes',
    'coordination.links',
    'disclosure.cases',
    'disclosure.case_events',
    'contact.messages',
  ];
  const counted = await Promise.all(
    tables.map((table) =>
      world.database.query<{ text: string }>(
        `select md5(string_agg(it::text, '' order by it::text)) as text from ${table} it`,
      ),
    ),
  );
  return JSON.stringify(counted.map(({ rows }) => rows[0]?.text));
}

test('the link in the report shows evidence, reproducer, patch and clock with its zone, to no cache and no referrer', async () => {
  const { path, id } = await send();
  await disclosure.learn(id, { patch: '--- a/index.js\n+++ b/index.js\n' });
  const { statusCode, headers, body } = await get(path);
  assert.equal(statusCode, 200);
  assert.equal(headers['cache-control'], 'no-store');
  assert.equal(headers['referrer-policy'], 'no-referrer');
  assert.match(
    String(headers['content-security-policy']),
    /default-src 'none'.*form-action 'self'.*frame-ancestors 'none'/,
  );
  assert.match(body, /marker-of-the-reproducer/);
  assert.match(body, /\+\+\+ b\/index\.js/);
  assert.match(
    body,
    /Private until <strong><time datetime="[^"]+">\d{4}-\d\d-\d\d \d\d:\d\d UTC<\/time><\/strong> \(90 days left\)/,
  );
  assert.doesNotMatch(body, /<script|https?:\/\/(?!pages)/i, 'no script, nothing loaded from elsewhere');
});

test('reading changes nothing, however often and by whatever scanner', async () => {
  const { path } = await send();
  const before = await rowsOf();
  for (const method of ['GET', 'HEAD', 'GET'] as const) await server.inject({ method, url: path });
  await get(`${path}?answer=not-a-bug&text=x`);
  assert.equal(await rowsOf(), before);
});

test('of a token only the hash is kept; a wrong, an expired and a revoked link are alike', async () => {
  const { path, id, who } = await send();
  const { rows } = await world.database.query<{ text: string }>(
    `select string_agg(it::text, '') as text from coordination.links it`,
  );
  const token = path.slice('/m/'.length);
  assert.ok(!rows[0]?.text.includes(token) && !rows[0]?.text.includes(Buffer.from(token, 'base64url').toString('hex')));
  const wrong = await get(`/m/${'A'.repeat(43)}`);
  const short = await world.database.transaction((tx) => links.create(tx, id, who, 1));
  assert.equal((await get(`/m/${short}`)).statusCode, 200);
  world.clock.passDays(2);
  const expired = await get(`/m/${short}`);
  assert.equal((await get(path)).statusCode, 200);
  await world.database.transaction((tx) => links.revoke(tx, id, who));
  const revoked = await get(path);
  for (const each of [wrong, expired, revoked, await get('/m/x'), await post(path, { answer: 'credit' })]) {
    assert.deepEqual([each.statusCode, each.body], [404, wrong.body]);
  }
});

test('each answer is kept, in the case and on the page', async () => {
  const { path, id, who } = await send();
  const answers: readonly Record<string, string>[] = [
    { answer: 'standing', standing: 'affected' },
    { answer: 'not-a-bug', text: 'documented so' },
    { answer: 'pace', pace: 'fewer', text: 'two a month' },
    { answer: 'credit', text: 'Ada' },
    { answer: 'zone', zone: 'Asia/Kolkata' },
    { answer: 'more-time', days: '7', text: 'holidays' },
  ];
  for (const form of answers) assert.equal((await post(path, form)).statusCode, 200, form.answer);
  const shared = await coordination.find(id);
  assert.deepEqual(
    shared?.it.answers.map(({ kind, text }) => `${kind} ${text}`),
    ['not-a-bug documented so', 'pace fewer: two a month', 'credit Ada', 'more-time holidays'],
  );
  assert.equal(shared?.it.participants.get(who)?.standing, 'affected');
  const { body } = await get(path);
  assert.match(body, / = \d{4}-\d\d-\d\d \d\d:\d\d Asia\/Kolkata \(UTC\+05:30\)<\/time>/);
  assert.match(body, /two a month[\s\S]*Ada/);
});

test('more time is longer only when a person agrees, and never beyond the policy', async () => {
  const { path, id } = await send();
  const due = async () => {
    const it = (await disclosure.find(id))?.case;
    return it && 'dueAt' in it ? it.dueAt : null;
  };
  const first = await due();
  assert.ok(first);
  assert.equal((await post(path, { answer: 'more-time', days: '300' })).statusCode, 200);
  assert.deepEqual(await due(), first);
  const shared = await coordination.find(id);
  const proposal = [...(shared?.it.proposals.values() ?? [])][0];
  assert.deepEqual(proposal?.end, addDays(first, 14), 'as far as the policy goes');
  assert.ok(shared && proposal);
  const agreed = await coordination.change(
    id,
    { kind: 'agreed', proposal: proposal.id, who: shared.it.us },
    'operator',
  );
  assert.ok(agreed.ok);
  assert.deepEqual(await due(), addDays(first, 14));
  assert.match((await get(path)).body, /<fieldset disabled>[\s\S]*the policy allows no more/);
});

for (const [name, outcome, words, standing] of [
  ['silent is fixed', 'silent', /1\.2\.4: the reproducer stays silent on it/, 'fixed'],
  ['firing is not', 'fires', /1\.2\.4: the reproducer still shows the flaw on it/, 'no-answer'],
  [
    'not to be had is not checked',
    'not-comparable',
    /1\.2\.4: it could not be fetched or run: not checked/,
    'no-answer',
  ],
] as const) {
  test(`"fixed in x.y" is run again by machine: ${name}`, async () => {
    const { path, id, who } = await send();
    const tried: string[] = [];
    const jobs = createCoordinationJobs({
      coordination,
      tryVersion: async (finding, version) => {
        tried.push(`${finding.target} ${version}`);
        return outcome;
      },
    });
    assert.equal((await post(path, { answer: 'fixed-in', text: '1.2.4' })).statusCode, 200);
    const { rows } = await world.database.query<{ name: string; payload: object }>(
      `select identifier as name, payload from graphile_worker._private_jobs job
         join graphile_worker._private_tasks task on task.id = job.task_id where key = $1`,
      [`check-fix ${id} ${who}`],
    );
    assert.equal(rows.length, 1);
    assert.ok(!JSON.stringify(rows).includes('1.2.4'), 'what is sealed stands in no job');
    const context = { jobId: '1', attempt: 1, maxAttempts: 1, signal: new AbortController().signal };
    for (let times = 0; times < 2; times += 1) await jobs[rows[0]?.name ?? '']?.(rows[0]?.payload, context);
    assert.deepEqual(tried, [`${FINDING.target} 1.2.4`]);
    assert.match((await get(path)).body, words);
    assert.equal((await coordination.find(id))?.it.participants.get(who)?.standing, standing);
    assert.equal((await disclosure.find(id))?.case.stage, 'notified', 'a person takes the step, not a claim');
  });
}

test('what cannot be understood is said to be so and not kept', async () => {
  const { path, id } = await send();
  for (const form of [
    {},
    { answer: 'everything' },
    { answer: 'not-a-bug', text: '  ' },
    { answer: 'fixed-in', text: '1.2; rm -rf /' },
    { answer: 'fixed-in', text: '../../etc/passwd' },
    { answer: 'more-time', days: '-3' },
    { answer: 'zone', zone: 'Mars/Base' },
    { answer: 'standing', standing: 'perfect' },
    { answer: 'say', thread: 'thread_other', text: 'x' },
    { answer: 'agreed', proposal: 'x' },
  ]) {
    const { statusCode, body } = await post(path, form as Record<string, string>);
    assert.equal(statusCode, 422, JSON.stringify(form));
    assert.match(body, /Not kept/);
  }
  assert.equal((await server.inject({ method: 'POST', url: path, payload: { answer: 'credit' } })).statusCode, 415);
  assert.equal((await post(path, { answer: 'not-a-bug', text: 'x'.repeat(100_000) })).statusCode, 413);
  assert.deepEqual((await coordination.find(id))?.it.answers, []);
});

test('no text of a target, of another party or of an answer is run by the page', async () => {
  const { path, id, who } = await send({
    finding: { ...FINDING, entry: HOSTILE, oracle: HOSTILE, reproducer: { ...FINDING.reproducer, text: HOSTILE } },
  });
  await disclosure.learn(id, { patch: HOSTILE });
  await coordination.change(id, { kind: 'need-given', who, matter: 'parties' }, 'operator');
  const hostile = {
    kind: 'invited',
    who: 'party_h',
    role: 'vendor',
    name: HOSTILE,
    address: null,
    zone: 'UTC',
  } as const;
  assert.ok((await coordination.change(id, hostile, 'operator')).ok);
  await coordination.change(id, { kind: 'thread-opened', thread: 'thread_h', product: HOSTILE }, 'operator');
  await coordination.change(id, { kind: 'thread-joined', thread: 'thread_h', who, fromStart: true }, 'operator');
  for (const form of [
    { answer: 'credit', text: HOSTILE },
    { answer: 'say', thread: 'thread_h', text: HOSTILE },
  ]) {
    assert.equal((await post(path, form)).statusCode, 200);
  }
  const { body } = await get(path);
  assert.doesNotMatch(body, /<script/);
  assert.ok(body.split('&#60;script&#62;alert(1)').length > 7, 'every one of them is shown');
});

test('an invited party sees nothing of the flaw until it agrees to keep it to itself', async () => {
  const { id } = await send();
  const who = 'party_guest' as const;
  const invited = { kind: 'invited', who, role: 'downstream', name: 'Guest', address: null, zone: 'UTC' } as const;
  assert.ok((await coordination.change(id, invited, 'operator')).ok);
  for (const matter of ['flaw', 'deadline'] as const) {
    assert.ok((await coordination.change(id, { kind: 'need-given', who, matter }, 'operator')).ok);
  }
  const path = `/m/${await world.database.transaction((tx) => links.create(tx, id, who))}`;
  const invitation = (await get(path)).body;
  assert.match(invitation, /I agree to the embargo/);
  assert.doesNotMatch(invitation, /Prototype pollution|maintainers of|marker-of/);
  const agreed = await post(path, { answer: 'bind' });
  assert.equal(agreed.statusCode, 200);
  assert.match(agreed.body, /Prototype pollution/);
  assert.doesNotMatch(agreed.body, /maintainers of|marker-of/, 'it was not given the reproducer, nor the parties');
});
