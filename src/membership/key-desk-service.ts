/** A person's own keys, as they see and make them themselves: only what is granted to them, never more. */
import type { Clock } from '../lib/clock.ts';
import {
  createPresenceStore,
  isWithin,
  type KeyId,
  type ModelView,
  openTo,
  TIERS,
  type Tier,
} from '../program/index.ts';
import type { Database } from '../store/database.ts';
import { type FirstCall, firstCalls } from './first-call.ts';
import type { Keys } from './key-service.ts';
import { createKeyStore } from './key-store.ts';
import { createMemberStore } from './member-store.ts';
import { createModelStore } from './model-store.ts';

export interface KeyDeskParts {
  readonly database: Database;
  readonly clock: Clock;
  readonly keys: Pick<Keys, 'createKey' | 'revokeKey'>;
  /** Where the gate answers, without a slash at the end. */
  readonly gateUrl: () => string;
}

interface Choice {
  readonly model: ModelView;
  readonly tier: Tier;
}

export function createKeyDesk({ database, clock, keys, gateUrl }: KeyDeskParts) {
  const findPerson = async (id: string) =>
    (await createMemberStore(database).findPersons(undefined, id)).find((person) => person.id === id);

  /** What the grants in force allow: for each model the innermost tier, and every tier further out. */
  async function choices(personId: string): Promise<readonly Choice[]> {
    const person = await findPerson(personId);
    if (person?.standing !== 'active') return [];
    const organisation = person.forOrganisation ?? person.organisation;
    const grants = await createKeyStore(database).grantsFor(organisation, person.id, clock.now());
    const found = new Map<string, Choice>();
    for (const grant of grants) {
      const model = await createModelStore(database).findModel(grant.model);
      if (!model) continue;
      for (const tier of TIERS) {
        const fits = isWithin(grant.tier, tier) && isWithin(tier, openTo(model));
        if (fits) found.set(`${grant.model} ${tier}`, { model, tier });
      }
    }
    return [...found.values()];
  }

  return {
    async choices(person: string): Promise<readonly { readonly model: string; readonly tier: string }[]> {
      return (await choices(person)).map(({ model, tier }) => ({ model: model.id, tier }));
    },

    async list(personId: string) {
      const own = await createKeyStore(database).keysOf(personId);
      return own.map(({ id, models, tier, expiresAt, revokedAt }) => ({
        ...{ id, models, tier, expiresAt },
        endedAt: revokedAt,
      }));
    },

    /** Undefined where nothing of the kind is granted. */
    async create(personId: string, model: string, tier: string) {
      const choice = (await choices(personId)).find((it) => it.model.id === model && it.tier === tier);
      const person = choice && (await findPerson(personId));
      if (!person) return undefined;
      const organisation = person.forOrganisation ?? person.organisation;
      const made = await keys.createKey({ organisation, person: personId, models: [model], tier }, personId);
      if (!made.ok) return undefined;
      const { id, key } = made.value;
      return { id, key, examples: firstCalls(choice.model, key, gateUrl()) };
    },

    /** For the innermost of what is granted; the key is read from the environment. */
    async example(personId: string): Promise<readonly FirstCall[]> {
      const [choice] = await choices(personId);
      return choice ? firstCalls(choice.model, '$HEADSTART_KEY', gateUrl()) : [];
    },

    /** Keys of theirs with which a real call came through. */
    async proven(personId: string): Promise<readonly string[]> {
      const person = await findPerson(personId);
      if (!person) return [];
      const proven = await createPresenceStore(database).listProven(person.forOrganisation ?? person.organisation);
      return proven.map(({ key }) => key);
    },

    /** False where it is not a key of this person. */
    async revoke(personId: string, keyId: string): Promise<boolean> {
      const key = await createKeyStore(database).findKey(keyId);
      if (key?.person !== personId) return false;
      return (await keys.revokeKey(key.id satisfies KeyId, personId)).ok;
    },
  };
}
