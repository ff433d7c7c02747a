/**
 * Opens cases through the real steps while its own clock is set back by the days of their deadlines, so that each comes
 * due soon. Half are reported, half rejected. Of ten jobs of a deadline one each is lost, doubled, late and early.
 * Tells of each case: `{ id, dueAt }`, in true time; and at the end what became of the jobs.
 */
import { createOutbox } from '../../src/contact/index.ts';
import { findCase } from '../../src/disclosure/case-view-service.ts';
import { createDisclosure } from '../../src/disclosure/index.ts';
import { systemRandom } from '../../src/lib/id.ts';
import { createSeededRandom } from '../../src/lib/seeded-random.ts';
import { openDatabase } from '../../src/store/open-database.ts';
import { createVault } from '../../src/store/vault.ts';
import { createTlog } from '../../src/tlog/index.ts';
import { newCase, PUBLISHER } from './disclosure.ts';

const DAY_MS = 86_400_000;
const DUE_DAYS = 90;
/** A withdrawn case opens its commitment this long after it was sealed. */
const PROMISE_DAYS = 135;
const AT_ONCE = 3;

const [url = '', masterKey = '', home = '', count = '0', aheadMs = '0', untilMs = '0', seed = '1'] =
  process.argv.slice(2);
const random = systemRandom;
const fates = createSeededRandom(Number(seed));
const database = await openDatabase({ url, maxConnections: AT_ONCE, name: 'embargo opening' });
const vault = createVault({ masterKey: Buffer.from(masterKey, 'hex'), random });
const contact = { name: 'Example coordination', address: 'security@example.org' };

async function openUnder(days: number) {
  const clock = { now: () => new Date(Date.now() - days * DAY_MS + Number(aheadMs)) };
  const log = await createTlog({ database, clock, random, home, sequenceByJob: true });
  const common = { database, clock, random, vault };
  const outbox = createOutbox({ ...common, from: contact, carriers: {}, findMatter: findCase });
  // Believed as it is: what is under trial is who notices the deadline.
  const instants = { read: async () => ({ at: clock.now(), heldSince: null, freedAt: null }) };
  return createDisclosure({ ...common, log, outbox, publisher: PUBLISHER, contact, time: 'real', instants });
}

const reporting = await openUnder(DUE_DAYS);
const rejecting = await openUnder(PROMISE_DAYS);
const jobs = { lost: 0, doubled: 0, late: 0, early: 0 };

async function openOne(isRejected: boolean): Promise<void> {
  const disclosure = isRejected ? rejecting : reporting;
  const vendor = { name: 'them', address: null, simulated: false };
  const opened = await database.transaction((tx) => disclosure.openCase(tx, newCase({ knownAs: [], vendor })));
  if (!opened.ok) throw new Error(opened.refusal.kind);
  const id = opened.value;
  for (const step of isRejected ? (['reject'] as const) : (['confirm', 'notify'] as const)) {
    const taken = await disclosure.take(step, id, { actor: 'bench' });
    if (!taken.ok) throw new Error(`${step}: ${taken.refusal.kind}`);
  }
  const { rows } = await database.query<{ due_at: Date }>(
    'select due_at from disclosure.clocks where case_id = $1 and kind = $2',
    [id, isRejected ? 'opening' : 'disclosure'],
  );
  if (!rows[0]) throw new Error(`the clock of ${id} does not run`);
  await disturb(`${id} ${isRejected ? 'opening' : 'disclosure'}`, rows[0].due_at);
  process.send?.({ id, dueAt: rows[0].due_at.getTime() });
}

async function disturb(key: string, dueAt: Date): Promise<void> {
  const fate = fates.below(10);
  if (fate === 0) {
    jobs.lost += 1;
    await database.query('select graphile_worker.remove_job($1)', [key]);
  } else if (fate === 1) {
    jobs.doubled += 1;
    await database.query(
      `select graphile_worker.add_job('disclosure.clock', payload := json_build_object('case', $1::text), run_at := $2)`,
      [key.split(' ')[0], dueAt],
    );
  } else if (fate <= 3) {
    jobs[fate === 2 ? 'late' : 'early'] += 1;
    const offMs = fate === 2 ? fates.below(45_000) : -fates.below(3_600_000);
    await database.query('update graphile_worker._private_jobs set run_at = $2 where key = $1', [
      key,
      new Date(dueAt.getTime() + offMs),
    ]);
  }
}

let left = Number(count);
await Promise.all(
  Array.from({ length: AT_ONCE }, async () => {
    while (left > 0 && Date.now() < Number(untilMs)) {
      left -= 1;
      await openOne(left % 2 === 0);
    }
  }),
);
process.send?.({ jobs });
process.disconnect();
await database.close();
