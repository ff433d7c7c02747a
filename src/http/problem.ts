/**
 * Every refusal as the outside sees it (RFC 9457): one row a kind, so that none can be forgotten and no second place says
 * the same otherwise. Rich inside, poor outside: a detail tells what the asker may know and can act on, nothing else.
 */
import type { FastifyReply } from 'fastify';
import type { InvitationRefusal } from '../coordination/index.ts';
import type { FirstPostRefusal, StepRefusal } from '../disclosure/index.ts';
import type { NoticesRefusal } from '../exposure/index.ts';
import type { FundingRefusal } from '../funding/index.ts';
import type { FateRefusal } from '../intake/index.ts';
import type { AmountRefusal, RefundRefusal } from '../ledger/index.ts';
import type { MembershipRefusal, ProposalRefusal, StopRefusal } from '../membership/index.ts';
import type { ReleaseRefusal } from '../pacing/index.ts';
import type { ScopeRefusal } from '../scope/index.ts';
import type { RoleRefusal, SignInRefusal } from '../signin/index.ts';
import type { VettingRefusal } from '../vetting/index.ts';

/** What is wrong with a request before any service sees it, or with the world while it is carried out. */
export type RequestRefusal =
  | { readonly kind: 'no-session' }
  | { readonly kind: 'other-origin' }
  | { readonly kind: 'no-such-route' }
  | { readonly kind: 'not-json' }
  | { readonly kind: 'media-type' }
  | { readonly kind: 'not-readable' }
  | { readonly kind: 'body-too-large' }
  | { readonly kind: 'invalid'; readonly errors: readonly Complaint[] }
  | { readonly kind: 'too-many-requests'; readonly retryAfterSeconds: number }
  | { readonly kind: 'changed'; readonly what: string }
  | { readonly kind: 'other-version'; readonly what: string }
  | { readonly kind: 'key-reused' }
  | { readonly kind: 'under-way' }
  | { readonly kind: 'no-receipt'; readonly call: string }
  | { readonly kind: 'no-such-record'; readonly id: string }
  | { readonly kind: 'no-package'; readonly id: string }
  | { readonly kind: 'no-such-answer'; readonly id: string }
  | { readonly kind: 'no-such-project'; readonly named: string }
  | { readonly kind: 'nobody-in-need' }
  | { readonly kind: 'not-granted' }
  | { readonly kind: 'country-with-person' }
  | { readonly kind: 'own-application' }
  | { readonly kind: 'unavailable' }
  | { readonly kind: 'fault' };

export interface Complaint {
  readonly in: 'path' | 'query' | 'header' | 'body';
  /** Of the member, with dots; empty for the whole. */
  readonly at: string;
  readonly message: string;
}

export type AnyRefusal =
  | RequestRefusal
  | MembershipRefusal
  | VettingRefusal
  | StopRefusal
  | ProposalRefusal
  | ScopeRefusal
  | AmountRefusal
  | RefundRefusal
  | RoleRefusal
  | SignInRefusal
  | CaseWorkRefusal;

/** Of intake, cases, their parties, the queue and funding. */
type CaseWorkRefusal =
  | NoticesRefusal
  | FateRefusal
  | StepRefusal
  | FirstPostRefusal
  | InvitationRefusal
  | ReleaseRefusal
  | FundingRefusal;

type Kind = AnyRefusal['kind'];
type Row<K extends Kind> = readonly [
  status: number,
  title: string,
  detail: (refusal: Extract<AnyRefusal, { readonly kind: K }>) => string,
  more?: (refusal: Extract<AnyRefusal, { readonly kind: K }>) => object,
];

export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
}

/** Clients may rely on these: a kind keeps its name. */
export const PROBLEM_TYPE = 'https://headstart.invalid/problem/';

const NOT_FOUND = 'Not found';
const CONFLICT = 'Conflict';
const REFUSED = 'Refused';
const INVALID = 'Not valid';

const REQUEST: { readonly [K in RequestRefusal['kind']]: Row<K> } = {
  'no-session': [401, 'Sign in', () => 'there is no session, or it has ended: sign in at /signin'],
  'other-origin': [403, REFUSED, () => 'the request does not come from this site'],
  'no-such-route': [404, NOT_FOUND, () => 'there is nothing here: /api/v1/openapi.json says what there is'],
  'not-json': [400, INVALID, () => 'the body is not JSON'],
  'media-type': [415, INVALID, () => 'a body is application/json'],
  'not-readable': [400, INVALID, () => 'the request cannot be read'],
  'body-too-large': [413, 'Too large', () => 'the body is larger than this route takes'],
  invalid: [
    422,
    INVALID,
    ({ errors }) => errors.map(({ in: where, at, message }) => `${where} ${at}: ${message}`).join('; '),
    ({ errors }) => ({ errors }),
  ],
  'too-many-requests': [429, 'Too many requests', ({ retryAfterSeconds }) => `again in ${retryAfterSeconds} s`],
  changed: [409, CONFLICT, ({ what }) => `${what} was changed by somebody else meanwhile: look again`],
  'other-version': [412, 'Another version', ({ what }) => `${what} is not the version that was named: look again`],
  'key-reused': [422, INVALID, () => 'this idempotency key was used for another request'],
  'under-way': [
    409,
    CONFLICT,
    () => 'a request with this idempotency key has not ended yet: look, or send it again in two minutes',
  ],
  'no-receipt': [404, NOT_FOUND, ({ call }) => `there is no receipt of ${call}`],
  'no-such-record': [404, NOT_FOUND, ({ id }) => `there is no record ${id}`],
  'no-package': [422, INVALID, ({ id }) => `${id} names no package that can be searched: name one as \`target\``],
  'no-such-answer': [404, NOT_FOUND, ({ id }) => `there is no mail ${id}`],
  'no-such-project': [404, NOT_FOUND, ({ named }) => `${named} names no project: a package URL, or a name of npm`],
  'nobody-in-need': [409, CONFLICT, () => 'no project has open cases'],
  'not-granted': [403, REFUSED, () => 'nothing of the kind is granted to you'],
  'country-with-person': [422, INVALID, () => 'a stop by country names no single person or key'],
  'own-application': [403, REFUSED, () => 'nobody judges the application of their own organisation'],
  unavailable: [503, 'Unavailable', () => 'the database does not answer: try again'],
  fault: [500, 'Fault', () => 'something went wrong on our side'],
};

const MEMBERSHIP: { readonly [K in (MembershipRefusal | StopRefusal | ProposalRefusal)['kind']]: Row<K> } = {
  'malformed-model': [422, INVALID, ({ why }) => why],
  malformed: [422, INVALID, ({ what }) => `${what} cannot be understood`],
  'not-found': [404, NOT_FOUND, ({ what, named }) => `there is no ${what} ${named}`],
  ambiguous: [409, CONFLICT, ({ what, named }) => `more than one ${what} is called ${named}: give the id`],
  exists: [409, CONFLICT, ({ what, named }) => `there is a ${what} ${named} already`],
  ended: [409, CONFLICT, ({ what, named }) => `the ${what} ${named} has left`],
  'not-approved': [
    409,
    CONFLICT,
    (it) =>
      'by' in it ? `${it.by.length} persons have approved it: two are needed` : `${it.organisation} is not approved`,
  ],
  'tier-too-high': [
    403,
    REFUSED,
    ({ asked, highest }) => `${asked} is further in than ${highest}, the highest tier of the organisation`,
  ],
  'not-open': [403, REFUSED, ({ model, openTo, tier }) => `${model} is open to ${openTo}, not to ${tier}`],
  replaced: [409, CONFLICT, ({ model }) => `${model} was changed meanwhile: look again, and ask again`],
  'by-decision': [409, CONFLICT, ({ model }) => `${model} opens by decisions alone`],
  'no-ledger': [503, 'Unavailable', () => 'limits of money are kept by the ledger, which is not there'],
  'no-attribute': [422, INVALID, () => 'a stop names at least one attribute'],
  'no-legal-order': [422, INVALID, () => 'a stop by country names its legal order and its end'],
  lifted: [409, CONFLICT, ({ stop }) => `${stop} is not in force`],
  confirmed: [409, CONFLICT, ({ stop }) => `${stop} is confirmed already`],
  'second-person-needed': [403, REFUSED, () => 'the same person cannot be both: another one has to agree'],
  'no-such-proposal': [404, NOT_FOUND, (it) => `there is no open proposal ${'id' in it ? it.id : it.proposal}`],
  'proposal-over': [409, CONFLICT, ({ id }) => `${id} was decided or has lapsed: ask again`],
  'same-person': [403, REFUSED, () => 'who asked cannot agree: another person has to'],
};

type OwnVettingRefusal = Exclude<VettingRefusal, MembershipRefusal>;

const VETTING: { readonly [K in OwnVettingRefusal['kind']]: Row<K> } = {
  'wrong-stage': [409, CONFLICT, ({ stage, step }) => `it is ${stage}: there is no ${step} from here`],
  'no-evidence': [409, CONFLICT, () => 'there is no evidence to review'],
  'checklist-open': [422, INVALID, ({ items }) => `not yet met: ${items.join(', ')}`],
  'another-person-needed': [403, REFUSED, () => 'you have judged it already: another person is needed'],
  'no-reason': [422, INVALID, () => 'a reason is needed'],
  final: [409, CONFLICT, () => 'the refusal is final'],
  'too-late': [409, CONFLICT, ({ until }) => `it could be appealed until ${until.toISOString()}`],
  'other-terms': [
    409,
    CONFLICT,
    ({ current }) => (current === undefined ? 'there are no terms yet' : `version ${current} is in force`),
  ],
  'no-such-application': [404, NOT_FOUND, ({ id }) => `there is no application ${id}`],
  'no-such-file': [404, NOT_FOUND, ({ id }) => `there is no file ${id}`],
  'application-open': [409, CONFLICT, ({ organisation }) => `${organisation} has an open application`],
  'too-large': [422, INVALID, ({ limit }) => `a file of evidence has 1 to ${limit} bytes`],
  deleted: [404, NOT_FOUND, () => 'it was deleted when its time had run out'],
  'no-purpose': [403, REFUSED, ({ purpose }) => `there is nothing to look at for ${purpose} now`],
};

const SCOPE: { readonly [K in ScopeRefusal['kind']]: Row<K> } = {
  'bad-asset': [422, INVALID, ({ text, why }) => `${text}: ${why}`],
  'bad-document': [422, INVALID, ({ why }) => why],
  'no-such-step': [409, CONFLICT, ({ why }) => why],
  'unknown-organisation': [404, NOT_FOUND, ({ name }) => `there is no organisation ${name}`],
  'unknown-scope': [404, NOT_FOUND, ({ id }) => `there is no scope ${id}`],
  'too-many-assets': [422, INVALID, ({ limit }) => `a scope has 1 to ${limit} assets`],
  'no-such-proof': [422, INVALID, ({ asset, method }) => `${asset} cannot be proven by ${method}`],
  'not-the-holder': [403, REFUSED, ({ organisation, asset }) => `${organisation} does not hold ${asset} itself`],
};

const MONEY: { readonly [K in (AmountRefusal | RefundRefusal)['kind']]: Row<K> } = {
  'too-much': [422, INVALID, ({ limitMicro }) => `more than an account can hold: ${limitMicro} micro-dollars are left`],
  'not-an-amount': [422, INVALID, ({ text }) => `${text} is no amount`],
  'no-such-call': [404, NOT_FOUND, ({ call }) => `no call ${call} was posted`],
  'more-than-was-paid': [409, CONFLICT, ({ paidMicro }) => `${paidMicro} micro-dollars are left to give back`],
};

/** For the person in front of the page: what happened and what to do; nothing that tells whether somebody exists. */
const SIGN_IN: { readonly [K in (RoleRefusal | SignInRefusal)['kind']]: Row<K> } = {
  'not-your-role': [403, REFUSED, ({ act }) => `no role of yours allows this: ${act}`, ({ act }) => ({ act })],
  'stronger-sign-in-needed': [403, 'Sign in with a passkey', ({ why }) => why],
  'invitation-over': [403, REFUSED, () => 'this link was used, replaced, or is too old; ask for a new one'],
  'challenge-over': [403, REFUSED, () => 'this took too long or was answered already; begin again'],
  'login-over': [403, REFUSED, () => 'this took too long or was answered already; begin again'],
  'not-verified': [403, REFUSED, ({ why }) => `the passkey was not accepted: ${why}`],
  'unknown-passkey': [403, REFUSED, () => 'this passkey belongs to nobody who takes part now'],
  'unknown-person': [403, REFUSED, () => 'this passkey belongs to nobody who takes part now'],
  'no-provider': [403, REFUSED, () => 'no organisation here signs in by that address; use a passkey'],
  'provider-refused': [403, REFUSED, ({ why }) => `your organisation’s provider did not let you in: ${why}`],
  'not-a-participant': [403, REFUSED, ({ why }) => `you are not known here by that sign-in: ${why}`],
  'wrong-code': [403, REFUSED, () => 'address and code do not belong together, or the code was used'],
  busy: [503, 'Unavailable', () => 'too many codes are being looked at: try again in a minute'],
  'too-many-codes': [
    429,
    'Too many requests',
    ({ limit }) => `more than ${limit} codes were tried; ask your organisation’s administrator for a new invitation`,
  ],
};

type OwnCaseWorkKind = Exclude<
  CaseWorkRefusal['kind'],
  (RequestRefusal | MembershipRefusal | ProposalRefusal | VettingRefusal)['kind']
>;

const CASE_WORK: { readonly [K in OwnCaseWorkKind]: Row<K> } = {
  'no-such-pair': [404, NOT_FOUND, ({ one, other }) => `${one} and ${other} are no open pair`],
  'other-fate': [409, CONFLICT, ({ id, fate, needed }) => `${id} is ${fate}, and this needs a ${needed} one`],
  'says-nothing': [409, CONFLICT, ({ id }) => `nothing could be read of ${id}`],
  itself: [422, INVALID, ({ id }) => `${id} cannot be merged into itself`],
  'no-such-case': [404, NOT_FOUND, ({ id }) => `there is no case ${id}`],
  'already-known': [409, CONFLICT, ({ event }) => `this has been recorded before (${event})`],
  'machine-refused': [409, CONFLICT, (it) => `the ${it.machine} machine has no ${it.event} from ${it.state}`],
  'wrong-clock': [409, CONFLICT, ({ time }) => `this case runs under a ${time} clock: it is not moved here`],
  'broken-invariant': [409, CONFLICT, ({ invariants }) => `it would break: ${invariants.join(', ')}`],
  'under-embargo': [
    403,
    REFUSED,
    ({ until }) => `under embargo until ${until?.toISOString() ?? 'those concerned agree: its policy has no deadline'}`,
  ],
  'nobody-notified': [403, REFUSED, () => 'nobody outside knows of it yet: notify first'],
  'no-vendor': [403, REFUSED, () => 'there is no vendor to notify'],
  'no-extension': [403, REFUSED, ({ why }) => `no extension: ${why.replaceAll('-', ' ')}`],
  'clock-doubted': [403, REFUSED, ({ since }) => `the database’s clock is not believed since ${since.toISOString()}`],
  'report-not-ready': [
    403,
    REFUSED,
    ({ missing }) => `the report is not ready to be sent: ${missing.join('; ')}`,
    ({ missing }) => ({ missing }),
  ],
  'demonstration-has-no-address': [403, REFUSED, () => 'a demonstration reaches nobody'],
  'no-such-address': [422, INVALID, () => 'that is no address that a report or an invitation can go to'],
  'address-without-report': [422, INVALID, ({ step }) => `${step} sends nothing: an address goes with notify`],
  'no-public-key': [422, INVALID, ({ why }) => `the key cannot be used: ${why}`],
  'key-without-mail': [422, INVALID, () => 'only mail is encrypted to a key'],
  'public-needs-a-person': [403, REFUSED, () => 'what everybody can read takes a person who says so: mayBePublic'],
  'too-severe-for-public': [403, REFUSED, ({ severity }) => `a ${severity} flaw is not reported in public`],
  'no-such-party': [404, NOT_FOUND, ({ party }) => `${party} takes no part in it`],
  'no-such-thread': [404, NOT_FOUND, ({ thread }) => `there is no thread ${thread}`],
  'not-in-thread': [403, REFUSED, ({ thread }) => `it is not in ${thread}`],
  'not-bound': [403, REFUSED, ({ party }) => `${party} has not agreed to the embargo`],
  'nothing-to-change': [409, CONFLICT, () => 'it is so already, or cannot be so'],
  'bad-zone': [422, INVALID, ({ zone }) => `${zone} is no time zone, such as Europe/Berlin`],
  'too-many': [409, CONFLICT, ({ what, limit }) => `there are ${limit} ${what}: no more`],
  'too-long': [422, INVALID, ({ what, limit }) => `${what} has at most ${limit} characters`],
  'embargo-over': [409, CONFLICT, () => 'no embargo is in force: there is nothing to agree on'],
  'in-the-past': [422, INVALID, () => 'an end lies in the future'],
  'beyond-policy': [403, REFUSED, ({ limit }) => `the policy allows nothing beyond ${limit.toISOString()}`],
  'same-end': [409, CONFLICT, () => 'that is the end already'],
  'end-refused': [409, CONFLICT, ({ because }) => `the case did not take the new end: ${because}`],
  'post-in-the-future': [422, INVALID, () => 'a post lies in the past'],
  'post-known': [409, CONFLICT, ({ at }) => `a post of ${at.toISOString()} is known`],
  'case-over': [409, CONFLICT, () => 'the case is over'],
  'not-confirmed': [409, CONFLICT, () => 'it is not confirmed'],
  'already-sent': [409, CONFLICT, () => 'its report was sent before'],
  over: [
    409,
    CONFLICT,
    (it) => ('state' in it ? `it is ${it.state} already` : `the case is ${'stage' in it ? it.stage : 'over'}`),
  ],
  demonstration: [403, REFUSED, () => 'a demonstration is told to nobody'],
  'maintainers-first': [403, REFUSED, () => 'its maintainers are told first'],
  'fix-first': [403, REFUSED, ({ policy }) => `nobody is told before there is a fix (${policy})`],
  'needs-agreement': [
    403,
    REFUSED,
    ({ policy }) => `its policy leaves that to the maintainers (${policy}): agreedWith`,
  ],
  'not-its-turn': [403, REFUSED, () => 'its turn has not come'],
  'installation-limit': [403, REFUSED, () => 'this installation has sent as many reports today as it may'],
  'not-wanted': [
    403,
    REFUSED,
    ({ optedOutBy }) =>
      optedOutBy === null ? 'the project wants no reports' : `the project opted out by the list ${optedOutBy}`,
  ],
  'declared-limit': [
    403,
    REFUSED,
    ({ open, sentThisWeek }) =>
      `its maintainers declared a limit: ${open} are open, ${sentThisWeek} were sent in seven days`,
  ],
  'not-notified': [
    409,
    CONFLICT,
    ({ because }) =>
      because === 'no-address'
        ? 'nobody has said where its reports go, or no way out is configured'
        : `the report cannot leave: ${because}`,
  ],
  'own-proposal': [403, REFUSED, () => 'nobody approves what they proposed: two others do'],
};

const PROBLEMS: { readonly [K in Kind]: Row<K> } = {
  ...REQUEST,
  ...MEMBERSHIP,
  ...VETTING,
  ...SCOPE,
  ...MONEY,
  ...SIGN_IN,
  ...CASE_WORK,
};

export const PROBLEM_KINDS = Object.keys(PROBLEMS) as readonly Kind[];

export function toProblem(refusal: AnyRefusal): Problem {
  const [status, title, detail, more] = PROBLEMS[refusal.kind] as Row<Kind>;
  const its = refusal as never;
  return { type: `${PROBLEM_TYPE}${refusal.kind}`, title, status, detail: detail(its), ...more?.(its) };
}

export function sendProblem(reply: FastifyReply, refusal: AnyRefusal): FastifyReply {
  const problem = toProblem(refusal);
  if (refusal.kind === 'no-session') reply.header('www-authenticate', 'Cookie');
  if (refusal.kind === 'too-many-requests') reply.header('retry-after', String(refusal.retryAfterSeconds));
  return reply.code(problem.status).type('application/problem+json').send(JSON.stringify(problem));
}
