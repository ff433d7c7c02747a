/** Reads cases with everything that lies encrypted beside them. */
import { listMessages, type Message } from '../contact/index.ts';
import { addDays, type Clock } from '../lib/clock.ts';
import type { Transaction } from '../store/database.ts';
import type { Vault } from '../store/vault.ts';
import { type CommitmentId, readSealedFinding, type SealedFinding } from '../tlog/index.ts';
import { type ConfirmedFinding, type FindingId, listReveals } from '../verify/index.ts';
import type { Case, CaseId, CaseKind } from './case.ts';
import { createCaseStore, type HistoryEntry } from './case-store.ts';
import { policyOf } from './clock-policy.ts';
import { createClockStore, type RunningClock } from './clock-store.ts';
import { type CaseCommitment, createDetailsStore } from './details-store.ts';
import { type Learnt, titleOf } from './finding.ts';
import { type Report, renderReport, type Series } from './report.ts';
import { createReportStore } from './report-store.ts';

export interface ReadingParts {
  readonly clock: Clock;
  readonly vault: Pick<Vault, 'open' | 'openJson'>;
  /** Who answers maintainers, and where. */
  readonly contact: { readonly name: string; readonly address: string };
}

export interface OpenedCase {
  readonly case: Case;
  readonly findingId: FindingId;
  readonly keyId: string;
  readonly finding: ConfirmedFinding;
  readonly learnt: Learnt;
  readonly history: readonly HistoryEntry[];
  readonly clocks: readonly RunningClock[];
  readonly messages: readonly Message[];
  readonly commitment: CaseCommitment;
}

export interface NamedCommitment {
  readonly commitment: CommitmentId;
  readonly sealed: SealedFinding;
}

export interface CaseSummary {
  readonly id: CaseId;
  readonly kind: CaseKind;
  readonly stage: Case['stage'];
  readonly embargo: Case['embargo'];
  readonly title: string;
  readonly target: string;
  readonly openedAt: Date;
  /** The disclosure deadline, once the report is sent. */
  readonly dueAt: Date | null;
}

/** Whoever owns the data directory. */
export const OPERATOR = 'operator at the command line';

export function renderCase(
  { clock, contact }: ReadingParts,
  { case: it, finding, learnt }: OpenedCase,
  sent: { readonly link?: string | undefined; readonly series?: Series | undefined } = {},
): Report {
  const policy = policyOf(it.policy);
  const asOfNow = policy.origin !== 'fix-ready' && policy.defaultDays !== null;
  const sentNow = asOfNow ? addDays(clock.now(), policy.defaultDays) : null;
  const dueAt = 'dueAt' in it ? it.dueAt : sentNow;
  return renderReport({ caseId: it.id, kind: it.kind, finding, learnt, policy, dueAt, contact, ...sent });
}

/** Without what changes by the day: its deadline, its link. */
export function renderDraft({ contact }: ReadingParts, { case: it, finding, learnt }: OpenedCase): Report {
  const policy = policyOf(it.policy);
  return renderReport({ caseId: it.id, kind: it.kind, finding, learnt, policy, dueAt: null, contact });
}

export async function readReport(tx: Transaction, parts: ReadingParts, opened: OpenedCase): Promise<Report> {
  const stored = await createReportStore(tx).findLatest(opened.case.id);
  const rendered = renderCase(parts, opened);
  if (!stored) return rendered;
  const text = await parts.vault.open(tx, opened.keyId, stored.sealed, `report ${stored.id}`);
  return { subject: rendered.subject, text: text.toString('utf8') };
}

export async function readCase(tx: Transaction, parts: ReadingParts, id: string): Promise<OpenedCase | undefined> {
  const cases = createCaseStore(tx);
  const it = await cases.find(id);
  if (!it) return undefined;
  const details = createDetailsStore(tx);
  const { findingId, keyId, finding, learnt } = await details.get(id);
  return {
    case: it,
    findingId,
    keyId,
    finding: await parts.vault.openJson<ConfirmedFinding>(tx, keyId, finding, `finding ${id}`),
    learnt: await parts.vault.openJson<Learnt>(tx, keyId, learnt, `learnt ${id}`),
    history: withReveals(await cases.listEvents(id), await listReveals(tx, findingId)),
    clocks: await createClockStore(tx).list(id),
    messages: await listMessages(tx, id),
    commitment: await details.getCommitment(id),
  };
}

/** That the text of a reproducer was shown belongs to the history, whichever command showed it. */
function withReveals(
  events: readonly HistoryEntry[],
  reveals: readonly { readonly command: string; readonly at: Date }[],
): readonly HistoryEntry[] {
  const shown = reveals.map(({ command, at }): HistoryEntry => {
    const before = events.findLast((event) => event.at <= at);
    const stage = before?.stage ?? events[0]?.stage ?? '';
    return { version: null, event: `revealed by ${command}`, stage, actor: OPERATOR, at, note: '' };
  });
  return [...events, ...shown].sort((left, right) => left.at.getTime() - right.at.getTime());
}

/** Whom a message reported to. */
export const findReportedParty = (tx: Transaction, messageId: string) => createReportStore(tx).findParty(messageId);

/** The case alone, without what lies encrypted. */
export const findCase = (tx: Transaction, id: string): Promise<Case | undefined> => createCaseStore(tx).find(id);

export async function readSealed(tx: Transaction, parts: ReadingParts, opened: OpenedCase): Promise<SealedFinding> {
  const { sealed } = await createDetailsStore(tx).get(opened.case.id);
  const bytes = await parts.vault.open(tx, opened.keyId, sealed, `commitment ${opened.case.id}`);
  const read = readSealedFinding(bytes);
  if (!read.ok) throw new Error(`the sealed finding of ${opened.case.id} cannot be read: ${read.refusal.kind}`);
  return read.value;
}

export async function listCases(tx: Transaction, parts: ReadingParts): Promise<readonly CaseSummary[]> {
  const summaries: CaseSummary[] = [];
  for (const it of await createCaseStore(tx).list()) {
    const { keyId, finding } = await createDetailsStore(tx).get(it.id);
    const opened = await parts.vault.openJson<ConfirmedFinding>(tx, keyId, finding, `finding ${it.id}`);
    summaries.push({
      id: it.id,
      kind: it.kind,
      stage: it.stage,
      embargo: it.embargo,
      title: titleOf(opened),
      target: opened.target,
      openedAt: it.openedAt,
      dueAt: 'dueAt' in it ? it.dueAt : null,
    });
  }
  return summaries;
}
