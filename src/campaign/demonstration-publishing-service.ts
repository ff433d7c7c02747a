/**
 * Publication of a demonstration by its own pair of keys. Both are the operator's, under two passphrases derived from
 * the master key, and log and page say "one person": this pair shows the mechanism and protects nothing. The keys of
 * real releases are another pair, under passphrases that people hold.
 */
import type { Disclosure, OpenedCase } from '../disclosure/index.ts';
import type { Clock } from '../lib/clock.ts';
import type { RandomBytes } from '../lib/id.ts';
import { ok, type Result, refuse } from '../lib/result.ts';
import { documentPaths, openReleaseSigners, type Publishing, type Signing } from '../publish/index.ts';
import type { Database } from '../store/database.ts';
import type { Vault } from '../store/vault.ts';
import type { Tlog } from '../tlog/index.ts';

export interface DemonstrationPublishingParts {
  readonly database: Database;
  readonly vault: Pick<Vault, 'derive'>;
  readonly log: Tlog;
  readonly home: string;
  readonly random: RandomBytes;
  readonly disclosureUnder: (clock: Clock) => Disclosure;
  readonly publishingWith: (clock: Clock, disclosure: Disclosure) => Publishing;
}

export type PublishDemonstration = (
  opened: OpenedCase,
  clock: Clock,
) => Promise<Result<readonly string[], { readonly kind: string }>>;

export function createDemonstrationPublishing(parts: DemonstrationPublishingParts): PublishDemonstration {
  const { vault } = parts;
  const passphrases = [
    vault.derive('demonstration-a').toString('hex'),
    vault.derive('demonstration-b').toString('hex'),
  ] as const;
  let signing: Promise<Signing> | undefined;
  const openSigning = async (): Promise<Signing> => {
    const signers = await openReleaseSigners(parts, 'demonstration', passphrases);
    if (!signers.ok) throw new Error(`the demonstration's keys cannot be used: ${signers.refusal.kind}`);
    return { signers: signers.value, onePerson: true };
  };
  return async (opened, clock) => {
    signing ??= openSigning();
    const publishing = parts.publishingWith(clock, parts.disclosureUnder(clock));
    const released = await publishing.release(opened.case.id, await signing);
    if (!released.ok) return refuse({ kind: released.refusal.kind });
    const published = await publishing.publish(released.value);
    return published.ok ? ok(documentPaths(published.value.advisory)) : refuse({ kind: published.refusal.kind });
  };
}
