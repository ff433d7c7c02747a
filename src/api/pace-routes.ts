/** Whose turn it is and why; what a project asked for; a report released by a person. */
import { z } from 'zod';
import { type AddressTrouble, checkAddress } from '../contact/index.ts';
import type { AnyRefusal } from '../http/index.ts';
import { CHANNELS, type Pacing, type WishChange } from '../pacing/index.ts';
import { CasePath } from './case-shape.ts';
import { ApiRefused, type ApiRoute, route, settled } from './route.ts';
import { Instant } from './shape.ts';

export interface PaceRouteParts {
  readonly pacing: Pick<Pacing, 'queue' | 'release' | 'project' | 'change' | 'keepAddress'>;
}

const MAX_NAME = 4_000;
const MOST_DECLARED = 10_000;
const Project = z.string().min(1).max(MAX_NAME).describe('a package URL, or a name of npm');
const Limit = z.int().min(0).max(MOST_DECLARED).nullable().describe('null: any number');

const PositionShape = z
  .object({
    position: z.int(),
    id: z.string(),
    project: z.string(),
    mayGo: z.boolean(),
    because: z.array(z.string()),
  })
  .meta({ id: 'QueuePosition', description: 'a case before its maintainers, with every reason for its place' });

const PaceShape = z
  .object({
    project: z.string(),
    channel: z.string(),
    optedOutBy: z.string().nullable(),
    mostOpen: z.int().nullable(),
    mostPerWeek: z.int().nullable(),
    askedRate: z.number(),
    hasAddress: z.boolean().describe('somebody said where its reports go; where is in no answer'),
    open: z.int(),
    waiting: z.int(),
    sentThisWeek: z.int(),
    learntLimit: z.number(),
    history: z.array(z.object({ wish: z.string(), actor: z.string(), at: Instant })),
  })
  .meta({ id: 'ProjectPace', description: 'what a project declared, what was learnt of it, what it has now' });

const showWith =
  ({ pacing }: PaceRouteParts) =>
  async (name: string): Promise<z.input<typeof PaceShape>> => {
    const view = await pacing.project(name);
    if (!view) throw new ApiRefused({ kind: 'no-such-project', named: name });
    const { project, wishes, hasAddress, allowance, waiting, history } = view;
    const { channel, optedOutBy, mostOpen, mostPerWeek, askedRate } = wishes;
    const { open, sentThisWeek, learntLimit } = allowance;
    return {
      ...{ project, channel, optedOutBy, mostOpen, mostPerWeek, askedRate, hasAddress },
      ...{ open, waiting, sentThisWeek, learntLimit },
      history: history.map(({ wish, actor, at }) => ({ wish, actor, at: at.toISOString() })),
    };
  };

export function paceRoutes(parts: PaceRouteParts): readonly ApiRoute[] {
  return [...queueing(parts), ...wishing(parts)];
}

function queueing({ pacing }: PaceRouteParts): readonly ApiRoute[] {
  return [
    route({
      method: 'GET',
      url: '/queue',
      access: 'see-cases',
      summary: 'Confirmed cases before their maintainers: whose turn it is, and why',
      answer: z.object({ items: z.array(PositionShape) }),
      handle: async () => ({
        items: (await pacing.queue()).map(({ position, id, project, mayGo, because }) => ({
          ...{ position, id, project, mayGo },
          because: [...because],
        })),
      }),
    }),
    route({
      method: 'POST',
      url: '/queue/:case/release',
      access: 'work-cases',
      summary: 'Send the report of one case; passes what was learnt of its project, never what it declared',
      path: CasePath,
      body: z.strictObject({ address: z.string().min(1).max(1_000).optional().describe('where it is sent') }),
      answer: z.object({ sent: z.string() }),
      handle: async ({ path, body: { address }, caller }) => {
        const by = { actor: caller.person.id, ...(address !== undefined && { to: address }) };
        settled(await pacing.release(path.case, by));
        return { sent: path.case };
      },
    }),
  ];
}

function wishing(parts: PaceRouteParts): readonly ApiRoute[] {
  const { pacing } = parts;
  const show = showWith(parts);
  return [
    route({
      method: 'GET',
      url: '/pace',
      access: 'see-cases',
      summary: 'What a project asked for and what it may be sent now',
      query: z.strictObject({ project: Project }),
      answer: PaceShape,
      handle: ({ query }) => show(query.project),
    }),
    route({
      method: 'POST',
      url: '/pace',
      access: 'work-cases',
      summary: 'Write down what the maintainers of a project said: a limit, a channel, fewer or more',
      body: z.strictObject({
        project: Project,
        wish: z.discriminatedUnion('kind', [
          z.strictObject({ kind: z.literal('limit'), mostOpen: Limit, mostPerWeek: Limit }),
          z.strictObject({ kind: z.literal('ask'), asked: z.enum(['fewer', 'more']) }),
          z.strictObject({ kind: z.literal('channel'), channel: z.enum(CHANNELS) }),
        ]),
      }),
      answer: PaceShape,
      handle: async ({ body: { project, wish }, caller }) => {
        const changed = await pacing.change(project, wish satisfies WishChange, caller.person.id);
        if (!changed) throw new ApiRefused({ kind: 'no-such-project', named: project });
        return await show(project);
      },
    }),
    route({
      method: 'POST',
      url: '/pace/address',
      access: 'work-cases',
      summary: 'Where the reports of a project go when nobody names another address; kept encrypted',
      body: z.strictObject({
        project: Project,
        address: z.string().min(1).max(1_000).nullable().describe('null forgets it'),
        publicKey: z.string().max(20_000).optional().describe('an age recipient or an armoured OpenPGP key'),
        mayBePublic: z.boolean().optional(),
      }),
      answer: PaceShape,
      handle: async ({ body: { project, address, publicKey, mayBePublic }, caller }) => {
        const to = address === null ? null : { address, publicKey, mayBePublic };
        const allowed = to && (await checkAddress(to));
        if (allowed && !allowed.ok) throw new ApiRefused(TROUBLE[allowed.refusal]);
        const isKept = await pacing.keepAddress(project, to, caller.person.id);
        if (!isKept) throw new ApiRefused({ kind: 'no-such-project', named: project });
        return await show(project);
      },
    }),
  ];
}

const TROUBLE = {
  'no-such-address': { kind: 'no-such-address' },
  'no-public-key': { kind: 'no-public-key', why: 'it is no key that can be encrypted to' },
  'key-without-mail': { kind: 'key-without-mail' },
  'public-needs-a-person': { kind: 'public-needs-a-person' },
} as const satisfies Readonly<Record<AddressTrouble, AnyRefusal>>;
