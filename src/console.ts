/** The console of an installation, joined: the pages of sign-in, and the API of the programme beside them. */
import { readFile } from 'node:fs/promises';
import type { FastifyInstance } from 'fastify';
import { addApi, type DisclosureRouteParts } from './api/index.ts';
import { addSignInRoutes } from './http/index.ts';
import { ok } from './lib/result.ts';
import {
  createProposals,
  type GrantRequest,
  type KeyRequest,
  type MembershipRefusal,
  type StopRefusal,
} from './membership/index.ts';
import type { Parts } from './parts.ts';
import { isTier, type ModelInput, STAGES, type Stage } from './program/index.ts';
import type { Programme } from './programme.ts';
import { isRole, type SignIn, type SignInRefusal } from './signin/index.ts';

export interface ConsoleAddresses {
  /** As the browser's address bar shows it, without a slash at the end. */
  readonly origin: () => string;
  /** Where the gate answers. */
  readonly gateUrl: () => string;
}

export async function addConsole(
  server: FastifyInstance,
  parts: Parts,
  programme: Programme,
  { cases, ...addresses }: ConsoleAddresses & { readonly cases: DisclosureRouteParts },
): Promise<void> {
  const { signIn, keys: desk, origin } = programme.openSignIn(addresses);
  await addSignInRoutes(server, { signIn, keys: desk, origin });
  const { version } = JSON.parse(await readFile(new URL('../package.json', import.meta.url), 'utf8')) as {
    version: string;
  };
  const { clock, random } = parts;
  const database = await parts.database();
  await addApi(server, {
    ...programme,
    cases,
    ...{ database, clock, signIn, desk, origin, version },
    proposals: createProposals({ database, clock, random, carryOut: carryOutWith(programme, signIn, origin) }),
    monotonicMs: () => performance.now(),
    onFault: (error) => parts.terminal.say(`API: ${error instanceof Error ? error.message : String(error)}`),
  });
}

type Refusal = MembershipRefusal | StopRefusal | SignInRefusal;

/** What each kind of proposal does once two persons stand behind it. */
export function carryOutWith(
  { stops, vetting, membership, keys }: Pick<Programme, 'stops' | 'vetting' | 'membership' | 'keys'>,
  signIn: Pick<SignIn, 'giveRole' | 'invite'>,
  origin: () => string,
): Parameters<typeof createProposals<Refusal>>[0]['carryOut'] {
  const done = ok(undefined);
  const toActor = ({ actor, second }: { readonly actor: string; readonly second: string }) => `${actor} and ${second}`;
  return {
    'put-model': async ({ details: [model = '{}', expected] }, hands) => {
      const by = { actor: toActor(hands), replace: true, expected };
      const put = await membership.addModel(JSON.parse(model) as ModelInput, by);
      return put.ok ? done : put;
    },
    'set-stage': async ({ subject, details: [stage] }, hands) => {
      const set = await membership.setStage(
        subject,
        stage === undefined ? undefined : readStage(stage),
        toActor(hands),
      );
      return set.ok ? done : set;
    },
    'create-key': async ({ details: [request = '{}'] }, hands) => {
      const { expiresAt, ...wanted } = JSON.parse(request) as KeyRequest & { readonly expiresAt?: string };
      const until = expiresAt === undefined ? {} : { expiresAt: new Date(expiresAt) };
      const made = await keys.createKey({ ...wanted, ...until }, toActor(hands));
      return made.ok ? ok(made.value.key) : made;
    },
    'grant-models': async ({ details: [request = '{}'] }, hands) => {
      const granted = await keys.grantModels(JSON.parse(request) as GrantRequest, toActor(hands));
      return granted.ok ? done : granted;
    },
    'approve-organisation': async ({ subject, details: [tier] }, hands) => {
      if (!isTier(tier)) throw new Error(`${tier} is no tier`);
      const approved = await vetting.approveByTwo(subject, tier, hands);
      return approved.ok ? done : approved;
    },
    'give-role': async ({ subject, details: [role = ''] }, hands) => {
      if (!isRole(role)) throw new Error(`${role} is no role`);
      await signIn.giveRole(subject, role, toActor(hands));
      return done;
    },
    invite: async ({ subject }, hands) => {
      const token = await signIn.invite(subject, toActor(hands));
      return token.ok ? ok(`${origin()}/join/${token.value}`) : token;
    },
    'lift-stop': async ({ subject }, hands) => {
      const lifted = await stops.lift(subject, hands);
      return lifted.ok ? done : lifted;
    },
    'restore-stop': async ({ subject, details }, hands) => {
      const restored = await stops.restore(subject, details, hands);
      return restored.ok ? done : restored;
    },
  };
}

function readStage(text: string): Stage {
  const stage = STAGES.find((each) => each === text);
  if (!stage) throw new Error(`${text} is no stage`);
  return stage;
}
