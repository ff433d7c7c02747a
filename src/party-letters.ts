/** Letters to the parties of cases, joined: who is invited, who is asked after silence, and by which channel. */
import type { Outbox } from './contact/index.ts';
import {
  type Coordination,
  type CoordinatorChannel,
  createEscalations,
  createInvitations,
  type Escalations,
  type Invitations,
  type ParticipantId,
} from './coordination/index.ts';
import { type Disclosure, findReportedParty, type OpenedCase } from './disclosure/index.ts';
import type { RandomBytes } from './lib/id.ts';
import type { Readiness } from './readiness/index.ts';
import type { Database, Transaction } from './store/database.ts';

interface LetterParts {
  readonly database: Database;
  readonly random: RandomBytes;
  readonly outbox: Outbox;
  readonly contact: { readonly name: string; readonly address: string };
  readonly coordination: Coordination;
  readonly disclosure: Disclosure;
  /** Under the kind of clock that the case has. */
  readonly disclosureFor: (opened: OpenedCase) => Disclosure;
  readonly readiness: Readiness;
  readonly linkFor: (tx: Transaction, it: OpenedCase['case'], party: ParticipantId) => Promise<string | undefined>;
  /** As it is configured. */
  readonly coordinator: string | undefined;
}

export interface PartyLetters {
  readonly invitations: Invitations;
  readonly escalations: Escalations;
  /** Whose message it was, and whether it was the report: only who got that answers for the project. */
  readonly partyOf: (
    tx: Transaction,
    messageId: string,
  ) => Promise<{ readonly id: ParticipantId; readonly isReported: boolean } | undefined>;
}

export function createPartyLetters({ disclosureFor, linkFor, coordinator, ...parts }: LetterParts): PartyLetters {
  const invitations = createInvitations({ ...parts, linkFor });
  return {
    invitations,
    escalations: createEscalations({
      ...parts,
      coordinator: toChannel(coordinator),
      isSignedOff: parts.readiness.isSignedOff,
      reportOf: parts.disclosure.reportNow,
      note: (tx, opened, event, actor) => disclosureFor(opened).note(tx, opened, event, actor),
    }),
    partyOf: async (tx, messageId) => {
      const reported = await findReportedParty(tx, messageId);
      if (reported) return { id: reported, isReported: true };
      const id = await invitations.findParty(tx, messageId);
      return id && { id, isReported: false };
    },
  };
}

/** CERT/CC wants to know the vendor it is about. */
function toChannel(text: string | undefined): CoordinatorChannel | undefined {
  if (text === undefined) return undefined;
  return text === 'vince'
    ? { name: 'CERT/CC', addressFor: (project) => `vince:maintainers of ${project}` }
    : { name: text, addressFor: () => text };
}
