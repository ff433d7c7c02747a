/**
 * A writer of the log killed with -9 at random moments, again and again. Run as a program, this file is the writer: it
 * promises and sequences until it dies, and tells what it has committed.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { systemClock } from '../../src/lib/clock.ts';
import { systemRandom } from '../../src/lib/id.ts';
import { createSeededRandom } from '../../src/lib/seeded-random.ts';
import { openDatabase } from '../../src/store/open-database.ts';
import { createTestDatabase } from '../../src/store/test-database.ts';
import { auditLog, type KnownHead } from '../../src/tlog/audit.ts';
import { readEntry } from '../../src/tlog/entry.ts';
import { openLogDirectory } from '../../src/tlog/log-reader-client.ts';
import { createTlog } from '../../src/tlog/tlog.ts';
import { trustOnly } from '../../src/tlog/witness-policy.ts';

const LONGEST_LIFE_MS = 250;

if (import.meta.main) await writeUntilKilled(process.argv[2] ?? '', process.argv[3] ?? '');

async function writeUntilKilled(url: string, home: string): Promise<never> {
  const database = await openDatabase({ url, maxConnections: 3 });
  const log = await createTlog({ database, home, clock: systemClock, random: systemRandom });
  writeSync(1, 'ready\n');
  for (let round = 1; ; round++) {
    const ids = await database.transaction(async (tx) => {
      const promised: string[] = [];
      for (let said = 0; said < 1 + (round % 37); said++) {
        const facts = { round, said };
        const entry = await log.append(tx, {
          type: 'statement',
          predicateType: 'test',
          subject: 'x',
          documents: [],
          facts,
        });
        if (entry.ok) promised.push(entry.value);
      }
      return promised;
    });
    writeSync(1, `${ids.join('\n')}\n`);
    await log.sequence();
  }
}

/** Kills `rounds` writers, one after the other, and after each holds the log to every promise that was committed. */
export async function killWriters(rounds: number, seed = Date.now()): Promise<void> {
  process.stderr.write(`seed ${seed}\n`);
  const { database, url: testUrl, drop } = await createTestDatabase();
  const folder = await mkdtemp(join(tmpdir(), 'headstart-tlog-kill-'));
  try {
    const random = createSeededRandom(seed);
    const committed = new Set<string>();
    let known: KnownHead | undefined;
    for (let round = 0; round < rounds; round++) {
      await killOneWriter(testUrl, folder, random.below(LONGEST_LIFE_MS), committed);
      // As the world sees it before anybody repairs: whole, caught between its tiles and its checkpoint, or not begun.
      const seen = await audit(folder, database, known);
      const caught = known ? ['stale-checkpoint'] : ['stale-checkpoint', 'no-checkpoint'];
      if (!seen.ok) assert.ok(caught.includes(seen.refusal.kind), JSON.stringify(seen.refusal));
      const log = await createTlog({ database, home: folder, clock: systemClock, random: systemRandom });
      await log.sequence();
      const report = await audit(folder, database, known);
      assert.ok(report.ok, JSON.stringify(report));
      known = report.value.checkpoint;
      for (const id of committed) assert.ok(report.value.ids.has(id), `${id} was committed and is not in the log`);
      const { rows } = await database.query<{ count: number }>('select count(*)::int as count from tlog.entries');
      assert.equal(rows[0]?.count, known.size, 'every promise is one leaf, and every leaf was promised');
    }
    assert.ok(
      committed.size > rounds,
      `only ${committed.size} entries were committed; the writers were killed too early`,
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
    await drop();
  }
}

async function audit(
  folder: string,
  database: Parameters<typeof createTlog>[0]['database'],
  known: KnownHead | undefined,
) {
  const { logKey, directory } = await createTlog({ database, home: folder, clock: systemClock, random: systemRandom });
  const reader = await openLogDirectory(directory);
  assert.ok(reader);
  const ids = new Set<string>();
  const onEntry = (_index: number, body: Uint8Array): void => {
    const entry = readEntry(body);
    if (entry.ok) ids.add(entry.value.statement.id);
  };
  const report = await auditLog(reader, { policy: trustOnly(logKey), known, onEntry });
  return report.ok ? { ok: true as const, value: { ...report.value, ids } } : report;
}

async function killOneWriter(testUrl: string, folder: string, lifeMs: number, committed: Set<string>): Promise<void> {
  const writer: ChildProcess = spawn(process.execPath, [import.meta.filename, testUrl, folder], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let said = '';
  const ended = once(writer, 'close');
  const isReady = new Promise<void>((resolve) => {
    writer.stdout?.on('data', (chunk: Buffer) => {
      said += chunk;
      if (said.startsWith('ready\n')) resolve();
    });
  });
  await Promise.race([isReady, ended]);
  assert.equal(writer.exitCode, null, 'the writer ended by itself');
  await sleep(lifeMs);
  writer.kill('SIGKILL');
  await ended;
  // The last line may be cut in two.
  for (const line of said.split('\n').slice(1, -1)) if (line) committed.add(line);
}
