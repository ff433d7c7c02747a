/**
 * After the silence that a policy allows, an outside coordinator is asked: by the job of the clock, once, with the report
 * as a person signed it off. What a person must read first waits for that word, and the job looks again.
 *
 *   clock reached ──▶ job ──▶ asked (party, letter, history)
 *                      │  ▲
 *                      └──┘ waits: nobody configured, or not signed off
 */
import type { OpenedCase, Report } from '../disclosure/index.ts';
import { packageOf, policyOf } from '../disclosure/index.ts';
import { FLAW_CLASSES } from '../formats/flaw-class.ts';
import type { Transaction } from '../store/database.ts';
import type { Shared } from './coordination.ts';
import { type InvitationParts, join, postLetter } from './invitation-service.ts';
import { createLetterStore } from './letter-store.ts';
import { TOLD_BY_REPORT } from './participant.ts';
import { toEscalation } from './party-letter.ts';

/** Whom the operator named to be asked. */
export interface CoordinatorChannel {
  readonly name: string;
  /** As a person writes it; of CERT/CC the vendor is named after the project. */
  readonly addressFor: (project: string) => string;
}

export interface EscalationParts extends Omit<InvitationParts, 'linkFor'> {
  readonly coordinator: CoordinatorChannel | undefined;
  /** A person has read the report as it stands. */
  readonly isSignedOff: (tx: Transaction, opened: OpenedCase) => Promise<boolean>;
  /** The report as it would be sent now, without anybody's link. */
  readonly reportOf: (opened: OpenedCase) => Report;
  readonly note: (tx: Transaction, opened: OpenedCase, event: string, actor: string) => Promise<void>;
}

export type Escalated =
  | { readonly kind: 'asked'; readonly messageId: string }
  /** The case has moved on, or was asked for before. */
  | { readonly kind: 'nothing'; readonly why: 'no-such-case' | 'not-silent' | 'not-due' | 'asked-before' }
  | { readonly kind: 'waits'; readonly for: 'coordinator' | 'sign-off' };

export type Escalations = ReturnType<typeof createEscalations>;

/** Who acts where the clock does. */
const CLOCK = 'clock';
const WAITS = {
  coordinator: 'escalation-waits: no coordinator is configured (HEADSTART_COORDINATOR)',
  'sign-off': 'escalation-waits: a person signs the report off first (case sign-off)',
} as const;

export function createEscalations(parts: EscalationParts) {
  return {
    /** By the clock's job, or by a person's hand. Run twice it does nothing more. */
    escalate: (id: string, actor: string = CLOCK): Promise<Escalated> =>
      parts.database.transaction((tx) => escalate(tx, parts, id, actor)),
  };
}

async function escalate(tx: Transaction, parts: EscalationParts, id: string, actor: string): Promise<Escalated> {
  const shared = await parts.coordination.findIn(tx, id);
  if (!shared) return { kind: 'nothing', why: 'no-such-case' };
  const { opened } = shared;
  if (opened.case.stage !== 'notified') return { kind: 'nothing', why: 'not-silent' };
  if (!hasEvent(opened, 'escalation-due')) return { kind: 'nothing', why: 'not-due' };
  const letters = await createLetterStore(tx).list(id);
  if (letters.some(({ kind }) => kind === 'escalation')) return { kind: 'nothing', why: 'asked-before' };
  const isReal = opened.case.kind === 'real';
  if (isReal && !parts.coordinator) return waitFor(tx, parts, opened, 'coordinator');
  const isUnread = policyOf(opened.case.policy).personReads && !(await parts.isSignedOff(tx, opened));
  if (isReal && isUnread) return waitFor(tx, parts, opened, 'sign-off');
  return await ask(tx, parts, shared, actor);
}

async function waitFor(
  tx: Transaction,
  { note }: EscalationParts,
  opened: OpenedCase,
  what: keyof typeof WAITS,
): Promise<Escalated> {
  if (!hasEvent(opened, WAITS[what])) await note(tx, opened, WAITS[what], CLOCK);
  return { kind: 'waits', for: what };
}

async function ask(tx: Transaction, parts: EscalationParts, shared: Shared, actor: string): Promise<Escalated> {
  const { opened, now } = shared;
  const { case: it, finding } = opened;
  const { name: project, version } = packageOf(finding);
  const isDemonstration = it.kind === 'demonstration';
  const { coordinator } = parts;
  const name = isDemonstration ? 'SIMULATED coordinator' : (coordinator?.name ?? '');
  const address = isDemonstration ? null : (coordinator?.addressFor(project) ?? null);
  // Who takes the report without objecting has accepted the published policy it comes under.
  const told = { role: 'coordinator', name, address, zone: 'UTC', needs: TOLD_BY_REPORT, isBound: true } as const;
  const joined = await join(tx, parts, it.id, told, actor);
  if (!joined.ok) throw new Error(`no coordinator can join ${it.id}: ${joined.refusal.kind}`);
  const policy = policyOf(it.policy);
  const text = toEscalation({
    ...{ caseId: it.id, isDemonstration, contact: parts.contact, link: undefined, project },
    sentAt: 'notifiedAt' in it ? it.notifiedAt : now,
    dueAt: 'dueAt' in it ? it.dueAt : null,
    silenceDays: policy.silenceDays ?? 0,
    policy: policy.title,
    report: parts.reportOf(opened),
  });
  const messageId = await postLetter(tx, parts, opened, {
    // Of a demonstration nobody has one: it stays in the outbox whatever is configured.
    address: address ?? '',
    text,
    about: {
      severity: finding.severity.severity,
      cwe: FLAW_CLASSES[finding.flaw].cwe,
      package: { type: 'npm', name: project, version },
    },
  });
  const { partyId } = joined.value;
  await createLetterStore(tx).insert({ caseId: it.id, partyId, kind: 'escalation', messageId, postedAt: now });
  await parts.note(tx, opened, 'escalated', actor);
  return { kind: 'asked', messageId };
}

const hasEvent = ({ history }: OpenedCase, name: string): boolean => history.some(({ event }) => event === name);
