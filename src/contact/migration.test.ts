/** The outbox of disclosure moves to contact with everything in it. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { migrate, readMigrations } from '../store/migrate.ts';
import { createTestDatabase, type TestDatabase } from '../store/test-database.ts';

const CONTACT = 190;

let migrated: TestDatabase;

const ROWS = [
  { id: 'message_a', kind: 'real', channel: 'smtp', state: 'sent', attempts: 1, trouble: null },
  { id: 'message_b', kind: 'real', channel: 'smtp', state: 'pending', attempts: 0, trouble: null },
  { id: 'message_c', kind: 'real', channel: 'smtp', state: 'pending', attempts: 2, trouble: 'Timeout' },
  { id: 'message_d', kind: 'real', channel: 'smtp', state: 'pending', attempts: 2, trouble: 'mail is not configured' },
  { id: 'message_e', kind: 'real', channel: 'smtp', state: 'refused', attempts: 1, trouble: '550' },
  { id: 'message_f', kind: 'demonstration', channel: 'file', state: 'sent', attempts: 1, trouble: null },
] as const;

before(async () => {
  migrated = await createTestDatabase({ empty: true });
  const { pool } = migrated.database;
  const numbers = (await readMigrations()).map(({ number }) => number);
  await migrate(pool, { only: new Set(numbers.filter((number) => number < CONTACT)) });
  await pool.query(`insert into store.data_keys (id, subject, master_key, wrapped) values ('key_1', 's', 'm', '')`);
  for (const { id, kind, channel, state, attempts, trouble } of ROWS) {
    const time = kind === 'real' ? 'real' : 'compressed';
    await pool.query(
      `insert into disclosure.cases (id, version, kind, time, policy, stage, embargo, opened_at)
       values ($1, 1, $2, $3, 'p', 'received', 'none', now())`,
      [`case_${id}`, kind, time],
    );
    await pool.query(
      `insert into disclosure.details (case_id, finding_id, key_id, finding, sealed, learnt)
       values ($1, $1, 'key_1', '', '', '')`,
      [`case_${id}`],
    );
    await pool.query(
      `insert into disclosure.case_parties (id, case_id, case_kind, position, role, simulated, report, contact)
       values ($1, $2, $3, 0, 'vendor', false, 'start', '')`,
      [`party_${id}`, `case_${id}`, kind],
    );
    await pool.query(
      `insert into disclosure.reports (id, case_id, party_id, rendered_at, sha256, sealed)
       values ($1, $2, $3, now(), 'x', '')`,
      [`report_${id}`, `case_${id}`, `party_${id}`],
    );
    await pool.query(
      `insert into disclosure.outbox (id, case_id, case_kind, report_id, channel, message_id, sealed, state, attempts,
                                      trouble, created_at, sent_at)
       values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, '2026-01-01', $11)`,
      [
        id,
        `case_${id}`,
        kind,
        `report_${id}`,
        channel,
        `<${id}@example.org>`,
        Buffer.from(id),
        state,
        attempts,
        trouble,
        state === 'sent' ? new Date(0) : null,
      ],
    );
    await pool.query(
      `select graphile_worker.add_job('disclosure.send', json_build_object('message', $1::text), job_key := $1)`,
      [id],
    );
  }
  await migrate(pool);
});
after(() => migrated.drop());

test('every row is kept; what had no answer waits for a person, what never left is still to be sent', async () => {
  const { rows } = await migrated.database.query<Record<string, unknown>>(
    `select id, case_id, case_kind, channel, marker, key_id, convert_from(sealed, 'utf8') as sealed, state, attempts,
            trouble from contact.messages order by id`,
  );
  const state = (row: (typeof ROWS)[number]) => (row.id === 'message_c' ? 'uncertain' : row.state);
  assert.deepEqual(
    rows,
    ROWS.map((row) => ({
      id: row.id,
      case_id: `case_${row.id}`,
      case_kind: row.kind,
      channel: row.channel,
      marker: `<${row.id}@example.org>`,
      key_id: 'key_1',
      sealed: row.id,
      state: state(row),
      attempts: row.attempts,
      trouble: row.trouble,
    })),
  );
});

test('every report knows its message, and what is to be sent has a job of the new name', async () => {
  const reports = await migrated.database.query('select id, message_id from disclosure.reports order by id');
  assert.deepEqual(
    reports.rows,
    ROWS.map(({ id }) => ({ id: `report_${id}`, message_id: id })),
  );
  const { rows } = await migrated.database.query<{ key: string; name: string }>(
    'select key, task_identifier as name from graphile_worker.jobs order by key',
  );
  const open = rows.filter(({ key }) => ['message_b', 'message_c', 'message_d'].includes(key));
  assert.deepEqual(
    open.map(({ name }) => name),
    ['contact.send', 'contact.send', 'contact.send'],
  );
});
