/** Organisations. A member sees the own one; another one answers like one that does not exist. */
import { z } from 'zod';
import type { Organisation } from '../program/index.ts';
import { organisationFor, type ProgrammeParts } from './programme-service.ts';
import { ProposalShape, toProposal } from './proposal-shape.ts';
import { type ApiRoute, route, settled } from './route.ts';
import { Country, Done, Instant, OrganisationPath, PageQuery, pageOf, TierName, toPage } from './shape.ts';

const OrganisationShape = z
  .object({
    id: z.string(),
    name: z.string(),
    standing: z.enum(['applicant', 'approved', 'ended']),
    tier: TierName.nullable().describe('the highest its grants and keys may have'),
  })
  .meta({ id: 'Organisation' });

const EventShape = z
  .object({ subject: z.string(), event: z.string(), actor: z.string(), at: Instant, note: z.string() })
  .meta({ id: 'Event' });

const toShown = (it: Organisation): z.input<typeof OrganisationShape> => ({ ...it, tier: it.tier ?? null });

export function organisationRoutes(parts: ProgrammeParts): readonly ApiRoute[] {
  return [...looking(parts), ...changing(parts)];
}

function looking(parts: ProgrammeParts): readonly ApiRoute[] {
  const { membership } = parts;
  return [
    route({
      method: 'GET',
      url: '/organisations',
      access: 'see-programme',
      summary: 'All organisations',
      query: PageQuery,
      answer: pageOf(OrganisationShape),
      handle: async ({ query }) => toPage(await membership.pageOrganisations(query), toShown),
    }),
    route({
      method: 'GET',
      url: '/organisations/:organisation',
      access: 'see-organisation',
      summary: 'One organisation',
      path: OrganisationPath,
      answer: OrganisationShape,
      handle: async ({ path, caller }) =>
        toShown(await organisationFor(parts, caller, path.organisation, 'see-programme')),
    }),
    route({
      method: 'GET',
      url: '/history/:subject',
      access: 'see-audit',
      summary: 'What was done with an organisation, person, key, model or stop, and by whom',
      path: z.object({ subject: z.string().min(1).max(200) }),
      query: PageQuery,
      answer: pageOf(EventShape),
      handle: async ({ path, query }) =>
        toPage(await membership.pageHistory(query, path.subject), (event) => ({
          ...event,
          at: event.at.toISOString(),
          note: event.note ?? '',
        })),
    }),
  ];
}

function changing({ membership, proposals }: ProgrammeParts): readonly ApiRoute[] {
  return [
    route({
      method: 'POST',
      url: '/organisations',
      access: 'change-programme',
      summary: 'A new organisation, which may use nothing yet',
      body: z.strictObject({ name: z.string().min(1).max(200), country: Country.optional() }),
      status: 201,
      isOnce: true,
      answer: Done,
      handle: async ({ body, caller }) => ({ id: settled(await membership.addOrganisation(body, caller.person.id)) }),
    }),
    route({
      method: 'POST',
      url: '/organisations/:organisation/approve',
      access: 'change-programme',
      summary: 'Propose to let an organisation in without vetting; another person has to agree',
      path: OrganisationPath,
      body: z.strictObject({ tier: TierName }),
      status: 201,
      answer: ProposalShape,
      handle: async ({ path, body, caller }) => {
        const { id } = settled(await membership.findOrganisation(path.organisation));
        const asked = { kind: 'approve-organisation', subject: id, details: [body.tier] } as const;
        return toProposal(await proposals.ask({ ...asked, askedBy: caller.person.id }));
      },
    }),
    route({
      method: 'POST',
      url: '/organisations/:organisation/end',
      access: 'change-programme',
      summary: 'End its participation: every key of it stops working within a second',
      path: OrganisationPath,
      answer: Done,
      handle: async ({ path, caller }) => ({
        id: settled(await membership.endOrganisation(path.organisation, caller.person.id)),
      }),
    }),
  ];
}
