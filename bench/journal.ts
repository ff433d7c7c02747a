/**
 * The journal: durable records and whole calls (reserve, admit, settle, post) by the number of calls under way, beside a bare
 * write and fdatasync of the same bytes. `node bench/journal.ts [--report]` prints Markdown; with --report it is also
 * written to bench/reports/<day>-journal.md. Run it on the disk that counts: TMPDIR says where.
 */
import { generateKeyPairSync } from 'node:crypto';
import { fdatasync, write } from 'node:fs';
import { mkdir, mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { availableParallelism, cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { openJournal, type Receipt } from '../src/journal/index.ts';
import { toAdmitLine } from '../src/journal/record.ts';
import { createLedger, createMeter, type LimitId, type Meter } from '../src/ledger/index.ts';
import { systemClock } from '../src/lib/clock.ts';
import { createEd25519Signer } from '../src/lib/ed25519.ts';
import { createId, systemRandom } from '../src/lib/id.ts';
import { createTestDatabase } from '../src/store/test-database.ts';

const MEASURE_MS = 5_000;
const CONCURRENCY = [1, 64, 256];
const MODEL_MS = 20;
const AT_ONCE = 'whole calls, the model answers at once';
const TARGET_AT = 64;
const TARGET_MICROS = 15;
const LIMITS: LimitId[] = ['organisation:o', 'person:p', 'key:k'];

interface Figure {
  readonly what: string;
  readonly concurrency: number;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly cpuMicros: number;
}

/** `once` runs one call and gives the milliseconds that a client would have waited for it. */
async function measure(what: string, concurrency: number, once: () => Promise<number>): Promise<Figure> {
  const times: number[] = [];
  const cpuBefore = process.cpuUsage();
  const start = performance.now();
  const lane = async (): Promise<void> => {
    while (performance.now() - start < MEASURE_MS) times.push(await once());
  };
  await Promise.all(Array.from({ length: concurrency }, lane));
  const seconds = (performance.now() - start) / 1_000;
  const { user, system } = process.cpuUsage(cpuBefore);
  const sorted = times.toSorted((left, right) => left - right);
  const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
  return {
    what,
    concurrency,
    perSecond: times.length / seconds,
    p50Ms: at(0.5),
    p99Ms: at(0.99),
    cpuMicros: (user + system) / times.length,
  };
}

const sha = 'ab'.repeat(32);
const who = {
  organisation: 'organisation_0123456789abcdef0123456789abcdef',
  person: 'person_0123456789abcdef0123456789abcdef',
  grant: 'grant_0123456789abcdef0123456789abcdef',
  scope: undefined,
  requestSha256: sha,
};
const keyed = { ...who, key: 'key_0123456789abcdef0123456789abcdef', model: 'model-1' };

const receiptOf = (
  call: Receipt['call'],
  gateway: Receipt['gateway'],
  admitted: Receipt['admitted'],
  costMicro: number,
  reservedMicro: number,
): Receipt => ({
  ...who,
  call,
  gateway,
  at: '2026-11-21T00:00:00.000Z',
  tier: 'partner',
  asked: 'model-1',
  served: 'model-1',
  why: '',
  verdicts: [{ guard: 'scope', verdict: 'pass' }],
  tokens: { input: 1_000, output: 500, cacheWrite5m: 0, cacheWrite1h: 0, cacheRead: 0 },
  costMicro,
  reservedMicro,
  outcome: 'ended',
  admitted,
  responseSha256: sha,
});

async function measureBare(folder: string): Promise<Figure> {
  const file = await open(join(folder, 'bare'), 'w');
  const [put, sync] = [promisify(write), promisify(fdatasync)];
  const admit = {
    ...keyed,
    call: createId('call', systemRandom),
    lease: createId('lease', systemRandom),
    limits: LIMITS,
  };
  const line = Buffer.from(`${toAdmitLine({ ...admit, reservedMicro: 1 }, 0)}\n`);
  try {
    return await measure(`bare write + fdatasync, ${line.length} bytes`, 1, async () => {
      const start = performance.now();
      await put(file.fd, line);
      await sync(file.fd);
      return performance.now() - start;
    });
  } finally {
    await file.close();
  }
}

async function measureJournal(folder: string, meter: Meter, gateway: `gateway_${string}`): Promise<Figure[]> {
  const signer = createEd25519Signer(generateKeyPairSync('ed25519').privateKey);
  const onTrouble = (error: Error): void => void process.stderr.write(`${error.message}\n`);
  const journal = await openJournal({ home: folder, gateway, clock: systemClock, signer, onTrouble });
  const lease = createId('lease', systemRandom);
  const figures: Figure[] = [];
  for (const concurrency of CONCURRENCY) {
    const admit = async (): Promise<number> => {
      const start = performance.now();
      await journal.admit({ ...keyed, call: createId('call', systemRandom), lease, limits: LIMITS, reservedMicro: 1 });
      return performance.now() - start;
    };
    figures.push(await measure('admit records, durable', concurrency, admit));
  }
  const call = async (modelMs: number): Promise<number> => {
    const id = createId('call', systemRandom);
    const start = performance.now();
    const reserved = await meter.reserve(id, LIMITS, 1_000);
    if (!reserved.ok) throw new Error(JSON.stringify(reserved.refusal));
    const admitted = await journal.admit({ ...keyed, ...reserved.value });
    if (!meter.stands(reserved.value)) throw new Error('the lease was lost');
    const waited = performance.now() - start;
    if (modelMs > 0) await new Promise((resolve) => setTimeout(resolve, modelMs));
    // As in the gate, nobody waits for the receipt.
    journal
      .settle(receiptOf(id, gateway, admitted, 400, 1_000))
      .then((receipt) => meter.post(reserved.value, 400, receipt), onTrouble);
    return waited;
  };
  for (const concurrency of CONCURRENCY) {
    figures.push(await measure(AT_ONCE, concurrency, () => call(0)));
    await meter.flush();
  }
  figures.push(await measure(`whole calls, the model takes ${MODEL_MS} ms`, 64, () => call(MODEL_MS)));
  figures.push(
    await measure(`nothing but ${MODEL_MS} ms timers`, 64, async () => {
      await new Promise((resolve) => setTimeout(resolve, MODEL_MS));
      return 0;
    }),
  );
  await meter.flush();
  await journal.close();
  return figures;
}

function toMarkdown(figures: readonly Figure[], day: string): string {
  const number = (value: number, digits = 0): string =>
    value.toLocaleString('en-US', { maximumFractionDigits: digits });
  const whole =
    figures.find(({ what, concurrency }) => what === AT_ONCE && concurrency === TARGET_AT)?.cpuMicros ?? Infinity;
  const load = loadavg().map((value) => value.toFixed(1));
  return [
    `# Journal and meter, ${day}`,
    '',
    `Node ${process.version}, ${availableParallelism()} cores (${cpus()[0]?.model ?? 'unknown'}), load ${load.join(' / ')}; embedded Postgres.`,
    'Rates and waits on a shared machine swing 2–3 times; CPU is of this process, all its threads, and swings less.',
    '',
    '| What | under way | per second | p50 ms | p99 ms | own CPU µs each |',
    '|---|---|---|---|---|---|',
    ...figures.map(
      ({ what, concurrency, perSecond, p50Ms, p99Ms, cpuMicros }) =>
        `| ${what} | ${concurrency} | ${number(perSecond)} | ${number(p50Ms, 2)} | ${number(p99Ms, 2)} | ${number(cpuMicros, 1)} |`,
    ),
    '',
    'A whole call is: reserve under three limits, admit record durable, second look at the lease, receipt as a leaf under a signed root,',
    'posting and receipt to Postgres in batches. p50 and p99 are of what stands before the first byte upstream: reserve and admit.',
    '',
    `Target for a whole call at ${TARGET_AT} under way: ${TARGET_MICROS} µs. Measured: ${number(whole, 1)} µs, ${whole <= TARGET_MICROS ? 'met' : 'missed'}.`,
    '',
  ].join('\n');
}

const folder = await mkdtemp(join(tmpdir(), 'headstart-bench-journal-'));
const { database, drop } = await createTestDatabase();
try {
  const gateway = createId('gateway', systemRandom);
  await createLedger({ database, clock: systemClock }).grantCredit('o', 9_000_000_000_000_000, 'bench');
  const meter = await createMeter({
    database,
    gateway,
    random: systemRandom,
    monotonicMs: () => performance.now(),
    wallMs: Date.now,
    onTrouble: (error) => void process.stderr.write(`${error.message}\n`),
  });
  const figures = [await measureBare(folder), ...(await measureJournal(folder, meter, gateway))];
  await meter.close();
  const day = new Date().toISOString().slice(0, 10);
  const report = toMarkdown(figures, day);
  process.stdout.write(report);
  if (process.argv.includes('--report')) {
    const reports = join(import.meta.dirname, 'reports');
    await mkdir(reports, { recursive: true });
    await writeFile(join(reports, `${day}-journal.md`), report);
  }
} finally {
  await drop();
  await rm(folder, { recursive: true, force: true });
}
