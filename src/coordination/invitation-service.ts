/**
 * Brings a party into a case: the changes that make it one and the letter that tells it, in one transaction. The letter
 * is made from what the party may see after these changes, and goes once.
 */
import { type Outbox, type PublicKey, readAddress } from '../contact/index.ts';
import type { OpenedCase } from '../disclosure/index.ts';
import { createId, type RandomBytes } from '../lib/id.ts';
import { ok, type Result, refuse } from '../lib/result.ts';
import type { Database, Transaction } from '../store/database.ts';
import { decide as inTransaction } from '../store/decide.ts';
import { type Coordination, type CoordinationRefusal, contentOf, type Shared } from './coordination.ts';
import { createLetterStore } from './letter-store.ts';
import type { Matter, ParticipantId, Role } from './participant.ts';
import { type LetterText, toInvitation } from './party-letter.ts';
import { viewFor } from './view.ts';

export interface InvitationParts {
  readonly database: Database;
  readonly random: RandomBytes;
  readonly coordination: Pick<Coordination, 'changeIn' | 'findIn'>;
  readonly outbox: Pick<Outbox, 'post'>;
  /** Of the page on which a party answers; undefined where pages have no address. */
  readonly linkFor: (tx: Transaction, it: OpenedCase['case'], partyId: ParticipantId) => Promise<string | undefined>;
  /** Who answers parties, and where. */
  readonly contact: { readonly name: string; readonly address: string };
}

export interface Invitation {
  readonly role: Role;
  readonly name: string;
  /** Mail or a webhook; null: told by other means, so no letter goes. */
  readonly address: string | null;
  readonly zone: string;
  /** What it needs to know. */
  readonly needs: readonly Matter[];
  /** It agreed to the embargo already: by an agreement that stands, or by the policy it takes the report under. */
  readonly isBound: boolean;
  /** What concerns its own products; written to it only where it may see the flaw. */
  readonly about?: readonly string[];
  readonly encryptTo?: PublicKey;
}

export interface Invited {
  readonly partyId: ParticipantId;
  /** Null where no letter goes. */
  readonly messageId: `message_${string}` | null;
  readonly shared: Shared;
}

export type InvitationRefusal = CoordinationRefusal | { readonly kind: 'no-such-address' };

export type Invitations = ReturnType<typeof createInvitations>;

/** What a stranger is written to by: never where everybody reads. */
const PRIVATE_CHANNELS = new Set(['smtp', 'webhook']);

export function createInvitations(parts: InvitationParts) {
  return {
    invite: (id: string, invitation: Invitation, actor: string): Promise<Result<Invited, InvitationRefusal>> =>
      inTransaction(parts.database, (tx) => invite(tx, parts, id, invitation, actor)),
    inviteIn: (tx: Transaction, id: string, invitation: Invitation, actor: string) =>
      invite(tx, parts, id, invitation, actor),

    /** Whom a letter went to. */
    findParty: (tx: Transaction, messageId: string) => createLetterStore(tx).findParty(messageId),
  };
}

async function invite(
  tx: Transaction,
  parts: InvitationParts,
  id: string,
  invitation: Invitation,
  actor: string,
): Promise<Result<Invited, InvitationRefusal>> {
  const { address } = invitation;
  if (address !== null && !PRIVATE_CHANNELS.has(readAddress(address)?.channel ?? '')) {
    return refuse({ kind: 'no-such-address' });
  }
  const joined = await join(tx, parts, id, invitation, actor);
  if (!joined.ok) return joined;
  const { shared, partyId } = joined.value;
  if (address === null) return ok({ partyId, messageId: null, shared });
  const { opened, it, now } = shared;
  const view = viewFor(it, contentOf(opened), partyId);
  if (!view) throw new Error(`${partyId} was invited to ${id} and sees nothing`);
  const link = await parts.linkFor(tx, opened.case, partyId);
  const isDemonstration = opened.case.kind === 'demonstration';
  const text = toInvitation(view, { caseId: id, isDemonstration, contact: parts.contact, link }, invitation.about);
  const messageId = await postLetter(tx, parts, opened, { address, text, encryptTo: invitation.encryptTo });
  await createLetterStore(tx).insert({ caseId: id, partyId, kind: 'invitation', messageId, postedAt: now });
  return ok({ partyId, messageId, shared });
}

/** The changes that make somebody a party, without a letter. */
export async function join(
  tx: Transaction,
  { coordination, random }: Pick<InvitationParts, 'coordination' | 'random'>,
  id: string,
  { role, name, address, zone, needs, isBound }: Invitation,
  actor: string,
): Promise<Result<{ readonly partyId: ParticipantId; readonly shared: Shared }, CoordinationRefusal>> {
  const who: ParticipantId = createId('party', random);
  let made = await coordination.changeIn(tx, id, { kind: 'invited', who, role, name, address, zone }, actor);
  for (const matter of needs) {
    if (made.ok) made = await coordination.changeIn(tx, id, { kind: 'need-given', who, matter }, actor);
  }
  if (made.ok && isBound) made = await coordination.changeIn(tx, id, { kind: 'bound', who }, actor);
  return made.ok ? ok({ partyId: who, shared: made.value }) : made;
}

interface PartyMail {
  readonly address: string;
  readonly text: LetterText;
  readonly encryptTo?: PublicKey | undefined;
  /** What the receiver may know of the flaw, for channels that ask. */
  readonly about?: Pick<Parameters<Outbox['post']>[1]['content'], 'severity' | 'cwe' | 'package'>;
}

export async function postLetter(
  tx: Transaction,
  { outbox }: Pick<InvitationParts, 'outbox'>,
  { case: it, keyId }: OpenedCase,
  { address, text, encryptTo, about = { severity: 'none' } }: PartyMail,
): Promise<`message_${string}`> {
  return outbox.post(tx, {
    matter: it,
    keyId,
    address: readAddress(address),
    content: { ...text, ...about },
    ...(encryptTo && { encryptTo }),
  });
}
