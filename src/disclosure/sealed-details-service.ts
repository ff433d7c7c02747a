/** Changes to what lies encrypted beside a case, and the ways in which parts of it become public. */
import type { Clock } from '../lib/clock.ts';
import type { Transaction } from '../store/database.ts';
import type { Vault } from '../store/vault.ts';
import type { Instant } from '../timekeeping/index.ts';
import type { FindingField, Tlog } from '../tlog/index.ts';
import type { ConfirmedFinding } from '../verify/index.ts';
import type { Case } from './case.ts';
import { createCaseStore } from './case-store.ts';
import { type NamedCommitment, type OpenedCase, readCase, readSealed } from './case-view-service.ts';
import { createClockStore } from './clock-store.ts';
import { createDetailsStore } from './details-store.ts';
import type { Learnt } from './finding.ts';

export interface DetailsParts {
  readonly clock: Clock;
  readonly instants: { read(tx: Transaction): Promise<Instant> };
  readonly vault: Pick<Vault, 'open' | 'openJson' | 'sealJson'>;
  readonly log: Pick<Tlog, 'open'>;
  readonly contact: { readonly name: string; readonly address: string };
}

/** Ways to one root cause that are kept. */
const MAX_OTHER_ENTRIES = 100;

export async function learn(
  tx: Transaction,
  { vault }: DetailsParts,
  id: string,
  learnt: Partial<Learnt>,
): Promise<void> {
  const details = createDetailsStore(tx);
  const { keyId, learnt: sealed } = await details.get(id);
  const before = await vault.openJson<Learnt>(tx, keyId, sealed, `learnt ${id}`);
  await details.replaceLearnt(id, await vault.sealJson(tx, keyId, { ...before, ...learnt }, `learnt ${id}`));
}

/** The same root cause was reached by other ways: the case's own copy of the finding names them, too. */
export async function addEntries(
  tx: Transaction,
  { vault }: DetailsParts,
  id: string,
  { entry, otherEntries }: Pick<ConfirmedFinding, 'entry' | 'otherEntries'>,
): Promise<void> {
  const details = createDetailsStore(tx);
  const { keyId, finding: sealed } = await details.get(id);
  const before = await vault.openJson<ConfirmedFinding>(tx, keyId, sealed, `finding ${id}`);
  const entries = new Set([...before.otherEntries, entry, ...otherEntries]);
  entries.delete(before.entry);
  if (entries.size === before.otherEntries.length) return;
  const after = { ...before, otherEntries: [...entries].sort().slice(0, MAX_OTHER_ENTRIES) };
  await details.replaceFinding(id, await vault.sealJson(tx, keyId, after, `finding ${id}`));
}

/** The secret half, for one field of it to be shown; while it is sealed, that is written into the history first. */
export async function revealSealed(
  tx: Transaction,
  parts: DetailsParts,
  name: string,
  { field, actor }: { readonly field: FindingField; readonly actor: string },
): Promise<NamedCommitment | undefined> {
  const id = await createDetailsStore(tx).findCaseNamed(name);
  const opened = id && (await readCase(tx, parts, id));
  if (!opened) return undefined;
  if (opened.commitment.endedAt === null) {
    const entry = {
      version: null,
      event: `revealed field ${field}`,
      actor,
      at: (await parts.instants.read(tx)).at,
      note: '',
    };
    await createCaseStore(tx).recordEvent(opened.case, entry);
  }
  return { commitment: opened.commitment.id, sealed: await readSealed(tx, parts, opened) };
}

/**
 * Opens the commitment of a rejected or withdrawn case as withdrawn, so that withdrawing hides nothing: on the day it was
 * promised for and not before, because what was withdrawn may still be a flaw. What is public already is opened at once.
 */
export async function openWithdrawn(
  tx: Transaction,
  parts: DetailsParts,
  it: Case,
  { at, heldSince }: Instant,
): Promise<void> {
  const reason = REASONS[it.stage];
  const opened = reason && (await readCase(tx, parts, it.id));
  if (!opened || opened.commitment.endedAt !== null) return;
  if (it.kind === 'real' && (heldSince || at < promisedAt(opened))) return;
  const entry = await parts.log.open(tx, opened.commitment.id, await readSealed(tx, parts, opened), reason);
  if (!entry.ok) throw new Error(`the commitment of ${it.id} cannot be opened: ${entry.refusal.kind}`);
  await createDetailsStore(tx).endCommitment(opened.commitment.id, 'withdrawn', at);
  await createClockStore(tx).change(it, [{ clock: 'opening', change: 'stop' }], it.stage, at);
  await createCaseStore(tx).recordEvent(it, {
    version: null,
    event: 'commitment opened as withdrawn',
    actor: 'log',
    at,
    note: '',
  });
}

/** Stands in the public log: says nothing of what an operator noted. */
const REASONS: Partial<Record<Case['stage'], string>> = {
  rejected: 'The report was rejected before anybody outside was told: it was found not to be valid.',
  withdrawn: 'The case was withdrawn before it was disclosed. No advisory was published for it.',
};

function promisedAt({ clocks, commitment }: OpenedCase): Date {
  const opening = clocks.find(({ kind }) => kind === 'opening');
  return opening?.dueAt ?? new Date(`${commitment.openedBy}T00:00:00Z`);
}
