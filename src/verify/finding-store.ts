/** Findings in Postgres, sealed. The only file that knows `verify.findings`. */
import { createId, type RandomBytes } from '../lib/id.ts';
import { StaleWrite, type Transaction } from '../store/database.ts';
import type { DataKeyId, Vault } from '../store/vault.ts';
import type { ConfirmedFinding, FindingId } from './finding.ts';
import { fingerprintOf } from './fingerprint.ts';

export interface StoredFinding {
  readonly id: FindingId;
  readonly version: number;
  readonly campaignId: string | null;
  readonly status: 'candidate' | 'confirmed' | 'rejected';
  readonly keyId: DataKeyId;
  readonly finding: ConfirmedFinding;
  readonly createdAt: Date;
}

export interface RecordedFinding {
  readonly id: FindingId;
  readonly keyId: DataKeyId;
  /** False where the same root cause was already known: it now lists this entry, too. */
  readonly isNew: boolean;
}

export interface RecordOptions {
  readonly vault: Vault;
  readonly random: RandomBytes;
  readonly now: Date;
  readonly campaignId: string | null;
}

const FINGERPRINT_USE = 'verify/fingerprint';
const MAX_OTHER_ENTRIES = 100;
const contextOf = (id: FindingId) => `verify.findings/${id}`;

/**
 * Keeps a confirmed finding, once per root cause. To be called in the transaction that opens its case: a job that was
 * killed half-way leaves nothing, one that is run again finds its own row.
 */
export async function recordFinding(
  tx: Transaction,
  finding: ConfirmedFinding,
  options: RecordOptions,
): Promise<RecordedFinding> {
  const { vault, random, now, campaignId } = options;
  const fingerprint = fingerprintOf(finding.rootCause, vault.derive(FINGERPRINT_USE));
  // Two jobs with the same root cause wait for each other here instead of one of them failing at the end.
  await tx.query('select pg_advisory_xact_lock(hashtextextended($1, 0))', [fingerprint]);
  const store = createFindingStore(tx, vault);
  const known = await store.findByFingerprint(fingerprint);
  if (known) {
    const merged = withEntry(known.finding, finding);
    if (merged) await store.save({ ...known, version: known.version + 1, finding: merged }, now);
    return { id: known.id, keyId: known.keyId, isNew: false };
  }
  const id = createId('finding', random);
  const keyId = await vault.createKey(tx, id);
  const sealed = await vault.sealJson(tx, keyId, finding, contextOf(id));
  await tx.query(
    `insert into verify.findings (id, version, campaign_id, status, fingerprint, key_id, sealed, created_at, updated_at)
     values ($1, 1, $2, 'confirmed', $3, $4, $5, $6, $6)`,
    [id, campaignId, fingerprint, keyId, sealed, now],
  );
  return { id, keyId, isNew: true };
}

/** The known finding with one more entry, or undefined where that says nothing new. */
function withEntry(known: ConfirmedFinding, again: ConfirmedFinding): ConfirmedFinding | undefined {
  const entries = new Set(known.otherEntries);
  for (const entry of [again.entry, ...again.otherEntries]) if (entry !== known.entry) entries.add(entry);
  if (entries.size === known.otherEntries.length) return undefined;
  return { ...known, otherEntries: [...entries].sort().slice(0, MAX_OTHER_ENTRIES) };
}

/** When the text of the finding's reproducer was shown, and by which command; the earliest first. */
export async function listReveals(
  tx: Transaction,
  id: FindingId,
): Promise<readonly { readonly command: string; readonly at: Date }[]> {
  const { rows } = await tx.query<{ command: string; at: Date }>(
    'select command, revealed_at as at from verify.reveals where finding_id = $1 order by id',
    [id],
  );
  return rows;
}

export function createFindingStore(tx: Transaction, vault: Vault) {
  const read = async (row: FindingRow | undefined): Promise<StoredFinding | undefined> => {
    if (!row) return undefined;
    const finding = await vault.openJson<ConfirmedFinding>(tx, row.key_id, row.sealed, contextOf(row.id));
    const { id, version, status } = row;
    return { id, version, campaignId: row.campaign_id, status, keyId: row.key_id, finding, createdAt: row.created_at };
  };
  return {
    async find(id: string): Promise<StoredFinding | undefined> {
      const { rows } = await tx.query<FindingRow>('select * from verify.findings where id = $1', [id]);
      return await read(rows[0]);
    },

    async findByFingerprint(fingerprint: string): Promise<StoredFinding | undefined> {
      const { rows } = await tx.query<FindingRow>('select * from verify.findings where fingerprint = $1', [
        fingerprint,
      ]);
      return await read(rows[0]);
    },

    /** To be called before the text of a reproducer is shown: who reads it later can see that it was. */
    async recordReveal(id: FindingId, command: string, now: Date): Promise<void> {
      await tx.query('insert into verify.reveals (finding_id, command, revealed_at) values ($1, $2, $3)', [
        id,
        command,
        now,
      ]);
    },

    /** Replaces the version it was made from. Throws StaleWrite if that version is gone. */
    async save(next: StoredFinding, now: Date): Promise<void> {
      const sealed = await vault.sealJson(tx, next.keyId, next.finding, contextOf(next.id));
      const { rows } = await tx.query(
        `update verify.findings set version = $2, status = $3, sealed = $4, updated_at = greatest($5, created_at)
          where id = $1 and version = $2 - 1
      returning id`,
        [next.id, next.version, next.status, sealed, now],
      );
      if (rows.length === 0) throw new StaleWrite('finding', next.id);
    },
  };
}

interface FindingRow {
  id: FindingId;
  version: number;
  campaign_id: string | null;
  status: StoredFinding['status'];
  key_id: DataKeyId;
  sealed: Buffer;
  created_at: Date;
}
