/** One import as a process of its own, to be killed or measured: `DATABASE_URL`, `MASTER_KEY` (hexadecimal) and the file. */
import { createIntake, openFileSource } from '../../src/intake/index.ts';
import { systemRandom } from '../../src/lib/id.ts';
import { openDatabase } from '../../src/store/open-database.ts';
import { createVault } from '../../src/store/vault.ts';

const { DATABASE_URL: url = '', MASTER_KEY: key = '' } = process.env;
const [, , file = ''] = process.argv;
const database = await openDatabase({ url, name: 'import' });
const vault = createVault({ masterKey: Buffer.from(key, 'hex'), random: systemRandom });
const intake = createIntake({ database, vault, random: systemRandom });
const source = await openFileSource(file);
const started = performance.now();
const done = await intake.importFrom(source, { format: 'auto', origin: 'file' });
const seconds = (performance.now() - started) / 1_000;
const { user, system } = process.cpuUsage();
process.stdout.write(`${JSON.stringify({ ...done, seconds, cpuSeconds: (user + system) / 1e6 })}\n`);
await database.close();
