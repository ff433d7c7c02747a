/** A limit on one person or key, of money or of calls a second, set, changed or lifted after it was made. */
import { ok, refuse } from '../lib/result.ts';
import { createNoticeStore, type LimitId, type PersonId, type Rate } from '../program/index.ts';
import type { Transaction } from '../store/database.ts';
import { createKeyStore } from './key-store.ts';
import { createMemberStore } from './member-store.ts';
import {
  createChange,
  type MembershipParts,
  type MembershipRefusal,
  type Named,
  type Outcome,
  record,
} from './membership.ts';

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

    /** Of an organisation, a person or a key, by its id. Undefined: the tier's own holds. */
    setRate: (subject: string, rate: Rate | undefined, actor: string): Outcome<string> =>
      change(async (tx): Outcome<string> => {
        const missing = await findMissing(tx, subject);
        if (missing) return refuse(missing);
        const wrong =
          rate &&
          ![rate.perSecond, rate.burst].every((each) => Number.isInteger(each) && each >= 1 && each <= MAX_RATE);
        if (wrong) return refuse({ kind: 'malformed', what: `the rate: whole numbers from 1 to ${MAX_RATE}` });
        if (rate) await createNoticeStore(tx).setRate(subject, rate);
        else await createNoticeStore(tx).dropRate(subject);
        const note = rate ? `${rate.perSecond} a second, ${rate.burst} at once` : "the tier's own";
        await record(tx, parts, { subject, event: 'rate-set', actor, note });
        return ok(subject);
      }),
  };
}

const MAX_RATE = 1_000_000;

async function findMissing(tx: Transaction, subject: string): Promise<MembershipRefusal | undefined> {
  const members = createMemberStore(tx);
  const isThere = ({ id }: { readonly id: string }): boolean => id === subject;
  const missing = (what: Named): MembershipRefusal => ({ kind: 'not-found', what, named: subject });
  if (subject.startsWith('person_')) {
    return (await members.findPersons(undefined, subject)).some(isThere) ? undefined : missing('person');
  }
  if (subject.startsWith('apikey_')) return (await createKeyStore(tx).findKey(subject)) ? undefined : missing('key');
  return (await members.findOrganisations(subject)).some(isThere) ? undefined : missing('organisation');
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
