/**
 * Journals are removed segment by segment when their time is over. First the public log says up to where; only when that
 * stands in it, and the journal verifies against its heads, the segments go, and what is left says where it begins.
 *
 *   old enough ──▶ said in the log ──(next round, the log holds it)──▶ gap written ──▶ segments removed
 *
 * The last segment stays while its gateway may still write to it or owe something: as long as it has an open lease.
 */
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { addDays, type Clock } from '../lib/clock.ts';
import type { Database } from '../store/database.ts';
import type { Tlog } from '../tlog/index.ts';
import { REACH_MS } from './admitted-service.ts';
import { FORGOTTEN, type LoggedJournals, readLoggedJournals } from './head-service.ts';
import { JOURNAL_FOLDER } from './journal.ts';
import { readJournal } from './read-service.ts';
import type { GatewayId } from './receipt.ts';
import { type Gap, listSegments, removeSegments } from './segment-client.ts';
import { verifyJournal } from './verify-service.ts';

export interface RetentionParts {
  readonly database: Database;
  readonly log: Pick<Tlog, 'append'>;
  readonly clock: Clock;
  readonly home: string;
  /** Of the key that signs receipts. */
  readonly publicKey: Uint8Array;
  readonly retentionDays: number;
  readonly hasOpenLease: (gateway: GatewayId) => Promise<boolean>;
  readonly onTrouble: (error: Error) => void;
}

const SWEEP_MS = 6 * 3_600_000;

/** Gives how many segments went. */
export async function forgetJournals(parts: RetentionParts): Promise<number> {
  const root = join(parts.home, JOURNAL_FOLDER);
  const names = await readdir(root).catch(() => [] as string[]);
  let logged: LoggedJournals | undefined;
  let removed = 0;
  for (const gateway of names as GatewayId[]) {
    const directory = join(root, gateway);
    const due = await findDue(parts, gateway, directory);
    if (due.length === 0) continue;
    logged ??= await readLoggedJournals(join(parts.home, 'public', 'log'));
    if (!logged) return removed;
    removed += await forgetDue(parts, gateway, directory, due, logged);
  }
  return removed;
}

/** Segments whose time is over, from the first on. */
async function findDue(
  { clock, retentionDays, hasOpenLease }: RetentionParts,
  gateway: GatewayId,
  directory: string,
): Promise<readonly string[]> {
  const segments = await listSegments(directory);
  const times = await Promise.all(segments.map(async (name) => (await stat(join(directory, name))).mtimeMs));
  const before = addDays(clock.now(), -retentionDays).getTime();
  if ((times[0] ?? before) >= before) return [];
  const isOpen = await hasOpenLease(gateway);
  const neededFrom = isOpen ? (times.at(-1) ?? 0) - REACH_MS : Number.POSITIVE_INFINITY;
  const end = segments.findIndex((_, index) => {
    const at = times[index] ?? before;
    return at >= before || at >= neededFrom || (isOpen && index === segments.length - 1);
  });
  return end < 0 ? segments : segments.slice(0, end);
}

async function forgetDue(
  parts: RetentionParts,
  gateway: GatewayId,
  directory: string,
  due: readonly string[],
  { heads, forgotten }: LoggedJournals,
): Promise<number> {
  const report = await verifyJournal(directory, parts.publicKey, heads, forgotten);
  if (!report.ok) {
    parts.onTrouble(new Error(`the journal of ${gateway} is not removed: it does not verify (${report.refusal.kind})`));
    return 0;
  }
  const own = heads.filter((head) => head.gateway === gateway);
  const ends = await findEnds(directory, due);
  // Only what a head in the log reaches: what is removed can never be said otherwise.
  const covered = ends.filter(({ batch }) => own.some((head) => head.batch >= batch));
  const said = covered.findLast((end) =>
    forgotten.some((it) => it.gateway === gateway && it.batch === end.batch && it.chain === end.chain),
  );
  const last = covered.at(-1);
  if (last && said !== last) await say(parts, gateway, last);
  if (!said) return 0;
  await removeSegments(directory, said);
  return due.filter((name) => Number.parseInt(name, 10) <= said.segments).length;
}

/** Where each of these segments ends. */
async function findEnds(directory: string, due: readonly string[]): Promise<readonly Gap[]> {
  const ends = new Map<string, Gap>();
  for await (const { head, segment } of readJournal(directory)) {
    if (!due.includes(segment)) break;
    ends.set(segment, { segments: Number.parseInt(segment, 10), batch: head.number, chain: head.chain });
  }
  return [...ends.values()];
}

function say({ database, log }: RetentionParts, gateway: GatewayId, { batch, chain }: Gap): Promise<void> {
  return database.transaction(async (tx) => {
    const facts = { batch: String(batch), chain };
    const said = await log.append(tx, {
      type: 'statement',
      predicateType: FORGOTTEN,
      subject: gateway,
      documents: [],
      facts,
    });
    if (!said.ok) throw new Error(`the log refuses what is to be removed of ${gateway}: ${said.refusal.kind}`);
  });
}

/** In every gateway; what two do at once is the same. */
export function startRetention(parts: RetentionParts) {
  let running: Promise<unknown> = Promise.resolve();
  const sweep = (): void => {
    running = running.then(() => forgetJournals(parts)).catch((error: Error) => parts.onTrouble(error));
  };
  sweep();
  const timer = setInterval(sweep, SWEEP_MS);
  return {
    async stop(): Promise<void> {
      clearInterval(timer);
      await running;
    },
  };
}
