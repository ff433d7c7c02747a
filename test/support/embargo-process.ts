/** A worker whose machine's clock is wrong, that may be killed at any moment: handles deadlines, and tries to open early. */
import { setTimeout as sleep } from 'node:timers/promises';
import { createContactJobs, createOutbox } from '../../src/contact/index.ts';
import { findCase } from '../../src/disclosure/case-view-service.ts';
import { createDisclosure, createDisclosureJobs } from '../../src/disclosure/index.ts';
import { systemRandom } from '../../src/lib/id.ts';
import { createSeededRandom } from '../../src/lib/seeded-random.ts';
import { startWorkers } from '../../src/store/job-worker.ts';
import { openDatabase } from '../../src/store/open-database.ts';
import { createVault } from '../../src/store/vault.ts';
import { createTimekeeping } from '../../src/timekeeping/index.ts';
import { createSequenceJobs, createTlog } from '../../src/tlog/index.ts';
import { PUBLISHER } from './disclosure.ts';

const [url = '', masterKey = '', home = '', skewMs = '0', seed = '1'] = process.argv.slice(2);
const random = systemRandom;
/** Wrong, and asked by nothing that decides. */
const machine = { now: () => new Date(Date.now() + Number(skewMs)) };
const database = await openDatabase({ url, maxConnections: 5, name: 'embargo worker' });
const vault = createVault({ masterKey: Buffer.from(masterKey, 'hex'), random });
const log = await createTlog({ database, clock: machine, random, home, sequenceByJob: true });
const contact = { name: 'Example coordination', address: 'security@example.org' };
const outbox = createOutbox({
  database,
  clock: machine,
  random,
  vault,
  from: contact,
  carriers: {},
  findMatter: findCase,
});
const timekeeping = createTimekeeping({ database, machine, monotonicMs: () => performance.now(), random });
const disclosure = createDisclosure({
  ...{ database, clock: machine, time: 'real', random, vault, log, outbox, publisher: PUBLISHER, contact },
  instants: timekeeping,
});

/** What waits for a deadline goes out as soon as one is noticed. */
async function reach(caseId?: string) {
  const reached = await disclosure.reachClocks(caseId);
  for (const { caseId, kind } of reached) {
    if (kind === 'disclosure') await disclosure.take('disclose', caseId, { actor: 'worker' }).catch(() => {});
  }
  return reached;
}

await startWorkers({
  database,
  handlers: {
    ...createDisclosureJobs({ disclosure: { reachClocks: reach } }),
    ...createContactJobs({ outbox }),
    ...createSequenceJobs(log),
  },
  concurrency: 2,
  random,
  vault,
});
timekeeping.watch({ onLook: () => reach(), onTrouble: () => {} });
process.send?.('ready');

const pick = createSeededRandom(Number(seed));
for (;;) {
  const { rows } = await database
    .query<{ id: string }>('select id from disclosure.cases where notified_at is not null offset $1 limit 1', [
      pick.below(5_000),
    ])
    .catch(() => ({ rows: [] }));
  // By its own clock the time may have come an hour ago.
  if (rows[0]) await disclosure.take('disclose', rows[0].id, { actor: 'eager worker' }).catch(() => {});
  await sleep(pick.below(2_000));
}
