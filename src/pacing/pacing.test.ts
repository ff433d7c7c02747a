import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { createWorld, FINDING, type World } from '../../test/support/disclosure.ts';
import { createPacedCases, createPaceWords } from '../paced-cases.ts';
import { createTriage } from '../triage/index.ts';
import { createTriagedCases } from '../triaged-cases.ts';
import { createPacing, type Pacing } from './pacing.ts';
import { createPacingJobs, OPT_OUT_JOB, RELEASE_JOB } from './pacing-job.ts';

const PROJECT = '@scope/example';
const BY = { actor: 'a person' };
const DAY_MS = 86_400_000;

let world: World;
let pacing: Pacing;
const openPacing = (): Pacing => {
  const triage = createTriage({ ...world, ...createTriagedCases(world.disclosure) });
  return createPacing({
    ...world,
    ...createPacedCases({
      disclosure: world.disclosure,
      triage,
      chains: { chained: async () => new Set() },
      exposure: { countPartners: async () => 0 },
    }),
  });
};

before(async () => {
  const smtp = {
    settleMs: 0,
    send: async () => ({ kind: 'delivered', remote: null }) as const,
    readBack: async () => ({ kind: 'cannot-say', reason: 'nobody to ask', isForGood: true }) as const,
  };
  world = await createWorld({ time: 'real', smtp });
  pacing = openPacing();
});
after(() => world.close());
afterEach(async () => {
  await world.database.query(
    'truncate pacing.reports, pacing.wishes, pacing.opt_outs, pacing.opt_out_lists, pacing.projects',
  );
  await world.database.query("update pacing.settings set released_by = 'person', most_per_day = null");
  await world.database.query(
    "update disclosure.cases set stage = 'withdrawn', embargo = 'none', notified_at = null, due_at = null, is_extended = null, closed_at = now()",
  );
});

async function openCase(changes: { target?: string; confirmed?: boolean; file?: string } = {}): Promise<string> {
  const { target = FINDING.target, confirmed = true, file = `${Math.random()}.js` } = changes;
  const finding = { ...FINDING, target, sink: { file, line: 1 } };
  const vendor = { name: 'A maintainer', address: 'maintainer@example.org', simulated: false };
  const id = await world.open({ finding, vendor, knownAs: [] });
  if (confirmed) assert.ok((await world.disclosure.take('confirm', id, BY)).ok);
  return id;
}
const openCases = async (count: number): Promise<string[]> => {
  const ids: string[] = [];
  for (let opened = 0; opened < count; opened++) ids.push(await openCase());
  return ids;
};
const countSent = async (): Promise<number> => {
  const { rows } = await world.database.query<{ count: number }>(
    "select count(*)::int as count from disclosure.cases where stage = 'notified'",
  );
  return rows[0]?.count ?? -1;
};

test('confirmed real cases wait, each with its reasons; a demonstration and what is not confirmed do not', async () => {
  const id = await openCase();
  await openCase({ confirmed: false });
  await world.open();
  const queue = await pacing.queue();
  assert.deepEqual(
    queue.map((each) => [each.id, each.project, each.position, each.mayGo]),
    [[id, PROJECT, 1, true]],
  );
  assert.match(queue[0]?.because.join('\n') ?? '', /^harm .*may go now$/s);
  assert.equal(await countSent(), 0, 'looking sends nothing');
});

test('the reporting clock starts when a report is released, and it is released once', async () => {
  const id = await openCase();
  const earlier = await world.disclosure.find(id);
  assert.ok(earlier && !('dueAt' in earlier.case));
  assert.ok((await pacing.release(id, BY)).ok);
  const opened = await world.disclosure.find(id);
  assert.ok(opened?.case.stage === 'notified' && opened.case.dueAt);
  assert.equal(opened.case.dueAt.getTime(), opened.case.notifiedAt.getTime() + 90 * DAY_MS);
  const again = await pacing.release(id, BY);
  assert.equal(!again.ok && again.refusal.kind, 'already-sent');
  assert.deepEqual(await pacing.queue(), []);
});

test('however many workers release at once, no more goes than the project declared', async () => {
  const ids = await openCases(8);
  await pacing.change(PROJECT, { kind: 'limit', mostOpen: 3, mostPerWeek: null }, 'a maintainer');
  const workers = Array.from({ length: 4 }, openPacing);
  const [named, turns] = await Promise.all([
    Promise.all(ids.map((id, index) => workers[index % 4]?.release(id, BY))),
    Promise.all(workers.map((worker) => worker.releaseNext(BY))),
  ]);
  assert.equal(await countSent(), 3);
  const sent = [...named, ...turns.flat().map(({ outcome }) => outcome)].filter((outcome) => outcome?.ok);
  assert.equal(sent.length, 3);
  for (const outcome of named) {
    if (outcome && !outcome.ok) assert.ok(['declared-limit', 'already-sent'].includes(outcome.refusal.kind));
  }
});

test('so many a week are so many in any seven days, whether or not they are open still', async () => {
  const [first, second, third] = await openCases(3);
  await pacing.change(PROJECT, { kind: 'limit', mostOpen: null, mostPerWeek: 2 }, 'a maintainer');
  for (const id of [first, second]) {
    assert.ok((await pacing.release(id ?? '', BY)).ok);
    assert.ok((await world.disclosure.take('withdraw', id ?? '', BY)).ok);
  }
  const refused = await pacing.release(third ?? '', BY);
  assert.equal(!refused.ok && refused.refusal.kind, 'declared-limit');
  await world.database.query(
    "update pacing.reports set sent_at = sent_at - interval '8 days' where sent_at is not null",
  );
  assert.ok((await pacing.release(third ?? '', BY)).ok);
});

test('the database refuses what a program would send above a declared limit', async () => {
  const [first, second] = await openCases(2);
  await pacing.change(PROJECT, { kind: 'limit', mostOpen: 1, mostPerWeek: null }, 'a maintainer');
  assert.ok((await pacing.release(first ?? '', BY)).ok);
  await assert.rejects(
    world.database.query("update pacing.reports set sent_at = now(), released_by = 'x' where case_id = $1", [second]),
    /as many reports open as it declared/,
  );
});

test('a person passes what was learnt, and the policy does not', async () => {
  const ids = await openCases(6);
  const released = await pacing.releaseNext(BY);
  const sent = await countSent();
  assert.ok(sent >= 1 && sent < 6 && released.length === sent);
  const held = ids.find((id) => !released.some((each) => each.id === id)) ?? '';
  assert.ok((await pacing.release(held, BY)).ok);
});

test('what was sent outside the queue counts as soon as it is noticed', async () => {
  const [first, second] = await openCases(2);
  await pacing.change(PROJECT, { kind: 'limit', mostOpen: 1, mostPerWeek: null }, 'a maintainer');
  assert.ok((await world.disclosure.take('notify', first ?? '', BY)).ok);
  const refused = await pacing.release(second ?? '', BY);
  assert.equal(!refused.ok && refused.refusal.kind, 'declared-limit');
});

test('who wants nothing, or opted out on a list, is sent nothing, by nobody', async () => {
  const id = await openCase();
  await pacing.change(PROJECT, { kind: 'channel', channel: 'not-wanted' }, 'a maintainer');
  const unwanted = await pacing.release(id, BY);
  assert.equal(!unwanted.ok && unwanted.refusal.kind, 'not-wanted');
  await pacing.change(PROJECT, { kind: 'channel', channel: 'private' }, 'a maintainer');
  assert.ok((await pacing.importOptOuts('theirs', 'pkg:npm/%40scope/example\nother\n')).ok);
  const listed = await pacing.release(id, BY);
  assert.deepEqual(!listed.ok && listed.refusal, { kind: 'not-wanted', optedOutBy: 'theirs' });
  assert.deepEqual(await pacing.releaseNext(BY), []);
  assert.match((await pacing.queue())[0]?.because.at(-1) ?? '', /opted out by the list theirs/);
  assert.ok((await pacing.importOptOuts('theirs', 'other\n')).ok, 'the next version of the list');
  assert.ok((await pacing.release(id, BY)).ok);
});

test('this installation sends no more a day than it was told, across workers', async () => {
  for (let index = 0; index < 6; index++) await openCase({ target: `pkg:npm/project-${index}@1.0.0` });
  await pacing.configure({ releasedBy: 'policy', mostPerDay: 2 });
  await Promise.all([pacing, openPacing(), openPacing()].map((each) => each.releaseNext(BY)));
  assert.equal(await countSent(), 2);
});

test('by default a person releases; left to the policy, the job does and asks for itself again', async () => {
  await openCase();
  const fetchText = async () => ({ trouble: 'nothing is fetched here' });
  const jobs = createPacingJobs({ database: world.database, pacing, fetchText });
  const run = () => jobs[RELEASE_JOB]?.({}, { jobId: '1', attempt: 1, maxAttempts: 5, signal: AbortSignal.abort() });
  const waiting = async () => {
    const { rows } = await world.database.query<{ count: number }>(
      'select count(*)::int as count from graphile_worker.jobs where task_identifier = $1 and run_at > now()',
      [RELEASE_JOB],
    );
    return rows[0]?.count;
  };
  await run();
  assert.deepEqual([await countSent(), await waiting()], [0, 0]);
  await pacing.configure({ releasedBy: 'policy', mostPerDay: null });
  await run();
  assert.deepEqual([await countSent(), await waiting()], [1, 1]);
});

test('a list that others keep is read again by its address: who opts out there is sent nothing here', async () => {
  const address = 'https://lists.example.org/opt-out.txt';
  const id = await openCase();
  assert.ok((await pacing.importOptOuts('theirs', 'other', address)).ok);
  assert.ok((await pacing.importOptOuts('a file', 'another')).ok);
  const asked: string[] = [];
  let answer: { readonly text: string } | { readonly trouble: string } = { text: `other\n${PROJECT}` };
  const { database } = world;
  const handlers = createPacingJobs({
    ...{ database, pacing },
    fetchText: async (url) => {
      asked.push(url);
      return answer;
    },
  });
  const look = () => handlers[OPT_OUT_JOB]?.({}, {} as never);
  await look();
  assert.deepEqual(asked, [address]);
  const kept = await pacing.release(id, BY);
  assert.deepEqual(!kept.ok && kept.refusal, { kind: 'not-wanted', optedOutBy: 'theirs' });
  for (const [bad, trouble] of [
    [{ trouble: 'the server answered 503' }, /503/],
    [{ text: ' \n' }, /empty/],
    [{ text: '<html>' }, /cannot be read as a list/],
  ] as const) {
    answer = bad;
    await look();
    const list = (await pacing.lists()).find(({ name }) => name === 'theirs');
    assert.match(list?.trouble ?? '', trouble);
    assert.equal(list?.projects, 2, 'what was read before stays in force');
  }
  answer = { text: 'other' };
  await look();
  assert.equal((await pacing.lists()).find(({ name }) => name === 'theirs')?.trouble, null);
  assert.ok((await pacing.release(id, BY)).ok);
});

test('by its turn a report leaves only where somebody said that it goes, and there', async () => {
  const finding = { ...FINDING, sink: { file: 'a.js', line: 1 } };
  const id = await world.open({ finding, vendor: { name: 'them', address: null, simulated: false }, knownAs: [] });
  assert.ok((await world.disclosure.take('confirm', id, BY)).ok);
  const [held] = await pacing.releaseNext(BY);
  assert.deepEqual(held && !held.outcome.ok && held.outcome.refusal, { kind: 'not-notified', because: 'no-address' });
  assert.equal(await countSent(), 0, 'its clock does not run while it lies here');
  assert.equal(await pacing.keepAddress(PROJECT, { address: 'security@project.example' }, 'a person'), true);
  assert.equal((await pacing.project(PROJECT))?.hasAddress, true);
  await pacing.keepAddress(PROJECT, { address: 'issue:owner/repository', mayBePublic: true }, 'a person');
  await pacing.change(PROJECT, { kind: 'channel', channel: 'public' }, 'a maintainer');
  const [open] = await pacing.releaseNext(BY);
  assert.deepEqual(open && !open.outcome.ok && open.outcome.refusal, {
    kind: 'not-notified',
    because: 'public-needs-a-person',
  });
  assert.match((await pacing.queue())[0]?.because.join('\n') ?? '', /wants to be told in public/);
  await pacing.change(PROJECT, { kind: 'channel', channel: 'private' }, 'a maintainer');
  await pacing.keepAddress(PROJECT, { address: 'security@project.example' }, 'a person');
  const [sent] = await pacing.releaseNext(BY);
  assert.ok(sent?.outcome.ok);
  const { rows } = await world.database.query<{ channel: string; text: string }>(
    'select channel, row_to_json(message)::text as text from contact.messages message where case_id = $1',
    [id],
  );
  assert.deepEqual(
    rows.map(({ channel }) => channel),
    ['smtp'],
  );
  const { rows: kept } = await world.database.query<{ text: string }>(
    'select row_to_json(project)::text as text from pacing.projects project',
  );
  for (const { text } of [...rows, ...kept]) assert.doesNotMatch(text, /project\.example/);
  assert.equal(await pacing.keepAddress(PROJECT, null, 'a person'), true);
  assert.equal((await pacing.project(PROJECT))?.hasAddress, false);
  assert.equal(await pacing.keepAddress('a b', null, 'a person'), false);
});

test('related findings leave together, and each report says which of how many it is', async () => {
  await openCase({ file: 'same.js' });
  await openCase({ file: 'same.js' });
  await openCase({ file: 'other.js', target: 'pkg:npm/alone@1.0.0' });
  const released = await pacing.releaseNext(BY);
  assert.equal(released.filter(({ outcome }) => outcome.ok).length, 3);
  const said: string[] = [];
  for (const { id } of released) {
    const [message] = (await world.disclosure.find(id))?.messages ?? [];
    const letter = await world.database.transaction((tx) => world.outbox.readLetter(tx, message?.id ?? ''));
    said.push(
      /One of (\d) related reports[^(]*\(this is number\s+(\d)\)/
        .exec(letter ?? '')
        ?.slice(1)
        .join(' ') ?? 'alone',
    );
  }
  assert.deepEqual(said.toSorted(), ['2 1', '2 2', 'alone']);
});

test('what maintainers asked for is kept, and shown with who wrote it down', async () => {
  await pacing.change(PROJECT, { kind: 'ask', asked: 'fewer' }, 'first');
  await pacing.change(PROJECT, { kind: 'ask', asked: 'fewer' }, 'second');
  const view = await pacing.project('pkg:npm/%40scope/example@9.9.9');
  assert.equal(view?.wishes.askedRate, 0.25);
  assert.deepEqual(
    view?.history.map(({ wish, actor }) => [wish, actor]),
    [
      ['send fewer', 'second'],
      ['send fewer', 'first'],
    ],
  );
  assert.equal(await pacing.project('no project'), undefined);
});

test('a maintainer who answers "fewer" to a report sets the pace of the project; a demonstration sets none', async () => {
  const setPace = createPaceWords(world.disclosure, pacing);
  const [real, demonstration] = [await openCase(), await world.open()];
  const ask = (id: string) => world.database.transaction((tx) => setPace(tx, id, 'fewer', 'the maintainer'));
  assert.equal(await ask(real), true);
  assert.equal((await pacing.project(PROJECT))?.wishes.askedRate, 0.5);
  assert.equal(await ask(demonstration), false);
  assert.equal(await ask('case_none'), false);
  assert.equal((await pacing.project(PROJECT))?.wishes.askedRate, 0.5);
});

test('projects are listed by what is open and waiting there; what is over needs nothing', async () => {
  await openCase({ target: 'pkg:npm/much@1.0.0' });
  const sent = await openCase({ target: 'pkg:npm/much@1.0.0' });
  await openCase({ target: 'pkg:npm/little@1.0.0' });
  const over = await openCase({ target: 'pkg:npm/over@1.0.0' });
  assert.ok((await pacing.release(sent, BY)).ok && (await world.disclosure.take('withdraw', over, BY)).ok);
  const needs = await pacing.needs();
  assert.deepEqual(
    needs.map(({ project, openCases }) => [project, openCases]),
    [
      ['much', 2],
      ['little', 1],
    ],
  );
});

test('no name of a project stands in the schema in the clear', async () => {
  const target = 'pkg:npm/unmistakable-marker-51c2@1.0.0';
  const id = await openCase({ target, file: 'unmistakable-marker-51c2/lib.js' });
  await pacing.change('unmistakable-marker-51c2', { kind: 'ask', asked: 'more' }, 'a maintainer');
  await pacing.importOptOuts('theirs', 'unmistakable-marker-51c2');
  await pacing.queue();
  const { rows } = await world.database.query<{ name: string }>(
    "select format('%I.%I', schemaname, tablename) as name from pg_tables where schemaname = 'pacing'",
  );
  assert.ok(rows.length >= 6);
  for (const { name } of rows) {
    const found = await world.database.query<{ count: number }>(
      `select count(*)::int as count from ${name} as t where t::text like '%unmistakable%'
         or t::text like '%' || encode('unmistakable'::bytea, 'hex') || '%'`,
    );
    assert.equal(found.rows[0]?.count, 0, name);
  }
  assert.ok((await pacing.queue()).some((each) => each.id === id));
});

test('the more partners a flaw hits the sooner its turn comes, and the queue says how many', async () => {
  const [quiet, spread] = [await openCase(), await openCase()];
  await pacing.queue();
  const orderOf = async () => (await pacing.queue()).map(({ id }) => id);
  const before = await orderOf();
  const exposed = createPacing({
    ...world,
    ...createPacedCases({
      disclosure: world.disclosure,
      triage: createTriage({ ...world, ...createTriagedCases(world.disclosure) }),
      chains: { chained: async () => new Set() },
      exposure: { countPartners: async (id) => (id === before.at(-1) ? 9 : 0) },
    }),
  });
  const queue = await exposed.queue();
  assert.deepEqual(
    queue.map(({ id }) => id),
    [before.at(-1), before[0]],
  );
  assert.match(queue[0]?.because[0] ?? '', /exposure 2 \(9 dependents\)/);
  assert.deepEqual([quiet, spread].sort(), [...before].sort());
});
