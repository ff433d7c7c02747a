import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { PageAsk } from './page.ts';
import { readPage, readWhole } from './page.ts';
import { createTestDatabase, type TestDatabase } from './test-database.ts';

let db: TestDatabase;
/** More than one round trip of a whole list. */
const ROWS = 2_345;

before(async () => {
  db = await createTestDatabase();
  await db.database.query('create table public.things (id text primary key, at integer not null, kind text not null)');
  // Seven share each instant, so that the id has to tell them apart.
  await db.database.query(
    `insert into public.things select 'thing_' || n, n / 7, case when n % 2 = 0 then 'even' else 'odd' end
       from generate_series(1, $1::int) as n`,
    [ROWS],
  );
});
after(() => db.drop());

const list = { table: 'public.things', order: ['at', 'id'] } as const;
const idOf = ({ id }: { id: string }): string => id;
const page = (ask: PageAsk, more: object = {}) => readPage(db.database, { ...list, ...more }, ask, idOf);

test('pages hold everything once and in order, whatever their size, and the last one says so', async () => {
  const whole = await readWhole((ask) => page(ask));
  assert.equal(new Set(whole).size, ROWS);
  for (const limit of [1_000, 469, ROWS, ROWS + 1]) {
    const seen: string[] = [];
    let next: string | undefined;
    do {
      const found = await page({ limit, after: next });
      assert.ok(found.items.length <= limit && found.items.length > 0);
      seen.push(...found.items);
      next = found.next;
    } while (next !== undefined);
    assert.deepEqual(seen, whole, `pages of ${limit}`);
  }
});

test('the newest first is the same list from its other end', async () => {
  const whole = await readWhole((ask) => page(ask));
  assert.deepEqual(await readWhole((ask) => page(ask, { isNewestFirst: true })), whole.toReversed());
});

test('what does not belong to the list is no place in it, and no part of it', async () => {
  const odd = { where: 'kind = $1', parameters: ['odd'] };
  const whole = await readWhole((ask) => page(ask, odd));
  assert.equal(whole.length, Math.ceil(ROWS / 2));
  assert.deepEqual(await page({ limit: 5, after: 'thing_2' }, odd), { items: [], next: undefined });
  assert.deepEqual(await page({ limit: 5, after: 'nothing' }), { items: [], next: undefined });
  assert.equal((await page({ limit: 5, after: 'thing_1' }, odd)).items.length, 5);
});

test('rows that come and go between two pages move nothing else', async () => {
  const first = await page({ limit: 10 });
  await db.database.query("insert into public.things values ('thing_0', 0, 'new')");
  await db.database.query('delete from public.things where id = $1', [first.items[0]]);
  const second = await page({ limit: 10, after: first.next });
  assert.equal(new Set([...first.items, ...second.items]).size, 20);
});
