/**
 * What the rest of the system may ask of disclosure. A case, its key, its encrypted details, its clock and the
 * commitment promised to the public log come into being in one transaction, or none of them does.
 */
import type { Outbox } from '../contact/index.ts';
import type { AdvisoryPublisher, AdvisoryRecord } from '../formats/advisory-record.ts';
import { addDays, type Clock } from '../lib/clock.ts';
import { createId, type RandomBytes } from '../lib/id.ts';
import { ok, type Result, refuse } from '../lib/result.ts';
import type { Database, Transaction } from '../store/database.ts';
import { addJob } from '../store/jobs.ts';
import type { Vault } from '../store/vault.ts';
import {
  type CommitmentId,
  commitmentRoot,
  encodeSealedFinding,
  type FindingField,
  type SealedFinding,
  type Tlog,
} from '../tlog/index.ts';
import type { ConfirmedFinding, FindingId } from '../verify/index.ts';
import type { Case, CaseId, CaseKind, Party } from './case.ts';
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
} from './case-view-service.ts';
import { type PolicyName, policyOf } from './clock-policy.ts';
import { createClockStore, type RunningClock } from './clock-store.ts';
import { createDetailsStore } from './details-store.ts';
import { isInForce } from './embargo.ts';
import { type Contact, type Learnt, packageOf, toAdvisoryRecord } from './finding.ts';
import type { Report } from './report.ts';
import { postReport } from './report-service.ts';
import { addEntries, learn, openWithdrawn, revealSealed } from './sealed-details-service.ts';
import { type AddressRefusal, addressVendor, mayBeAddressed } from './vendor-address-service.ts';

/** Runs when a deadline may have passed. */
export const CLOCK_JOB = 'disclosure.clock';

export interface DisclosureDependencies {
  readonly database: Database;
  readonly clock: Clock;
  /** What `clock` is. A case is moved only by the kind of clock it was opened under. */
  readonly time: Case['time'];
  readonly random: RandomBytes;
  readonly vault: Pick<Vault, 'createKey' | 'seal' | 'open' | 'sealJson' | 'openJson'>;
  readonly log: Pick<Tlog, 'seal' | 'append' | 'open'>;
  readonly outbox: Pick<Outbox, 'post'>;
  readonly publisher: AdvisoryPublisher;
  /** Who answers maintainers, and where. */
  readonly contact: { readonly name: string; readonly address: string };
}

export interface NewCase {
  readonly findingId: FindingId;
  readonly finding: ConfirmedFinding;
  readonly policy: PolicyName;
  readonly vendor: Contact & { readonly simulated: boolean };
  /** Public ids the finding matches; a demonstration needs at least one. */
  readonly knownAs: readonly string[];
}

export type OpenRefusal =
  /** Only what is public knowledge already may be played through with simulated parties or time. */
  { readonly kind: 'not-public' } | { readonly kind: 'not-committed'; readonly because: string };

export type StepRefusal =
  | CaseRefusal
  | AddressRefusal
  | { readonly kind: 'no-such-case'; readonly id: string }
  | { readonly kind: 'wrong-clock'; readonly time: Case['time'] };

export interface StepBy {
  readonly actor: string;
  readonly note?: string;
  /** With `notify`, and of a real case only: the mail address of the vendor. */
  readonly to?: string;
}

export type Disclosure = ReturnType<typeof createDisclosure>;

export function createDisclosure(parts: DisclosureDependencies) {
  const { database, clock } = parts;
  return {
    /** The kind of clock under which this moves cases. */
    time: parts.time,

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

    /** What would become of a step, without taking it. */
    check: (it: Case, step: Step): Result<unknown, StepRefusal> =>
      it.time === parts.time ? advance(it, step, clock.now()) : refuse({ kind: 'wrong-clock', time: it.time }),

    /** The embargo is over, its deadline has passed, or the case is disclosed already. */
    mayDisclose: (it: Case): boolean => it.stage === 'disclosed' || advance(it, 'disclose', clock.now()).ok,

    /** The report as it was sent, or as it would be sent now. */
    report: (opened: OpenedCase): Promise<Report> => database.transaction((tx) => readReport(tx, parts, opened)),

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

    endCommitment: (tx: Transaction, id: CommitmentId, how: 'opened' | 'withdrawn'): Promise<void> =>
      createDetailsStore(tx).endCommitment(id, how, clock.now()),

    /** Writes into the history what is no step: an export, a release signed. */
    note: (tx: Transaction, { case: it }: OpenedCase, event: string, actor: string): Promise<void> =>
      createCaseStore(tx).recordEvent(it, { version: null, event, actor, at: clock.now(), note: '' }),

    /** Notices deadlines that have passed; each is given once. */
    reachClocks: (): Promise<readonly RunningClock[]> => database.transaction((tx) => reachClocks(tx, parts)),
  };
}

async function reachClocks(tx: Transaction, parts: DisclosureDependencies): Promise<readonly RunningClock[]> {
  const { clock, time } = parts;
  const reached = await createClockStore(tx).takeDue(clock.now(), time);
  for (const { caseId, kind } of reached) {
    const it = await createCaseStore(tx).find(caseId);
    const entry = { version: null, event: `clock-reached ${kind}`, actor: 'clock', at: clock.now(), note: '' };
    if (!it) continue;
    await createCaseStore(tx).recordEvent(it, entry);
    if (kind === 'opening') await openWithdrawn(tx, parts, it);
  }
  return reached;
}

async function openCase(
  tx: Transaction,
  parts: DisclosureDependencies,
  fresh: NewCase,
): Promise<Result<CaseId, OpenRefusal>> {
  const { clock, vault, log, time, contact } = parts;
  const details = createDetailsStore(tx);
  const existing = await details.findCaseOf(fresh.findingId);
  if (existing) return ok(existing);
  const kind = time === 'compressed' || fresh.vendor.simulated ? 'demonstration' : 'real';
  if (kind === 'demonstration' && fresh.knownAs.length === 0) return refuse({ kind: 'not-public' });

  const now = clock.now();
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
  await moveClocks(tx, parts, it, { case: it, clocks }, 'opened');
  await createCaseStore(tx).recordEvent(it, {
    version: it.version,
    event: 'opened',
    actor: 'verify',
    at: now,
    note: '',
  });
  return ok(it.id);
}

function newCase({ random, time }: DisclosureDependencies, fresh: NewCase, kind: CaseKind, now: Date): Case {
  return {
    id: createId('case', random),
    version: 1,
    kind,
    time,
    policy: fresh.policy,
    openedAt: now,
    facts: {},
    stage: 'received',
    embargo: 'none',
    parties: [
      { id: createId('party', random), role: 'coordinator', simulated: false, report: 'received' },
      { id: createId('party', random), role: 'vendor', simulated: fresh.vendor.simulated, report: 'start' },
    ],
  };
}

const toDay = (at: Date): string => at.toISOString().slice(0, 10);

/** The fields of the commitment's template (`tlog/template.ts`). */
function commitmentValues(id: CaseId, finding: ConfirmedFinding, reporter: string, now: Date) {
  const named = packageOf(finding);
  return {
    caseId: id,
    class: finding.flaw,
    reportDate: toDay(now),
    reporter,
    reproducerSha256: finding.reproducer.sha256,
    severity: finding.severity.vector,
    target: named.purl,
    version: named.version,
  };
}

async function takeStep(
  tx: Transaction,
  parts: DisclosureDependencies,
  id: string,
  step: Step,
  by: StepBy,
): Promise<Result<Case, StepRefusal>> {
  const cases = createCaseStore(tx);
  const from = await cases.find(id);
  if (!from) return refuse({ kind: 'no-such-case', id });
  if (from.time !== parts.time) return refuse({ kind: 'wrong-clock', time: from.time });
  const now = parts.clock.now();
  const outcome = advance(from, step, now);
  if (!outcome.ok) return outcome;
  if (by.to !== undefined) {
    const allowed = mayBeAddressed(from, step, by.to);
    if (!allowed.ok) return allowed;
    await addressVendor(tx, parts, from, { address: by.to, actor: by.actor, now });
  }
  const to = outcome.value.case;
  await cases.save(to);
  await cases.recordEvent(to, { version: to.version, event: step, actor: by.actor, at: now, note: by.note ?? '' });
  await moveClocks(tx, parts, to, outcome.value, step);
  await recordEmbargo(tx, parts, from, to, now);
  await extendPromise(tx, parts, to);
  await openWithdrawn(tx, parts, to);
  if (step === 'notify') await sendReports(tx, parts, to);
  return ok(to);
}

async function moveClocks(
  tx: Transaction,
  { clock, time }: DisclosureDependencies,
  it: Case,
  { clocks }: StepTaken,
  origin: string,
): Promise<void> {
  await createClockStore(tx).change(it, clocks, origin, clock.now());
  // Under a compressed clock nothing waits: who makes the days pass also looks at the clocks.
  if (time === 'compressed') return;
  for (const change of clocks) {
    if (change.change === 'stop') continue;
    const payload = { case: it.id, clock: change.clock };
    await addJob(tx, CLOCK_JOB, payload, { key: `${it.id} ${change.clock}`, runAt: change.dueAt });
  }
}

/** A deadline after the day the commitment is promised for moves that day: in the log, with the reason. */
async function extendPromise(tx: Transaction, parts: DisclosureDependencies, to: Case): Promise<void> {
  const { log } = parts;
  if (!('dueAt' in to) || !to.dueAt) return;
  const details = createDetailsStore(tx);
  const { id, openedBy } = await details.getCommitment(to.id);
  // The day after: who discloses in the last minute of the deadline is not late.
  const dueAt = addDays(to.dueAt, 1);
  if (toDay(dueAt) <= openedBy) return;
  const reason = `The deadline under the policy ${to.policy}, counted from the report, is later than the promised day.`;
  const entry = await log.append(tx, { type: 'extension', commitment: id, openedBy: toDay(dueAt), reason });
  if (!entry.ok) throw new Error(`the commitment of ${to.id} cannot be extended: ${entry.refusal.kind}`);
  await details.extendCommitment(id, toDay(dueAt));
  await moveClocks(tx, parts, to, { case: to, clocks: [{ clock: 'opening', change: 'move', dueAt }] }, 'extended');
}

async function recordEmbargo(
  tx: Transaction,
  { random }: DisclosureDependencies,
  from: Case,
  to: Case,
  now: Date,
): Promise<void> {
  const store = createClockStore(tx);
  const earlier = 'dueAt' in from ? from.dueAt?.getTime() : undefined;
  if (isInForce(to.embargo) && 'dueAt' in to && to.dueAt && to.dueAt.getTime() !== earlier) {
    await store.recordAgreement(to.id, to.dueAt, now, random);
  } else if (isInForce(from.embargo) && !isInForce(to.embargo)) {
    await store.endAgreements(to.id, now);
  }
}

/** One report to every vendor, in the transaction of the step. */
async function sendReports(tx: Transaction, parts: DisclosureDependencies, it: Case): Promise<void> {
  const opened = await readCase(tx, parts, it.id);
  if (!opened) throw new Error(`the case ${it.id} vanished within its own transaction`);
  for (const party of it.parties.filter(({ role }) => role === 'vendor')) {
    const sealed = await createCaseStore(tx).findContact(party.id);
    if (!sealed) throw new Error(`the party ${party.id} has no contact`);
    const contact = await parts.vault.openJson<Contact>(tx, opened.keyId, sealed, `contact ${party.id}`);
    await postReport(tx, parts, { opened, partyId: party.id, contact, report: renderCase(parts, opened) });
  }
}
