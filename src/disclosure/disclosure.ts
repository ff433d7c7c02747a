/**
 * What the rest of the system may ask of disclosure. A case, its key, its encrypted details, its clock and the
 * commitment promised to the public log come into being in one transaction, or none of them does.
 */
import type { Outbox } from '../contact/index.ts';
import type { AdvisoryPublisher, AdvisoryRecord } from '../formats/advisory-record.ts';
import { addDays, type Clock } from '../lib/clock.ts';
import type { RandomBytes } from '../lib/id.ts';
import { ok, type Result, refuse } from '../lib/result.ts';
import type { Database, Transaction } from '../store/database.ts';
import type { Vault } from '../store/vault.ts';
import { believe, type Instant } from '../timekeeping/index.ts';
import {
  type CommitmentId,
  commitmentRoot,
  encodeSealedFinding,
  type FindingField,
  type SealedFinding,
  type Tlog,
} from '../tlog/index.ts';
import type { ConfirmedFinding } from '../verify/index.ts';
import { type AgreedEndRefusal, agreeEnd } from './agreed-end.ts';
import { type Case, type CaseId, isClosedStage, type Party } from './case.ts';
import { advance, type CaseRefusal, openingClocks, type Step, type StepTaken } from './case-step.ts';
import { createCaseStore } from './case-store.ts';
import {
  type CaseSummary,
  listCases,
  type NamedCommitment,
  type OpenedCase,
  readCase,
  readReport,
  readSealed,
  renderCase,
  renderDraft,
} from './case-view-service.ts';
import { policyOf } from './clock-policy.ts';
import type { RunningClock } from './clock-store.ts';
import { extendPromise, handIn, moveClocks, reachClocks, recordEmbargo } from './deadline-service.ts';
import { createDetailsStore } from './details-store.ts';
import { type Duty, dutyClocks } from './duty-clock.ts';
import { type Contact, type Learnt, toAdvisoryRecord } from './finding.ts';
import { type FirstPostRefusal, noteFirstPost } from './first-post.ts';
import { commitmentValues, type NewCase, newCase, toDay } from './new-case.ts';
import type { Report, Series } from './report.ts';
import { type NoReminder, postReminders, postReport, type Vendor } from './report-service.ts';
import { addEntries, learn, openWithdrawn, revealSealed } from './sealed-details-service.ts';
import { type Addressed, type AddressRefusal, addressVendor, mayBeAddressed } from './vendor-address-service.ts';

export interface DisclosureDependencies {
  readonly database: Database;
  readonly clock: Clock;
  /** What every step and deadline goes by under the real clock: the database's. `clock` where absent. */
  readonly instants?: { read(tx: Transaction): Promise<Instant> };
  /** Of the page on which a party answers; undefined where pages have no address. */
  readonly linkFor?: (tx: Transaction, it: Case, partyId: Party['id']) => Promise<string | undefined>;
  /** What the report of a real case still lacks; empty where it may be sent. Absent: nothing is asked. */
  readonly lacks?: (tx: Transaction, opened: OpenedCase) => Promise<readonly string[]>;
  /** What that clock is. A case is moved only by the kind of clock it was opened under. */
  readonly time: Case['time'];
  readonly random: RandomBytes;
  readonly vault: Pick<Vault, 'createKey' | 'seal' | 'open' | 'sealJson' | 'openJson'>;
  readonly log: Pick<Tlog, 'seal' | 'append' | 'open'>;
  readonly outbox: Pick<Outbox, 'post'>;
  readonly publisher: AdvisoryPublisher;
  /** Who answers maintainers, and where. */
  readonly contact: { readonly name: string; readonly address: string };
}

export type OpenRefusal =
  /** Only what is public knowledge already may be played through with simulated parties or time. */
  { readonly kind: 'not-public' } | { readonly kind: 'not-committed'; readonly because: string };

export type StepRefusal =
  | CaseRefusal
  | AddressRefusal
  | { readonly kind: 'no-such-case'; readonly id: string }
  /** The clock that deadlines obey jumped, and nobody has said yet that it is right. */
  | { readonly kind: 'clock-doubted'; readonly since: Date }
  /** Nothing is sent that a reader could not follow: each point with its reason. */
  | { readonly kind: 'report-not-ready'; readonly missing: readonly string[] }
  | { readonly kind: 'wrong-clock'; readonly time: Case['time'] };

export interface StepBy {
  readonly actor: string;
  readonly note?: string;
  /** With `notify`, and of a real case only: where the vendor is reached. */
  readonly to?: string | Addressed;
  /** With `notify`: related reports leave with it. */
  readonly series?: Series | undefined;
}

export type Disclosure = ReturnType<typeof createDisclosure>;

type Parts = DisclosureDependencies & Required<Pick<DisclosureDependencies, 'instants'>>;

/** Steps that set a deadline or let something out: not while nobody knows what time it is. */
export const TIMED_STEPS: ReadonlySet<Step> = new Set(['notify', 'extend', 'patch', 'fix-released', 'disclose']);

export function createDisclosure(given: DisclosureDependencies) {
  const { database, clock } = given;
  const parts: Parts = { ...given, instants: given.instants ?? believe(clock) };
  const now = async (tx: Transaction): Promise<Date> => (await parts.instants.read(tx)).at;
  return {
    /** The kind of clock under which this moves cases. */
    time: parts.time,
    ...questions(parts),
    ...letters(parts),
    ...clockActs(parts),
    ...terms(parts),

    openCase: (tx: Transaction, fresh: NewCase): Promise<Result<CaseId, OpenRefusal>> => openCase(tx, parts, fresh),

    take: (step: Step, id: string, by: StepBy): Promise<Result<Case, StepRefusal>> =>
      database.transaction((tx) => takeStep(tx, parts, id, step, by)),

    /** The same within the caller's transaction. */
    takeIn: (tx: Transaction, step: Step, id: string, by: StepBy) => takeStep(tx, parts, id, step, by),

    /** Everything about a case, opened. Undefined where there is none. */
    find: (id: string): Promise<OpenedCase | undefined> => database.transaction((tx) => readCase(tx, parts, id)),
    findIn: (tx: Transaction, id: string): Promise<OpenedCase | undefined> => readCase(tx, parts, id),

    list: (): Promise<readonly CaseSummary[]> => database.transaction((tx) => listCases(tx, parts)),

    /** Adds what was learnt while the case runs: a verified patch, ids assigned by others. */
    learn: (id: string, learnt: Partial<Learnt>): Promise<void> =>
      database.transaction((tx) => learn(tx, parts, id, learnt)),
    learnIn: (tx: Transaction, id: string, learnt: Partial<Learnt>): Promise<void> => learn(tx, parts, id, learnt),

    /** The source of all public documents, as a draft or as it is released. */
    toRecord: (opened: OpenedCase, status: AdvisoryRecord['status'], now: Date): AdvisoryRecord =>
      toAdvisoryRecord({ ...opened, status, now, publisher: parts.publisher, commitment: opened.commitment.id }),

    /** The secret half of the commitment. */
    readSealed: (tx: Transaction, opened: OpenedCase): Promise<SealedFinding> => readSealed(tx, parts, opened),

    /** The same root cause again, by other ways. */
    addEntries: (
      tx: Transaction,
      id: CaseId,
      finding: Pick<ConfirmedFinding, 'entry' | 'otherEntries'>,
    ): Promise<void> => addEntries(tx, parts, id, finding),

    /** The secret half, by the id of case, finding or commitment; recorded while it is sealed. */
    revealSealed: (
      name: string,
      asked: { readonly field: FindingField; readonly actor: string },
    ): Promise<NamedCommitment | undefined> => database.transaction((tx) => revealSealed(tx, parts, name, asked)),

    endCommitment: async (tx: Transaction, id: CommitmentId, how: 'opened' | 'withdrawn'): Promise<void> =>
      createDetailsStore(tx).endCommitment(id, how, await now(tx)),

    /** Writes into the history what is no step: an export, a release signed. */
    note: async (
      tx: Transaction,
      { case: it }: Pick<OpenedCase, 'case'>,
      event: string,
      actor: string,
    ): Promise<void> =>
      createCaseStore(tx).recordEvent(it, { version: null, event, actor, at: await now(tx), note: '' }),
  };
}

/** Until when it is private. */
function terms(parts: Parts) {
  return {
    /** Moves the end of the embargo to what the parties agreed on. */
    agreeEndIn: (tx: Transaction, id: string, end: Date, by: StepBy) =>
      takeTerms<AgreedEndRefusal>(tx, parts, id, by, {
        ...{ event: 'embargo-agreed', origin: 'agreement' },
        change: (from, instant) => agreeEnd(from, end, instant),
      }),

    /** The flaw was posted on a closed list; where the policy counts from there, the deadline comes sooner. */
    noteFirstPost: (id: string, at: Date, by: StepBy): Promise<Result<Case, StepRefusal | FirstPostRefusal>> =>
      parts.database.transaction((tx) =>
        takeTerms(tx, parts, id, by, {
          ...{ event: 'first-post', origin: 'first-post' },
          change: (from, instant) => noteFirstPost(from, at, instant),
        }),
      ),
  };
}

function clockActs(parts: Parts) {
  return {
    /** Notices deadlines that have passed, all or those of one case; each is given once. */
    reachClocks: (caseId?: string): Promise<readonly RunningClock[]> => reachClocks(parts, caseId),

    /** What was owed to an authority was handed in: its clock ends. False where it does not run. */
    handIn: (id: string, duty: Duty, by: StepBy): Promise<boolean> =>
      parts.database.transaction((tx) => handIn(tx, parts, id, duty, by)),
  };
}

/** What is written to those outside. */
function letters(parts: Parts) {
  return {
    /** The report without what changes by the day: what is checked and signed off. */
    draft: (opened: OpenedCase): Report => renderDraft(parts, opened),
    reportIn: (tx: Transaction, opened: OpenedCase): Promise<Report> => readReport(tx, parts, opened),

    /** The report as it was sent, or as it would be sent now. */
    report: (opened: OpenedCase): Promise<Report> => parts.database.transaction((tx) => readReport(tx, parts, opened)),

    /** A further letter to those who were sent the report; to all or to none of them, in the caller's transaction. */
    remindIn: async (tx: Transaction, opened: OpenedCase, letter: Report): Promise<Result<null, NoReminder>> =>
      postReminders(tx, parts, opened, await vendorsOf(tx, parts, opened), letter),
  };
}

/** What may be done, and what time it is for that; changes nothing. */
function questions(parts: Parts) {
  return {
    /** What time it is for these cases, and whether that is doubted. */
    instantIn: (tx: Transaction): Promise<Instant> => parts.instants.read(tx),

    /** Every real case, however many there are. */
    realCases: async (): Promise<readonly { readonly id: CaseId; readonly isClosed: boolean }[]> =>
      (await createCaseStore(parts.database).listReal()).map(({ id, stage }) => ({
        id,
        isClosed: isClosedStage(stage),
      })),

    /** The report as it would be sent now to somebody else: without anybody's link. */
    reportNow: (opened: OpenedCase): Report => renderCase(parts, opened),

    /** What would become of a step, without taking it. */
    check: async (it: Case, step: Step): Promise<Result<unknown, StepRefusal>> => {
      const judged = await parts.database.transaction((tx) => judgeStep(tx, parts, it, step));
      return judged.ok ? judged.value.outcome : judged;
    },

    /** The embargo is over, its deadline has passed, or the case is disclosed already; and the clock is not doubted. */
    mayDisclose: async (tx: Transaction, it: Case): Promise<boolean> => {
      const { at, heldSince } = await parts.instants.read(tx);
      return it.stage === 'disclosed' || (!heldSince && advance(it, 'disclose', at).ok);
    },
  };
}

async function openCase(tx: Transaction, parts: Parts, fresh: NewCase): Promise<Result<CaseId, OpenRefusal>> {
  const { vault, log, time, contact } = parts;
  const details = createDetailsStore(tx);
  const existing = await details.findCaseOf(fresh.findingId);
  if (existing) return ok(existing);
  const kind = time === 'compressed' || fresh.vendor.simulated ? 'demonstration' : 'real';
  if (kind === 'demonstration' && fresh.knownAs.length === 0) return refuse({ kind: 'not-public' });

  const { at: now } = await parts.instants.read(tx);
  const it = newCase(parts, fresh, kind, now);
  const clocks = openingClocks(policyOf(fresh.policy), now);
  const openedBy = clocks[0]?.change === 'start' ? clocks[0].dueAt : addDays(now, 1);
  const committed = await log.seal(tx, { values: commitmentValues(it.id, fresh.finding, contact.name, now), openedBy });
  if (!committed.ok) return refuse({ kind: 'not-committed', because: committed.refusal.kind });

  const keyId = await vault.createKey(tx, it.id);
  const contacts = new Map<Party['id'], Uint8Array>();
  for (const { id, role } of it.parties) {
    const of: Contact = role === 'vendor' ? { name: fresh.vendor.name, address: fresh.vendor.address } : contact;
    contacts.set(id, await vault.sealJson(tx, keyId, of, `contact ${id}`));
  }
  await createCaseStore(tx).insert(it, contacts);
  const { affected } = fresh.finding;
  const learnt: Learnt = { knownAs: fresh.knownAs, patch: null, fixedVersion: affected?.fixedIn ?? null, affected };
  await details.insert({
    caseId: it.id,
    findingId: fresh.findingId,
    keyId,
    finding: await vault.sealJson(tx, keyId, fresh.finding, `finding ${it.id}`),
    sealed: await vault.seal(tx, keyId, encodeSealedFinding(committed.value.sealed), `commitment ${it.id}`),
    learnt: await vault.sealJson(tx, keyId, learnt, `learnt ${it.id}`),
  });
  const root = Buffer.from(commitmentRoot(committed.value.sealed)).toString('hex');
  await details.insertCommitment(it.id, {
    id: committed.value.commitment,
    root,
    sealedAt: now,
    openedBy: toDay(openedBy),
  });
  await moveClocks(tx, parts, it, { clocks }, { origin: 'opened', now });
  await createCaseStore(tx).recordEvent(it, {
    version: it.version,
    event: 'opened',
    actor: 'verify',
    at: now,
    note: '',
  });
  return ok(it.id);
}

async function judgeStep(
  tx: Transaction,
  parts: Parts,
  from: Case,
  step: Step,
): Promise<Result<{ readonly outcome: ReturnType<typeof advance>; readonly instant: Instant }, StepRefusal>> {
  if (from.time !== parts.time) return refuse({ kind: 'wrong-clock', time: from.time });
  const instant = await parts.instants.read(tx);
  if (instant.heldSince && TIMED_STEPS.has(step)) return refuse({ kind: 'clock-doubted', since: instant.heldSince });
  return ok({ outcome: advance(from, step, instant.at), instant });
}

async function takeStep(
  tx: Transaction,
  parts: Parts,
  id: string,
  step: Step,
  by: StepBy,
): Promise<Result<Case, StepRefusal>> {
  const cases = createCaseStore(tx);
  const from = await cases.find(id);
  if (!from) return refuse({ kind: 'no-such-case', id });
  const judged = await judgeStep(tx, parts, from, step);
  if (!judged.ok) return judged;
  const { outcome, instant } = judged.value;
  const now = instant.at;
  if (!outcome.ok) return outcome;
  const missing = step === 'notify' && from.kind === 'real' ? await lacking(tx, parts, id) : [];
  if (missing.length > 0) return refuse({ kind: 'report-not-ready', missing });
  if (by.to !== undefined) {
    const addressed = typeof by.to === 'string' ? { address: by.to } : by.to;
    const allowed = await mayBeAddressed(tx, parts, from, step, addressed);
    if (!allowed.ok) return allowed;
    await addressVendor(tx, parts, from, { ...addressed, actor: by.actor, now });
  }
  const to = outcome.value.case;
  await cases.save(to);
  await cases.recordEvent(to, { version: to.version, event: step, actor: by.actor, at: now, note: by.note ?? '' });
  const clocks = [...outcome.value.clocks, ...dutyClocks(from, to)];
  await moveClocks(tx, parts, to, { clocks }, { origin: step, now });
  await recordEmbargo(tx, parts, from, to, now);
  await extendPromise(tx, parts, to, now);
  await openWithdrawn(tx, parts, to, instant);
  if (step === 'notify') await sendReports(tx, parts, to, by.series);
  return ok(to);
}

async function lacking(tx: Transaction, parts: Parts, id: string): Promise<readonly string[]> {
  const opened = parts.lacks && (await readCase(tx, parts, id));
  return opened && parts.lacks ? parts.lacks(tx, opened) : [];
}

interface TermsChange<R> {
  readonly event: string;
  readonly origin: string;
  readonly change: (from: Case, now: Date) => Result<StepTaken, R>;
}

/** The terms of the embargo become others: by agreement, or by what became known. */
async function takeTerms<R>(
  tx: Transaction,
  parts: Parts,
  id: string,
  { actor, note = '' }: StepBy,
  { event, origin, change }: TermsChange<R>,
): Promise<Result<Case, StepRefusal | R>> {
  const cases = createCaseStore(tx);
  const from = await cases.find(id);
  if (!from) return refuse({ kind: 'no-such-case', id });
  if (from.time !== parts.time) return refuse({ kind: 'wrong-clock', time: from.time });
  const { at: now, heldSince } = await parts.instants.read(tx);
  if (heldSince) return refuse({ kind: 'clock-doubted', since: heldSince });
  const outcome = change(from, now);
  if (!outcome.ok) return outcome;
  const to = outcome.value.case;
  await cases.save(to);
  await cases.recordEvent(to, { version: to.version, event, actor, at: now, note });
  await moveClocks(tx, parts, to, outcome.value, { origin, now });
  await recordEmbargo(tx, parts, from, to, now);
  await extendPromise(tx, parts, to, now);
  return ok(to);
}

/** One report to every vendor, in the transaction of the step. */
async function sendReports(tx: Transaction, parts: Parts, it: Case, series: StepBy['series']): Promise<void> {
  const opened = await readCase(tx, parts, it.id);
  if (!opened) throw new Error(`the case ${it.id} vanished within its own transaction`);
  for (const { partyId, contact } of await vendorsOf(tx, parts, opened)) {
    const report = renderCase(parts, opened, { link: await parts.linkFor?.(tx, it, partyId), series });
    await postReport(tx, parts, { opened, partyId, contact, report });
  }
}

async function vendorsOf(tx: Transaction, { vault }: Parts, { case: it, keyId }: OpenedCase): Promise<Vendor[]> {
  const vendors: Vendor[] = [];
  for (const { id } of it.parties.filter(({ role }) => role === 'vendor')) {
    const sealed = await createCaseStore(tx).findContact(id);
    if (!sealed) throw new Error(`the party ${id} has no contact`);
    vendors.push({ partyId: id, contact: await vault.openJson<Contact>(tx, keyId, sealed, `contact ${id}`) });
  }
  return vendors;
}
