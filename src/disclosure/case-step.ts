/**
 * How a case takes a step. Each step names its arrows in the three machines and what becomes of the clocks; a step that
 * any machine refuses, or after which an invariant would not hold, is not taken.
 */
import { addDays } from '../lib/clock.ts';
import { ok, type Result, refuse } from '../lib/result.ts';
import type { Case, Party, PartyRole, Stage } from './case.ts';
import { type CaseEvent, type CaseFacts, isOut, withConsequences } from './case-events.ts';
import { type ClockPolicy, openingDueAt, policyOf } from './clock-policy.ts';
import { brokenInvariants } from './cross-machine.ts';
import type { Duty } from './duty-clock.ts';
import { advanceEmbargo, type EmbargoEvent, type EmbargoState, isInForce, shortest } from './embargo.ts';
import { followAll, type NoArrow } from './machine.ts';
import { advanceReport, type ReportEvent, type ReportState } from './report-state.ts';
import { type ClockFacts, deadlineOf, exploitedEnd } from './timeline.ts';

export const STEPS = [
  'confirm',
  'reject',
  'notify',
  'acknowledge',
  'extend',
  'patch',
  'fix-released',
  'disclose',
  'leak',
  'exploited',
  'withdraw',
] as const;
export type Step = (typeof STEPS)[number];

export const isStep = (text: string): text is Step => STEPS.some((step) => step === text);

export type CaseRefusal =
  | { readonly kind: 'wrong-stage'; readonly stage: Stage; readonly step: Step }
  /** Null: no deadline runs; it ends by consent, by a fix, or when it is out. */
  | { readonly kind: 'under-embargo'; readonly until: Date | null }
  /** The flaw is known to nobody outside: there is no one whose fix could be awaited, and no deadline runs. */
  | { readonly kind: 'nobody-notified' }
  | { readonly kind: 'no-vendor' }
  | { readonly kind: 'already-known'; readonly event: CaseEvent }
  | {
      readonly kind: 'no-extension';
      readonly why: 'policy' | 'taken' | 'deadline-passed' | 'embargo-over' | 'no-deadline';
    }
  | {
      readonly kind: 'machine-refused';
      readonly machine: NoArrow['machine'];
      readonly state: string;
      readonly event: string;
    }
  | { readonly kind: 'broken-invariant'; readonly invariants: readonly string[] };

/** The clocks of a case; at most one of each kind runs. */
export type ClockKind = 'opening' | 'acknowledgement' | 'disclosure' | 'details' | Duty;
export type ClockChange =
  | { readonly clock: ClockKind; readonly change: 'start'; readonly dueAt: Date }
  | { readonly clock: ClockKind; readonly change: 'move'; readonly dueAt: Date }
  | { readonly clock: ClockKind; readonly change: 'stop' };

export interface StepTaken {
  readonly case: Case;
  readonly clocks: readonly ClockChange[];
}

type Before = Extract<Case, { stage: 'received' | 'confirmed' }>;
type Coordinated = Extract<Case, { stage: 'notified' | 'acknowledged' | 'patched' }>;
type Outcome = Result<StepTaken, CaseRefusal>;

/** The clocks a case starts with. */
export function openingClocks(policy: ClockPolicy, openedAt: Date): readonly ClockChange[] {
  return [{ clock: 'opening', change: 'start', dueAt: openingDueAt(policy, openedAt) }];
}

/** The case after `step`, or why it may not be taken. */
export function advance(from: Case, step: Step, now: Date): Outcome {
  const outcome = attempt(from, step, now);
  if (!outcome.ok) return outcome;
  const invariants = brokenInvariants(outcome.value.case);
  return invariants.length > 0 ? refuse({ kind: 'broken-invariant', invariants }) : outcome;
}

function attempt(from: Case, step: Step, now: Date): Outcome {
  const wrong = refuse<CaseRefusal>({ kind: 'wrong-stage', stage: from.stage, step });
  switch (step) {
    case 'confirm':
      return from.stage === 'received' ? confirm(from) : wrong;
    case 'reject':
      return isBefore(from) ? reject(from, now) : wrong;
    case 'notify':
      return from.stage === 'confirmed' ? notify(from, now) : wrong;
    case 'acknowledge':
      return from.stage === 'notified' ? acknowledge(from) : wrong;
    case 'extend':
      return from.stage === 'acknowledged' || from.stage === 'patched' ? extend(from, now) : wrong;
    case 'patch':
      return from.stage === 'notified' || from.stage === 'acknowledged' ? patch(from, now) : wrong;
    case 'fix-released':
      return isCoordinated(from) ? releaseFix(from, now) : wrong;
    case 'disclose':
      return disclose(from, now, wrong);
    case 'leak':
      return isOpen(from) ? endSecrecy(from, 'P', now) : wrong;
    case 'exploited':
      return isOpen(from) ? endSecrecy(from, 'A', now) : wrong;
    case 'withdraw':
      return isOpen(from) ? withdraw(from, now) : wrong;
  }
}

type Open = Exclude<Case, { stage: 'disclosed' | 'rejected' | 'withdrawn' }>;

const isBefore = (it: Case): it is Before => it.stage === 'received' || it.stage === 'confirmed';
const isCoordinated = (it: Case): it is Coordinated =>
  it.stage === 'notified' || it.stage === 'acknowledged' || it.stage === 'patched';
const isOpen = (it: Case): it is Open => isBefore(it) || isCoordinated(it) || it.stage === 'fix-released';

function confirm(from: Before): Outcome {
  const parties = tell(from.parties, 'coordinator', ['validate', 'accept']);
  if (!parties.ok) return parties;
  return ok({ case: { ...next(from), stage: 'confirmed', embargo: 'none', parties: parties.value }, clocks: [] });
}

function reject(from: Before, now: Date): Outcome {
  const events: ReportEvent[] = from.stage === 'received' ? ['invalidate', 'close'] : ['close'];
  const parties = tell(from.parties, 'coordinator', events);
  if (!parties.ok) return parties;
  const closed = { ...next(from), stage: 'rejected', embargo: 'none', closedAt: now, parties: parties.value } as const;
  // The clock of the opening runs on: on its day the commitment is opened as withdrawn.
  return ok({ case: closed, clocks: [] });
}

/** Sending the report proposes our published policy; who takes the report without objecting has accepted it. */
function notify(from: Before, now: Date): Outcome {
  if (!from.parties.some(({ role }) => role === 'vendor')) return refuse({ kind: 'no-vendor' });
  const policy = policyOf(from.policy);
  const parties = tell(from.parties, 'vendor', ['receive']);
  if (!parties.ok) return parties;
  const facts = from.facts.V ? ok(from.facts) : happened(from.facts, 'V', now);
  if (!facts.ok) return facts;
  const embargo = moved(from.embargo, isOut(from.facts) ? [] : ['propose', 'accept']);
  if (!embargo.ok) return embargo;
  const { firstPostAt } = from;
  const sent = { notifiedAt: now, facts: facts.value, isExtended: false, stage: 'notified', firstPostAt } as const;
  const dueAt = deadlineAfter(policy, sent);
  const notified = {
    ...next(from),
    stage: 'notified',
    embargo: embargo.value,
    parties: parties.value,
    facts: facts.value,
    notifiedAt: now,
    dueAt,
    isExtended: false,
  } as const;
  const silence: ClockChange[] =
    policy.silenceDays === null
      ? []
      : [{ clock: 'acknowledgement', change: 'start', dueAt: addDays(now, policy.silenceDays) }];
  const started: ClockChange[] = dueAt ? [{ clock: 'disclosure', change: 'start', dueAt }] : [];
  return ok({ case: notified, clocks: [...started, ...silence] });
}

type Sent = Pick<Coordinated, 'notifiedAt' | 'facts' | 'isExtended' | 'stage'> & {
  readonly firstPostAt?: Date | undefined;
};

/**
 * What the policy alone says. An attack or a publication before the report counts from the report; a post on a closed list
 * counts from its own day, but nothing ends before it was sent.
 */
export function deadlineAfter(
  policy: ClockPolicy,
  { notifiedAt, facts, isExtended, stage, firstPostAt }: Sent,
): Date | null {
  const known = (at: Date | undefined): Date | null => (at ? (at < notifiedAt ? notifiedAt : at) : null);
  const told: ClockFacts = {
    sentAt: notifiedAt,
    firstPostAt: firstPostAt ?? null,
    fixReadyAt: known(facts.F),
    fixReleasedAt: null,
    publicAt: known(facts.P ?? facts.X),
    exploitedAt: known(facts.A),
    isEngaged: stage !== 'notified',
    isExtended,
  };
  const end = deadlineOf(policy, told)?.at ?? null;
  return end && end < notifiedAt ? notifiedAt : end;
}

/** Who answers while the flaw is attacked gets the policy's further days, never more than before the attack. */
function acknowledge(from: Coordinated): Outcome {
  const parties = tell(from.parties, 'vendor', ['validate', 'accept']);
  if (!parties.ok) return parties;
  const policy = policyOf(from.policy);
  const acknowledged = { ...next(from), stage: 'acknowledged', parties: parties.value } as const;
  const attackSetIt = from.facts.A && from.dueAt?.getTime() === deadlineAfter(policy, from)?.getTime();
  const dueAt = attackSetIt ? deadlineAfter(policy, acknowledged) : from.dueAt;
  const later: ClockChange[] =
    dueAt && dueAt.getTime() !== from.dueAt?.getTime() ? [{ clock: 'disclosure', change: 'move', dueAt }] : [];
  return ok({ case: { ...acknowledged, dueAt }, clocks: [...later, ...stopped('acknowledgement')] });
}

function extend(from: Coordinated, now: Date): Outcome {
  const { extensionDays } = policyOf(from.policy);
  if (!isInForce(from.embargo)) return refuse({ kind: 'no-extension', why: 'embargo-over' });
  if (extensionDays === 0) return refuse({ kind: 'no-extension', why: 'policy' });
  if (from.isExtended) return refuse({ kind: 'no-extension', why: 'taken' });
  if (!from.dueAt) return refuse({ kind: 'no-extension', why: 'no-deadline' });
  if (now >= from.dueAt) return refuse({ kind: 'no-extension', why: 'deadline-passed' });
  const embargo = moved(from.embargo, ['propose', 'accept']);
  if (!embargo.ok) return embargo;
  const dueAt = addDays(from.dueAt, extensionDays);
  const extended = { ...next(from), embargo: embargo.value, dueAt, isExtended: true };
  return ok({ case: extended, clocks: [{ clock: 'disclosure', change: 'move', dueAt }] });
}

function patch(from: Coordinated, now: Date): Outcome {
  const facts = happened(from.facts, 'F', now);
  if (!facts.ok) return facts;
  const parties = from.stage === 'notified' ? tell(from.parties, 'vendor', ['validate', 'accept']) : ok(from.parties);
  if (!parties.ok) return parties;
  const patched = { ...next(from), stage: 'patched', facts: facts.value, parties: parties.value } as const;
  const policy = policyOf(from.policy);
  // A policy that counts from the fix starts its clock here.
  const dueAt = from.dueAt ?? (policy.origin === 'fix-ready' ? deadlineAfter(policy, patched) : null);
  const started: ClockChange[] = dueAt && !from.dueAt ? [{ clock: 'disclosure', change: 'start', dueAt }] : [];
  return ok({ case: { ...patched, dueAt }, clocks: [...started, ...stopped('acknowledgement')] });
}

/** "90 days or at patch, whichever first": a released fix can be read by everybody, so it ends the embargo. */
function releaseFix(from: Coordinated, now: Date): Outcome {
  const ready = from.facts.F ? ok(from.facts) : happened(from.facts, 'F', now);
  const facts = ready.ok ? happened(ready.value, 'D', now) : ready;
  if (!facts.ok) return facts;
  const ended = terminated(from.embargo);
  if (!ended.ok) return ended;
  const detailsAt = addDays(now, policyOf(from.policy).detailsAfterFixDays);
  const { dueAt: _due, isExtended: _extended, ...rest } = next(from);
  const released = { ...rest, stage: 'fix-released', embargo: ended.value, facts: facts.value, detailsAt } as const;
  const clocks: ClockChange[] = [
    ...stopped('disclosure', 'acknowledgement'),
    { clock: 'details', change: 'start', dueAt: detailsAt },
  ];
  return ok({ case: released, clocks });
}

function disclose(from: Case, now: Date, wrong: Outcome): Outcome {
  if (!isOpen(from) || from.stage === 'received') return wrong;
  if (from.stage === 'confirmed' && !isOut(from.facts)) return refuse({ kind: 'nobody-notified' });
  if (isCoordinated(from) && isInForce(from.embargo) && (!from.dueAt || now < from.dueAt)) {
    return refuse({ kind: 'under-embargo', until: from.dueAt });
  }
  const facts = from.facts.P ? ok(from.facts) : happened(from.facts, 'P', now);
  if (!facts.ok) return facts;
  const ended = terminated(from.embargo);
  if (!ended.ok) return ended;
  // Only a released fix delays the details: it gives users the time to install it.
  const detailsAt = from.stage === 'fix-released' ? from.detailsAt : now;
  const { id, version, kind, time, policy, openedAt, parties } = next(from);
  const base = { id, version, kind, time, policy, openedAt, parties, facts: facts.value };
  const clocks = stopped('disclosure', 'acknowledgement', 'opening');
  return ok({ case: { ...base, stage: 'disclosed', embargo: ended.value, closedAt: now, detailsAt }, clocks });
}

/** Vultron: an embargo SHALL end at once when the flaw, an exploit or an attack becomes known. */
function endSecrecy(from: Open, event: 'P' | 'A', now: Date): Outcome {
  if (from.facts[event]) return refuse({ kind: 'already-known', event });
  const facts = happened(from.facts, event, now);
  if (!facts.ok) return facts;
  if (!isCoordinated(from)) return ok({ case: { ...next(from), facts: facts.value }, clocks: [] });
  const ended = terminated(from.embargo);
  if (!ended.ok) return ended;
  const latest = event === 'P' ? now : exploitedEnd(policyOf(from.policy), now, from.stage !== 'notified');
  const dueAt = shortest([from.dueAt, latest].filter((each) => each !== null)) ?? null;
  const out = { ...next(from), facts: facts.value, embargo: ended.value, dueAt };
  const isMoved = dueAt && dueAt.getTime() !== from.dueAt?.getTime();
  return ok({ case: out, clocks: isMoved ? [{ clock: 'disclosure', change: 'move', dueAt }] : [] });
}

function withdraw(from: Open, now: Date): Outcome {
  const ended = terminated(from.embargo);
  if (!ended.ok) return ended;
  const { id, version, kind, time, policy, openedAt, parties, facts } = next(from);
  const base = { id, version, kind, time, policy, openedAt, parties, facts };
  const clocks = stopped('disclosure', 'acknowledgement', 'details');
  return ok({ case: { ...base, stage: 'withdrawn', embargo: ended.value, closedAt: now }, clocks });
}

const next = <C extends Case>(from: C): C => ({ ...from, version: from.version + 1 });
const stopped = (...clocks: ClockKind[]): ClockChange[] => clocks.map((clock) => ({ clock, change: 'stop' }));

function tell(
  parties: readonly Party[],
  role: PartyRole,
  events: readonly ReportEvent[],
): Result<readonly Party[], CaseRefusal> {
  const told: Party[] = [];
  for (const party of parties) {
    const report = party.role === role ? followAll(advanceReport, party.report, events) : ok<ReportState>(party.report);
    if (!report.ok) return machineRefused(report.refusal);
    told.push({ ...party, report: report.value });
  }
  return ok(told);
}

function moved(state: EmbargoState, events: readonly EmbargoEvent[]): Result<EmbargoState, CaseRefusal> {
  const outcome = followAll(advanceEmbargo, state, events);
  return outcome.ok ? outcome : machineRefused(outcome.refusal);
}

function terminated(state: EmbargoState): Result<'none' | 'exited', CaseRefusal> {
  if (state === 'none' || state === 'exited') return ok(state);
  const outcome = followAll(advanceEmbargo, state, state === 'proposed' ? ['reject'] : ['terminate']);
  if (!outcome.ok) return machineRefused(outcome.refusal);
  return ok(outcome.value === 'none' ? 'none' : 'exited');
}

function happened(facts: CaseFacts, event: CaseEvent, now: Date): Result<CaseFacts, CaseRefusal> {
  const outcome = withConsequences(facts, event, now);
  return outcome.ok ? outcome : machineRefused(outcome.refusal);
}

function machineRefused({ machine, state, event }: NoArrow): Result<never, CaseRefusal> {
  return refuse({ kind: 'machine-refused', machine, state, event });
}
