/**
 * Runs the reproducer of a case on a release that was seen, keeps what came of it once, and does what follows in the
 * same transaction: a verified fix is learnt and, where the operator left it to the machine, its step taken; a flaw that
 * is back after a released fix is opened as a case of its own.
 */
import { type Disclosure, type OpenedCase, packageOf } from '../disclosure/index.ts';
import type { RandomBytes } from '../lib/id.ts';
import type { Database, Transaction } from '../store/database.ts';
import type { Vault } from '../store/vault.ts';
import { type ConfirmedFinding, type ReleaseTrial, recordFinding } from '../verify/index.ts';
import { type Consequence, consequenceOf, firstFixed, type Phase, type Tried } from './consequence.ts';
import type { KeptTrial, SeenRelease } from './followed.ts';
import { createFollowupStore, type ReleaseId, type ReleaseRow } from './followup-store.ts';
import { compareReleases } from './release.ts';

/** What can run a reproducer on a release. Throws where the release is not to be had for the moment. */
export interface ReleaseWorkshop {
  readonly tryRelease: (finding: ConfirmedFinding, release: SeenRelease) => Promise<ReleaseTrial>;
  /** The finding as it shows in that release, by all the rules of a new one; or why it does not. */
  readonly confirmIn: (
    finding: ConfirmedFinding,
    release: SeenRelease,
  ) => Promise<{ readonly finding: ConfirmedFinding } | { readonly trouble: string }>;
}

export interface TrialParts {
  readonly database: Database;
  readonly vault: Vault;
  readonly random: RandomBytes;
  readonly disclosure: Pick<Disclosure, 'findIn' | 'takeIn' | 'learnIn' | 'note' | 'openCase' | 'instantIn'>;
  /** Has the affected versions of a new case measured. */
  readonly measure: (tx: Transaction, caseId: string) => Promise<void>;
}

export interface Trial {
  readonly caseId: string;
  readonly release: SeenRelease;
  readonly trial: ReleaseTrial;
  readonly consequence: Consequence['kind'] | 'kept-for-a-person';
}

export const RELEASE_WATCH = 'release watch';

/** Undefined where there is nothing to try any more: another worker was faster. */
export async function tryOne(parts: TrialParts, id: string, workshop: ReleaseWorkshop): Promise<Trial | undefined> {
  const read = await parts.database.transaction((tx) => readRelease(tx, parts, id));
  if (!read || read.row.outcome !== null || phaseOf(read.opened) === 'over') return undefined;
  const { opened, row, release, all } = read;
  // Outside of any transaction: it takes a minute.
  let trial = await workshop.tryRelease(opened.finding, release);
  const foreseen = consequenceOf(phaseOf(opened), { ...release, outcome: trial.outcome }, all);
  let again: ConfirmedFinding | undefined;
  if (foreseen.kind === 'back' && foreseen.reopens) {
    const confirmed = await workshop.confirmIn(opened.finding, release);
    if ('finding' in confirmed) again = confirmed.finding;
    else trial = { ...trial, outcome: 'unclear', reason: `it fires, and is not confirmed: ${confirmed.trouble}` };
  }
  return await parts.database.transaction((tx) => keep(tx, parts, { row, release, trial, again }));
}

interface Made {
  readonly row: ReleaseRow;
  readonly release: SeenRelease;
  readonly trial: ReleaseTrial;
  /** Of a flaw that is back. */
  readonly again: ConfirmedFinding | undefined;
}

async function keep(tx: Transaction, parts: TrialParts, made: Made): Promise<Trial | undefined> {
  const { row, release, trial, again } = made;
  const store = createFollowupStore(tx);
  await store.takeTurn(row.caseId);
  const opened = await parts.disclosure.findIn(tx, row.caseId);
  if (!opened) throw new Error(`the case of ${row.id} is gone`);
  const all = await readTried(tx, parts, opened);
  const { reason, fired, of } = trial;
  const kept = { reason, fired, of } satisfies KeptTrial;
  const sealed = await parts.vault.sealJson(tx, opened.keyId, kept, `trial ${row.id}`);
  if (!(await store.keepTrial(row.id, trial.outcome, sealed))) return undefined;
  const consequence = consequenceOf(phaseOf(opened), { ...release, outcome: trial.outcome }, all);
  const done = await follow(tx, parts, { opened, row, consequence, again });
  return { caseId: row.caseId, release, trial, consequence: done };
}

interface Following {
  readonly opened: OpenedCase;
  readonly row: ReleaseRow;
  readonly consequence: Consequence;
  readonly again: ConfirmedFinding | undefined;
}

async function follow(tx: Transaction, parts: TrialParts, it: Following): Promise<Trial['consequence']> {
  const { opened, consequence } = it;
  const { disclosure } = parts;
  const { id } = opened.case;
  switch (consequence.kind) {
    case 'none':
      return 'none';
    case 'fix-seen':
      await learnFix(tx, parts, opened, consequence.version);
      await disclosure.note(tx, opened, 'a release with the fix was seen', RELEASE_WATCH);
      return 'fix-seen';
    case 'fix-released':
      await learnFix(tx, parts, opened, consequence.version);
      await disclosure.note(tx, opened, 'the fix was verified on a release', RELEASE_WATCH);
      return await stepByMachine(tx, parts, id);
    case 'back':
      if (!consequence.reopens) {
        await disclosure.note(tx, opened, 'a later release has the flaw again', RELEASE_WATCH);
        return 'back';
      }
      await reopen(tx, parts, it);
      return 'back';
  }
}

/** The first fixed version that is known stays: measuring knows more releases than the watch has seen. */
async function learnFix(
  tx: Transaction,
  { disclosure }: TrialParts,
  { case: it, learnt }: OpenedCase,
  version: string,
) {
  const known = learnt.fixedVersion;
  if (known !== null && (compareReleases(known, version) ?? 1) <= 0) return;
  await disclosure.learnIn(tx, it.id, { fixedVersion: version });
}

async function stepByMachine(tx: Transaction, { disclosure }: TrialParts, id: string): Promise<Trial['consequence']> {
  const { steppedBy } = await createFollowupStore(tx).settings();
  if (steppedBy === 'person') return 'kept-for-a-person';
  const taken = await disclosure.takeIn(tx, 'fix-released', id, { actor: RELEASE_WATCH });
  // The clock is doubted, say: the fix stays verified, and a person sees that the step waits.
  return taken.ok ? 'fix-released' : 'kept-for-a-person';
}

/** A released fix cannot be taken back, and a commitment is opened once: what comes back is a case of its own. */
async function reopen(tx: Transaction, parts: TrialParts, { opened, row, again }: Following): Promise<void> {
  const store = createFollowupStore(tx);
  if ((await store.reopenedAs(opened.case.id)) !== null) return;
  // The case moved on while the release was tried: everything is undone, and the job runs again.
  if (!again) throw new Error('a flaw that is back was not confirmed yet');
  const { disclosure, vault, random } = parts;
  const { at: now } = await disclosure.instantIn(tx);
  const recorded = await recordFinding(tx, again, { vault, random, now, campaignId: null });
  const vendor = { name: `maintainers of ${packageOf(again).name}`, address: null, simulated: false };
  const fresh = await disclosure.openCase(tx, {
    ...{ findingId: recorded.id, finding: again, policy: opened.case.policy, vendor },
    knownAs: [],
  });
  if (!fresh.ok) throw new Error(`the flaw that is back got no case: ${fresh.refusal.kind}`);
  await store.insertReopening(opened.case.id, fresh.value, row.id);
  await disclosure.note(tx, opened, `a later release has the flaw again: reopened as ${fresh.value}`, RELEASE_WATCH);
  const it = await disclosure.findIn(tx, fresh.value);
  if (it) await disclosure.note(tx, it, `reopens ${opened.case.id}`, RELEASE_WATCH);
  await parts.measure(tx, fresh.value);
}

async function readRelease(tx: Transaction, parts: TrialParts, id: string) {
  const row = await createFollowupStore(tx).findRelease(id);
  const opened = row && (await parts.disclosure.findIn(tx, row.caseId));
  if (!row || !opened) return undefined;
  const release = await openRelease(tx, parts.vault, opened, row);
  return { row, opened, release, all: await readTried(tx, parts, opened) };
}

export const openRelease = (
  tx: Transaction,
  vault: Pick<Vault, 'openJson'>,
  { keyId }: Pick<OpenedCase, 'keyId'>,
  { id, sealed }: Pick<ReleaseRow, 'id' | 'sealed'>,
): Promise<SeenRelease> => vault.openJson<SeenRelease>(tx, keyId, sealed, releaseContext(id));

export const releaseContext = (id: ReleaseId): string => `release ${id}`;

/** What was tried before, and the release that the case itself calls fixed once that counts. */
async function readTried(tx: Transaction, { vault }: TrialParts, opened: OpenedCase): Promise<readonly Tried[]> {
  const tried: Tried[] = [];
  for (const row of await createFollowupStore(tx).releasesOf(opened.case.id)) {
    if (row.outcome === null) continue;
    const { source, version } = await openRelease(tx, vault, opened, row);
    tried.push({ source, version, outcome: row.outcome });
  }
  const { fixedVersion } = opened.learnt;
  const isReleased = phaseOf(opened) === 'after' && opened.case.facts.D !== undefined;
  if (isReleased && fixedVersion !== null && firstFixed(tried) === undefined) {
    tried.push({ source: 'npm', version: fixedVersion, outcome: 'fixed' });
  }
  return tried;
}

export function phaseOf({ case: it }: Pick<OpenedCase, 'case'>): Phase {
  switch (it.stage) {
    case 'received':
    case 'confirmed':
      return 'before';
    case 'notified':
    case 'acknowledged':
    case 'patched':
      return 'with-maintainers';
    case 'fix-released':
    case 'disclosed':
      return 'after';
    case 'rejected':
    case 'withdrawn':
      return 'over';
  }
}
