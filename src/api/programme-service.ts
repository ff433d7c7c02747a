/** What the routes ask of the programme, and whose things a caller may see and change. */

import type { Ledger } from '../ledger/index.ts';
import type { Caps, Keys, Membership, MembershipRefusal, Proposals, StopRefusal, Stops } from '../membership/index.ts';
import { actsFor, type Organisation } from '../program/index.ts';
import type { Scoping } from '../scope/index.ts';
import { type Act, checkAct, type SignIn, type SignInRefusal } from '../signin/index.ts';
import type { Vetting } from '../vetting/index.ts';
import { type ApiCaller, ApiRefused, settled } from './route.ts';

export interface FirstCall {
  readonly name: string;
  readonly text: string;
}

/** A person's own keys, and how far they are on the way to a first call. */
export interface KeyDesk {
  list(person: string): Promise<
    readonly {
      readonly id: string;
      readonly models: readonly string[];
      readonly tier: string;
      readonly expiresAt: Date | undefined;
      readonly endedAt: Date | undefined;
    }[]
  >;
  choices(person: string): Promise<readonly { readonly model: string; readonly tier: string }[]>;
  create(
    person: string,
    model: string,
    tier: string,
  ): Promise<{ readonly id: string; readonly key: string; readonly examples: readonly FirstCall[] } | undefined>;
  revoke(person: string, key: string): Promise<boolean>;
  example(person: string): Promise<readonly FirstCall[]>;
  /** Of their keys, those with which a real call came through. */
  proven(person: string): Promise<readonly string[]>;
}

export interface ProgrammeParts {
  readonly membership: Membership;
  readonly keys: Keys;
  readonly desk: KeyDesk;
  readonly caps: Caps;
  readonly stops: Stops;
  readonly proposals: Proposals<MembershipRefusal | StopRefusal | SignInRefusal>;
  readonly scoping: Scoping;
  readonly vetting: Vetting;
  readonly ledger: Ledger;
  readonly signIn: SignIn;
  readonly origin: () => string;
}

/** Whether a role of theirs allows it. Where only the sign-in is too weak, the request ends with that. */
export function may({ roles, session }: Pick<ApiCaller, 'roles' | 'session'>, act: Act): boolean {
  const refusal = checkAct(roles, session, act);
  if (refusal?.kind === 'stronger-sign-in-needed') throw new ApiRefused(refusal);
  return refusal === undefined;
}

export function must(caller: ApiCaller, act: Act): void {
  const refusal = checkAct(caller.roles, caller.session, act);
  if (refusal) throw new ApiRefused(refusal);
}

/**
 * The caller's own organisation, or any where `act` allows it. Another one answers like one that does not exist.
 */
export async function organisationFor(
  { membership }: Pick<ProgrammeParts, 'membership'>,
  caller: ApiCaller,
  named: string,
  act: Act,
): Promise<Organisation> {
  const found = await membership.findOrganisation(named);
  const isOwn = found.ok && found.value.id === actsFor(caller.person);
  if (isOwn || may(caller, act)) return settled(found);
  throw new ApiRefused({ kind: 'not-found', what: 'organisation', named });
}
