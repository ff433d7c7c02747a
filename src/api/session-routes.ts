/** One's own session: who am I, what may I do and why not, my keys, and the way to the first call. */
import { z } from 'zod';
import { actsFor } from '../program/index.ts';
import { ACT_NAMES, checkAct, needsResistance } from '../signin/index.ts';
import type { ProgrammeParts } from './programme-service.ts';
import { type ApiCaller, ApiRefused, type ApiRoute, route } from './route.ts';
import { Done, Instant, ModelName, RoleName, TierName, toText } from './shape.ts';

const Me = z
  .object({
    person: z.object({
      id: z.string(),
      email: z.string(),
      organisation: z.string(),
      actsFor: z.string().describe('whose grants and money their calls use'),
    }),
    roles: z.array(RoleName),
    session: z.object({
      method: z.enum(['passkey', 'provider']),
      isResistant: z.boolean().describe('cannot be taken over by a look-alike page'),
      createdAt: Instant,
    }),
    acts: z.array(z.object({ act: z.enum(ACT_NAMES), isAllowed: z.boolean(), why: z.string().nullable() })),
  })
  .meta({ id: 'Me' });

const OwnKey = z
  .object({
    id: z.string(),
    models: z.array(z.string()),
    tier: z.string(),
    expiresAt: Instant.nullable(),
    endedAt: Instant.nullable(),
  })
  .meta({ id: 'OwnKey' });

const Example = z.object({ name: z.string(), text: z.string() }).meta({ id: 'Example', description: 'to be pasted' });

export const MadeKey = z
  .object({
    id: z.string(),
    key: z.string().nullable().describe('shown this once; null when the same request is sent again'),
    examples: z.array(Example),
  })
  .meta({ id: 'MadeKey' });

const STEPS = ['passkey', 'approved', 'granted', 'key', 'first-call'] as const;
const Onboarding = z
  .object({
    steps: z.array(z.object({ step: z.enum(STEPS), isDone: z.boolean(), what: z.string() })),
    next: z.enum(STEPS).nullable().describe('null: access is ready'),
    examples: z.array(Example).describe('the first call, ready to be pasted; the key is read from HEADSTART_KEY'),
  })
  .meta({ id: 'Onboarding' });

export function sessionRoutes(parts: ProgrammeParts): readonly ApiRoute[] {
  return [...presence(parts), ...ownKeys(parts)];
}

function presence(parts: ProgrammeParts): readonly ApiRoute[] {
  return [
    route({
      method: 'GET',
      url: '/session',
      access: 'signed-in',
      summary: 'Who am I, what may I do, and why not',
      answer: Me,
      handle: async ({ caller }) => toMe(caller),
    }),
    route({
      method: 'DELETE',
      url: '/session',
      access: 'signed-in',
      summary: 'Sign out',
      endsSession: true,
      answer: Done,
      handle: async ({ caller }) => {
        await parts.signIn.signOut(caller.token);
        return { id: caller.person.id };
      },
    }),
    route({
      method: 'GET',
      url: '/session/onboarding',
      access: 'signed-in',
      summary: 'The way from the invitation to the first call: what is done, what comes next',
      answer: Onboarding,
      handle: async ({ caller }) => await onboarding(parts, caller),
    }),
  ];
}

function ownKeys({ desk }: ProgrammeParts): readonly ApiRoute[] {
  return [
    route({
      method: 'GET',
      url: '/session/choices',
      access: 'own-keys',
      summary: 'What is granted to me, and what I could make a key for now',
      answer: z.object({
        items: z.array(z.object({ model: z.string(), tier: z.string(), unavailable: z.string().nullable() })),
      }),
      handle: async ({ caller }) => ({
        items: (await desk.choices(caller.person.id)).map((choice) => ({
          ...choice,
          unavailable: isTooWeak(caller, choice.tier) ? 'needs a sign-in with a passkey' : null,
        })),
      }),
    }),
    route({
      method: 'GET',
      url: '/session/keys',
      access: 'own-keys',
      summary: 'My keys',
      answer: z.object({ items: z.array(OwnKey) }),
      handle: async ({ caller }) => ({
        items: (await desk.list(caller.person.id)).map(({ expiresAt, endedAt, models, ...it }) => ({
          ...it,
          models: [...models],
          expiresAt: toText(expiresAt),
          endedAt: toText(endedAt),
        })),
      }),
    }),
    route({
      method: 'POST',
      url: '/session/keys',
      access: 'own-keys',
      summary: 'Make a key of my own; it is shown this once, with a first call to paste',
      body: z.strictObject({ model: ModelName, tier: TierName }),
      status: 201,
      isOnce: true,
      answer: MadeKey,
      handle: async ({ caller, body: { model, tier } }) => {
        if (isTooWeak(caller, tier)) {
          const why = `a key of tier ${tier} needs a sign-in with a passkey`;
          throw new ApiRefused({ kind: 'stronger-sign-in-needed', why });
        }
        const made = await desk.create(caller.person.id, model, tier);
        if (!made) throw new ApiRefused({ kind: 'not-granted' });
        return { ...made, examples: [...made.examples] };
      },
    }),
    route({
      method: 'DELETE',
      url: '/session/keys/:key',
      access: 'own-keys',
      summary: 'Revoke a key of mine: within a second at every gateway',
      path: z.object({ key: z.string().min(1).max(128) }),
      answer: Done,
      handle: async ({ caller, path: { key } }) => {
        if (!(await desk.revoke(caller.person.id, key))) {
          throw new ApiRefused({ kind: 'not-found', what: 'key', named: key });
        }
        return { id: key };
      },
    }),
  ];
}

const isTooWeak = ({ session }: ApiCaller, tier: string): boolean => needsResistance(tier) && !session.isResistant;

function toMe({ person, session, roles }: ApiCaller): z.input<typeof Me> {
  return {
    person: { id: person.id, email: person.email, organisation: person.organisation, actsFor: actsFor(person) },
    roles: [...roles],
    session: {
      method: session.method,
      isResistant: session.isResistant,
      createdAt: session.createdAt.toISOString(),
    },
    acts: ACT_NAMES.map((act) => {
      const refusal = checkAct(roles, session, act);
      if (!refusal) return { act, isAllowed: true, why: null };
      return {
        act,
        isAllowed: false,
        why: refusal.kind === 'not-your-role' ? 'no role of yours allows it' : refusal.why,
      };
    }),
  };
}

async function onboarding(
  { membership, desk }: ProgrammeParts,
  { person, session }: ApiCaller,
): Promise<z.input<typeof Onboarding>> {
  const organisation = await membership.findOrganisation(actsFor(person));
  const keys = (await desk.list(person.id)).filter(({ endedAt }) => !endedAt);
  const proven = await desk.proven(person.id);
  const done: Readonly<Record<(typeof STEPS)[number], readonly [boolean, string]>> = {
    passkey: [session.isResistant, 'sign in with a passkey; inner tiers ask for it'],
    approved: [organisation.ok && organisation.value.standing === 'approved', 'the organisation is approved'],
    granted: [(await desk.choices(person.id)).length > 0, 'a model is granted to you'],
    key: [keys.length > 0, 'make a key: POST /api/v1/session/keys'],
    'first-call': [keys.some(({ id }) => proven.includes(id)), 'make the first call: paste an example'],
  };
  const steps = STEPS.map((step) => ({ step, isDone: done[step][0], what: done[step][1] }));
  const next = steps.find(({ isDone }) => !isDone)?.step ?? null;
  return { steps, next, examples: [...(await desk.example(person.id))] };
}
