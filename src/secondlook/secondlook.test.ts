import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { systemRandom } from '../lib/id.ts';
import { createTestDatabase, type TestDatabase } from '../store/test-database.ts';
import { createVault } from '../store/vault.ts';
import { agreementOf, type PersonsVerdict, shareOf } from './agreement.ts';
import { createDraw } from './sample.ts';
import { createSecondLooks, FEWEST_PUBLISHED, type SecondLooks } from './secondlook.ts';

let world: TestDatabase;
let looks: SecondLooks;
let rejected: string[];
const reopened: { id: string; actor: string }[] = [];
let canReopen = true;

before(async () => {
  world = await createTestDatabase();
  const vault = createVault({ masterKey: Buffer.alloc(32, 9), random: systemRandom });
  const none = { list: async () => [], show: async () => undefined, reopen: async () => undefined };
  looks = createSecondLooks({
    ...{ database: world.database, vault },
    kinds: {
      'intake-rejection': {
        list: async (isDrawn) => rejected.filter(isDrawn),
        show: async (id) => ({ id, why: 'it said nothing' }),
        reopen: async (_tx, id, { actor }) => {
          if (!canReopen) return undefined;
          reopened.push({ id, actor });
          return 'canonical again';
        },
      },
      'verify-rejection': none,
      'low-verdict': none,
    },
  });
});
after(() => world?.drop());
let round = 0;
beforeEach(async () => {
  round += 1;
  canReopen = true;
  rejected = Array.from({ length: 20 }, (_, number) => `record_${round}_${number}`);
  await looks.setSettings({ perThousand: 1_000, persons: 1 });
});

const recordOf = async (id: string): Promise<unknown> => (await looks.show(id))?.id;
/** Looks at the records of this test. */
const openIds = async (): Promise<string[]> => {
  const ids: string[] = [];
  for (const { id } of await looks.open()) if (rejected.includes(String(await recordOf(id)))) ids.push(id);
  return ids;
};
const said = (person: string, verdict: PersonsVerdict) => ({ person, verdict, note: `by ${person}` });

test('what is drawn depends on the key and the id alone, at about the rate, and a higher rate draws more of the same', () => {
  const ids = Array.from({ length: 20_000 }, (_, number) => `record_${number}`);
  const of = (key: number, rate: number) =>
    ids.filter((id) => createDraw(Buffer.alloc(32, key), rate)('intake-rejection', id));
  const few = of(1, 50);
  assert.deepEqual(few, of(1, 50));
  const { low, high } = shareOf(few.length, ids.length);
  assert.ok(low < 0.05 && 0.05 < high, `${few.length} of ${ids.length}`);
  const more = new Set(of(1, 100));
  assert.ok(few.every((id) => more.has(id)));
  assert.notDeepEqual(few, of(2, 50));
  assert.deepEqual(of(1, 0), []);
  assert.equal(of(1, 1_000).length, ids.length);
  for (const rate of [-1, 1_001, 0.5, Number.NaN]) assert.throws(() => of(1, rate), RangeError);
});

test('drawn twice, a record is looked at once', async () => {
  assert.equal(await looks.draw(), 20);
  assert.equal(await looks.draw(), 0);
  assert.equal((await openIds()).length, 20);
});

test('a verdict that stands changes nothing, one that does not reopens the record there and then', async () => {
  await looks.draw();
  const [kept = '', wrong = ''] = await openIds();
  const stands = await looks.decide(kept, said('ada', 'stands'));
  assert.deepEqual(stands, { ok: true, value: { outcome: 'stands', done: null } });
  const falls = await looks.decide(wrong, said('ada', 'does-not-stand'));
  assert.deepEqual(falls, { ok: true, value: { outcome: 'reopened', done: 'canonical again' } });
  assert.deepEqual(reopened.at(-1), { id: await recordOf(wrong), actor: 'ada' });
  assert.ok(!(await openIds()).includes(wrong));
  const late = await looks.decide(wrong, said('bea', 'stands'));
  assert.equal(!late.ok && late.refusal.kind, 'decided');
  await looks.draw();
  assert.ok(!(await openIds()).includes(wrong), 'it is not drawn again');
});

test('of two persons neither hears the other before both have spoken, and one voice reopens', async () => {
  await looks.setSettings({ perThousand: 1_000, persons: 2 });
  await looks.draw();
  const [id = ''] = await openIds();
  const first = await looks.decide(id, said('ada', 'stands'));
  assert.deepEqual(first, { ok: true, value: { outcome: null, done: null } });
  assert.equal(await looks.words(id), undefined);
  assert.doesNotMatch(JSON.stringify(await looks.show(id)), /ada|stands/);
  const again = await looks.decide(id, said('ada', 'does-not-stand'));
  assert.equal(!again.ok && again.refusal.kind, 'said-already');
  const second = await looks.decide(id, said('bea', 'does-not-stand'));
  assert.ok(second.ok && second.value.outcome === 'reopened');
  assert.deepEqual(
    (await looks.words(id))?.map(({ person, note }) => [person, note]),
    [
      ['ada', 'by ada'],
      ['bea', 'by bea'],
    ],
  );
});

test('verdicts given at once are counted once each, and the record is reopened once', async () => {
  await looks.setSettings({ perThousand: 1_000, persons: 2 });
  await looks.draw();
  const [id = ''] = await openIds();
  const count = reopened.length;
  const words = ['ada', 'bea', 'cy', 'ada'].map((person) => said(person, 'does-not-stand'));
  const outcomes = await Promise.all(words.map((word) => looks.decide(id, word)));
  assert.equal(outcomes.filter(({ ok }) => ok).length, 2);
  assert.equal(reopened.length, count + 1);
});

test('what cannot be reopened is not called so, and the verdict may be given again', async () => {
  await looks.draw();
  const [id = ''] = await openIds();
  canReopen = false;
  const refused = await looks.decide(id, said('ada', 'does-not-stand'));
  assert.equal(!refused.ok && refused.refusal.kind, 'cannot-reopen');
  canReopen = true;
  assert.ok((await looks.decide(id, said('ada', 'does-not-stand'))).ok);
});

test('figures that could be told apart are not published; notes and records lie in no table in the clear', async () => {
  const fresh = JSON.parse(await looks.publicFigures());
  const decidedNow = (await looks.figures()).kinds.find(({ kind }) => kind === 'intake-rejection')?.withMachine.of ?? 0;
  assert.equal(fresh.kinds.length, decidedNow >= FEWEST_PUBLISHED ? 1 : 0);
  await looks.draw();
  for (const id of (await openIds()).slice(0, FEWEST_PUBLISHED)) {
    await looks.decide(id, { ...said('ada', 'stands'), note: 'marker-of-the-note' });
  }
  const told = JSON.parse(await looks.publicFigures());
  assert.deepEqual(
    told.kinds.map(({ kind }: { kind: string }) => kind),
    ['intake-rejection'],
  );
  const { rows } = await world.database.query<{ row: string }>(
    'select v::text as row from secondlook.verdicts v union all select d::text from secondlook.drawn d',
  );
  assert.ok(rows.length > 0);
  for (const word of ['marker-of-the-note', 'record_']) {
    const hex = Buffer.from(word).toString('hex');
    assert.ok(
      rows.every(({ row }) => !row.includes(word) && !row.includes(hex)),
      word,
    );
  }
});

test('agreement is a share with its interval, and between two persons Cohen’s kappa', () => {
  // Cohen's own layout: 20 and 15 alike, 5 and 10 unlike, of 50: observed 0.7, expected 0.5.
  const pairs: readonly (readonly [number, PersonsVerdict, PersonsVerdict])[] = [
    [20, 'stands', 'stands'],
    [5, 'stands', 'does-not-stand'],
    [10, 'does-not-stand', 'stands'],
    [15, 'does-not-stand', 'does-not-stand'],
  ];
  const decided = pairs.flatMap(([times, ...verdicts]) =>
    Array.from({ length: times }, () => ({ kind: 'low-verdict', verdicts }) as const),
  );
  const agreement = agreementOf(decided);
  assert.ok(Math.abs((agreement.kappa ?? 0) - 0.4) < 1e-9);
  assert.deepEqual([agreement.betweenPersons.agreed, agreement.betweenPersons.of], [35, 50]);
  assert.deepEqual([agreement.withMachine.agreed, agreement.withMachine.of], [55, 100]);
  // Wilson's interval for 0 of 10 is [0, 0.2775], not [0, 0].
  const none = shareOf(0, 10);
  assert.ok(none.low === 0 && Math.abs(none.high - 0.2775) < 1e-4);
  assert.equal(agreementOf([]).kappa, null);
  const same = { kind: 'low-verdict', verdicts: ['stands', 'stands'] } as const;
  assert.equal(agreementOf([same, same]).kappa, null, 'who always says one thing agrees by no more than chance');
});
