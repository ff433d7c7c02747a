import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { createWorld, newCase, PUBLISHER, type World } from '../../test/support/disclosure.ts';
import { WORKSHOP } from '../../test/support/workshop.ts';
import { createCoordination, createLinks } from '../coordination/index.ts';
import { createDisclosure } from '../disclosure/index.ts';
import { createFollowup } from '../followup/index.ts';
import { validateText } from '../formats/validate.ts';
import { systemClock } from '../lib/clock.ts';
import { createPartyLetters } from '../party-letters.ts';
import { createPublishing, openReleaseSigners } from '../publish/index.ts';
import { createReadiness, type Readiness } from '../readiness/index.ts';
import { createTimekeeping, type Timekeeping } from '../timekeeping/index.ts';
import { createLists } from '../triage/index.ts';
import { type CaseCommandParts, registerCaseCommands } from './case.ts';
import { runCommandLine } from './cli.ts';

let world: World;
let parts: Omit<CaseCommandParts, 'terminal'>;
let time: Timekeeping;
let readiness: Readiness;

before(async () => {
  world = await createWorld();
  const { database, random } = world;
  time = createTimekeeping({ database, random, machine: systemClock, monotonicMs: () => performance.now() });
  readiness = createReadiness({ ...world, instants: time, disclosure: () => world.disclosureUnder('real') });
  const signers = await openReleaseSigners({ ...world, scryptN: 1_024 }, 'demonstration', [
    'passphrase a',
    'passphrase b',
  ]);
  assert.ok(signers.ok);
  const under = (clock: World['clock'] | typeof systemClock) =>
    createDisclosure({ ...world, clock, time: clock === systemClock ? 'real' : 'compressed' });
  const publishingUnder = (clock: typeof systemClock) =>
    createPublishing({ ...world, clock: systemClock, disclosure: under(clock), publisher: PUBLISHER });
  const disclosureFor = () => world.disclosure;
  const coordination = createCoordination({ ...world, disclosure: under(systemClock), disclosureFor });
  const linkFor = async () => undefined;
  const letters = createPartyLetters({
    ...world,
    coordination,
    disclosureFor,
    readiness,
    linkFor,
    coordinator: undefined,
  });
  parts = {
    clock: systemClock,
    database: async () => world.database,
    disclosure: async () => under(systemClock),
    disclosureUnder: async (clock) => under(clock),
    publishAsOperator: async (opened, clock) => {
      const publishing = publishingUnder(clock);
      const released = await publishing.release(opened.case.id, { signers: signers.value, onePerson: true });
      return released.ok ? publishing.publish(released.value) : released;
    },
    publishedDocument: async (opened, folder) => {
      const documents = await publishingUnder(systemClock).documents(opened);
      return [...(documents ?? [])].find(([path]) => path.startsWith(`advisories/${folder}/`))?.[1];
    },
    readLetter: (id) => world.outbox.readLetter(world.database, id),
    followup: async () =>
      createFollowup({
        ...world,
        disclosure: under(systemClock),
        ask: async () => assert.fail('no source is asked'),
        claims: async () => [],
        measure: async () => assert.fail('nothing is measured'),
      }),
    lists: async () => createLists(world),
    timekeeping: async () => time,
    random: world.random,
    checkReport: (id) => readiness.check(id, WORKSHOP),
    lookAtRepository: async () => undefined,
    signOff: (id, word) => readiness.signOff(id, word),
    links: async () => createLinks({ ...world, instants: time }),
    origin: () => 'https://pages.example.org',
    coordination: async () => coordination,
    invitations: async () => letters.invitations,
    escalate: (id, actor) => letters.escalations.escalate(id, actor),
  };
});
after(() => world.close());

interface Ended {
  readonly exit: number;
  readonly json: unknown;
  readonly data: string;
  readonly said: string;
}

async function run(...args: string[]): Promise<Ended> {
  const [json, data, said]: [unknown[], string[], string[]] = [[], [], []];
  const terminal = {
    json: (value: unknown) => void json.push(value),
    data: (text: string | Uint8Array) => void data.push(Buffer.from(text).toString()),
    say: (line: string) => void said.push(line),
  };
  const exit = await runCommandLine(args, {
    terminal,
    register: [(program) => registerCaseCommands(program, { ...parts, terminal })],
  });
  return { exit, json: json[0], data: data.join(''), said: said.join('\n') };
}

test('a demonstration is walked from the command line to its published advisory', async () => {
  const id = await world.open();
  for (const step of ['confirm', 'notify', 'acknowledge', 'extend', 'patch', 'fix-released']) {
    const { exit, said } = await run('case', 'step', id, step, '--after', '1');
    assert.equal(exit, 0, said);
  }
  assert.equal((await run('case', 'step', id, 'disclose')).exit, 6, 'without --yes nobody has signed');
  const { exit, json, said } = await run('case', 'step', id, 'disclose', '--yes', '--json');
  assert.equal(exit, 0, said);
  assert.equal((json as { stage: string }).stage, 'disclosed');
  const { data } = await run('export', id, '--format', 'csaf');
  assert.deepEqual(validateText('csaf', data).errors, []);
  const [{ url = '' } = {}] = JSON.parse(await readFile(join(world.home, 'public', 'feed.json'), 'utf8')).items;
  assert.match(url, /advisories\/markdown\/headstart-/);
});

test('every step that is refused names its reason, and its exit code tells conflict from embargo', async () => {
  const id = await world.open();
  assert.equal((await run('case', 'step', id, 'notify')).exit, 5);
  assert.equal((await run('case', 'step', id, 'confirm')).exit, 0);
  assert.equal((await run('case', 'step', id, 'notify')).exit, 0);
  const early = await run('case', 'step', id, 'disclose', '--yes');
  assert.equal(early.exit, 6);
  assert.match(early.said, /under embargo until \d{4}-\d\d-\d\d \d\d:\d\d UTC/);
  assert.equal((await run('case', 'step', id, 'disclose', '--yes', '--after', '90')).exit, 0);
  assert.equal((await run('case', 'step', id, 'leak')).exit, 5);
  assert.equal((await run('case', 'step', id, 'jump')).exit, 2);
  assert.equal((await run('case', 'step', 'case_none', 'confirm')).exit, 4);
});

test('no days pass for a real case by command', async () => {
  const real = await parts.disclosure();
  const fresh = newCase({ knownAs: [], vendor: { name: 'them', address: null, simulated: false } });
  const opened = await world.database.transaction((tx) => real.openCase(tx, fresh));
  assert.ok(opened.ok);
  assert.equal((await run('case', 'step', opened.value, 'confirm', '--after', '90')).exit, 2);
  assert.equal((await run('case', 'step', opened.value, 'confirm')).exit, 0);
  assert.equal((await run('case', 'step', opened.value, 'notify')).exit, 0);
  assert.equal((await run('case', 'step', opened.value, 'disclose', '--yes')).exit, 6);
});

test('what is exported before its release is a valid draft, marked as one, and the history says so', async () => {
  const id = await world.open();
  for (const format of ['csaf', 'osv', 'cve'] as const) {
    const { exit, data } = await run('export', id, '--format', format);
    assert.equal(exit, 0);
    assert.deepEqual(validateText(format, data).errors, []);
    assert.match(data, /\[DRAFT\]/);
  }
  assert.match((await run('export', id, '--format', 'markdown')).data, /DRAFT UNDER EMBARGO/);
  assert.match((await run('export', id, '--format', 'report')).data, /---- reproduce\.cjs ----/);
  assert.equal((await run('export', id, '--format', 'report', '--eml')).exit, 4);
  assert.equal((await run('export', id, '--format', 'openvex')).exit, 2);
  const { json } = await run('case', 'show', id, '--json');
  const events = (json as { history: { event: string }[] }).history.map(({ event }) => event);
  assert.deepEqual(events, [
    'opened',
    ...['csaf', 'osv', 'cve', 'markdown', 'report'].map((name) => `exported ${name}`),
  ]);
});

test('the message that was sent is exported as it stands in the outbox', async () => {
  const id = await world.open();
  for (const step of ['confirm', 'notify']) assert.equal((await run('case', 'step', id, step)).exit, 0);
  const { data } = await run('export', id, '--format', 'report', '--eml');
  assert.match(data, /^Subject: \[DEMONSTRATION\] Security/m);
  assert.match(data, /X-Headstart-Demonstration: yes/);
});

test('a reproducer is shown only when asked for, and the history says that it was', async () => {
  const id = await world.open();
  assert.ok(!JSON.stringify((await run('case', 'show', id, '--json')).json).includes('marker-of-the-reproducer'));
  assert.ok(
    JSON.stringify((await run('case', 'show', id, '--json', '--reveal')).json).includes('marker-of-the-reproducer'),
  );
  assert.match(JSON.stringify((await run('case', 'show', id, '--json')).json), /"event":"revealed"/);
  assert.equal((await run('case', 'show', 'case_none')).exit, 4);
});

test('the list names every case with its stage and deadline', async () => {
  const id = await world.open();
  const { json } = await run('case', 'list', '--json');
  const mine = (json as { id: string; stage: string; title: string }[]).find((each) => each.id === id);
  assert.deepEqual([mine?.stage, mine?.title], ['received', 'Prototype pollution in @scope/example']);
});

test('a doubted clock is shown, and believed again only by a person who says so', async () => {
  await world.database.query(
    `insert into timekeeping.holds (id, held_at, why, off_ms) values ('hold_1', now(), 'jump', 3600000)`,
  );
  const shown = await run('case', 'clock');
  assert.equal(shown.exit, 1);
  assert.match(shown.said, /doubted since \d{4}-\d\d-\d\d \d\d:\d\d UTC: nothing is released[\s\S]*3600\.0 s/);
  assert.equal((await run('case', 'clock', '--free')).exit, 6);
  const { exit, json } = await run('case', 'clock', '--free', '--yes', '--json');
  assert.equal(exit, 0);
  assert.equal((json as { heldSince: string | null }).heldSince, null);
});

test('parties are invited, told what they need, and agree on an end, from the command line', async () => {
  const id = await world.open();
  for (const step of ['confirm', 'notify']) assert.equal((await run('case', 'step', id, step)).exit, 0);
  const add = await run(
    'case',
    'party',
    'add',
    id,
    '--role',
    'downstream',
    '--name',
    'Distro <b>',
    '--zone',
    'Asia/Tokyo',
    '--json',
  );
  assert.equal(add.exit, 0, add.said);
  const who = (add.json as { id: string }).id;
  assert.equal((await run('case', 'party', 'add', id, '--role', 'friend', '--name', 'x')).exit, 2);
  assert.equal((await run('case', 'party', 'give', id, who, 'patch')).exit, 0);
  const seen = async () => JSON.stringify((await run('case', 'party', 'view', id, who)).json);
  assert.ok(!(await seen()).includes('"patch":'), 'invited, but not bound by the embargo');
  assert.equal((await run('case', 'party', 'bind', id, who)).exit, 0);
  assert.ok((await seen()).includes('"patch":'));
  assert.ok(!(await seen()).includes('marker-of-the-reproducer'));
  assert.ok(!(await seen()).includes('maintainers of'), 'it may not see the other parties');

  const due = (await world.disclosure.find(id))?.case;
  assert.ok(due && 'dueAt' in due && due.dueAt);
  const longer = new Date(due.dueAt.getTime() + 7 * 86_400_000).toISOString();
  const proposed = await run('case', 'party', 'propose', id, longer, '--as', who, '--json');
  assert.equal(proposed.exit, 0, proposed.said);
  const proposal = (proposed.json as { id: string }).id;
  const dueNow = async () =>
    (await run('case', 'party', 'list', id, '--json')).json as { dueAt: string; parties: { id: string }[] };
  assert.equal((await dueNow()).dueAt, due.dueAt.toISOString());
  for (const { id: party } of (await dueNow()).parties.filter((each) => each.id !== who)) {
    assert.equal((await run('case', 'party', 'agree', id, proposal, '--as', party)).exit, 0);
  }
  assert.equal((await dueNow()).dueAt, longer);
  assert.equal((await run('case', 'party', 'propose', id, '2030-01-01')).exit, 2, 'an hour without its zone');

  const { said } = await run('case', 'who-knows', id);
  assert.match(said, /UTC = \d{4}-\d\d-\d\d \d\d:\d\d Asia\/Tokyo \(UTC\+09:00\) {2}downstream Distro <b> knows patch/);
  assert.match(said, /2 parties know of it/);
  assert.equal((await run('case', 'party', 'leave', id, who)).exit, 0);
  assert.equal((await run('case', 'party', 'view', id, who)).exit, 4);
  assert.match((await run('case', 'who-knows', id)).said, /knows patch; no longer shown since/);
});

test('what stands in a thread is seen by who is in it, from where it joined, and lies encrypted', async () => {
  const id = await world.open();
  for (const step of ['confirm', 'notify']) assert.equal((await run('case', 'step', id, step)).exit, 0);
  const make = async (...args: string[]) => ((await run('case', 'party', ...args, '--json')).json as { id: string }).id;
  const thread = await make('thread', id, 'libexample 2.x');
  const [early, late] = [
    await make('add', id, '--role', 'vendor', '--name', 'E'),
    await make('add', id, '--role', 'vendor', '--name', 'L'),
  ];
  for (const who of [early, late]) assert.equal((await run('case', 'party', 'bind', id, who)).exit, 0);
  assert.equal((await run('case', 'party', 'join', id, thread, early)).exit, 0);
  assert.equal((await run('case', 'party', 'say', id, thread, 'first-words')).exit, 0);
  assert.equal((await run('case', 'party', 'join', id, thread, late)).exit, 0);
  const second = await run('case', 'party', 'say', id, thread, 'second-words', '--as', early);
  assert.equal(second.exit, 0, second.said);
  const seen = async (who: string) => JSON.stringify((await run('case', 'party', 'view', id, who)).json);
  assert.match(await seen(early), /first-words.*second-words/);
  assert.match(await seen(late), /second-words/);
  assert.doesNotMatch(await seen(late), /first-words/);
  const { rows } = await world.database.query<{ text: string }>(
    `select string_agg(kind || actor || encode(sealed, 'escape'), '') as text from coordination.changes`,
  );
  assert.doesNotMatch(rows[0]?.text ?? '', /words|libexample/);
  await assert.rejects(world.database.query('delete from coordination.changes'), /only ever added/);
});

test('a long case reads the same from its snapshot and from its changes one by one', async () => {
  const id = await world.open();
  for (const step of ['confirm', 'notify']) assert.equal((await run('case', 'step', id, step)).exit, 0);
  const service = await parts.coordination();
  const thread = 'thread_long' as const;
  const us = (await service.find(id))?.it.us;
  assert.ok(us);
  assert.ok((await service.change(id, { kind: 'thread-opened', thread, product: 'long' }, 'test')).ok);
  for (let index = 0; index < 210; index += 1) {
    assert.ok((await service.change(id, { kind: 'said', thread, who: us, text: `line ${index}` }, 'test')).ok);
  }
  const read = async () => JSON.stringify([...((await service.find(id))?.it.threads.values() ?? [])]);
  const fromSnapshot = await read();
  const { rows } = await world.database.query<{ text: string }>(
    `delete from coordination.snapshots where case_id = $1 returning encode(sealed, 'escape') as text`,
    [id],
  );
  assert.equal(rows.length, 1);
  assert.doesNotMatch(rows[0]?.text ?? '', /line 1/);
  assert.equal(await read(), fromSnapshot);
  assert.match(fromSnapshot, /line 209/);
});

test('every date is shown with its zone, under the case’s own policy and beside it under the others', async () => {
  const id = await world.open();
  assert.match((await run('case', 'timeline', id)).said, /no date is set yet/);
  for (const step of ['confirm', 'notify']) assert.equal((await run('case', 'step', id, step)).exit, 0);
  const own = await run('case', 'timeline', id, '--zone', 'Europe/Berlin');
  assert.match(
    own.said,
    /UTC = .* Europe\/Berlin \(UTC\+0[12]:00\) {2}private-time-ends \(anthropic-2026: 90 d from report-sent\)/,
  );
  const all = (await run('case', 'timeline', id, '--policy', 'all', '--json')).json as {
    policy: string;
    what: string;
  }[];
  const ends = all.filter(({ what }) => what === 'private-time-ends').map(({ policy }) => policy);
  assert.deepEqual(ends, ['anthropic-2026', 'project-zero-2025', 'linux-distros', 'cert-cc']);
  assert.equal((await run('case', 'step', id, 'exploited')).exit, 0);
  const duties = (await run('case', 'timeline', id, '--policy', 'eu-cra', '--json')).json as { what: string }[];
  assert.deepEqual(
    duties.map(({ what }) => what),
    ['early-warning', 'notification'],
  );
  assert.equal((await run('case', 'timeline', id, '--policy', 'none')).exit, 2);
  assert.equal((await run('case', 'timeline', id, '--zone', 'Mars/Base')).exit, 2);
});
