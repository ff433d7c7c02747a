/**
 * What one person asks and another must agree to: letting many through again, letting an organisation in, and whatever
 * could make one person into two. Agreed first, carried out then: a crash between the two leaves it undone, to be asked
 * again.
 */
import type { Clock } from '../lib/clock.ts';
import { createId, type RandomBytes } from '../lib/id.ts';
import { ok, type Result, refuse } from '../lib/result.ts';
import type { Database } from '../store/database.ts';
import { decide } from '../store/decide.ts';
import type { Page, PageAsk } from '../store/page.ts';
import { createMemberStore } from './member-store.ts';
import { createProposalStore, type Proposal, type ProposalKind } from './proposal-store.ts';

export type ProposalRefusal =
  | { readonly kind: 'no-such-proposal'; readonly id: string }
  | { readonly kind: 'proposal-over'; readonly id: string }
  | { readonly kind: 'same-person'; readonly id: string };

/** Both are needed for what it carries out; the result, if any, is shown once and kept nowhere. */
export type CarryOut<R> = (
  proposal: Proposal,
  hands: { readonly actor: string; readonly second: string },
) => Promise<Result<string | undefined, R>>;

export interface ProposalParts<R> {
  readonly database: Database;
  readonly clock: Clock;
  readonly random: RandomBytes;
  readonly carryOut: { readonly [K in ProposalKind]: CarryOut<R> };
}

export interface Agreed {
  readonly proposal: Proposal;
  readonly result: string | undefined;
}

export interface Proposals<R> {
  ask(asked: Pick<Proposal, 'kind' | 'subject' | 'details' | 'askedBy'>): Promise<Proposal>;
  /** By another person than the one who asked. */
  agree(id: string, by: string): Promise<Result<Agreed, R | ProposalRefusal>>;
  /** One person alone may always let it be. */
  withdraw(id: string, by: string): Promise<Result<Proposal, ProposalRefusal>>;
  find(id: string): Promise<Proposal | undefined>;
  /** The newest first. */
  page(ask: PageAsk): Promise<Page<Proposal>>;
}

export const PROPOSAL_HOURS = 24;
const HOUR_MS = 3_600_000;

export function createProposals<R>({ database, clock, random, carryOut }: ProposalParts<R>): Proposals<R> {
  const settle = (
    id: string,
    by: string,
    outcome: 'agreed' | 'withdrawn',
  ): Promise<Result<Proposal, ProposalRefusal>> =>
    decide(database, async (tx) => {
      const store = createProposalStore(tx);
      const found = await store.find(id);
      const now = clock.now();
      if (!found) return refuse<ProposalRefusal>({ kind: 'no-such-proposal', id });
      if (found.decided || found.expiresAt <= now) return refuse<ProposalRefusal>({ kind: 'proposal-over', id });
      if (outcome === 'agreed' && (await createMemberStore(tx).isSamePerson(found.askedBy, by))) {
        return refuse<ProposalRefusal>({ kind: 'same-person', id });
      }
      await store.decide(id, by, now, outcome);
      return ok({ ...found, decided: { by, at: now, outcome } });
    });

  return {
    async ask(asked) {
      const askedAt = clock.now();
      const proposal = {
        ...asked,
        id: createId('proposal', random),
        askedAt,
        expiresAt: new Date(askedAt.getTime() + PROPOSAL_HOURS * HOUR_MS),
        decided: undefined,
      };
      await createProposalStore(database).insert(proposal);
      return proposal;
    },

    async agree(id, by) {
      const agreed = await settle(id, by, 'agreed');
      if (!agreed.ok) return agreed;
      const { kind, askedBy } = agreed.value;
      const carried = await carryOut[kind](agreed.value, { actor: askedBy, second: by });
      await createProposalStore(database).end(id, carried.ok ? 'done' : 'refused');
      if (!carried.ok) return carried;
      const proposal = await createProposalStore(database).find(id);
      return ok({ proposal: proposal ?? agreed.value, result: carried.value });
    },

    withdraw: (id, by) => settle(id, by, 'withdrawn'),
    find: (id) => createProposalStore(database).find(id),
    page: (ask) => createProposalStore(database).page(ask),
  };
}
