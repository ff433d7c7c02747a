/**
 * An application of an organisation, from its first word to a call that works.
 *
 *   applied ──▶ in-review ──▶ with-office ──▶ terms ──▶ approved ─ ─▶ provisioned ─ ─▶ ready
 *      │            │  two         │ where one           └──▶ ended     (a key)       (a real call on it)
 *      │            │  reviewers   │ has to agree
 *      │            └──────────────┴──▶ refused ──▶ appealed ──▶ in-review, other reviewers
 *      └──▶ withdrawn (from every open stage)            └──▶ refused for good
 *
 * `provisioned` and `ready` are no states to be set: they are read off the keys and the calls that came through.
 * Pure: no clock, no database. What is not allowed here is refused.
 */
import { addDays } from '../lib/clock.ts';
import type { Id } from '../lib/id.ts';
import { ok, type Result, refuse } from '../lib/result.ts';
import { addWorkingDays, type Calendar } from './working-days.ts';

export type ApplicationId = Id<'application'>;

/** What reviewers look at. A pass says that each is met, or does not apply. */
export const CHECKLIST = [
  'organisation-exists',
  'beneficial-owners-known',
  'jurisdiction-shown',
  'sanctions-screened',
  'defensive-use',
  'security-contact',
  'phishing-resistant-sign-in',
] as const;
export type CheckItem = (typeof CHECKLIST)[number];

export interface Review {
  readonly round: number;
  readonly reviewer: string;
  readonly role: 'reviewer' | 'office';
  readonly verdict: 'pass' | 'fail';
  readonly at: Date;
}

interface Base {
  readonly id: ApplicationId;
  readonly version: number;
  readonly organisation: string;
  readonly tier: string;
  /** An office outside that has to agree as well. */
  readonly office: string | undefined;
  readonly since: Date;
  readonly round: number;
  readonly reviews: readonly Review[];
}

export type Application = Base &
  (
    | { readonly stage: 'applied' | 'terms' | 'withdrawn' | 'ended' }
    | { readonly stage: 'in-review'; readonly dueAt: Date }
    | { readonly stage: 'with-office'; readonly dueAt: Date }
    /** No version of the terms: let in at the operator's word. */
    | { readonly stage: 'approved'; readonly termsVersion: number | undefined }
    /** Without a day until which it may be appealed it is final. */
    | { readonly stage: 'refused'; readonly reason: string; readonly appealUntil: Date | undefined }
    | { readonly stage: 'appealed'; readonly reason: string; readonly grounds: string; readonly dueAt: Date }
  );

export type Stage = Application['stage'];
export const STAGES = [
  'applied',
  'in-review',
  'with-office',
  'terms',
  'approved',
  'refused',
  'appealed',
  'withdrawn',
  'ended',
] as const satisfies readonly Stage[];

export type Step =
  | { readonly step: 'submit'; readonly files: number }
  | { readonly step: 'pass'; readonly by: string; readonly met: readonly CheckItem[] }
  | { readonly step: 'refuse'; readonly by: string; readonly reason: string }
  | { readonly step: 'agree'; readonly by: string }
  | { readonly step: 'accept-terms'; readonly version: number; readonly current: number | undefined }
  | { readonly step: 'appeal'; readonly grounds: string }
  | { readonly step: 'uphold'; readonly by: string }
  | { readonly step: 'dismiss'; readonly by: string; readonly reason: string }
  | { readonly step: 'withdraw' }
  | { readonly step: 'end' }
  /** The operator's own word in place of all the rest; the log says that it was. */
  | { readonly step: 'override' };

export type StepRefusal =
  | { readonly kind: 'wrong-stage'; readonly stage: Stage; readonly step: Step['step'] }
  | { readonly kind: 'no-evidence' }
  | { readonly kind: 'checklist-open'; readonly items: readonly CheckItem[] }
  /** Two persons look at it, and an appeal is decided by others than the refusal was. */
  | { readonly kind: 'another-person-needed'; readonly by: string }
  | { readonly kind: 'no-reason' }
  | { readonly kind: 'final' }
  | { readonly kind: 'too-late'; readonly until: Date }
  | { readonly kind: 'other-terms'; readonly current: number | undefined };

export const REVIEWERS = 2;
/** From the application to the decision. */
export const REVIEW_WORKING_DAYS = 2;
export const APPEAL_WORKING_DAYS = 5;
/** How long a refusal may be appealed. */
export const APPEAL_DAYS = 30;
/** How long evidence is kept after the decision, and after the end. */
export const KEEP_DAYS_AFTER_DECISION = 90;
export const KEEP_DAYS_AFTER_END = 30;

type Outcome = Result<Application, StepRefusal>;

export function advance(from: Application, step: Step, now: Date, calendar: Calendar): Outcome {
  const wrong = refuse<StepRefusal>({ kind: 'wrong-stage', stage: from.stage, step: step.step });
  const base = next(from, now);
  switch (step.step) {
    case 'submit':
      if (from.stage !== 'applied') return wrong;
      if (step.files < 1) return refuse({ kind: 'no-evidence' });
      return ok({ ...base, stage: 'in-review', dueAt: addWorkingDays(now, REVIEW_WORKING_DAYS, calendar) });
    case 'pass':
      return from.stage === 'in-review' ? pass(from, step, now) : wrong;
    case 'refuse':
      if (from.stage !== 'in-review' && from.stage !== 'with-office') return wrong;
      return refuseApplication(from, step, now);
    case 'agree':
      if (from.stage !== 'with-office') return wrong;
      if (hasJudged(from, step.by)) return refuse({ kind: 'another-person-needed', by: step.by });
      return ok({ ...withReview(from, now, step.by, 'office', 'pass'), stage: 'terms' });
    case 'accept-terms':
      if (from.stage !== 'terms') return wrong;
      if (step.current === undefined || step.version !== step.current) {
        return refuse({ kind: 'other-terms', current: step.current });
      }
      return ok({ ...base, stage: 'approved', termsVersion: step.version });
    case 'appeal':
      return from.stage === 'refused' ? appeal(from, step.grounds, now, calendar) : wrong;
    case 'uphold':
      if (from.stage !== 'appealed') return wrong;
      if (hasJudged(from, step.by)) return refuse({ kind: 'another-person-needed', by: step.by });
      return ok({
        ...base,
        round: from.round + 1,
        stage: 'in-review',
        dueAt: addWorkingDays(now, REVIEW_WORKING_DAYS, calendar),
      });
    case 'dismiss':
      if (from.stage !== 'appealed') return wrong;
      if (step.reason.trim() === '') return refuse({ kind: 'no-reason' });
      if (hasJudged(from, step.by)) return refuse({ kind: 'another-person-needed', by: step.by });
      return ok({ ...base, stage: 'refused', reason: step.reason, appealUntil: undefined });
    case 'withdraw':
      return isOpen(from) ? ok({ ...base, stage: 'withdrawn' }) : wrong;
    case 'end':
      return from.stage === 'approved' ? ok({ ...base, stage: 'ended' }) : wrong;
    case 'override':
      return isOpen(from) || from.stage === 'refused'
        ? ok({ ...base, stage: 'approved', termsVersion: undefined })
        : wrong;
  }
}

export const isOpen = ({ stage }: Application): boolean =>
  ['applied', 'in-review', 'with-office', 'terms', 'appealed'].includes(stage);

/** When what is sealed for it is deleted; undefined while it is needed. */
export function deletionAt(it: Application): Date | undefined {
  if (it.stage === 'approved') return addDays(it.since, KEEP_DAYS_AFTER_DECISION);
  if (it.stage === 'refused') return addDays(it.appealUntil ?? it.since, KEEP_DAYS_AFTER_END);
  if (it.stage === 'withdrawn' || it.stage === 'ended') return addDays(it.since, KEEP_DAYS_AFTER_END);
  return undefined;
}

export interface Waiting {
  readonly stage: Stage | 'provisioned' | 'ready';
  /** Who has to do something. */
  readonly who: 'applicant' | 'reviewers' | 'office' | 'operator' | 'nobody';
  readonly what: string;
  readonly since: Date;
  readonly dueAt: Date | undefined;
  readonly isLate: boolean;
}

/** What is known of an approved organisation's access. */
export interface Access {
  /** Since when there is a key that works. */
  readonly keySince: Date | undefined;
  /** When the first real call came through on exactly this organisation, key and model. */
  readonly provenAt: Date | undefined;
}

/** Who waits for what since when. */
export function waitingFor(it: Application, access: Access, now: Date): Waiting {
  const dueAt = 'dueAt' in it ? it.dueAt : undefined;
  const at = (who: Waiting['who'], what: string, change: Partial<Waiting> = {}): Waiting => ({
    stage: it.stage,
    who,
    what,
    since: it.since,
    dueAt,
    isLate: dueAt !== undefined && now >= dueAt,
    ...change,
  });
  switch (it.stage) {
    case 'applied':
      return at('applicant', 'send the evidence');
    case 'in-review':
      return at('reviewers', `${REVIEWERS - passes(it).length} of ${REVIEWERS} reviews`);
    case 'with-office':
      return at('office', `the agreement of ${it.office}`);
    case 'terms':
      return at('applicant', 'accept the terms');
    case 'approved':
      if (access.provenAt) return at('nobody', 'works', { stage: 'ready', since: access.provenAt });
      if (access.keySince)
        return at('applicant', 'make a first call', { stage: 'provisioned', since: access.keySince });
      return at('operator', 'make a key');
    case 'refused':
      return it.appealUntil && now < it.appealUntil
        ? at('applicant', `may appeal until ${it.appealUntil.toISOString().slice(0, 10)}: ${it.reason}`)
        : at('nobody', `refused: ${it.reason}`);
    case 'appealed':
      return at('reviewers', 'decide the appeal');
    case 'withdrawn':
    case 'ended':
      return at('nobody', it.stage);
  }
}

function pass(
  from: Application & { readonly stage: 'in-review'; readonly dueAt: Date },
  { by, met }: Extract<Step, { step: 'pass' }>,
  now: Date,
): Outcome {
  if (hasJudged(from, by)) return refuse({ kind: 'another-person-needed', by });
  const open = CHECKLIST.filter((item) => !met.includes(item));
  if (open.length > 0) return refuse({ kind: 'checklist-open', items: open });
  const reviewed = withReview(from, now, by, 'reviewer', 'pass');
  // The clock of the review goes on running until it is decided.
  if (passes(reviewed).length < REVIEWERS) {
    return ok({ ...reviewed, since: from.since, stage: 'in-review', dueAt: from.dueAt });
  }
  return ok(from.office ? { ...reviewed, stage: 'with-office', dueAt: from.dueAt } : { ...reviewed, stage: 'terms' });
}

function refuseApplication(
  from: Application & { readonly stage: 'in-review' | 'with-office' },
  { by, reason }: Extract<Step, { step: 'refuse' }>,
  now: Date,
): Outcome {
  if (reason.trim() === '') return refuse({ kind: 'no-reason' });
  const role = from.stage === 'with-office' ? 'office' : 'reviewer';
  if (hasJudged(from, by)) return refuse({ kind: 'another-person-needed', by });
  const reviewed = withReview(from, now, by, role, 'fail');
  return ok({ ...reviewed, stage: 'refused', reason, appealUntil: addDays(now, APPEAL_DAYS) });
}

function appeal(
  from: Application & { readonly stage: 'refused' },
  grounds: string,
  now: Date,
  calendar: Calendar,
): Outcome {
  if (from.appealUntil === undefined) return refuse({ kind: 'final' });
  if (now >= from.appealUntil) return refuse({ kind: 'too-late', until: from.appealUntil });
  if (grounds.trim() === '') return refuse({ kind: 'no-reason' });
  const dueAt = addWorkingDays(now, APPEAL_WORKING_DAYS, calendar);
  return ok({ ...next(from, now), stage: 'appealed', reason: from.reason, grounds, dueAt });
}

/** In any round: an appeal is looked at by fresh eyes. */
const hasJudged = ({ reviews }: Application, by: string): boolean => reviews.some(({ reviewer }) => reviewer === by);

const passes = ({ reviews, round }: Base): readonly Review[] =>
  reviews.filter((review) => review.round === round && review.role === 'reviewer' && review.verdict === 'pass');

const next = ({ id, version, organisation, tier, office, round, reviews }: Application, now: Date): Base => ({
  id,
  version: version + 1,
  organisation,
  tier,
  office,
  round,
  reviews,
  since: now,
});

const withReview = (
  from: Application,
  at: Date,
  reviewer: string,
  role: Review['role'],
  verdict: Review['verdict'],
): Base => ({
  ...next(from, at),
  reviews: [...from.reviews, { round: from.round, reviewer, role, verdict, at }],
});
