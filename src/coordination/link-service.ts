/** Magic links to a party's page: 256 random bits that stand only in the letter, kept as a hash, for a time. */
import { addDays } from '../lib/clock.ts';
import { sha256 } from '../lib/hash.ts';
import { createId, type Id, type RandomBytes } from '../lib/id.ts';
import type { Transaction } from '../store/database.ts';
import type { Vault } from '../store/vault.ts';
import type { Instant } from '../timekeeping/index.ts';
import { createLinkStore, type Link } from './link-store.ts';
import type { ParticipantId } from './participant.ts';

export interface LinkParts {
  readonly random: RandomBytes;
  readonly vault: Pick<Vault, 'derive'>;
  readonly instants: { read(tx: Transaction): Promise<Instant> };
}

export type Links = ReturnType<typeof createLinks>;

/** Longer than any deadline of a policy, with its extension. */
export const LINK_DAYS = 180;
export const MAX_LINK_DAYS = 400;
const TOKEN_BYTES = 32;
const TOKEN = /^[\w-]{43}$/;

export function createLinks({ random, vault, instants }: LinkParts) {
  const demonstrationToken = (caseId: string, partyId: string): string =>
    vault.derive(`maintainer page of the demonstration ${caseId} for ${partyId}`).toString('base64url');
  const insert = async (tx: Transaction, caseId: Id<'case'>, partyId: ParticipantId, token: string, days: number) => {
    const { at: createdAt } = await instants.read(tx);
    const link = { id: createId('link', random), caseId, partyId, createdAt, expiresAt: addDays(createdAt, days) };
    await createLinkStore(tx).insert(link, sha256(token));
  };
  return {
    /** The token of a new link; it cannot be had again. */
    async create(tx: Transaction, caseId: Id<'case'>, partyId: ParticipantId, days = LINK_DAYS): Promise<string> {
      const token = Buffer.from(random(TOKEN_BYTES)).toString('base64url');
      await insert(tx, caseId, partyId, token, days);
      return token;
    },

    /** Of what is public already: the same token whenever it is asked for, so that the status page can show it. */
    async createForDemonstration(tx: Transaction, caseId: Id<'case'>, partyId: ParticipantId): Promise<string> {
      const token = demonstrationToken(caseId, partyId);
      await insert(tx, caseId, partyId, token, MAX_LINK_DAYS);
      return token;
    },

    demonstrationPath: (caseId: string, partyId: string): string => `/m/${demonstrationToken(caseId, partyId)}`,

    async find(tx: Transaction, token: string): Promise<Link | undefined> {
      if (!TOKEN.test(token)) return undefined;
      return createLinkStore(tx).find(sha256(token), (await instants.read(tx)).at);
    },

    list: (tx: Transaction, caseId: string): Promise<readonly Link[]> => createLinkStore(tx).list(caseId),

    /** All of a party. Tells how many ended. */
    async revoke(tx: Transaction, caseId: string, partyId: string): Promise<number> {
      return createLinkStore(tx).revoke(caseId, partyId, (await instants.read(tx)).at);
    },
  };
}
