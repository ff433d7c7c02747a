/** Money for maintainers' time: by need, agreed to by two others than who proposed it, posted once. Names projects under embargo. */
import { z } from 'zod';
import { APPROVALS, type Funding, type FundProposal } from '../funding/index.ts';
import { divideByNeed, type Pacing } from '../pacing/index.ts';
import { ApiRefused, type ApiRoute, route, settled } from './route.ts';
import { Instant, idOf, Micro, Reason, SomeMicro } from './shape.ts';

export interface FundingRouteParts {
  readonly funding: Pick<Funding, 'propose' | 'list' | 'approve' | 'refuse' | 'post' | 'given' | 'publish'>;
  readonly pacing: Pick<Pacing, 'needs'>;
}

const FundPath = z.object({ fund: idOf('fund') });
const MICRO_PER_CENT = 10_000;

const FundShape = z
  .object({
    id: z.string(),
    proposedBy: z.string(),
    proposedAt: Instant,
    why: z.string(),
    micro: Micro,
    lines: z.array(z.object({ project: z.string(), micro: Micro })),
    approvedBy: z.array(z.string()),
    state: z.enum(['proposed', 'approved', 'posted', 'refused']),
  })
  .meta({ id: 'FundProposal', description: `${APPROVALS} persons approve it, neither of them who proposed it` });

export function fundingRoutes(parts: FundingRouteParts): readonly ApiRoute[] {
  return [...proposing(parts), ...deciding(parts), ...accounting(parts)];
}

function proposing({ funding, pacing }: FundingRouteParts): readonly ApiRoute[] {
  return [
    route({
      method: 'GET',
      url: '/funding/needs',
      access: 'see-cases',
      summary: 'Projects by the harm that is not likely to be mended there in time',
      answer: z.object({
        items: z.array(z.object({ project: z.string(), openCases: z.int(), need: z.number() })),
      }),
      handle: async () => ({ items: [...(await pacing.needs())] }),
    }),
    route({
      method: 'GET',
      url: '/funding/proposals',
      access: 'see-cases',
      summary: 'Proposals, the newest first',
      answer: z.object({ items: z.array(FundShape) }),
      handle: async () => ({ items: (await funding.list()).map(toShown) }),
    }),
    route({
      method: 'POST',
      url: '/funding/proposals',
      access: 'work-cases',
      summary: 'A sum divided by need, to the cent, kept for others to approve',
      body: z.strictObject({ micro: SomeMicro, why: Reason.describe('kept encrypted, with the lines') }),
      status: 201,
      answer: FundShape,
      handle: async ({ body: { micro, why }, caller }) => {
        const divided = divideByNeed(await pacing.needs(), Math.floor(micro / MICRO_PER_CENT));
        const lines = divided.map(({ project, part }) => ({ project, micro: part * MICRO_PER_CENT }));
        if (lines.length === 0) throw new ApiRefused({ kind: 'nobody-in-need' });
        return toShown(await funding.propose(lines, why, caller.person.id));
      },
    }),
  ];
}

function deciding({ funding }: FundingRouteParts): readonly ApiRoute[] {
  return [
    route({
      method: 'POST',
      url: '/funding/proposals/:fund/approve',
      access: 'approve-funding',
      summary: `${APPROVALS} persons do, neither of them who proposed it`,
      path: FundPath,
      answer: FundShape,
      handle: async ({ path, caller }) => toShown(settled(await funding.approve(path.fund, caller.person.id))),
    }),
    route({
      method: 'POST',
      url: '/funding/proposals/:fund/refuse',
      access: 'work-cases',
      summary: 'One person is enough',
      path: FundPath,
      answer: FundShape,
      handle: async ({ path, caller }) => toShown(settled(await funding.refuse(path.fund, caller.person.id))),
    }),
    route({
      method: 'POST',
      url: '/funding/proposals/:fund/post',
      access: 'approve-funding',
      summary: 'In the append-only ledger, each line once; the public accounts are written anew',
      path: FundPath,
      answer: FundShape,
      handle: async ({ path }) => {
        const posted = settled(await funding.post(path.fund));
        await funding.publish();
        return toShown(posted);
      },
    }),
  ];
}

function accounting({ funding }: FundingRouteParts): readonly ApiRoute[] {
  const Line = z.object({ project: z.string(), micro: Micro });
  return [
    route({
      method: 'GET',
      url: '/funding/accounts',
      access: 'see-cases',
      summary: 'What each project was given, from the ledger',
      answer: z.object({ totalMicro: Micro, items: z.array(Line) }),
      handle: async () => {
        const items = [...(await funding.given())].map(([project, micro]) => ({ project, micro }));
        return { totalMicro: items.reduce((sum, { micro }) => sum + micro, 0), items };
      },
    }),
    route({
      method: 'POST',
      url: '/funding/accounts/publish',
      access: 'work-cases',
      summary: 'Write the public accounts: a project by name once a case of it is published and none is open',
      answer: z.object({
        totalMicro: Micro,
        projects: z.array(Line),
        unnamed: z.object({ projects: z.int(), micro: Micro }).nullable(),
      }),
      handle: async () => {
        const { projects, unnamed, totalMicro } = await funding.publish();
        return { projects: [...projects], unnamed, totalMicro };
      },
    }),
  ];
}

const toShown = ({ proposedAt, lines, approvedBy, ...rest }: FundProposal): z.input<typeof FundShape> => ({
  ...rest,
  proposedAt: proposedAt.toISOString(),
  lines: [...lines],
  approvedBy: [...approvedBy],
});
