/**
 * A way in and something to use, for one and the same person, take two administrators: whoever made the link could have
 * followed it. Written first and looked at then, so that of two requests at once at least one sees the other.
 */
import type { Person } from '../program/index.ts';
import { isWeighty } from '../signin/index.ts';
import type { ProgrammeParts } from './programme-service.ts';

/** Whether `by` is that person, or has made a link that lets its holder in as that person. */
export async function mayBeThemselves(
  { membership, signIn }: Pick<ProgrammeParts, 'membership' | 'signIn'>,
  person: Person,
  by: string,
): Promise<boolean> {
  for (const one of [person.id, ...(await signIn.madeWaysIn(person.id))]) {
    if (await membership.isSamePerson(one, by)) return true;
  }
  return false;
}

/** Whether a link for them opens more than an empty room. */
export async function needsAnotherToInvite(
  { keys, signIn }: Pick<ProgrammeParts, 'keys' | 'signIn'>,
  person: Person,
): Promise<boolean> {
  return (await keys.holdsGrant(person)) || (await signIn.rolesOf(person.id)).some(isWeighty);
}
