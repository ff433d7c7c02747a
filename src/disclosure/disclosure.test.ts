import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createWorld, FINDING, newCase, type World } from '../../test/support/disclosure.ts';
import { toCsaf } from '../formats/csaf.ts';
import { validate } from '../formats/validate.ts';
import { addDays } from '../lib/clock.ts';
import { StaleWrite } from '../store/database.ts';
import { formatVerifierKey, overdueOpenings, verifyLog } from '../tlog/index.ts';
import { createFindingStore, recordFinding } from '../verify/index.ts';
import type { CaseId } from './case.ts';
import { createCaseStore } from './case-store.ts';
import { createDetailsStore } from './details-store.ts';
import { isDemonstration, nextSimulatedAnswer } from './simulated-maintainer.ts';

let world: World;
before(async () => {
  world = await createWorld();
});
after(() => world.close());

const by = { actor: 'operator' };
const walk = async (id: string, ...steps: Parameters<World['disclosure']['take']>[0][]) => {
  for (const step of steps) {
    const outcome = await world.disclosure.take(step, id, by);
    assert.ok(outcome.ok, `${step}: ${JSON.stringify(outcome)}`);
  }
};

test('a case, its key, its clock, its details and its commitment come into being together', async () => {
  const id = await world.open();
  const opened = await world.disclosure.find(id);
  assert.ok(opened);
  assert.equal(opened.case.stage, 'received');
  assert.deepEqual(opened.finding, FINDING);
  assert.equal(opened.clocks[0]?.kind, 'opening');
  assert.match(opened.commitment.root, /^[0-9a-f]{64}$/);
  assert.equal((await world.log.countPending()) > 0, true);
});

test('if any part cannot be written there is neither a case nor a commitment', async () => {
  const count = async () => {
    const { rows } = await world.database.query<{ cases: number; entries: number; keys: number }>(
      `select (select count(*)::int from disclosure.cases) as cases, (select count(*)::int from tlog.entries) as entries,
              (select count(*)::int from store.data_keys) as keys`,
    );
    return rows[0];
  };
  const earlier = await count();
  for (const table of ['disclosure.clocks', 'disclosure.details', 'disclosure.commitments', 'disclosure.case_events']) {
    await world.database.query(`alter table ${table} rename to away`);
    await assert.rejects(world.open(), /does not exist/);
    await world.database.query(`alter table ${table.split('.')[0]}.away rename to ${table.split('.')[1]}`);
  }
  assert.deepEqual(await count(), earlier);
});

test('a finding opened twice is one case', async () => {
  const fresh = newCase();
  const [first, second] = [await world.open(fresh), await world.open(fresh)];
  assert.equal(first, second);
});

test('nothing of the finding stands in the database in the clear', async () => {
  const marker = 'unmistakable-marker-7f3a';
  const finding = { ...FINDING, entry: marker, reproducer: { ...FINDING.reproducer, text: marker } };
  const id = await world.open({ finding, vendor: { name: marker, address: `${marker}@example.org`, simulated: true } });
  await walk(id, 'confirm', 'notify');
  const { rows: tables } = await world.database.query<{ name: string }>(
    `select format('%I.%I', schemaname, tablename) as name from pg_tables
      where schemaname in ('disclosure', 'publish', 'tlog', 'store', 'graphile_worker')`,
  );
  assert.ok(tables.length > 15);
  for (const { name } of tables) {
    const { rows } = await world.database.query<{ found: number }>(
      `select count(*)::int as found from ${name} as t where t::text like '%' || $1 || '%'
         or t::text like '%' || encode($1::bytea, 'hex') || '%'`,
      [marker],
    );
    assert.equal(rows[0]?.found, 0, name);
  }
});

test('a demonstration is opened only for what is public already', async () => {
  const refused = await world.database.transaction((tx) => world.disclosure.openCase(tx, newCase({ knownAs: [] })));
  assert.deepEqual(refused, { ok: false, refusal: { kind: 'not-public' } });
});

test('a finding without a public id becomes a real case under the real clock only', async () => {
  const real = world.disclosureUnder('real');
  const fresh = newCase({ knownAs: [], vendor: { name: 'them', address: null, simulated: false } });
  const opened = await world.database.transaction((tx) => real.openCase(tx, fresh));
  assert.ok(opened.ok);
  const found = await real.find(opened.value);
  assert.equal(found?.case.kind, 'real');
  assert.deepEqual(await world.disclosure.take('confirm', opened.value, by), {
    ok: false,
    refusal: { kind: 'wrong-clock', time: 'real' },
  });
});

test('of two writers who read the same version, the second is told', async () => {
  const cases = createCaseStore(world.database);
  const it = await cases.find(await world.open());
  assert.ok(it);
  await cases.save({ ...it, version: 2 });
  await assert.rejects(cases.save({ ...it, version: 2 }), StaleWrite);
});

test('a case reads back as it was written, at every stage', async () => {
  const id = await world.open();
  const cases = createCaseStore(world.database);
  for (const step of ['confirm', 'notify', 'acknowledge', 'extend', 'patch', 'fix-released', 'disclose'] as const) {
    world.clock.passDays(1);
    const taken = await world.disclosure.take(step, id, by);
    assert.ok(taken.ok, step);
    assert.deepEqual(await cases.find(id), taken.value);
  }
  const opened = await world.disclosure.find(id);
  assert.deepEqual(
    opened?.history.map(({ event }) => event),
    ['opened', 'confirm', 'notify', 'acknowledge', 'extend', 'patch', 'fix-released', 'disclose'],
  );
});

for (const [name, change] of Object.entries({
  'a stage without its facts': `stage = 'notified'`,
  'a compressed clock in a real case': `kind = 'real', time = 'compressed'`,
  'an embargo after the secret is out': `embargo = 'active', public_at = now(), vendor_aware_at = now()`,
  'a fix nobody could make': 'fix_ready_at = now()',
  'a disclosure that is not public': `stage = 'disclosed', closed_at = now(), details_at = now()`,
})) {
  test(`the table refuses ${name}`, async () => {
    const id = await world.open();
    await assert.rejects(
      world.database.query(`update disclosure.cases set ${change} where id = $1`, [id]),
      /violates (check|foreign key) constraint/,
    );
  });
}

test('the table refuses a simulated party in a real case', async () => {
  const real = world.disclosureUnder('real');
  const fresh = newCase({ vendor: { name: 'them', address: null, simulated: false } });
  const opened = await world.database.transaction((tx) => real.openCase(tx, fresh));
  assert.ok(opened.ok);
  await assert.rejects(
    world.database.query('update disclosure.case_parties set simulated = true where case_id = $1', [opened.value]),
    /violates check constraint/,
  );
});

test('history is only ever added to', async () => {
  await assert.rejects(world.database.query('delete from disclosure.case_events'), /only ever added/);
  await assert.rejects(world.database.query(`update disclosure.case_events set note = 'x'`), /only ever added/);
});

test('each agreement about the deadline is kept, and only one stands', async () => {
  const id = await world.open();
  await walk(id, 'confirm', 'notify', 'acknowledge', 'extend');
  const { rows } = await world.database.query<{ state: string }>(
    'select state from disclosure.embargoes where case_id = $1 order by due_at',
    [id],
  );
  assert.deepEqual(
    rows.map(({ state }) => state),
    ['superseded', 'accepted'],
  );
  await walk(id, 'leak');
  const { rows: afterwards } = await world.database.query<{ state: string }>(
    `select state from disclosure.embargoes where case_id = $1 and state = 'accepted'`,
    [id],
  );
  assert.deepEqual(afterwards, []);
});

test('a report sent late moves the promised day of its commitment, in the log and with a reason', async () => {
  const id = await world.open();
  const promised = (await world.disclosure.find(id))?.commitment.openedBy ?? '';
  world.clock.passDays(60);
  await walk(id, 'confirm', 'notify');
  const opened = await world.disclosure.find(id);
  assert.ok(opened && 'dueAt' in opened.case && opened.case.dueAt);
  assert.equal(opened.commitment.openedBy, addDays(opened.case.dueAt, 1).toISOString().slice(0, 10));
  assert.ok(opened.commitment.openedBy > promised);
  assert.equal(await countEntries(opened.commitment.id, 'extension'), 1);
});

test('a deadline is noticed once, when its instant has come', async () => {
  const id = await world.open();
  await walk(id, 'confirm', 'notify');
  const mine = (clocks: readonly { caseId: string; kind: string }[]) =>
    clocks.filter(({ caseId }) => caseId === id).map(({ kind }) => kind);
  assert.deepEqual(mine(await world.disclosure.reachClocks()), []);
  world.clock.passDays(90);
  assert.deepEqual(mine(await world.disclosure.reachClocks()).sort(), ['acknowledgement', 'disclosure']);
  assert.deepEqual(mine(await world.disclosure.reachClocks()), []);
});

test('the simulated maintainer answers demonstrations alone, and each answer says that it is simulated', async () => {
  const id = await world.open();
  await walk(id, 'confirm', 'notify');
  for (const expected of ['acknowledge', 'patch', 'fix-released']) {
    const opened = await world.disclosure.find(id);
    assert.ok(opened && isDemonstration(opened.case));
    const answer = nextSimulatedAnswer(opened.case, { fixedVersion: '1.2.3', patch: null });
    assert.equal(answer?.step, expected);
    assert.match(answer?.note ?? '', /^SIMULATED/);
    await walk(id, answer?.step ?? 'confirm');
  }
});

test('the report is one page of plain text with reproducer, deadline in UTC, and no second finding', async () => {
  const id = await world.open();
  await walk(id, 'confirm', 'notify');
  const opened = await world.disclosure.find(id);
  assert.ok(opened);
  const { subject, text } = await world.disclosure.report(opened);
  assert.match(subject, /^\[DEMONSTRATION\] Security: prototype pollution in @scope\/example 1\.2\.2/);
  const page = text.slice(0, text.indexOf('---- reproduce.cjs ----')).split('\n');
  assert.ok(page.length <= 60 && page.every((line) => line.length <= 120), `${page.length} lines`);
  assert.match(text, /marker-of-the-reproducer/);
  assert.match(text, /private until \d{4}-\d\d-\d\d \d\d:\d\d UTC/);
  assert.match(text, /found and reproduced by an automated search/);
  assert.match(text, /Answer to: security@example\.org/);
});

test('what is learnt while a case runs stands in its documents, which stay valid', async () => {
  const id = await world.open();
  await world.disclosure.learn(id, { patch: '--- a\n+++ b\n', knownAs: ['CVE-2029-1234'] });
  const opened = await world.disclosure.find(id);
  assert.ok(opened);
  const record = world.disclosure.toRecord(opened, 'draft', world.clock.now());
  assert.deepEqual(record.aliases, ['CVE-2029-1234']);
  assert.ok(record.demonstration && record.status === 'draft');
  assert.deepEqual(validate('csaf', toCsaf(record)).errors, []);
  assert.ok(!JSON.stringify(record).includes('marker-of-the-reproducer'));
});

test('unmeasured, exactly the version in which the flaw was shown is called affected', async () => {
  const opened = await world.disclosure.find(await world.open({ finding: { ...FINDING, affected: null } }));
  assert.ok(opened);
  const record = world.disclosure.toRecord(opened, 'draft', world.clock.now());
  assert.deepEqual(record.affected.events, [{ introduced: '1.2.2' }, { lastAffected: '1.2.2' }]);
  assert.deepEqual(validate('csaf', toCsaf(record)).errors, []);
});

test('how a flaw is reached is told only after the details may be', async () => {
  const id = await world.open();
  await walk(id, 'confirm', 'notify', 'acknowledge', 'patch', 'fix-released', 'disclose');
  const opened = await world.disclosure.find(id);
  assert.ok(opened);
  const now = world.clock.now();
  const told = (at: Date) => world.disclosure.toRecord(opened, 'final', at).description.includes(FINDING.entry);
  assert.equal(told(addDays(now, 44)), false);
  assert.equal(told(addDays(now, 45)), true);
});

test('the secret half is found by case, finding and commitment, and by nothing else', async () => {
  const id = await world.open();
  const opened = await world.disclosure.find(id);
  assert.ok(opened);
  const asked = { field: 'class', actor: 'operator' } as const;
  for (const name of [id, opened.findingId, opened.commitment.id]) {
    assert.equal((await world.disclosure.revealSealed(name, asked))?.commitment, opened.commitment.id);
  }
  assert.equal(await world.disclosure.revealSealed('case_none', asked), undefined);
});

test('a field that is shown while it is sealed stands in the history with its name; one that is open does not', async () => {
  const id = await world.open();
  const asked = { field: 'severity', actor: 'operator' } as const;
  const shown = async () =>
    (await world.disclosure.find(id))?.history.filter(({ event }) => event === 'revealed field severity').length;
  await world.disclosure.revealSealed(id, asked);
  assert.equal(await shown(), 1);
  await walk(id, 'withdraw');
  await world.disclosure.revealSealed(id, asked);
  assert.equal(await shown(), 1);
});

test('that the text of a reproducer was shown, by whichever command, stands in the history of its case', async () => {
  const { id: findingId } = await world.database.transaction((tx) =>
    recordFinding(tx, FINDING, { vault: world.vault, random: world.random, now: new Date(), campaignId: null }),
  );
  const id = await world.open({ findingId });
  const at = world.clock.now();
  await createFindingStore(world.database, world.vault).recordReveal(findingId, 'reproduce --save', at);
  const { history } = (await world.disclosure.find(id)) ?? { history: [] };
  const shown = history.find(({ event }) => event === 'revealed by reproduce --save');
  assert.deepEqual([shown?.stage, shown?.at], ['received', at]);
});

test('a root cause that is found again by another way adds that way to the details of its case, once', async () => {
  const id = await world.open();
  const again = { entry: 'another way', otherEntries: ['a third', FINDING.entry] };
  for (let times = 0; times < 2; times += 1) {
    await world.database.transaction((tx) => world.disclosure.addEntries(tx, id as CaseId, again));
  }
  assert.deepEqual((await world.disclosure.find(id))?.finding.otherEntries, ['a third', 'another way']);
});

async function overdueAt(commitment: string | undefined, asOf: Date): Promise<number | undefined> {
  await world.log.sequence();
  const report = await verifyLog(world.log.directory, { key: formatVerifierKey(world.log.logKey) });
  assert.ok(report.ok);
  return overdueOpenings(report.value.commitments, asOf).find(({ commitment: id }) => id === commitment)?.daysOverdue;
}

for (const [step, before] of [
  ['reject', []],
  ['withdraw', ['confirm', 'notify']],
] as const) {
  test(`after ${step} a real case stays sealed until the promised day, is then opened as withdrawn and is not overdue`, async () => {
    const real = world.disclosureUnder('real');
    const fresh = newCase({ knownAs: [], vendor: { name: 'them', address: null, simulated: false } });
    const opened = await world.database.transaction((tx) => real.openCase(tx, fresh));
    assert.ok(opened.ok);
    const id = opened.value;
    for (const each of [...before, step]) assert.ok((await real.take(each, id, by)).ok, each);
    const ended = async () => (await real.find(id))?.commitment.endedAt ?? null;
    const commitment = (await real.find(id))?.commitment.id;
    assert.equal(await ended(), null, 'opened before its day');
    world.clock.passDays(134);
    await real.reachClocks();
    assert.equal(await ended(), null, 'opened before its day');
    world.clock.passDays(1);
    await real.reachClocks();
    assert.ok(await ended());
    assert.equal(await overdueAt(commitment, addDays(world.clock.now(), 100)), undefined);
    assert.equal(await countEntries(commitment, 'withdrawal'), 1);
  });
}

test('a withdrawn demonstration hides nothing: what is public is opened at once', async () => {
  const id = await world.open();
  await walk(id, 'confirm', 'withdraw');
  const { commitment } = (await world.disclosure.find(id)) ?? {};
  assert.equal(await countEntries(commitment?.id, 'withdrawal'), 1);
  assert.equal(await overdueAt(commitment?.id, addDays(world.clock.now(), 500)), undefined);
});

test('the check for overdue openings sees one that nobody opened', async () => {
  const { commitment } = (await world.disclosure.find(await world.open())) ?? {};
  assert.equal(await overdueAt(commitment?.id, addDays(world.clock.now(), 136)), 1);
});

async function countEntries(commitment: string | undefined, type: string): Promise<number | undefined> {
  const { rows } = await world.database.query<{ count: number }>(
    'select count(*)::int as count from tlog.entries where commitment = $1 and type = $2',
    [commitment, type],
  );
  return rows[0]?.count;
}

test('the secret half of the commitment is kept for its opening', async () => {
  const id = await world.open();
  const opened = await world.disclosure.find(id);
  assert.ok(opened);
  const sealed = await world.database.transaction((tx) => world.disclosure.readSealed(tx, opened));
  assert.equal(sealed.values.target, 'pkg:npm/%40scope/example');
  assert.equal((await createDetailsStore(world.database).getCommitment(id)).root, opened.commitment.root);
});
