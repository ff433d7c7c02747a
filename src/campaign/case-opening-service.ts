/**
 * Opens the case of a confirmed finding: finding, data keys, ciphertext, case, clock and commitment in the caller's
 * transaction. The second finding of one root cause gets the case of the first.
 */
import { createCompressedClock, type Disclosure, type PolicyName, packageOf } from '../disclosure/index.ts';
import type { Clock } from '../lib/clock.ts';
import type { RandomBytes } from '../lib/id.ts';
import type { Vault } from '../store/vault.ts';
import { recordFinding } from '../verify/index.ts';
import type { SearchParts } from './search-job.ts';

export interface CaseOpeningParts {
  readonly vault: Vault;
  readonly random: RandomBytes;
  readonly clock: Clock;
  readonly policy: PolicyName;
  readonly disclosure: Disclosure;
  readonly disclosureUnder: (clock: Clock) => Disclosure;
}

export function createCaseOpening(parts: CaseOpeningParts): SearchParts['openCase'] {
  const { vault, random, clock, policy } = parts;
  return async (tx, finding, { kind, campaignId, knownAs }) => {
    const now = clock.now();
    const recorded = await recordFinding(tx, finding, { vault, random, now, campaignId });
    const isDemonstration = kind === 'demonstration';
    // A demonstration starts now and leaves the world's time at once; a real case never does.
    const disclosure = isDemonstration ? parts.disclosureUnder(createCompressedClock(now)) : parts.disclosure;
    const vendor = {
      name: `${isDemonstration ? 'SIMULATED ' : ''}maintainers of ${packageOf(finding).name}`,
      address: null,
      simulated: isDemonstration,
    };
    const opened = await disclosure.openCase(tx, { findingId: recorded.id, finding, policy, vendor, knownAs });
    if (!opened.ok) throw new Error(`no case was opened: ${opened.refusal.kind}`);
    if (!recorded.isNew) await disclosure.addEntries(tx, opened.value, finding);
    const it = await disclosure.findIn(tx, opened.value);
    if (!it) throw new Error(`the case ${opened.value} vanished within its own transaction`);
    return {
      caseId: opened.value,
      findingId: recorded.id,
      isNew: recorded.isNew,
      commitmentRoot: it.commitment.root,
    };
  };
}
