/** Persons, their invitations, roles and sessions. What could make one person into two takes a second one. */
import { z } from 'zod';
import type { Person } from '../program/index.ts';
import { isWeighty } from '../signin/index.ts';
import { organisationFor, type ProgrammeParts } from './programme-service.ts';
import { ProposalShape, toProposal } from './proposal-shape.ts';
import { ApiRefused, type ApiRoute, route, settled } from './route.ts';
import {
  Country,
  Done,
  idOf,
  OrganisationPath,
  PageQuery,
  PersonPath,
  pageOf,
  RoleName,
  SomeMicro,
  toPage,
} from './shape.ts';
import { needsAnotherToInvite } from './ways-in-service.ts';

const PersonShape = z
  .object({
    id: z.string(),
    email: z.string(),
    organisation: z.string(),
    forOrganisation: z.string().nullable().describe('on whose behalf, where that is another one'),
    standing: z.enum(['active', 'left']),
    isCapped: z.boolean(),
  })
  .meta({ id: 'Person' });

const toShown = (it: Person): z.input<typeof PersonShape> => ({ ...it, forOrganisation: it.forOrganisation ?? null });

export function personRoutes(parts: ProgrammeParts): readonly ApiRoute[] {
  return [...looking(parts), ...changing(parts), ...invitations(parts), ...roles(parts)];
}

function looking(parts: ProgrammeParts): readonly ApiRoute[] {
  const { membership, signIn } = parts;
  return [
    route({
      method: 'GET',
      url: '/persons',
      access: 'see-programme',
      summary: 'All persons',
      query: PageQuery,
      answer: pageOf(PersonShape),
      handle: async ({ query }) => toPage(await membership.pagePersons(query), toShown),
    }),
    route({
      method: 'GET',
      url: '/organisations/:organisation/persons',
      access: 'see-organisation',
      summary: 'Who belongs to an organisation or works for it',
      path: OrganisationPath,
      query: PageQuery,
      answer: pageOf(PersonShape),
      handle: async ({ path, query, caller }) => {
        const { id } = await organisationFor(parts, caller, path.organisation, 'see-programme');
        return toPage(await membership.pagePersons(query, id), toShown);
      },
    }),
    route({
      method: 'GET',
      url: '/persons/:person/roles',
      access: 'see-programme',
      summary: 'What a person may do',
      path: PersonPath,
      answer: z.object({ items: z.array(RoleName) }),
      handle: async ({ path }) => {
        const { id } = settled(await membership.findPerson(path.person));
        return { items: [...(await signIn.rolesOf(id))] };
      },
    }),
  ];
}

function changing({ membership, caps, signIn }: ProgrammeParts): readonly ApiRoute[] {
  return [
    route({
      method: 'POST',
      url: '/organisations/:organisation/persons',
      access: 'change-programme',
      summary: 'Somebody of an organisation, perhaps at work for another one',
      path: OrganisationPath,
      body: z.strictObject({
        email: z.string().min(3).max(254),
        forOrganisation: z.string().min(1).max(200).optional(),
        country: Country.optional(),
        limitMicro: SomeMicro.optional(),
      }),
      status: 201,
      isOnce: true,
      answer: Done,
      handle: async ({ path, body, caller }) => ({
        id: settled(await membership.addPerson({ ...body, organisation: path.organisation }, caller.person.id)),
      }),
    }),
    route({
      method: 'DELETE',
      url: '/persons/:person',
      access: 'change-programme',
      summary: 'They have left: every key and session of theirs ends',
      path: PersonPath,
      answer: Done,
      handle: async ({ path, caller }) => {
        const id = settled(await membership.removePerson(path.person, caller.person.id));
        await signIn.signOutPerson(id);
        return { id };
      },
    }),
    route({
      method: 'POST',
      url: '/persons/:person/sign-out',
      access: 'change-programme',
      summary: 'End every session of theirs',
      path: PersonPath,
      answer: Done,
      handle: async ({ path }) => {
        const { id } = settled(await membership.findPerson(path.person));
        await signIn.signOutPerson(id);
        return { id };
      },
    }),
    route({
      method: 'PUT',
      url: '/persons/:person/cap',
      access: 'change-programme',
      summary: 'May spend so much at most; null lifts it',
      path: PersonPath,
      body: z.strictObject({ limitMicro: SomeMicro.nullable() }),
      answer: Done,
      handle: async ({ path, body, caller }) => ({
        id: settled(await caps.capPerson(path.person, body.limitMicro ?? undefined, caller.person.id)),
      }),
    }),
  ];
}

function invitations(parts: ProgrammeParts): readonly ApiRoute[] {
  const { membership, signIn, proposals, origin } = parts;
  return [
    route({
      method: 'POST',
      url: '/persons/:person/invitation',
      access: 'change-programme',
      summary:
        'A link that enrols a passkey, once, within seven days; for who has a weighty role or may use a model another person agrees',
      path: PersonPath,
      status: 201,
      answer: z.object({
        link: z.string().nullable().describe('shown this once; null where another person has to agree first'),
        proposal: ProposalShape.nullable(),
      }),
      handle: async ({ path, caller }) => {
        const person = settled(await membership.findPerson(path.person));
        const propose = async () => {
          const asked = { kind: 'invite', subject: person.id, details: [], askedBy: caller.person.id } as const;
          return { link: null, proposal: toProposal(await proposals.ask(asked)) };
        };
        if (await needsAnotherToInvite(parts, person)) return await propose();
        const token = settled(await signIn.invite(person.id, caller.person.id));
        // The link that nobody has seen ends with the next one.
        if (await needsAnotherToInvite(parts, person)) return await propose();
        return { link: `${origin()}/join/${token}`, proposal: null };
      },
    }),
  ];
}

function roles({ membership, signIn, proposals }: ProgrammeParts): readonly ApiRoute[] {
  const RolePath = z.object({ person: idOf('person'), role: RoleName });
  return [
    route({
      method: 'PUT',
      url: '/persons/:person/roles/:role',
      access: 'change-programme',
      summary: 'Give a role; for a weighty one another person has to agree',
      path: RolePath,
      answer: z.object({ isGiven: z.boolean(), proposal: ProposalShape.nullable() }),
      handle: async ({ path: { person, role }, caller }) => {
        const found = settled(await membership.findPerson(person));
        if (found.standing !== 'active') throw new ApiRefused({ kind: 'ended', what: 'person', named: person });
        if (isWeighty(role)) {
          const asked = { kind: 'give-role', subject: found.id, details: [role], askedBy: caller.person.id } as const;
          return { isGiven: false, proposal: toProposal(await proposals.ask(asked)) };
        }
        await signIn.giveRole(found.id, role, caller.person.id);
        return { isGiven: true, proposal: null };
      },
    }),
    route({
      method: 'DELETE',
      url: '/persons/:person/roles/:role',
      access: 'change-programme',
      summary: 'Take a role away',
      path: RolePath,
      answer: Done,
      handle: async ({ path: { person, role } }) => {
        const { id } = settled(await membership.findPerson(person));
        await signIn.takeRole(id, role);
        return { id };
      },
    }),
  ];
}
