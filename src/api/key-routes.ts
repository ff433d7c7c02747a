/** Grants and keys of an organisation. The key itself is in one answer and nowhere else. */
import { z } from 'zod';
import type { AccessKey, Grant } from '../program/index.ts';
import { organisationFor, type ProgrammeParts } from './programme-service.ts';
import { ProposalShape, toProposal } from './proposal-shape.ts';
import { type ApiRoute, route, settled } from './route.ts';
import {
  Done,
  Instant,
  idOf,
  ModelName,
  OrganisationPath,
  PageQuery,
  pageOf,
  SomeMicro,
  TierName,
  toPage,
  toText,
} from './shape.ts';
import { mayBeThemselves } from './ways-in-service.ts';

const KeyShape = z
  .object({
    id: z.string(),
    organisation: z.string(),
    person: z.string(),
    models: z.array(z.string()),
    tier: TierName,
    bind: z.enum(['none', 'dpop']),
    isCapped: z.boolean(),
    expiresAt: Instant.nullable(),
    revokedAt: Instant.nullable(),
  })
  .meta({ id: 'Key' });

const GrantShape = z
  .object({
    id: z.string(),
    organisation: z.string(),
    person: z.string().nullable().describe('null: everyone of the organisation'),
    model: z.string(),
    tier: TierName,
    expiresAt: Instant,
    revokedAt: Instant.nullable(),
  })
  .meta({ id: 'Grant' });

const toKey = ({ mac: _mac, jkt: _jkt, ...it }: AccessKey): z.input<typeof KeyShape> => ({
  ...it,
  models: [...it.models],
  expiresAt: toText(it.expiresAt),
  revokedAt: toText(it.revokedAt),
});

const toGrant = (it: Grant): z.input<typeof GrantShape> => ({
  ...it,
  person: it.person ?? null,
  expiresAt: it.expiresAt.toISOString(),
  revokedAt: toText(it.revokedAt),
});

const Calls = z.int().min(1).max(1_000_000);
const MAX_MODELS = 100;
const Wanted = {
  person: z.string().min(1).max(254).describe('id, or mail address'),
  models: z.array(ModelName).min(1).max(MAX_MODELS),
  tier: TierName.optional().describe("the organisation's highest where absent"),
};

export function keyRoutes(parts: ProgrammeParts): readonly ApiRoute[] {
  return [...looking(parts), ...grants(parts), ...keys(parts)];
}

function looking(parts: ProgrammeParts): readonly ApiRoute[] {
  return [
    route({
      method: 'GET',
      url: '/organisations/:organisation/keys',
      access: 'see-organisation',
      summary: 'Keys of an organisation',
      path: OrganisationPath,
      query: PageQuery,
      answer: pageOf(KeyShape),
      handle: async ({ path, query, caller }) => {
        const { id } = await organisationFor(parts, caller, path.organisation, 'see-programme');
        return toPage(await parts.keys.pageKeys(query, id), toKey);
      },
    }),
    route({
      method: 'GET',
      url: '/organisations/:organisation/grants',
      access: 'see-organisation',
      summary: 'Grants of an organisation',
      path: OrganisationPath,
      query: PageQuery,
      answer: pageOf(GrantShape),
      handle: async ({ path, query, caller }) => {
        const { id } = await organisationFor(parts, caller, path.organisation, 'see-programme');
        return toPage(await parts.keys.pageGrants(query, id), toGrant);
      },
    }),
  ];
}

function grants(parts: ProgrammeParts): readonly ApiRoute[] {
  const { keys: service, proposals } = parts;
  return [
    route({
      method: 'POST',
      url: '/organisations/:organisation/grants',
      access: 'change-programme',
      summary:
        'Grant models to a person, who then makes keys of their own; to oneself, and to whom one invited, when another person agrees',
      path: OrganisationPath,
      body: z.strictObject(Wanted),
      status: 201,
      answer: z.object({ ids: z.array(z.string()), proposal: ProposalShape.nullable() }),
      handle: async ({ path, body, caller }) => {
        const request = { ...body, organisation: path.organisation };
        const askedBy = caller.person.id;
        const person = settled(await service.checkRequest(request));
        const propose = async () => {
          const details = [JSON.stringify({ ...request, person: person.id })];
          const asked = await proposals.ask({ kind: 'grant-models', subject: person.id, details, askedBy });
          return { ids: [], proposal: toProposal(asked) };
        };
        if (await mayBeThemselves(parts, person, askedBy)) return await propose();
        const ids = settled(await service.grantModels(request, askedBy));
        if (!(await mayBeThemselves(parts, person, askedBy))) return { ids: [...ids], proposal: null };
        for (const id of ids) settled(await service.revokeGrant(id, askedBy));
        return await propose();
      },
    }),
    route({
      method: 'DELETE',
      url: '/grants/:grant',
      access: 'change-programme',
      summary: 'Revoke a grant: within a second at every gateway',
      path: z.object({ grant: idOf('grant') }),
      answer: Done,
      handle: async ({ path, caller }) => ({ id: settled(await service.revokeGrant(path.grant, caller.person.id)) }),
    }),
  ];
}

function keys({ keys: service, caps, proposals }: ProgrammeParts): readonly ApiRoute[] {
  const KeyPath = z.object({ key: idOf('apikey') });
  return [
    route({
      method: 'POST',
      url: '/organisations/:organisation/keys',
      access: 'change-programme',
      summary:
        'Propose a key for one person and the models named; who agrees is shown it, and the grant it needs is made',
      path: OrganisationPath,
      body: z.strictObject({
        ...Wanted,
        bind: z.enum(['none', 'dpop']).optional(),
        jkt: z.string().max(64).optional().describe('RFC 7638 thumbprint of the key of the proofs'),
        limitMicro: SomeMicro.optional(),
        expiresAt: Instant.optional(),
      }),
      status: 201,
      isOnce: true,
      answer: ProposalShape,
      handle: async ({ path, body, caller }) => {
        const request = { ...body, organisation: path.organisation };
        const person = settled(await service.checkRequest(request));
        const details = [JSON.stringify({ ...request, person: person.id })];
        const asked = { kind: 'create-key', subject: person.id, details, askedBy: caller.person.id } as const;
        return toProposal(await proposals.ask(asked));
      },
    }),
    route({
      method: 'DELETE',
      url: '/keys/:key',
      access: 'change-programme',
      summary: 'Revoke a key: within a second at every gateway',
      path: KeyPath,
      answer: Done,
      handle: async ({ path, caller }) => ({ id: settled(await service.revokeKey(path.key, caller.person.id)) }),
    }),
    route({
      method: 'PUT',
      url: '/keys/:key/cap',
      access: 'change-programme',
      summary: 'May spend so much at most; null lifts it',
      path: KeyPath,
      body: z.strictObject({ limitMicro: SomeMicro.nullable() }),
      answer: Done,
      handle: async ({ path, body, caller }) => ({
        id: settled(await caps.capKey(path.key, body.limitMicro ?? undefined, caller.person.id)),
      }),
    }),
    route({
      method: 'PUT',
      url: '/rates/:subject',
      access: 'change-programme',
      summary: "Calls a second of an organisation, person or key, and how many at once; null: the tier's own",
      path: z.object({ subject: z.string().regex(/^(organisation|person|apikey)_[0-9a-f]{32}$/) }),
      body: z.strictObject({ rate: z.strictObject({ perSecond: Calls, burst: Calls }).nullable() }),
      answer: Done,
      handle: async ({ path, body, caller }) => ({
        id: settled(await caps.setRate(path.subject, body.rate ?? undefined, caller.person.id)),
      }),
    }),
  ];
}
