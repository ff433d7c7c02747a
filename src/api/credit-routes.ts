/** Credit, donations and receipts. A member sees the own organisation's money and receipts, nobody else's. */
import { z } from 'zod';
import type { Credit, LimitId, StoredPosting } from '../ledger/index.ts';
import { actsFor } from '../program/index.ts';
import { may, organisationFor, type ProgrammeParts } from './programme-service.ts';
import { type ApiCaller, ApiRefused, type ApiRoute, route, settled } from './route.ts';
import { Instant, Micro, OrganisationPath, Reason, SomeMicro } from './shape.ts';

const CreditShape = z
  .object({ grantedMicro: Micro, reservedMicro: Micro, spentMicro: Micro, availableMicro: Micro })
  .meta({ id: 'Credit' });

const LimitShape = z
  .object({
    limit: z.string(),
    grantedMicro: Micro.nullable().describe('null: nobody set this cap'),
    reservedMicro: Micro,
    spentMicro: Micro,
    availableMicro: Micro,
  })
  .meta({ id: 'Limit' });

const DonationShape = z.object({ project: z.string(), donatedMicro: Micro }).meta({ id: 'Donation' });

const ReceiptShape = z
  .object({
    call: z.string(),
    costMicro: Micro,
    reservedMicro: Micro,
    refundedMicro: Micro,
    how: z.enum(['settled', 'recovered']),
    postedAt: Instant,
    receipt: z.unknown().describe('signed, as `receipt check` reads it; null where the call was recovered without one'),
  })
  .meta({ id: 'Receipt' });

const CallPath = z.object({ call: z.string().regex(/^call_[0-9a-f]{1,64}$/) });

const toCredit = ({ grantedMicro, reservedMicro, spentMicro, availableMicro }: Credit) => ({
  grantedMicro,
  reservedMicro,
  spentMicro,
  availableMicro,
});

export function creditRoutes(parts: ProgrammeParts): readonly ApiRoute[] {
  return [...looking(parts), ...moving(parts), ...receipts(parts)];
}

function looking(parts: ProgrammeParts): readonly ApiRoute[] {
  const { ledger } = parts;
  return [
    route({
      method: 'GET',
      url: '/organisations/:organisation/credit',
      access: 'see-organisation',
      summary: 'Granted, reserved, spent and available',
      path: OrganisationPath,
      answer: CreditShape,
      handle: async ({ path, caller }) => {
        const { id } = await organisationFor(parts, caller, path.organisation, 'see-programme');
        return toCredit(await ledger.showCredit(id));
      },
    }),
    route({
      method: 'GET',
      url: '/session/credit',
      access: 'own-keys',
      summary: 'What is left to me, and which limit will refuse first',
      answer: z.object({ limits: z.array(LimitShape), binding: z.string().nullable() }),
      handle: async ({ caller: { person } }) => {
        const limits: readonly LimitId[] = [`organisation:${actsFor(person)}`, `person:${person.id}`];
        const shown = await ledger.show(person.isCapped ? limits : limits.slice(0, 1));
        const binding = await ledger.binding(shown.map(({ limit }) => limit));
        return {
          limits: shown.map((it) => ({ ...it, grantedMicro: it.grantedMicro ?? null })),
          binding: binding?.limit ?? null,
        };
      },
    }),
    route({
      method: 'GET',
      url: '/donations',
      access: 'see-programme',
      summary: 'What was donated to which project, in all',
      answer: z.object({ items: z.array(DonationShape) }),
      handle: async () => ({
        items: [...(await ledger.donations())].map(([project, donatedMicro]) => ({ project, donatedMicro })),
      }),
    }),
  ];
}

function moving({ ledger, membership }: ProgrammeParts): readonly ApiRoute[] {
  const Amount = { micro: SomeMicro, reason: Reason };
  return [
    route({
      method: 'POST',
      url: '/organisations/:organisation/credit',
      access: 'change-programme',
      summary: 'Grant credit out of the fund',
      path: OrganisationPath,
      body: z.strictObject(Amount),
      status: 201,
      isOnce: true,
      answer: CreditShape,
      handle: async ({ path, body: { micro, reason }, caller, request }) => {
        const { id } = settled(await membership.findOrganisation(path.organisation));
        settled(await ledger.grantCredit(id, micro, `${reason} (${caller.person.id})`, request));
        return toCredit(await ledger.showCredit(id));
      },
    }),
    route({
      method: 'POST',
      url: '/donations',
      access: 'change-programme',
      summary: 'Donate out of the fund to a project',
      body: z.strictObject({ ...Amount, project: z.string().trim().min(1).max(200) }),
      status: 201,
      isOnce: true,
      answer: DonationShape,
      handle: async ({ body: { project, micro, reason }, caller, request }) => {
        await ledger.donate(project, micro, `${reason} (${caller.person.id})`, request);
        return { project, donatedMicro: (await ledger.donations()).get(project) ?? 0 };
      },
    }),
    route({
      method: 'POST',
      url: '/calls/:call/refund',
      access: 'change-programme',
      summary: 'Give back what a call was posted above its cost',
      path: CallPath,
      body: z.strictObject(Amount),
      status: 201,
      isOnce: true,
      answer: z.object({ call: z.string(), refundedMicro: Micro }),
      handle: async ({ path, body: { micro, reason }, caller, request }) => {
        settled(await ledger.refund(path.call, micro, `${reason} (${caller.person.id})`, request));
        return { call: path.call, refundedMicro: micro };
      },
    }),
  ];
}

function receipts({ ledger }: ProgrammeParts): readonly ApiRoute[] {
  return [
    route({
      method: 'GET',
      url: '/receipts/:call',
      access: 'see-organisation',
      summary: 'What one call of the own organisation cost, with its signed receipt',
      path: CallPath,
      answer: ReceiptShape,
      handle: async ({ path, caller }) => {
        const posting = await ledger.findPosting(path.call);
        if (!posting || !isTheirs(posting, caller)) throw new ApiRefused({ kind: 'no-receipt', call: path.call });
        const { call, costMicro, reservedMicro, refundedMicro, how, postedAt, receipt } = posting;
        return {
          ...{ call, costMicro, reservedMicro, refundedMicro, how },
          postedAt: postedAt.toISOString(),
          receipt: receipt === undefined ? null : JSON.parse(receipt),
        };
      },
    }),
  ];
}

/** One of another organisation answers like one that does not exist. */
const isTheirs = ({ limits }: StoredPosting, caller: ApiCaller): boolean =>
  limits.includes(`organisation:${actsFor(caller.person)}`) || may(caller, 'see-audit');
