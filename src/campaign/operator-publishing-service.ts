/**
 * Publication by the operator of this installation, who holds both release keys: log and page say "one person".
 *
 * Demonstrations have a pair of their own, which protects nothing. The pair of real releases stands under the two
 * passphrases the operator gave; where he gave none, under two derived from the master key, so that whoever has the
 * data directory can publish, and nobody else.
 */
import type { OpenedCase } from '../disclosure/index.ts';
import type { Clock } from '../lib/clock.ts';
import type { RandomBytes } from '../lib/id.ts';
import { type Result, refuse } from '../lib/result.ts';
import { openReleaseSigners, type Publishing, type Signing } from '../publish/index.ts';
import type { Database } from '../store/database.ts';
import type { Vault } from '../store/vault.ts';
import type { Tlog } from '../tlog/index.ts';

export interface OperatorPublishingParts {
  readonly database: Database;
  readonly vault: Pick<Vault, 'derive'>;
  readonly log: Tlog;
  readonly home: string;
  readonly random: RandomBytes;
  /** Of the pair for real releases. */
  readonly passphrases: readonly [string, string] | undefined;
  /** Under the clock of the case. */
  readonly publishingFor: (opened: OpenedCase, clock: Clock) => Publishing;
}

export type PublishAsOperator = (
  opened: OpenedCase,
  clock: Clock,
) => Promise<Result<{ readonly advisory: string }, { readonly kind: string }>>;

/** Of scrypt, for passphrases of 32 random bytes: nobody guesses these, however cheap a guess is. */
const UNGUESSABLE_N = 1_024;

export function createOperatorPublishing(parts: OperatorPublishingParts): PublishAsOperator {
  const opened = new Map<OpenedCase['case']['kind'], Promise<Signing>>();
  const signingFor = (kind: OpenedCase['case']['kind']): Promise<Signing> => {
    const signing = opened.get(kind) ?? openSigning(parts, kind);
    opened.set(kind, signing);
    return signing;
  };
  return async (it, clock) => {
    const publishing = parts.publishingFor(it, clock);
    const released = await publishing.release(it.case.id, await signingFor(it.case.kind));
    if (!released.ok) return refuse({ kind: released.refusal.kind });
    const published = await publishing.publish(released.value);
    return published.ok ? published : refuse({ kind: published.refusal.kind });
  };
}

async function openSigning(parts: OperatorPublishingParts, kind: OpenedCase['case']['kind']): Promise<Signing> {
  const derived = (name: string): string => parts.vault.derive(`${kind} release key ${name}`).toString('hex');
  const given = kind === 'real' ? parts.passphrases : undefined;
  const signers = given
    ? await openReleaseSigners(parts, kind, given)
    : await openReleaseSigners({ ...parts, scryptN: UNGUESSABLE_N }, kind, [derived('a'), derived('b')]);
  if (!signers.ok) throw new Error(`the release keys cannot be used: ${signers.refusal.kind}`);
  return { signers: signers.value, onePerson: true };
}
