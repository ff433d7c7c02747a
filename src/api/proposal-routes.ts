/** Proposals: who asked cannot agree. What a kind of proposal changes also says whose agreement counts. */
import { z } from 'zod';
import type { ProposalKind } from '../membership/index.ts';
import type { Act } from '../signin/index.ts';
import { must, type ProgrammeParts } from './programme-service.ts';
import { ProposalShape, toProposal } from './proposal-shape.ts';
import { ApiRefused, type ApiRoute, route, settled } from './route.ts';
import { idOf, PageQuery, pageOf, toPage } from './shape.ts';

const AGREES: { readonly [K in ProposalKind]: Act } = {
  'approve-organisation': 'change-programme',
  'give-role': 'change-programme',
  invite: 'change-programme',
  'lift-stop': 'confirm-stop',
  'restore-stop': 'confirm-stop',
  'put-model': 'change-programme',
  'set-stage': 'confirm-stop',
  'create-key': 'change-programme',
  'grant-models': 'change-programme',
};

const ProposalPath = z.object({ proposal: idOf('proposal') });

export function proposalRoutes({ proposals }: ProgrammeParts): readonly ApiRoute[] {
  const find = async (id: string) => {
    const found = await proposals.find(id);
    if (!found) throw new ApiRefused({ kind: 'no-such-proposal', id });
    return found;
  };
  return [
    route({
      method: 'GET',
      url: '/proposals',
      access: 'see-programme',
      summary: 'What waits for a second person, and what was decided; the newest first',
      query: PageQuery,
      answer: pageOf(ProposalShape),
      handle: async ({ query }) => toPage(await proposals.page(query), toProposal),
    }),
    route({
      method: 'POST',
      url: '/proposals/:proposal/agree',
      access: 'see-programme',
      summary: 'Agree, as another person than the one who asked: it is done',
      path: ProposalPath,
      answer: z.object({
        proposal: ProposalShape,
        result: z.string().nullable().describe('what is shown this once: the link of an invitation, a key'),
      }),
      handle: async ({ path, caller }) => {
        must(caller, AGREES[(await find(path.proposal)).kind]);
        const { proposal, result } = settled(await proposals.agree(path.proposal, caller.person.id));
        return { proposal: toProposal(proposal), result: result ?? null };
      },
    }),
    route({
      method: 'POST',
      url: '/proposals/:proposal/withdraw',
      access: 'see-programme',
      summary: 'Let it be; the one who asked may, and whoever could agree',
      path: ProposalPath,
      answer: ProposalShape,
      handle: async ({ path, caller }) => {
        const { kind, askedBy } = await find(path.proposal);
        if (askedBy !== caller.person.id) must(caller, AGREES[kind]);
        return toProposal(settled(await proposals.withdraw(path.proposal, caller.person.id)));
      },
    }),
  ];
}
