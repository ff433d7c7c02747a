/**
 * How long the page of a case with 500 parties takes, over HTTP on real Postgres: for a coordinator who sees all of them
 * and every thread, and for a party that sees itself. `node bench/case-page.ts [--parties N] [--reads N] [--report]`.
 * VINCE's page of a case with 121 vendors and more than 100 messages took about 10 s (CERTCC/VINCE#140). Exit 1 above 200 ms.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { availableParallelism, getPriority, loadavg } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { createChangeStore } from '../src/coordination/change-store.ts';
import type { Change, ParticipantId } from '../src/coordination/index.ts';
import { MATTERS, ROLES, STANDINGS } from '../src/coordination/participant.ts';
import { createSeededRandom } from '../src/lib/seeded-random.ts';
import { createPages, type Pages, type SentReport } from '../test/support/maintainer-pages.ts';

const { values: options } = parseArgs({
  options: {
    parties: { type: 'string', default: '500' },
    reads: { type: 'string', default: '200' },
    report: { type: 'boolean', default: false },
  },
});

const GOAL_MS = 200;
const THREADS = 20;
const MESSAGES = 1_000;
const SEED = 20_261_121;

const loadBefore = loadavg()[0] ?? 0;
const parties = Number(options.parties);
const pages = await createPages();
try {
  const sent = await pages.send();
  const changes = await fill(pages, sent, parties);
  const everything = 'party_0' as ParticipantId;
  const link = await pages.world.database.transaction((tx) => pages.links.create(tx, sent.id, everything));
  const address = await pages.server.listen({ host: '127.0.0.1', port: 0 });
  const all = await measure(`${address}/m/${link}`, Number(options.reads));
  const own = await measure(`${address}${sent.path}`, Number(options.reads));
  const day = new Date().toISOString().slice(0, 10);
  const report = [
    `# Page of a case with ${parties} parties, ${day}`,
    '',
    `Node ${process.version}, ${availableParallelism()} cores, load ${loadBefore.toFixed(1)} before and ${(loadavg()[0] ?? 0).toFixed(1)} after, priority ${getPriority()}. ${changes} changes,`,
    `${THREADS} threads, ${MESSAGES} messages; every page is computed anew from the encrypted changes, over HTTP, one reader.`,
    '',
    '| Reader | Bytes | p50 ms | **p95 ms** | max ms |',
    '|---|---:|---:|---:|---:|',
    `| coordinator who may see all parties and threads | ${all.bytes} | ${all.p50} | **${all.p95}** | ${all.max} |`,
    `| the maintainer: itself, the flaw, its own threads | ${own.bytes} | ${own.p50} | **${own.p95}** | ${own.max} |`,
    '',
    `Goal: p95 below ${GOAL_MS} ms. VINCE, 121 vendors and more than 100 messages: about 10 s (CERTCC/VINCE#140).`,
    '',
  ].join('\n');
  process.stdout.write(report);
  if (options.report) {
    const directory = join(import.meta.dirname, 'reports');
    mkdirSync(directory, { recursive: true });
    writeFileSync(join(directory, `${day}-case-page.md`), report);
  }
  if (all.p95 > GOAL_MS || own.p95 > GOAL_MS) process.exitCode = 1;
} finally {
  await pages.close();
}

/** As if each party had been invited, bound and told, one by one, and had talked. Tells how many changes that took. */
async function fill({ world, disclosure, coordination }: Pages, { id }: SentReport, count: number): Promise<number> {
  const random = createSeededRandom(SEED);
  const changes: Change[] = [];
  for (let thread = 0; thread < THREADS; thread += 1) {
    changes.push({ kind: 'thread-opened', thread: `thread_${thread}`, product: `product ${thread}` });
  }
  for (let index = 0; index < count; index += 1) {
    const who = `party_${index}` as ParticipantId;
    const name = `Vendor ${index} of operating systems and libraries`;
    changes.push({ kind: 'invited', who, role: random.pick(ROLES), name, address: null, zone: 'Europe/Berlin' });
    changes.push({ kind: 'bound', who });
    for (const matter of MATTERS)
      if (index === 0 || matter !== 'parties') changes.push({ kind: 'need-given', who, matter });
    const standing = random.pick(STANDINGS);
    if (standing !== 'no-answer') changes.push({ kind: 'standing', who, standing });
    const joined = index === 0 ? THREADS : 1 + random.below(2);
    for (let nth = 0; nth < joined; nth += 1) {
      const thread = `thread_${(index + nth) % THREADS}` as const;
      changes.push({ kind: 'thread-joined', thread, who, fromStart: true });
    }
  }
  for (let index = 0; index < MESSAGES; index += 1) {
    const who = `party_${random.below(count)}` as ParticipantId;
    const thread = `thread_${Number(who.slice('party_'.length)) % THREADS}` as const;
    changes.push({ kind: 'said', thread, who, text: `Message ${index}: ${'we looked at our branches. '.repeat(8)}` });
  }
  await world.database.transaction(async (tx) => {
    const opened = await disclosure.findIn(tx, id);
    if (!opened) throw new Error(`${id} is gone`);
    for (const change of changes) {
      const sealed = await world.vault.sealJson(tx, opened.keyId, change, `change of ${id}`);
      await createChangeStore(tx).append(id, { kind: change.kind, actor: 'bench', at: world.clock.now(), sealed });
    }
  });
  // The next change of the running system finds so many that it makes a snapshot.
  const made = await coordination.change(id, { kind: 'zone', who: 'party_0', zone: 'UTC' }, 'bench');
  if (!made.ok) throw new Error(made.refusal.kind);
  return changes.length;
}

async function measure(url: string, reads: number) {
  const times: number[] = [];
  let bytes = 0;
  for (let read = 0; read < reads + 10; read += 1) {
    const from = performance.now();
    const response = await fetch(url);
    const text = await response.text();
    if (response.status !== 200) throw new Error(`the page answers ${response.status}`);
    // The first ones warm up.
    if (read >= 10) times.push(performance.now() - from);
    bytes = text.length;
  }
  times.sort((left, right) => left - right);
  const at = (share: number): number =>
    Math.round(times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? 0);
  return { bytes, p50: at(0.5), p95: at(0.95), max: at(1) };
}
