/**
 * What the issuer says: statements signed and promised, in the caller's transaction. Each is checked as strictly as a
 * verifier will check it, because one wrong entry would spoil the log for ever.
 */
import { toBase64Url } from '../lib/bytes.ts';
import type { Clock } from '../lib/clock.ts';
import type { Ed25519Signer } from '../lib/ed25519.ts';
import { createId, type RandomBytes } from '../lib/id.ts';
import { ok, type Result, refuse } from '../lib/result.ts';
import type { Transaction } from '../store/database.ts';
import { commitmentRoot, type SealedFinding, sealFinding } from './commitment.ts';
import {
  type CommitmentId,
  type Entry,
  type EntryId,
  type EntryRefusal,
  readEntry,
  rootText,
  type Statement,
  signEntry,
  toDay,
  toInstant,
} from './entry.ts';
import { appendEntries, appendEntry, createEntryStore } from './entry-store.ts';
import { advanceCommitment, type Commitment, type RegisterRefusal } from './overdue.ts';
import type { TemplateRefusal } from './template.ts';

/** A statement before it has a name and a time. */
export type Said = Statement extends infer S ? (S extends Statement ? Omit<S, 'id' | 'at'> : never) : never;

export type AppendRefusal = EntryRefusal | RegisterRefusal | TemplateRefusal;

export function createIssuing({
  clock,
  random,
  issuer,
  onPromise,
}: {
  readonly clock: Clock;
  readonly random: RandomBytes;
  readonly issuer: Ed25519Signer;
  readonly onPromise: ((tx: Transaction) => Promise<void>) | undefined;
}) {
  /** Promises a statement to the log, in the caller's transaction. `cosigners` sign the same envelope after the issuer. */
  async function append(
    tx: Transaction,
    said: Said,
    cosigners: readonly Ed25519Signer[] = [],
  ): Promise<Result<EntryId, AppendRefusal>> {
    const statement: Statement = { ...said, id: createId('entry', random), at: toInstant(clock.now()) };
    const entry = signEntry(statement, [issuer, ...cosigners]);
    if (!entry.ok) return entry;
    if (entry.value.commitment) {
      const admitted = await admit(tx, statement, entry.value.commitment);
      if (!admitted.ok) return admitted;
    }
    await appendEntry(tx, entry.value);
    await onPromise?.(tx);
    return ok(entry.value.id);
  }

  /** Promises many statements at once, none of them about a commitment that stands already; all or none. */
  async function appendAll(tx: Transaction, all: readonly Said[]): Promise<Result<readonly EntryId[], AppendRefusal>> {
    const entries: Entry[] = [];
    for (const said of all) {
      const statement: Statement = { ...said, id: createId('entry', random), at: toInstant(clock.now()) };
      const isAboutNothing = !('commitment' in statement) || statement.type === 'commitment';
      const admitted = isAboutNothing ? advanceCommitment(undefined, statement, 0) : undefined;
      if (!admitted) throw new TypeError(`${statement.type} is about a commitment that stands; append it by itself`);
      const entry = admitted.ok ? signEntry(statement, [issuer]) : admitted;
      if (!entry.ok) return entry;
      entries.push(entry.value);
    }
    await appendEntries(tx, entries);
    await onPromise?.(tx);
    return ok(entries.map(({ id }) => id));
  }

  return {
    append,
    appendAll,

    /** Seals a finding. Keep what comes back in `sealed` encrypted: it is the secret half, and the only copy. */
    async seal(
      tx: Transaction,
      { values, openedBy }: { readonly values: { readonly [name: string]: string }; readonly openedBy: Date },
    ): Promise<Result<{ commitment: CommitmentId; entry: EntryId; sealed: SealedFinding }, AppendRefusal>> {
      const sealed = sealFinding(values, random);
      if (!sealed.ok) return sealed;
      const commitment = createId('commitment', random);
      const { schema } = sealed.value;
      const root = rootText(commitmentRoot(sealed.value));
      const entry = await append(tx, { type: 'commitment', commitment, schema, root, openedBy: toDay(openedBy) });
      return entry.ok ? ok({ commitment, entry: entry.value, sealed: sealed.value }) : entry;
    },

    /** Opens everything; with `withdrawnBecause`, as a finding that was none. */
    open(
      tx: Transaction,
      commitment: CommitmentId,
      { values, masterSalt }: SealedFinding,
      withdrawnBecause?: string,
    ): Promise<Result<EntryId, AppendRefusal>> {
      const opened = { commitment, values: { ...values }, masterSalt: toBase64Url(masterSalt) };
      return append(
        tx,
        withdrawnBecause === undefined
          ? { type: 'opening', ...opened }
          : { type: 'withdrawal', reason: withdrawnBecause, ...opened },
      );
    },
  };
}

async function admit(
  tx: Transaction,
  statement: Statement,
  commitment: CommitmentId,
): Promise<Result<void, RegisterRefusal>> {
  let current: Commitment | undefined;
  // A seal has nothing before it; that there is but one is the table's own rule.
  const isSeal = statement.type === 'commitment';
  for (const body of isSeal ? [] : await createEntryStore(tx).lockCommitment(commitment)) {
    const earlier = readEntry(body);
    const next = earlier.ok ? advanceCommitment(current, earlier.value.statement, 0) : undefined;
    if (!next?.ok) throw new Error(`the database holds an invalid entry about ${commitment}`);
    current = next.value;
  }
  const next = advanceCommitment(current, statement, 0);
  return next.ok ? ok(undefined) : refuse(next.refusal);
}
