/**
 * A case as its parties share it: the sum of its changes, in order. Nothing of it is stored but these changes; what
 * somebody may see follows from them (`view.ts`), and who knew what when stands in `knows`.
 *
 * Pure. `decide` says whether a change may be made, `follow` makes it.
 */

import { isTimeZone } from '../lib/local-time.ts';
import { ok, type Result, refuse } from '../lib/result.ts';
import type { Matter, Participant, ParticipantId, ProposalId, Role, Standing, ThreadId } from './participant.ts';

export interface Thread {
  readonly id: ThreadId;
  readonly product: string;
  /** From which message on each member reads along; 0: all of it. */
  readonly members: Map<ParticipantId, number>;
  readonly messages: Message[];
}

export interface Message {
  readonly from: ParticipantId;
  readonly at: Date;
  readonly text: string;
}

export interface Proposal {
  readonly id: ProposalId;
  readonly by: ParticipantId;
  readonly end: Date;
  readonly at: Date;
  readonly agreed: Set<ParticipantId>;
  state: 'open' | 'taken' | 'declined' | 'superseded' | 'over';
}

/** Somebody could see something, from then until then. What was known once stays known: the line stays. */
export interface Knowing {
  readonly who: ParticipantId;
  readonly what: Matter | 'existence' | `thread:${ThreadId}`;
  readonly since: Date;
  until: Date | null;
}

export interface SharedCase {
  /** This installation's own part in it: sees everything, answers for it. */
  readonly us: ParticipantId;
  readonly participants: Map<ParticipantId, Participant>;
  readonly threads: Map<ThreadId, Thread>;
  readonly proposals: Map<ProposalId, Proposal>;
  readonly knows: Knowing[];
  /** Those of `knows` that still hold, by party. */
  readonly open: Map<ParticipantId, Knowing[]>;
  readonly answers: Answer[];
  /** How many changes it is the sum of. */
  size: number;
}

/** What somebody answered on the page, other than by a change of its own. */
export interface Answer {
  readonly who: ParticipantId;
  readonly at: Date;
  readonly kind: 'not-a-bug' | 'fixed-in' | 'pace' | 'credit' | 'more-time' | 'check';
  readonly text: string;
}

export type Change =
  | {
      readonly kind: 'invited';
      readonly who: ParticipantId;
      readonly role: Role;
      readonly name: string;
      readonly address: string | null;
      readonly zone: string;
    }
  | { readonly kind: 'bound' | 'left'; readonly who: ParticipantId }
  | { readonly kind: 'standing'; readonly who: ParticipantId; readonly standing: Standing }
  | { readonly kind: 'zone'; readonly who: ParticipantId; readonly zone: string }
  | { readonly kind: 'need-given' | 'need-taken'; readonly who: ParticipantId; readonly matter: Matter }
  | { readonly kind: 'thread-opened'; readonly thread: ThreadId; readonly product: string }
  | {
      readonly kind: 'thread-joined';
      readonly thread: ThreadId;
      readonly who: ParticipantId;
      readonly fromStart: boolean;
    }
  | { readonly kind: 'thread-left'; readonly thread: ThreadId; readonly who: ParticipantId }
  | { readonly kind: 'said'; readonly thread: ThreadId; readonly who: ParticipantId; readonly text: string }
  | { readonly kind: 'proposed'; readonly proposal: ProposalId; readonly who: ParticipantId; readonly end: string }
  | { readonly kind: 'agreed' | 'declined'; readonly proposal: ProposalId; readonly who: ParticipantId }
  | { readonly kind: 'proposal-ended'; readonly proposal: ProposalId; readonly how: 'taken' | 'over' }
  | { readonly kind: 'answered'; readonly who: ParticipantId; readonly what: Answer['kind']; readonly text: string };

export type ChangeRefusal =
  | { readonly kind: 'no-such-party'; readonly party: string }
  | { readonly kind: 'no-such-thread'; readonly thread: string }
  | { readonly kind: 'no-such-proposal'; readonly proposal: string }
  | { readonly kind: 'not-in-thread'; readonly thread: string }
  | { readonly kind: 'not-bound'; readonly party: string }
  | { readonly kind: 'nothing-to-change'; readonly change: Change['kind'] }
  | { readonly kind: 'bad-zone'; readonly zone: string }
  | { readonly kind: 'too-many'; readonly what: string; readonly limit: number }
  | { readonly kind: 'too-long'; readonly what: string; readonly limit: number };

/** In one case. */
export const MAX_PARTIES = 2_000;
const MAX_THREADS = 1_000;
const MAX_MESSAGES = 10_000;
const MAX_OPEN_PROPOSALS = 50;
/** Of one party; a page can be posted to without end. */
const MAX_ANSWERS = 500;
const MAX_CHANGES = 100_000;
/** Characters. */
export const MAX_TEXT = 20_000;
const MAX_NAME = 200;

export function emptyCase(us: ParticipantId, openedAt: Date): SharedCase {
  const it: SharedCase = {
    us,
    participants: new Map(),
    threads: new Map(),
    proposals: new Map(),
    knows: [],
    open: new Map(),
    answers: [],
    size: 0,
  };
  const own = {
    kind: 'invited',
    who: us,
    role: 'coordinator',
    name: 'who sent the report',
    address: null,
    zone: 'UTC',
  } as const;
  follow(it, own, openedAt);
  follow(it, { kind: 'bound', who: us }, openedAt);
  return it;
}

export function decide(it: SharedCase, change: Change): Result<undefined, ChangeRefusal> {
  if (it.size >= MAX_CHANGES) return refuse({ kind: 'too-many', what: 'changes', limit: MAX_CHANGES });
  if ('text' in change && change.text.length > MAX_TEXT) {
    return refuse({ kind: 'too-long', what: change.kind, limit: MAX_TEXT });
  }
  if (change.kind === 'invited') return mayInvite(it, change);
  if ('thread' in change && change.kind !== 'thread-opened' && !it.threads.has(change.thread)) {
    return refuse({ kind: 'no-such-thread', thread: change.thread });
  }
  if ('proposal' in change && change.kind !== 'proposed' && it.proposals.get(change.proposal)?.state !== 'open') {
    return refuse({ kind: 'no-such-proposal', proposal: change.proposal });
  }
  if (!('who' in change)) return mayOpen(it, change);
  const party = it.participants.get(change.who);
  if (!party || party.stance === 'left') return refuse({ kind: 'no-such-party', party: change.who });
  return mayChange(it, change, party);
}

function mayInvite(it: SharedCase, change: Extract<Change, { kind: 'invited' }>): Result<undefined, ChangeRefusal> {
  if (it.participants.size >= MAX_PARTIES) return refuse({ kind: 'too-many', what: 'parties', limit: MAX_PARTIES });
  if (change.name.length > MAX_NAME) return refuse({ kind: 'too-long', what: 'name', limit: MAX_NAME });
  if (it.participants.has(change.who)) return refuse({ kind: 'nothing-to-change', change: change.kind });
  return isTimeZone(change.zone) ? ok(undefined) : refuse({ kind: 'bad-zone', zone: change.zone });
}

function mayOpen(it: SharedCase, change: Change): Result<undefined, ChangeRefusal> {
  if (change.kind !== 'thread-opened') return ok(undefined);
  if (it.threads.size >= MAX_THREADS) return refuse({ kind: 'too-many', what: 'threads', limit: MAX_THREADS });
  if (change.product.length > MAX_NAME) return refuse({ kind: 'too-long', what: 'product', limit: MAX_NAME });
  return it.threads.has(change.thread) ? refuse({ kind: 'nothing-to-change', change: change.kind }) : ok(undefined);
}

type PartyChange = Exclude<Extract<Change, { readonly who: ParticipantId }>, { kind: 'invited' }>;

function mayChange(it: SharedCase, change: PartyChange, party: Participant): Result<undefined, ChangeRefusal> {
  const unchanged = refuse<ChangeRefusal>({ kind: 'nothing-to-change', change: change.kind });
  const unless = (isSame: boolean): Result<undefined, ChangeRefusal> => (isSame ? unchanged : ok(undefined));
  const notBound = refuse<ChangeRefusal>({ kind: 'not-bound', party: party.id });
  switch (change.kind) {
    case 'bound':
      return unless(party.stance === 'bound');
    case 'left':
      return unless(change.who === it.us);
    case 'standing':
      return unless(change.standing === 'no-answer' || change.standing === party.standing);
    case 'zone':
      return isTimeZone(change.zone)
        ? unless(change.zone === party.zone)
        : refuse({ kind: 'bad-zone', zone: change.zone });
    case 'need-given':
      return unless(party.needs.has(change.matter));
    case 'need-taken':
      return unless(change.who === it.us || !party.needs.has(change.matter));
    case 'thread-joined':
      return unless(it.threads.get(change.thread)?.members.has(change.who) ?? true);
    case 'thread-left':
      return unless(!it.threads.get(change.thread)?.members.has(change.who));
    case 'said':
      return maySay(it, change, party);
    case 'proposed':
      return party.stance === 'bound' ? mayPropose(it) : notBound;
    case 'agreed':
    case 'declined':
      return party.stance === 'bound' ? ok(undefined) : notBound;
    case 'answered':
      return it.answers.filter(({ who }) => who === party.id).length < MAX_ANSWERS
        ? ok(undefined)
        : refuse({ kind: 'too-many', what: 'answers', limit: MAX_ANSWERS });
  }
}

function maySay(
  it: SharedCase,
  { thread }: Extract<Change, { kind: 'said' }>,
  party: Participant,
): Result<undefined, ChangeRefusal> {
  const found = it.threads.get(thread);
  if (party.id !== it.us && !found?.members.has(party.id)) return refuse({ kind: 'not-in-thread', thread });
  if (party.stance !== 'bound') return refuse({ kind: 'not-bound', party: party.id });
  const count = found?.messages.length ?? 0;
  return count >= MAX_MESSAGES ? refuse({ kind: 'too-many', what: 'messages', limit: MAX_MESSAGES }) : ok(undefined);
}

function mayPropose(it: SharedCase): Result<undefined, ChangeRefusal> {
  const open = [...it.proposals.values()].filter(({ state }) => state === 'open').length;
  return open >= MAX_OPEN_PROPOSALS
    ? refuse({ kind: 'too-many', what: 'proposals', limit: MAX_OPEN_PROPOSALS })
    : ok(undefined);
}

/** Makes a change that was decided; `at` is never before the change before it. */
export function follow(it: SharedCase, change: Change, at: Date): void {
  it.size += 1;
  switch (change.kind) {
    case 'invited': {
      const { who: id, role, name, zone } = change;
      const fresh = { standing: 'no-answer', standingAt: null, stance: 'invited', joinedAt: at } as const;
      it.participants.set(id, { id, role, name, zone, ...fresh, needs: new Set() });
      break;
    }
    case 'thread-opened':
      it.threads.set(change.thread, { id: change.thread, product: change.product, members: new Map(), messages: [] });
      return;
    case 'proposal-ended':
      set(it.proposals.get(change.proposal), { state: change.how });
      return;
    default:
      followParty(it, change, at);
  }
  if (MAY_TELL.has(change.kind)) noteKnowing(it, change.who, at);
}

/** After which somebody may see more or less than before. */
const MAY_TELL: ReadonlySet<Change['kind']> = new Set([
  'invited',
  'bound',
  'left',
  'need-given',
  'need-taken',
  'thread-joined',
  'thread-left',
]);

function followParty(it: SharedCase, change: PartyChange, at: Date): void {
  const party = it.participants.get(change.who);
  const thread = 'thread' in change ? it.threads.get(change.thread) : undefined;
  switch (change.kind) {
    case 'bound':
    case 'left':
      set(party, { stance: change.kind });
      return;
    case 'standing':
      set(party, { standing: change.standing, standingAt: at });
      return;
    case 'zone':
      set(party, { zone: change.zone });
      return;
    case 'need-given':
      return void party?.needs.add(change.matter);
    case 'need-taken':
      return void party?.needs.delete(change.matter);
    case 'thread-joined':
      return void thread?.members.set(change.who, change.fromStart ? 0 : thread.messages.length);
    case 'thread-left':
      return void thread?.members.delete(change.who);
    case 'said':
      return void thread?.messages.push({ from: change.who, at, text: change.text });
    case 'answered':
      return void it.answers.push({ who: change.who, at, kind: change.what, text: change.text });
    case 'proposed': {
      const { proposal: id, who: by } = change;
      it.proposals.set(id, { id, by, end: new Date(change.end), at, agreed: new Set([by]), state: 'open' });
      return;
    }
    case 'agreed':
      return void it.proposals.get(change.proposal)?.agreed.add(change.who);
    case 'declined':
      set(it.proposals.get(change.proposal), { state: 'declined' });
      return;
  }
}

function set<T extends object>(target: T | undefined, values: Partial<T>): void {
  if (target) Object.assign(target, values);
}

/** Keeps the list of who could see what, from when, until when. */
function noteKnowing(it: SharedCase, who: ParticipantId, at: Date): void {
  const party = it.participants.get(who);
  if (!party) return;
  const now = new Set<Knowing['what']>(party.stance === 'left' ? [] : ['existence']);
  if (party.stance === 'bound') {
    for (const matter of party.needs) now.add(matter);
    for (const { id, members } of it.threads.values()) if (members.has(who)) now.add(`thread:${id}`);
  } else if (party.stance === 'invited' && party.needs.has('deadline')) now.add('deadline');
  const kept: Knowing[] = [];
  for (const each of it.open.get(who) ?? []) {
    if (now.delete(each.what)) kept.push(each);
    else each.until = at;
  }
  for (const what of now) {
    const fresh: Knowing = { who, what, since: at, until: null };
    kept.push(fresh);
    it.knows.push(fresh);
  }
  it.open.set(who, kept);
}
