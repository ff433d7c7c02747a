/** Scopes of an organisation: asked for, proven, lent, withdrawn. The operator's word is given at the command line alone. */
import { createPublicKey } from 'node:crypto';
import { z } from 'zod';
import { canonicalJson, type Json } from '../lib/canonical-json.ts';
import { ASSET_FORMS, assetText, type Holding, instruct, METHODS, type ScopedAsset } from '../scope/index.ts';
import { organisationFor, type ProgrammeParts } from './programme-service.ts';
import { type ApiCaller, ApiRefused, type ApiRoute, route, settled } from './route.ts';
import { Done, Instant, idOf, OrganisationPath, PageQuery, pageOf, toDate, toPage, toText } from './shape.ts';

const Target = z.string().min(1).max(512).describe(ASSET_FORMS);

const AssetShape = z
  .object({
    asset: z.string(),
    state: z.enum(['waiting', 'standing', 'lapsed', 'withdrawn']),
    basis: z.enum(['operator', 'proof', 'authorisation', 'critical-list']).nullable(),
    until: Instant.nullable(),
    trouble: z.string().nullable().describe('why the last look did not succeed'),
    version: z.int(),
  })
  .meta({ id: 'ScopedAsset' });

const ScopeShape = z
  .object({
    id: z.string(),
    createdAt: Instant,
    endsAt: Instant.nullable(),
    withdrawnAt: Instant.nullable(),
    assets: z.array(AssetShape),
  })
  .meta({ id: 'Scope' });

const ScopePath = OrganisationPath.extend({ scope: idOf('scope') });

const toAsset = ({ asset, standing, trouble, version }: ScopedAsset): z.input<typeof AssetShape> => ({
  asset: assetText(asset),
  state: standing.state,
  basis: 'basis' in standing ? standing.basis.by : null,
  until: 'until' in standing ? standing.until.toISOString() : null,
  trouble: trouble ?? null,
  version,
});

const toShown = ({ scope, assets }: Holding): z.input<typeof ScopeShape> => ({
  id: scope.id,
  createdAt: scope.createdAt.toISOString(),
  endsAt: toText(scope.endsAt),
  withdrawnAt: toText(scope.withdrawnAt),
  assets: assets.map(toAsset),
});

export function scopeRoutes(parts: ProgrammeParts): readonly ApiRoute[] {
  return [...looking(parts), ...changing(parts), ...lending(parts)];
}

/** A scope of this organisation; one of another answers like one that does not exist. */
async function holdingFor(
  parts: ProgrammeParts,
  caller: ApiCaller,
  path: z.output<typeof ScopePath>,
  act: 'see-programme' | 'change-programme',
): Promise<Holding> {
  const { id } = await organisationFor(parts, caller, path.organisation, act);
  const found = settled(await parts.scoping.find(id, path.scope));
  if (!found) throw new ApiRefused({ kind: 'unknown-scope', id: path.scope });
  return found;
}

function looking(parts: ProgrammeParts): readonly ApiRoute[] {
  return [
    route({
      method: 'GET',
      url: '/organisations/:organisation/scopes',
      access: 'see-organisation',
      summary: 'Scopes of an organisation, and what they rest on',
      path: OrganisationPath,
      query: PageQuery,
      answer: pageOf(ScopeShape),
      handle: async ({ path, query, caller }) => {
        const { id } = await organisationFor(parts, caller, path.organisation, 'see-programme');
        return toPage(settled(await parts.scoping.page(query, id)), toShown);
      },
    }),
    route({
      method: 'GET',
      url: '/organisations/:organisation/scopes/:scope',
      access: 'see-organisation',
      summary: 'One scope',
      path: ScopePath,
      answer: ScopeShape,
      handle: async ({ path, caller }) => toShown(await holdingFor(parts, caller, path, 'see-programme')),
    }),
    route({
      method: 'GET',
      url: '/organisations/:organisation/scope-check',
      access: 'see-organisation',
      summary: 'Is this target in a scope of the organisation, and on what does that rest?',
      path: OrganisationPath,
      query: z.object({ target: Target }),
      answer: z.object({
        isAllowed: z.boolean(),
        scope: z.string().nullable(),
        asset: z.string().nullable(),
        basis: z.string().nullable(),
        until: Instant.nullable(),
        reason: z.string().nullable(),
      }),
      handle: async ({ path, query, caller }) => {
        const { id } = await organisationFor(parts, caller, path.organisation, 'see-programme');
        const it = settled(await parts.scoping.check(id, query.target));
        if (!it.allowed) {
          return { isAllowed: false, scope: null, asset: null, basis: null, until: null, reason: it.reason };
        }
        const { scope, asset, basis, until } = it;
        return { isAllowed: true, scope, asset, basis: basis.by, until: until.toISOString(), reason: null };
      },
    }),
  ];
}

function changing(parts: ProgrammeParts): readonly ApiRoute[] {
  const { scoping } = parts;
  return [
    route({
      method: 'POST',
      url: '/organisations/:organisation/scopes',
      access: 'change-organisation',
      summary: 'Ask for assets; the answer says what to put where to prove that they are yours',
      path: OrganisationPath,
      body: z.strictObject({
        targets: z.array(Target).min(1).max(1_000),
        method: z.enum(METHODS),
        until: Instant.optional(),
      }),
      status: 201,
      isOnce: true,
      answer: z.object({ id: z.string(), instructions: z.array(z.string()) }),
      handle: async ({ path, body: { targets, method, until }, caller }) => {
        const organisation = await organisationFor(parts, caller, path.organisation, 'change-programme');
        const asked = settled(await scoping.request(organisation.id, targets, method, toDate(until)));
        return { id: asked.id, instructions: asked.challenges.map(instruct) };
      },
    }),
    route({
      method: 'POST',
      url: '/organisations/:organisation/scopes/:scope/prove',
      access: 'change-organisation',
      summary: 'Look whether the proofs are there',
      path: ScopePath,
      answer: ScopeShape,
      handle: async ({ path, caller }) => {
        const { scope } = await holdingFor(parts, caller, path, 'change-programme');
        await scoping.prove(scope.id);
        return toShown(await holdingFor(parts, caller, path, 'change-programme'));
      },
    }),
    route({
      method: 'DELETE',
      url: '/organisations/:organisation/scopes/:scope',
      access: 'change-organisation',
      summary: 'Withdraw it; what was lent on the strength of it ends too',
      path: ScopePath,
      answer: Done,
      handle: async ({ path, caller }) => {
        const { scope } = await holdingFor(parts, caller, path, 'change-programme');
        settled(await scoping.withdraw(scope.id));
        return { id: scope.id };
      },
    }),
  ];
}

function lending(parts: ProgrammeParts): readonly ApiRoute[] {
  const { scoping } = parts;
  return [
    route({
      method: 'POST',
      url: '/organisations/:organisation/signers',
      access: 'change-organisation',
      summary: 'From now on documents signed by this key lend what the organisation holds',
      path: OrganisationPath,
      body: z.strictObject({
        name: z.string().trim().min(1).max(200),
        publicKey: z.string().max(1_000).describe('Ed25519, PEM'),
      }),
      status: 201,
      answer: Done,
      handle: async ({ path, body, caller }) => {
        const { id } = await organisationFor(parts, caller, path.organisation, 'change-programme');
        settled(await scoping.addSigner(id, body.name, readPublicKey(body.publicKey)));
        return { id };
      },
    }),
    route({
      method: 'POST',
      url: '/organisations/:organisation/authorisations',
      access: 'change-organisation',
      summary: 'Take in assets that another organisation lends to this one by a signed authorisation',
      path: OrganisationPath,
      body: z.strictObject({
        payloadType: z.string().max(200),
        payload: z.base64().max(200_000),
        signatures: z
          .array(z.strictObject({ keyid: z.string().max(200).optional(), sig: z.base64().max(200) }))
          .min(1)
          .max(10),
      }),
      status: 201,
      answer: Done,
      handle: async ({ path, body, caller }) => {
        const { id } = await organisationFor(parts, caller, path.organisation, 'change-programme');
        return settled(await scoping.importAuthorisation(Buffer.from(canonicalJson(body as Json)), id));
      },
    }),
  ];
}

const RAW_KEY_BYTES = 32;

function readPublicKey(pem: string): Uint8Array {
  try {
    const key = createPublicKey(pem);
    if (key.asymmetricKeyType === 'ed25519') {
      return key.export({ type: 'spki', format: 'der' }).subarray(-RAW_KEY_BYTES);
    }
  } catch {
    // Whatever is wrong with it, it is no such key.
  }
  throw new ApiRefused({ kind: 'malformed', what: 'the public key: an Ed25519 key as PEM' });
}
