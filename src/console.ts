/** The console of an installation, joined: the pages of sign-in, and the API of the programme beside them. */
import { readFile } from 'node:fs/promises';
import type { FastifyInstance } from 'fastify';
import { addApi } from './api/index.ts';
import { addSignInRoutes } from './http/index.ts';
import { ok } from './lib/result.ts';
import { createProposals, type MembershipRefusal, type StopRefusal } from './membership/index.ts';
import type { Parts } from './parts.ts';
import { isTier } from './program/index.ts';
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
  addresses: ConsoleAddresses,
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
    ...{ database, clock, signIn, desk, origin, version },
    proposals: createProposals({ database, clock, random, carryOut: carryOutWith(programme, signIn, origin) }),
    monotonicMs: () => performance.now(),
    onFault: (error) => parts.terminal.say(`API: ${error instanceof Error ? error.message : String(error)}`),
  });
}

type Refusal = MembershipRefusal | StopRefusal | SignInRefusal;

/** What each kind of proposal does once two persons stand behind it. */
export function carryOutWith(
  { stops, vetting }: Pick<Programme, 'stops' | 'vetting'>,
  signIn: Pick<SignIn, 'giveRole' | 'invite'>,
  origin: () => string,
): Parameters<typeof createProposals<Refusal>>[0]['carryOut'] {
  const done = ok(undefined);
  return {
    'approve-organisation': async ({ subject, details: [tier] }, hands) => {
      if (!isTier(tier)) throw new Error(`${tier} is no tier`);
      const approved = await vetting.approveByTwo(subject, tier, hands);
      return approved.ok ? done : approved;
    },
    'give-role': async ({ subject, details: [role = ''] }, { actor, second }) => {
      if (!isRole(role)) throw new Error(`${role} is no role`);
      await signIn.giveRole(subject, role, `${actor} and ${second}`);
      return done;
    },
    invite: async ({ subject }, { actor, second }) => {
      const token = await signIn.invite(subject, `${actor} and ${second}`);
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
