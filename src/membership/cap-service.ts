/** A limit of money on one person or key, set, changed or lifted after it was made. */
import { ok, refuse } from '../lib/result.ts';
import type { LimitId, PersonId } from '../program/index.ts';
import type { Transaction } from '../store/database.ts';
import { createKeyStore } from './key-store.ts';
import { createMemberStore } from './member-store.ts';
import { createChange, type MembershipParts, type Outcome, record } from './membership.ts';

export interface CapParts extends Omit<MembershipParts, 'setCap'> {
  readonly setCap: (tx: Transaction, limit: LimitId, microDollars: number | undefined) => Promise<void>;
}

export type Caps = ReturnType<typeof createCaps>;

export function createCaps(parts: CapParts) {
  const change = createChange(parts.database);
  return {
    /** Undefined lifts it. */
    capPerson: (id: string, micro: number | undefined, actor: string): Outcome<LimitId> =>
      change(async (tx): Outcome<LimitId> => {
        const members = createMemberStore(tx);
        const person = (await members.findPersons(undefined, id)).find((it) => it.id === id);
        if (!person) return refuse({ kind: 'not-found', what: 'person', named: id });
        if (person.standing !== 'active') return refuse({ kind: 'ended', what: 'person', named: id });
        await members.setCapped(person.id satisfies PersonId, micro !== undefined);
        return ok(await set(tx, parts, `person:${id}`, micro, actor));
      }),

    capKey: (id: string, micro: number | undefined, actor: string): Outcome<LimitId> =>
      change(async (tx): Outcome<LimitId> => {
        const keys = createKeyStore(tx);
        const key = await keys.findKey(id);
        if (!key) return refuse({ kind: 'not-found', what: 'key', named: id });
        if (key.revokedAt) return refuse({ kind: 'ended', what: 'key', named: id });
        await keys.setCapped(key.id, micro !== undefined);
        return ok(await set(tx, parts, `key:${id}`, micro, actor));
      }),
  };
}

async function set(
  tx: Transaction,
  parts: CapParts,
  limit: LimitId,
  micro: number | undefined,
  actor: string,
): Promise<LimitId> {
  await parts.setCap(tx, limit, micro);
  const subject = limit.slice(limit.indexOf(':') + 1);
  await record(tx, parts, { subject, event: micro === undefined ? 'cap-lifted' : 'capped', actor });
  return limit;
}
