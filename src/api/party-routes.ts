/** Who takes part in a case: parties, threads, proposed ends, who knew what when, and the links to their pages. */
import { z } from 'zod';
import {
  type Change,
  type Coordination,
  type Invitations,
  LINK_DAYS,
  type Links,
  MATTERS,
  MAX_LINK_DAYS,
  type ParticipantId,
  ROLES,
  type Shared,
  STANDINGS,
} from '../coordination/index.ts';
import type { Disclosure } from '../disclosure/index.ts';
import { createId, type RandomBytes } from '../lib/id.ts';
import type { Database } from '../store/database.ts';
import { CasePath } from './case-shape.ts';
import { ApiRefused, type ApiRoute, route, settled } from './route.ts';
import { Instant, idOf, toText } from './shape.ts';

export interface PartyRouteParts {
  readonly database: Database;
  readonly random: RandomBytes;
  readonly coordination: Pick<Coordination, 'find' | 'change' | 'view'>;
  readonly invitations: Pick<Invitations, 'invite'>;
  readonly links: Pick<Links, 'create' | 'revoke'>;
  readonly disclosure: Pick<Disclosure, 'note'>;
  /** As a browser reaches the pages. */
  readonly origin: () => string;
}

const PartyPath = CasePath.extend({ party: idOf('party') });
const MAX_TEXT = 20_000;
const MAX_NAME = 200;

const SharedShape = z
  .object({
    case: z.string(),
    us: z.string().describe('the party that this installation is'),
    embargo: z.string(),
    parties: z.array(
      z.object({
        id: z.string(),
        role: z.string(),
        name: z.string(),
        zone: z.string(),
        standing: z.string(),
        standingAt: Instant.nullable(),
        stance: z.string(),
        joinedAt: Instant,
        needs: z.array(z.string()),
      }),
    ),
    threads: z.array(
      z.object({
        id: z.string(),
        product: z.string(),
        members: z.array(z.string()),
        messages: z.array(z.object({ from: z.string(), at: Instant, text: z.string() })),
      }),
    ),
    proposals: z.array(
      z.object({
        id: z.string(),
        by: z.string(),
        end: Instant,
        at: Instant,
        state: z.string(),
        agreed: z.array(z.string()),
      }),
    ),
    answers: z.array(z.object({ who: z.string(), at: Instant, kind: z.string(), text: z.string() })),
  })
  .meta({ id: 'SharedCase', description: 'all of it, as the coordinator sees it' });

const who = idOf('party');
const thread = idOf('thread');
const proposal = idOf('proposal');
const as = who.optional().describe('on whose behalf: this installation’s own where left out');

/** One change of what the parties share. Ids of what is new are made here. */
const ChangeBody = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal(['bound', 'left']), who }),
  z.strictObject({ kind: z.literal('standing'), who, standing: z.enum(STANDINGS) }),
  z.strictObject({ kind: z.literal('zone'), who, zone: z.string().max(MAX_NAME) }),
  z.strictObject({ kind: z.literal(['need-given', 'need-taken']), who, matter: z.enum(MATTERS) }),
  z.strictObject({ kind: z.literal('thread-opened'), product: z.string().min(1).max(MAX_NAME) }),
  z.strictObject({ kind: z.literal('thread-joined'), thread, who, fromStart: z.boolean().default(false) }),
  z.strictObject({ kind: z.literal('thread-left'), thread, who }),
  z.strictObject({ kind: z.literal('said'), thread, as, text: z.string().min(1).max(MAX_TEXT) }),
  z.strictObject({ kind: z.literal('proposed'), as, end: Instant }),
  z.strictObject({ kind: z.literal(['agreed', 'declined']), proposal, as }),
]);

export function partyRoutes(parts: PartyRouteParts): readonly ApiRoute[] {
  return [...looking(parts), ...changing(parts), ...linking(parts)];
}

async function getShared({ coordination }: PartyRouteParts, id: string): Promise<Shared> {
  const shared = await coordination.find(id);
  if (!shared) throw new ApiRefused({ kind: 'no-such-case', id });
  return shared;
}

function looking(parts: PartyRouteParts): readonly ApiRoute[] {
  return [
    route({
      method: 'GET',
      url: '/cases/:case/parties',
      access: 'see-cases',
      summary: 'Parties with their standing, threads, proposed ends and answers',
      path: CasePath,
      answer: SharedShape,
      handle: async ({ path }) => toShared(await getShared(parts, path.case)),
    }),
    route({
      method: 'POST',
      url: '/cases/:case/parties/:party/view',
      access: 'work-cases',
      summary: 'Exactly what this party may see now; this is written into the history',
      path: PartyPath,
      answer: z.looseObject({}).describe('as its page is made of'),
      handle: async ({ path, caller }) => {
        const { opened } = await getShared(parts, path.case);
        const view = await parts.coordination.view(path.case, path.party as ParticipantId);
        if (!view) throw new ApiRefused({ kind: 'no-such-party', party: path.party });
        await parts.disclosure.note(parts.database, opened, `viewed as ${path.party}`, caller.person.id);
        return JSON.parse(JSON.stringify(view)) as Record<string, unknown>;
      },
    }),
    route({
      method: 'GET',
      url: '/cases/:case/who-knows',
      access: 'see-cases',
      summary: 'Who could see what, from when, until when; what was known once stays listed',
      path: CasePath,
      answer: z.object({
        items: z.array(
          z.object({
            party: z.string(),
            name: z.string(),
            zone: z.string(),
            what: z.string(),
            since: Instant,
            until: Instant.nullable(),
          }),
        ),
      }),
      handle: async ({ path }) => {
        const { it } = await getShared(parts, path.case);
        const items = it.knows.flatMap(({ who: id, what, since, until }) => {
          const party = it.participants.get(id);
          if (id === it.us || !party) return [];
          const { name, zone } = party;
          return [
            { ...{ party: id, name, zone, what }, since: since.toISOString(), until: toText(until ?? undefined) },
          ];
        });
        return { items };
      },
    }),
  ];
}

function changing(parts: PartyRouteParts): readonly ApiRoute[] {
  const { coordination, invitations, random } = parts;
  return [
    route({
      method: 'POST',
      url: '/cases/:case/parties',
      access: 'work-cases',
      summary: 'Invite a party; to its address goes a letter, once',
      path: CasePath,
      body: z.strictObject({
        role: z.enum(ROLES),
        name: z.string().trim().min(1).max(MAX_NAME),
        address: z.string().max(1_000).nullable().default(null).describe('mail or webhook:https://…; null: no letter'),
        zone: z.string().max(MAX_NAME).default('UTC'),
      }),
      status: 201,
      answer: z.object({ party: z.string(), message: z.string().nullable(), shared: SharedShape }),
      handle: async ({ path, body, caller }) => {
        await getShared(parts, path.case);
        const invitation = { ...body, needs: ['deadline'] as const, isBound: false };
        const { partyId, messageId, shared } = settled(
          await invitations.invite(path.case, invitation, caller.person.id),
        );
        return { party: partyId, message: messageId, shared: toShared(shared) };
      },
    }),
    route({
      method: 'POST',
      url: '/cases/:case/changes',
      access: 'work-cases',
      summary: 'One change of what the parties share: standing, need to know, thread, message, proposed end',
      path: CasePath,
      body: ChangeBody,
      answer: z.object({ id: z.string().nullable().describe('of what is new by it'), shared: SharedShape }),
      handle: async ({ path, body, caller }) => {
        const { it } = await getShared(parts, path.case);
        const change = toChange(body, it.us, random);
        const shared = settled(await coordination.change(path.case, change, caller.person.id));
        const id = change.kind === 'thread-opened' ? change.thread : null;
        return { id: change.kind === 'proposed' ? change.proposal : id, shared: toShared(shared) };
      },
    }),
  ];
}

function linking(parts: PartyRouteParts): readonly ApiRoute[] {
  const { database, links } = parts;
  const getParty = async (caseId: string, party: string) => {
    const { it, opened } = await getShared(parts, caseId);
    const id = party as ParticipantId;
    const found = it.participants.get(id);
    if (!found || found.stance === 'left' || id === it.us) throw new ApiRefused({ kind: 'no-such-party', party });
    return { caseId: opened.case.id, id };
  };
  return [
    route({
      method: 'POST',
      url: '/cases/:case/parties/:party/link',
      access: 'work-cases',
      summary: 'A link to the page of a party, without account or script; shown this once',
      path: PartyPath,
      body: z.strictObject({ days: z.int().min(1).max(MAX_LINK_DAYS).default(LINK_DAYS) }),
      status: 201,
      answer: z.object({ link: z.string(), days: z.int() }),
      handle: async ({ path, body: { days } }) => {
        const { caseId, id } = await getParty(path.case, path.party);
        return { link: `${parts.origin()}/m/${await links.create(database, caseId, id, days)}`, days };
      },
    }),
    route({
      method: 'DELETE',
      url: '/cases/:case/parties/:party/link',
      access: 'work-cases',
      summary: 'End all links of a party',
      path: PartyPath,
      answer: z.object({ revoked: z.int() }),
      handle: async ({ path }) => {
        const { caseId, id } = await getParty(path.case, path.party);
        return { revoked: await links.revoke(database, caseId, id) };
      },
    }),
  ];
}

/** The ids of the body have their form by its shape. */
function toChange(body: z.output<typeof ChangeBody>, us: ParticipantId, random: RandomBytes): Change {
  switch (body.kind) {
    case 'thread-opened':
      return { ...body, thread: createId('thread', random) };
    case 'proposed': {
      const end = new Date(body.end).toISOString();
      return { kind: 'proposed', end, proposal: createId('proposal', random), who: (body.as ?? us) as ParticipantId };
    }
    case 'said':
    case 'agreed':
    case 'declined': {
      const { as: on = us, ...rest } = body;
      return { ...rest, who: on } as Change;
    }
    default:
      return body as Change;
  }
}

function toShared({ it, opened }: Shared): z.input<typeof SharedShape> {
  return {
    case: opened.case.id,
    us: it.us,
    embargo: opened.case.embargo,
    parties: [...it.participants.values()].map(({ needs, joinedAt, standingAt, ...party }) => ({
      ...party,
      needs: [...needs],
      joinedAt: joinedAt.toISOString(),
      standingAt: toText(standingAt ?? undefined),
    })),
    threads: [...it.threads.values()].map(({ id, product, members, messages }) => ({
      id,
      product,
      members: [...members.keys()],
      messages: messages.map(({ at, ...message }) => ({ ...message, at: at.toISOString() })),
    })),
    proposals: [...it.proposals.values()].map(({ end, at, agreed, ...rest }) => ({
      ...{ id: rest.id, by: rest.by, state: rest.state },
      end: end.toISOString(),
      at: at.toISOString(),
      agreed: [...agreed],
    })),
    answers: it.answers.map(({ at, ...answer }) => ({ ...answer, at: at.toISOString() })),
  };
}
