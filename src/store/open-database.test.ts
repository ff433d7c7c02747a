import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { openDatabase } from './open-database.ts';
import { StoreError } from './store-error.ts';
import { createTestDatabase, type TestDatabase } from './test-database.ts';

let test_: TestDatabase;
before(async () => {
  test_ = await createTestDatabase();
  await test_.database.query('create table fruit (name text primary key, weight int not null default 0)');
});
after(() => test_.drop());

test('a transaction keeps all of its rows', async () => {
  await test_.database.transaction(async (tx) => {
    await tx.query('insert into fruit (name) values ($1), ($2)', ['apple', 'pear']);
  });
  const { rows } = await test_.database.query<{ name: string }>('select name from fruit order by name');
  assert.deepEqual(
    rows.map(({ name }) => name),
    ['apple', 'pear'],
  );
});

test('a transaction that throws keeps none of its rows, and its connection goes back', async () => {
  await assert.rejects(
    test_.database.transaction(async (tx) => {
      await tx.query(`insert into fruit (name) values ('plum')`);
      throw new Error('no plums');
    }),
    /no plums/,
  );
  assert.deepEqual((await test_.database.query(`select from fruit where name = 'plum'`)).rows, []);
  const { total, idle } = test_.database.stats();
  assert.equal(total, idle);
});

test('a transaction whose failed statement was caught and forgotten is an error, not a silent rollback', async () => {
  await assert.rejects(
    test_.database.transaction(async (tx) => {
      await tx.query(`insert into fruit (name) values ('fig')`);
      await tx.query('select 1/0').catch(() => {});
    }),
    /rolled back/,
  );
});

test('a statement that escapes its transaction is refused', async () => {
  let leaked: (() => Promise<unknown>) | undefined;
  await test_.database.transaction(async (tx) => {
    leaked = () => tx.query(`insert into fruit (name) values ('late')`);
  });
  assert.throws(() => leaked?.(), /has ended/);
});

test('of two serializable writers that conflict, the second is run again when it asked for that', async () => {
  await test_.database.query(`insert into fruit (name, weight) values ('kiwi', 0)`);
  let runs = 0;
  let meet: () => void = () => {};
  const bothHaveRead = new Promise<void>((resolve) => {
    meet = resolve;
  });
  const bump = () =>
    test_.database.transaction(
      async (tx) => {
        runs += 1;
        const { rows } = await tx.query<{ weight: number }>(`select weight from fruit where name = 'kiwi'`);
        if (runs >= 2) meet();
        await bothHaveRead;
        await tx.query(`update fruit set weight = $1 where name = 'kiwi'`, [(rows[0]?.weight ?? 0) + 1]);
      },
      { isolation: 'serializable', attempts: 5 },
    );
  await Promise.all([bump(), bump()]);
  const { rows } = await test_.database.query<{ weight: number }>(`select weight from fruit where name = 'kiwi'`);
  assert.equal(rows[0]?.weight, 2);
  assert.ok(runs > 2);
});

test('without asking, a conflict is thrown', async () => {
  const bump = () =>
    test_.database.transaction(
      async (tx) => {
        await tx.query(`select weight from fruit where name = 'apple'`);
        await tx.query('select pg_sleep(0.05)');
        await tx.query(`update fruit set weight = weight + 1 where name = 'apple'`);
      },
      { isolation: 'serializable' },
    );
  const outcomes = await Promise.allSettled([bump(), bump()]);
  assert.deepEqual(outcomes.map(({ status }) => status).toSorted(), ['fulfilled', 'rejected']);
});

test('a statement that runs longer than its limit is ended', async () => {
  const impatient = await openDatabase({ url: test_.url, statementTimeoutMs: 50 });
  await assert.rejects(impatient.query('select pg_sleep(10)'), /statement timeout/);
  await impatient.close();
});

test('connections that the server ends while idle are reported and replaced', async () => {
  let lost = 0;
  const database = await openDatabase({ url: test_.url, name: 'to be cut', onLostConnection: () => (lost += 1) });
  await test_.database.query(
    `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'to be cut'`,
  );
  // Two round trips on another connection: by then the end of the first has arrived.
  while (lost === 0) await test_.database.query('select 1');
  assert.equal((await database.query<{ one: number }>('select 1 as one')).rows[0]?.one, 1);
  await database.close();
});

test('a database that does not answer is named unreachable', async () => {
  await assert.rejects(
    openDatabase({ url: 'postgres://nobody@127.0.0.1:1/none' }),
    (error) => error instanceof StoreError && error.trouble === 'unreachable',
  );
});
