/**
 * Vetting: applications from the first word to approval, the evidence behind them, the terms, and who waits for what.
 * Evidence and nationality are encrypted and opened for one purpose at a time; every look is written down before it is
 * granted, and a clock deletes what is no longer needed.
 */
import type { Clock } from '../lib/clock.ts';
import { sha256Hex } from '../lib/hash.ts';
import { createId, type RandomBytes } from '../lib/id.ts';
import { ok, type Result, refuse } from '../lib/result.ts';
import type { Keys, Membership, MembershipRefusal, OpenedCountry } from '../membership/index.ts';
import { isTier, type OrganisationId, type Tier } from '../program/index.ts';
import type { Database, Transaction } from '../store/database.ts';
import { decide } from '../store/decide.ts';
import { addJob } from '../store/jobs.ts';
import { type Page, type PageAsk, readWhole } from '../store/page.ts';
import type { Vault } from '../store/vault.ts';
import type { Tlog } from '../tlog/index.ts';
import { type Application, type ApplicationId, advance, isOpen, type Step, type StepRefusal } from './application.ts';
import { createApplicationStore, type Look, type LookPurpose, type Terms } from './application-store.ts';
import { createEvidenceStore, type EvidenceFile } from './evidence-store.ts';
import {
  type Evidence,
  exportFor,
  exportPerson,
  find,
  type Onboarding,
  onboarding,
  toOnboarding,
  unseal,
} from './view-service.ts';
import type { Calendar } from './working-days.ts';

export interface VettingParts {
  readonly database: Database;
  readonly clock: Clock;
  readonly random: RandomBytes;
  readonly vault: Pick<Vault, 'createKey' | 'sealJson' | 'openJson' | 'shred'>;
  readonly log: Pick<Tlog, 'append'>;
  readonly membership: Membership;
  readonly keys: Pick<Keys, 'listKeys'>;
  readonly calendar: Calendar;
}

export type VettingRefusal =
  | StepRefusal
  | MembershipRefusal
  | { readonly kind: 'no-such-application'; readonly id: string }
  | { readonly kind: 'no-such-file'; readonly id: string }
  | { readonly kind: 'application-open'; readonly organisation: string }
  | { readonly kind: 'too-large'; readonly bytes: number; readonly limit: number }
  | { readonly kind: 'deleted' }
  /** A look needs a purpose that the application is in. */
  | { readonly kind: 'no-purpose'; readonly purpose: LookPurpose };

type Outcome<T> = Promise<Result<T, VettingRefusal>>;

export const VETTING_CLOCK_JOB = 'vetting.clock';
export const MAX_EVIDENCE_BYTES = 20_000_000;
const MAX_TERMS = 200_000;
export const TERMS = 'headstart/terms/v1';
export const TERMS_ACCEPTED = 'headstart/terms-accepted/v1';
export const DECIDED = 'headstart/application-decided/v1';

const UNDER_REVIEW: ReadonlySet<Application['stage']> = new Set(['in-review', 'with-office', 'appealed']);

interface Asked {
  readonly organisation: string;
  readonly tier: string;
  /** An office outside that has to agree as well. */
  readonly office?: string | undefined;
}

export type Vetting = ReturnType<typeof createVetting>;

export function createVetting(parts: VettingParts) {
  return { ...createSteps(parts), ...createViews(parts) };
}

function createViews(parts: VettingParts) {
  const { database } = parts;
  return {
    /** Who waits for what since when. */
    onboarding: (organisation?: string): Promise<readonly Onboarding[]> =>
      readWhole((ask) => onboarding(database, parts, ask, organisation)),
    pageOnboarding: (ask: PageAsk, organisation?: string): Promise<Page<Onboarding>> =>
      onboarding(database, parts, ask, organisation),
    findOnboarding: async (application: string): Promise<Onboarding | undefined> => {
      const found = await createApplicationStore(database).find(application);
      return found && toOnboarding(database, parts, found);
    },
    pageLooks: (ask: PageAsk, organisation: string): Promise<Page<Look>> =>
      createApplicationStore(database).pageLooks(ask, organisation),
    /** Reviewers, an office or the decision of an appeal are waited for. */
    isUnderReview: async (named: string): Promise<boolean> => {
      const found = await parts.membership.findOrganisation(named);
      const newest = found.ok && (await createApplicationStore(database).page({ limit: 1 }, found.value.id)).items[0];
      return newest ? UNDER_REVIEW.has(newest.stage) : false;
    },
    /** Everything kept of an organisation in the course of vetting, opened, for those it is about. */
    exportFor: (named: string, reader: string) => decide(database, (tx) => exportFor(tx, parts, named, reader)),
    exportPerson: (id: string, reader: string) => decide(database, (tx) => exportPerson(tx, parts, id, reader)),
  };
}

function createSteps(parts: VettingParts) {
  const { database } = parts;
  const within = <T>(work: (tx: Transaction) => Outcome<T>): Outcome<T> => decide(database, work);
  return {
    /** A new version of the terms; every text is kept, and the log has its hash. */
    publishTerms: (text: string, actor: string): Outcome<Terms> => within((tx) => publishTerms(tx, parts, text, actor)),
    currentTerms: (): Promise<Terms | undefined> => createApplicationStore(database).currentTerms(),

    apply: (asked: Asked): Outcome<ApplicationId> => within((tx) => apply(tx, parts, asked)),
    /** The application with its evidence, before the reviewers: all of it, or nothing. */
    applyWith: (asked: Asked, files: readonly Evidence[], actor: string): Outcome<ApplicationId> =>
      within(async (tx) => {
        const id = await apply(tx, parts, asked);
        if (!id.ok || files.length === 0) return id;
        for (const file of files) {
          const added = await addEvidence(tx, parts, id.value, file, actor);
          if (!added.ok) return added;
        }
        const taken = await take(tx, parts, id.value, { step: 'submit', files: files.length });
        return taken.ok ? id : taken;
      }),
    addEvidence: (application: string, evidence: Evidence, actor: string): Outcome<string> =>
      within((tx) => addEvidence(tx, parts, application, evidence, actor)),
    listEvidence: (application: string): Promise<readonly EvidenceFile[]> =>
      createEvidenceStore(database).list(application),
    /** The look is kept even where nothing can be shown. */
    openEvidence: (file: string, reader: string, purpose: LookPurpose): Outcome<Evidence> =>
      database.transaction((tx) => openEvidence(tx, parts, file, reader, purpose)),

    /** Jurisdiction and nationalities, for who reviews. */
    openCountries: (application: string, reader: string, purpose: LookPurpose) =>
      within((tx) => lookAtCountries(tx, parts, application, reader, purpose)),

    submit: (id: string): Outcome<Application> =>
      within(async (tx) =>
        take(tx, parts, id, { step: 'submit', files: (await createEvidenceStore(tx).list(id)).length }),
      ),
    acceptTerms: (id: string, version: number): Outcome<Application> =>
      within(async (tx) => {
        const current = await createApplicationStore(tx).currentTerms();
        return take(tx, parts, id, { step: 'accept-terms', version, current: current?.version });
      }),
    take: (id: string, step: Exclude<Step, { step: 'submit' | 'accept-terms' | 'override' }>): Outcome<Application> =>
      within((tx) => take(tx, parts, id, step)),
    /** Lets an organisation in at the operator's word, whatever its application says; the log says so. */
    approveAsOperator: (named: string, tier: Tier, actor: string): Promise<Result<OrganisationId, MembershipRefusal>> =>
      decide(database, (tx) =>
        override(tx, parts, named, tier, { actor, approvals: [`${actor}, alone, without vetting`] }),
      ),
    /** The same at the word of two persons. */
    approveByTwo: (named: string, tier: Tier, { actor, second }: { readonly actor: string; readonly second: string }) =>
      decide(database, (tx) =>
        override(tx, parts, named, tier, { actor, approvals: [`${actor} and ${second}, without vetting`] }),
      ),

    /** Deletes what has had its time. Gives how many applications lost their evidence. */
    reachClocks: (): Promise<number> => database.transaction((tx) => reachClocks(tx, parts)),
  };
}

export function createVettingJobs(vetting: Pick<Vetting, 'reachClocks'>) {
  return { [VETTING_CLOCK_JOB]: async (): Promise<void> => void (await vetting.reachClocks()) };
}

async function publishTerms(tx: Transaction, parts: VettingParts, text: string, actor: string): Outcome<Terms> {
  if (text.trim() === '' || text.length > MAX_TERMS || !text.isWellFormed() || text.includes('\0')) {
    return refuse({ kind: 'malformed', what: 'the text of the terms' });
  }
  const store = createApplicationStore(tx);
  const version = ((await store.currentTerms())?.version ?? 0) + 1;
  const terms = { version, text, sha256: sha256Hex(text), publishedAt: parts.clock.now() };
  await store.insertTerms(terms);
  await say(tx, parts, TERMS, `terms ${version}`, { by: actor }, terms);
  return ok(terms);
}

async function apply(
  tx: Transaction,
  parts: VettingParts,
  { organisation: named, tier, office }: Asked,
): Outcome<ApplicationId> {
  if (!isTier(tier)) return refuse({ kind: 'malformed', what: 'the tier' });
  const found = await parts.membership.findOrganisationIn(tx, named);
  if (!found.ok) return found;
  const { id: organisation, standing } = found.value;
  if (standing === 'ended') return refuse({ kind: 'ended', what: 'organisation', named });
  const id = createId('application', parts.random);
  const fresh: Application = {
    id,
    version: 1,
    organisation,
    tier,
    office,
    stage: 'applied',
    since: parts.clock.now(),
    round: 1,
    reviews: [],
  };
  const keyId = await parts.vault.createKey(tx, id);
  if (!(await createApplicationStore(tx).insert(fresh, keyId)))
    return refuse({ kind: 'application-open', organisation });
  return ok(id);
}

async function addEvidence(
  tx: Transaction,
  parts: VettingParts,
  application: string,
  { name, content }: Evidence,
  actor: string,
): Outcome<string> {
  const it = await find(tx, application);
  if (!it.ok) return it;
  if (!isOpen(it.value)) return refuse({ kind: 'wrong-stage', stage: it.value.stage, step: 'submit' });
  if (content.length === 0 || content.length > MAX_EVIDENCE_BYTES) {
    return refuse({ kind: 'too-large', bytes: content.length, limit: MAX_EVIDENCE_BYTES });
  }
  const id = createId('evidence', parts.random);
  const kept = { name, base64: Buffer.from(content).toString('base64') };
  await createEvidenceStore(tx).insert({
    id,
    application,
    sealed: await parts.vault.sealJson(tx, it.value.keyId, kept, `evidence ${id}`),
    sha256: sha256Hex(content),
    bytes: content.length,
    addedBy: actor,
    addedAt: parts.clock.now(),
  });
  return ok(id);
}

const PURPOSE_STAGES: Readonly<Record<LookPurpose, readonly Application['stage'][] | 'any'>> = {
  review: ['in-review', 'with-office'],
  appeal: ['appealed'],
  export: 'any',
};

async function openEvidence(
  tx: Transaction,
  parts: VettingParts,
  id: string,
  reader: string,
  purpose: LookPurpose,
): Outcome<Evidence> {
  const file = await createEvidenceStore(tx).find(id);
  if (!file) return refuse({ kind: 'no-such-file', id });
  const it = await find(tx, file.application);
  if (!it.ok) return it;
  const stages = PURPOSE_STAGES[purpose];
  if (stages !== 'any' && !stages.includes(it.value.stage)) return refuse({ kind: 'no-purpose', purpose });
  const look = { organisation: it.value.organisation, what: id, reader, purpose, at: parts.clock.now() };
  await createApplicationStore(tx).recordLook(look);
  return unseal(tx, parts, it.value.keyId, file);
}

async function lookAtCountries(
  tx: Transaction,
  parts: VettingParts,
  application: string,
  reader: string,
  purpose: LookPurpose,
): Outcome<readonly OpenedCountry[]> {
  const it = await find(tx, application);
  if (!it.ok) return it;
  const stages = PURPOSE_STAGES[purpose];
  if (stages !== 'any' && !stages.includes(it.value.stage)) return refuse({ kind: 'no-purpose', purpose });
  const organisation = it.value.organisation as OrganisationId;
  const at = parts.clock.now();
  await createApplicationStore(tx).recordLook({ organisation, what: 'countries', reader, purpose, at });
  return ok(await parts.membership.openCountries(tx, organisation));
}

async function take(tx: Transaction, parts: VettingParts, id: string, step: Step): Outcome<Application> {
  const found = await find(tx, id);
  if (!found.ok) return found;
  const { keyId: _keyId, ...from } = found.value;
  const outcome = advance(from, step, parts.clock.now(), parts.calendar);
  if (!outcome.ok) return outcome;
  const to = outcome.value;
  await createApplicationStore(tx).save(to);
  await scheduleDeletion(tx);
  const terms = await createApplicationStore(tx).currentTerms();
  if (step.step === 'accept-terms' && terms) {
    await say(tx, parts, TERMS_ACCEPTED, to.organisation, { version: String(terms.version) }, terms);
    const by = { actor: 'vetting', approvals: approvalsOf(to) };
    const approved = await parts.membership.approve(tx, to.organisation, to.tier as Tier, by);
    if (!approved.ok) return approved;
  }
  // That it was refused, and not why: the reason is for the applicant.
  if (to.stage === 'refused') {
    await say(tx, parts, DECIDED, to.id, { outcome: 'refused', final: String(to.appealUntil === undefined) });
  }
  return ok(to);
}

/** By how many and in which part; names of reviewers are not for the public. */
const approvalsOf = ({ reviews, round, office }: Application): readonly string[] => [
  `${reviews.filter((each) => each.round === round && each.role === 'reviewer').length} reviewers`,
  ...(office === undefined ? [] : [office]),
];

async function override(
  tx: Transaction,
  parts: VettingParts,
  named: string,
  tier: Tier,
  by: { readonly actor: string; readonly approvals: readonly string[] },
): Promise<Result<OrganisationId, MembershipRefusal>> {
  const approved = await parts.membership.approve(tx, named, tier, by);
  if (!approved.ok) return approved;
  const [newest] = (await createApplicationStore(tx).page({ limit: 1 }, approved.value)).items;
  if (newest && isOpen(newest)) {
    const taken = await take(tx, parts, newest.id, { step: 'override' });
    if (!taken.ok) throw new Error(`an open application cannot be overridden: ${taken.refusal.kind}`);
  }
  return approved;
}

async function reachClocks(tx: Transaction, parts: VettingParts): Promise<number> {
  const now = parts.clock.now();
  const due = await createApplicationStore(tx).due(now);
  for (const { id, organisation, keyId } of due) {
    await parts.vault.shred(tx, keyId);
    await createApplicationStore(tx).markDeleted(id, now);
    // The tag stays while there is access, so that a stop still finds them; the country itself goes.
    await parts.membership.forgetCountries(tx, organisation);
  }
  await scheduleDeletion(tx);
  return due.length;
}

async function scheduleDeletion(tx: Transaction): Promise<void> {
  const at = await createApplicationStore(tx).nextDue();
  if (at) await addJob(tx, VETTING_CLOCK_JOB, {}, { key: VETTING_CLOCK_JOB, runAt: at });
}

async function say(
  tx: Transaction,
  { log }: VettingParts,
  predicateType: string,
  subject: string,
  facts: { readonly [name: string]: string },
  terms?: Terms,
): Promise<void> {
  const documents = terms ? [{ name: `terms-${terms.version}.txt`, sha256: terms.sha256 }] : [];
  const said = await log.append(tx, { type: 'statement', predicateType, subject, documents, facts });
  if (!said.ok) throw new Error(`the log refuses ${predicateType} of ${subject}: ${said.refusal.kind}`);
}
