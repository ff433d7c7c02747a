/**
 * The log: durable appends per second by batch, beside what the disk alone can sync; entries verified per second; proofs.
 * `node bench/tlog.ts [--report]` prints Markdown, and with --report also writes it to bench/reports/<day>-tlog.md.
 *
 * An append counts as durable when its entry is committed, a leaf, in a tile that is synced, under a published head.
 */
import { mkdir, mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { availableParallelism, cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../src/lib/clock.ts';
import { createId, systemRandom } from '../src/lib/id.ts';
import { EMPTY_EDGE, edgeRoot, extendEdge, leafHash } from '../src/lib/merkle.ts';
import { createTestDatabase } from '../src/store/test-database.ts';
import { auditLog } from '../src/tlog/audit.ts';
import { openLogDirectory } from '../src/tlog/log-reader-client.ts';
import { proveEntry } from '../src/tlog/prove.ts';
import { createTlog, type Tlog } from '../src/tlog/tlog.ts';
import { trustOnly } from '../src/tlog/witness-policy.ts';

const BATCHES = [1, 16, 256, 4_096];
/** Each figure is measured for about this long, and at least this many times. */
const MEASURE_MS = 4_000;
const LEAST_ROUNDS = 3;
const PROOFS = 200;

interface Figure {
  readonly what: string;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Of this process, for one unit; unlike the rates it does not swing with what else the machine does. */
  readonly cpuMicros: number;
}

async function measure(what: string, unitsPerRound: number, round: () => Promise<unknown> | unknown): Promise<Figure> {
  const times: number[] = [];
  const start = performance.now();
  const cpuBefore = process.cpuUsage();
  while (times.length < LEAST_ROUNDS || performance.now() - start < MEASURE_MS) {
    const before = performance.now();
    await round();
    times.push(performance.now() - before);
  }
  const seconds = times.reduce((sum, time) => sum + time, 0) / 1_000;
  const sorted = times.toSorted((left, right) => left - right);
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
  const { user, system } = process.cpuUsage(cpuBefore);
  const units = unitsPerRound * times.length;
  return { what, perSecond: units / seconds, p50Ms: at(0.5), p99Ms: at(0.99), cpuMicros: (user + system) / units };
}

async function measureSync(folder: string): Promise<Figure> {
  const file = await open(join(folder, 'sync'), 'w');
  try {
    return await measure('fsync alone (4 KiB appended)', 1, async () => {
      await file.write(Buffer.alloc(4_096));
      await file.sync();
    });
  } finally {
    await file.close();
  }
}

const ENTRY = {
  type: 'commitment',
  schema: 'headstart-finding/v1',
  root: 'ab'.repeat(32),
  openedBy: '2031-01-01',
} as const;

async function measureLog(
  database: Awaited<ReturnType<typeof createTestDatabase>>['database'],
  log: Tlog,
): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const batch of BATCHES) {
    const figure = await measure(`durable appends, batches of ${batch}`, batch, async () => {
      await database.transaction(async (tx) => {
        const said = Array.from({ length: batch }, () => ({
          ...ENTRY,
          commitment: createId('commitment', systemRandom),
        }));
        const entries = await log.appendAll(tx, said);
        if (!entries.ok) throw new Error(entries.refusal.kind);
      });
      await log.sequence();
    });
    figures.push(figure);
  }
  return figures;
}

async function measureVerification(log: Tlog): Promise<{ figures: Figure[]; size: number }> {
  const reader = await openLogDirectory(log.directory);
  const policy = trustOnly(log.logKey);
  if (!reader) throw new Error('the log was not published');
  const first = await auditLog(reader, { policy });
  if (!first.ok) throw new Error(`the log does not verify: ${first.refusal.kind}`);
  const { size } = first.value.checkpoint;
  const audit = await measure('entries verified (hashes, tiles, one signature per entry)', size, async () => {
    const report = await auditLog(reader, { policy });
    if (!report.ok) throw new Error(report.refusal.kind);
  });
  let index = 0;
  const proofs = await measure('proofs made and checked', PROOFS, async () => {
    for (let count = 0; count < PROOFS; count++) {
      index = (index + 7_919) % size;
      const proof = await proveEntry(reader, policy, index);
      if (!proof.ok) throw new Error(proof.refusal.kind);
    }
  });
  return { figures: [audit, proofs], size };
}

function measureTree(): Promise<Figure> {
  const entry = Buffer.alloc(300, 1);
  const count = 65_536;
  return measure('Merkle appends in memory (300 B leaf)', count, () => {
    const leaves = Array.from({ length: count }, () => leafHash(entry));
    return edgeRoot(extendEdge(EMPTY_EDGE, leaves));
  });
}

function toMarkdown(figures: readonly Figure[], size: number, day: string): string {
  const number = (value: number, digits = 0) => value.toLocaleString('en-US', { maximumFractionDigits: digits });
  const sync = figures[0]?.perSecond ?? 0;
  const rows = figures.map(
    ({ what, perSecond, p50Ms, p99Ms, cpuMicros }) =>
      `| ${what} | ${number(perSecond)} | ${number(perSecond / sync, 2)} | ${number(p50Ms, 2)} | ${number(p99Ms, 2)} | ${number(cpuMicros, 1)} |`,
  );
  const load = loadavg().map((value) => value.toFixed(1));
  return [
    `# Log, ${day}`,
    '',
    `Node ${process.version}, ${availableParallelism()} cores (${cpus()[0]?.model ?? 'unknown'}), load ${load.join(' / ')}; embedded Postgres;`,
    `verification over ${number(size)} signed entries. Rates on a shared machine swing 2–3 times; the ratios say more.`,
    '',
    '| What | per second | ratio to fsync | p50 ms | p99 ms | own CPU µs each |',
    '|---|---|---|---|---|---|',
    ...rows,
    '',
    'p50 and p99 are of one round: one batch, one whole verification, 200 proofs, 65,536 appends in memory.',
    '',
  ].join('\n');
}

const folder = await mkdtemp(join(tmpdir(), 'headstart-bench-tlog-'));
const { database, drop } = await createTestDatabase();
try {
  const log = await createTlog({ database, home: folder, clock: systemClock, random: systemRandom });
  await log.sequence();
  const figures = [await measureSync(folder), ...(await measureLog(database, log))];
  const verification = await measureVerification(log);
  figures.push(...verification.figures, await measureTree());
  const day = new Date().toISOString().slice(0, 10);
  const report = toMarkdown(figures, verification.size, day);
  process.stdout.write(report);
  if (process.argv.includes('--report')) {
    const reports = join(import.meta.dirname, 'reports');
    await mkdir(reports, { recursive: true });
    await writeFile(join(reports, `${day}-tlog.md`), report);
  }
} finally {
  await drop();
  await rm(folder, { recursive: true, force: true });
}
