/** A worker that sends: the outbox over the fakes it is told of, in a process of its own, until it is killed. */
import { createContactJobs, createOutbox } from '../../src/contact/index.ts';
import { findCase } from '../../src/disclosure/index.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { systemRandom } from '../../src/lib/id.ts';
import { startWorkers } from '../../src/store/job-worker.ts';
import { openDatabase } from '../../src/store/open-database.ts';
import { createVault } from '../../src/store/vault.ts';
import { carriersTo, type Fakes, SENDER } from './outbox-world.ts';

interface Order {
  readonly url: string;
  readonly masterKey: string;
  readonly fakes: Fakes;
}

const CONCURRENCY = 4;
/** Every send holds one connection while it waits and takes another to say that it begins. */
const CONNECTIONS = 3 * CONCURRENCY;

process.on('message', async ({ url, masterKey, fakes }: Order) => {
  const database = await openDatabase({ url, maxConnections: CONNECTIONS, name: 'outbox worker' });
  const vault = createVault({ masterKey: Buffer.from(masterKey, 'base64'), random: systemRandom });
  const outbox = createOutbox({
    database,
    clock: systemClock,
    random: systemRandom,
    vault,
    from: SENDER,
    carriers: carriersTo(fakes),
    findMatter: findCase,
  });
  await startWorkers({
    database,
    handlers: createContactJobs({ outbox }),
    concurrency: CONCURRENCY,
    random: systemRandom,
    vault,
    onFailure: ({ error }) => process.send?.({ failure: error instanceof Error ? error.message : String(error) }),
    onTrouble: () => {},
  });
  process.send?.({ ready: true });
});
process.on('disconnect', () => process.exit());
process.send?.({ waiting: true });
