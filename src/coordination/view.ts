/**
 * What a party may see. Every read of a case by a party goes through here and is told who asks; what is allowed is
 * computed from the changes, never stored.
 *
 *   bound, and in need of it ──▶ flaw, reproducer, patch, the other parties      in the thread ──▶ its messages, from
 *   invited                  ──▶ that there is a case, its deadline              where it joined on
 */
import type { Matter, Participant, ParticipantId, Role, Standing, ThreadId } from './participant.ts';
import type { Answer, Knowing, Message, SharedCase, Thread } from './shared-case.ts';

export type Piece =
  | { readonly kind: 'case' }
  | { readonly kind: 'matter'; readonly matter: Matter }
  | { readonly kind: 'party'; readonly party: ParticipantId }
  | { readonly kind: 'thread'; readonly thread: ThreadId }
  | { readonly kind: 'message'; readonly thread: ThreadId; readonly index: number };

/** May `who` see this piece, now? What cannot be decided is refused. */
export function mayView(it: SharedCase, who: ParticipantId, piece: Piece): boolean {
  const party = it.participants.get(who);
  if (!party || party.stance === 'left') return false;
  if (who === it.us) return true;
  const isBound = party.stance === 'bound';
  switch (piece.kind) {
    case 'case':
      return true;
    case 'matter':
      return party.needs.has(piece.matter) && (isBound || piece.matter === 'deadline');
    case 'party':
      return piece.party === who || (isBound && party.needs.has('parties'));
    case 'thread':
      return isBound && (it.threads.get(piece.thread)?.members.has(who) ?? false);
    case 'message': {
      const from = it.threads.get(piece.thread)?.members.get(who);
      return isBound && from !== undefined && piece.index >= from;
    }
    default:
      return false;
  }
}

export interface PartyLine {
  readonly id: ParticipantId;
  readonly role: Role;
  readonly name: string;
  readonly standing: Standing;
  readonly standingAt: Date | null;
  readonly stance: Participant['stance'];
}

export interface PartyView<Content> {
  readonly you: PartyLine & { readonly zone: string };
  /** What of the flaw itself may be seen. */
  readonly content: Partial<Content>;
  readonly parties: readonly PartyLine[];
  readonly threads: readonly ThreadView[];
  readonly proposals: readonly ProposalView[];
  readonly knows: readonly Knowing[];
  readonly answers: readonly Answer[];
}

export interface ThreadView {
  readonly id: ThreadId;
  readonly product: string;
  readonly messages: readonly MessageView[];
}

export interface MessageView extends Omit<Message, 'from'> {
  /** The role alone, where the parties may not be seen. */
  readonly from: string;
}

export interface ProposalView {
  readonly id: string;
  readonly end: Date;
  readonly isYours: boolean;
  readonly youAgreed: boolean;
  readonly agreed: number;
  readonly needed: number;
}

/** Undefined for whoever does not take part. `content` holds each matter; only what may be seen is taken from it. */
export function viewFor<Content extends { readonly [M in Matter]?: unknown }>(
  it: SharedCase,
  content: Content,
  who: ParticipantId,
): PartyView<Content> | undefined {
  const party = it.participants.get(who);
  if (!party || !mayView(it, who, { kind: 'case' })) return undefined;
  const sees = (piece: Piece): boolean => mayView(it, who, piece);
  const seen = Object.entries(content).filter(([matter]) => sees({ kind: 'matter', matter: matter as Matter }));
  return {
    you: { ...toLine(party), zone: party.zone },
    content: Object.fromEntries(seen) as Partial<Content>,
    parties: [...it.participants.values()].filter(({ id }) => sees({ kind: 'party', party: id })).map(toLine),
    threads: [...it.threads.values()]
      .filter(({ id }) => sees({ kind: 'thread', thread: id }))
      .map((thread) => toThread(it, thread, sees)),
    proposals: sees({ kind: 'matter', matter: 'deadline' }) ? toProposals(it, who) : [],
    knows: it.knows.filter(
      (line) => sees({ kind: 'party', party: line.who }) && (!isThread(line.what) || sees(threadOf(line.what))),
    ),
    answers: it.answers.filter((answer) => answer.who === who || who === it.us),
  };
}

const isThread = (what: Knowing['what']): what is `thread:${ThreadId}` => what.startsWith('thread:');
const threadOf = (what: `thread:${ThreadId}`): Piece => ({
  kind: 'thread',
  thread: what.slice('thread:'.length) as ThreadId,
});

const toLine = ({ id, role, name, standing, standingAt, stance }: Participant): PartyLine => ({
  id,
  role,
  name,
  standing,
  standingAt,
  stance,
});

function toThread(it: SharedCase, { id, product, messages }: Thread, sees: (piece: Piece) => boolean): ThreadView {
  const shown = messages.filter((_message, index) => sees({ kind: 'message', thread: id, index }));
  return {
    id,
    product,
    messages: shown.map(({ from, at, text }) => {
      const author = it.participants.get(from);
      const isNamed = from === it.us || sees({ kind: 'party', party: from });
      return { from: (isNamed ? author?.name : author?.role) ?? 'somebody', at, text };
    }),
  };
}

function toProposals(it: SharedCase, who: ParticipantId): readonly ProposalView[] {
  const bound = [...it.participants.values()].filter(({ stance }) => stance === 'bound').length;
  return [...it.proposals.values()]
    .filter(({ state }) => state === 'open')
    .map(({ id, by, end, agreed }) => ({
      id,
      end,
      isYours: by === who,
      youAgreed: agreed.has(who),
      agreed: agreed.size,
      needed: bound,
    }));
}
