/**
 * Stop switches. One person may stop; a wide stop lapses unless another one confirms it, and what two set, two lift.
 * A count could tell of what country somebody is, so one by country names nobody, hides small numbers and is on record.
 */
import { z } from 'zod';
import type { Result } from '../lib/result.ts';
import type { MembershipRefusal, StopCount, StopRefusal, StopRequest } from '../membership/index.ts';
import { namedAttributes, type Stop } from '../program/index.ts';
import type { ProgrammeParts } from './programme-service.ts';
import { ProposalShape, toProposal } from './proposal-shape.ts';
import { ApiRefused, type ApiRoute, route, settled } from './route.ts';
import { Instant, idOf, ModelName, PageQuery, pageOf, Reason, TierName, toDate, toPage, toText } from './shape.ts';

const StopShape = z
  .object({
    id: z.string(),
    attributes: z.array(z.string()).describe('kinds of attribute; which country is not told'),
    model: z.string().nullable(),
    organisation: z.string().nullable(),
    person: z.string().nullable(),
    key: z.string().nullable(),
    tier: TierName.nullable(),
    tool: z.string().nullable(),
    reason: z.string(),
    legalOrder: z.string().nullable(),
    isWide: z.boolean(),
    restored: z.array(z.string()),
    askedBy: z.string(),
    askedAt: Instant,
    confirmedBy: z.string().nullable(),
    expiresAt: Instant.nullable(),
    liftedAt: Instant.nullable(),
  })
  .meta({ id: 'Stop' });

/** Fewer than this are not told where a country was asked for. */
const SMALL_COUNT = 5;

const Count = z.int().min(0).nullable().describe(`null: by country, and fewer than ${SMALL_COUNT}`);
const CountShape = z
  .object({ affectedKeys: Count, affectedStreams: Count, isWide: z.boolean() })
  .meta({ id: 'StopCount' });

const Terms = {
  model: ModelName.optional(),
  organisation: z.string().min(1).max(200).optional(),
  person: idOf('person').optional(),
  key: idOf('apikey').optional(),
  country: z
    .string()
    .regex(/^!?[A-Z]{2}$/)
    .optional()
    .describe('CC, or !CC for everyone who is not known to be of it'),
  tier: TierName.optional(),
  tool: z.string().min(1).max(128).optional(),
};
const TermsShape = z.strictObject(Terms);
const StopPath = z.object({ stop: idOf('stop') });

const Changed = z.object({
  isDone: z.boolean().describe('false: another person has to agree first'),
  stop: StopShape,
  proposal: ProposalShape.nullable(),
});

export function stopRoutes(parts: ProgrammeParts): readonly ApiRoute[] {
  return [...looking(parts), ...setting(parts), ...easing(parts)];
}

function looking(parts: ProgrammeParts): readonly ApiRoute[] {
  return [
    route({
      method: 'GET',
      url: '/stops',
      access: 'see-programme',
      summary: 'All stops, the newest first, lifted ones among them',
      query: PageQuery,
      answer: pageOf(StopShape),
      handle: async ({ query }) => toPage(await parts.stops.page(query), toShown),
    }),
    route({
      method: 'GET',
      url: '/stops/:stop',
      access: 'see-programme',
      summary: 'One stop',
      path: StopPath,
      answer: StopShape,
      handle: async ({ path }) => toShown(await find(parts, path.stop)),
    }),
    route({
      method: 'POST',
      url: '/stops/dry-run',
      access: 'ask-stop',
      summary: 'What a stop would touch, without setting it',
      body: TermsShape,
      answer: CountShape,
      handle: async ({ body, caller }) => {
        const request = await toRequest(parts, body);
        return toCount(settled(await parts.stops.dryRun({ ...request, reason: '' }, caller.person.id)), body.country);
      },
    }),
  ];
}

function setting(parts: ProgrammeParts): readonly ApiRoute[] {
  return [
    route({
      method: 'POST',
      url: '/stops',
      access: 'ask-stop',
      summary:
        'Stop every call for which all that is named holds, running ones too; a wide stop lapses unless confirmed',
      body: TermsShape.extend({
        reason: Reason,
        legalOrder: Reason.optional().describe('needed with a country, as is an end'),
        expiresAt: Instant.optional(),
      }),
      status: 201,
      isOnce: true,
      answer: z.object({ stop: StopShape, count: CountShape }),
      handle: async ({ body: { reason, legalOrder, expiresAt, ...terms }, caller }) => {
        const request = { ...(await toRequest(parts, terms)), reason, legalOrder, expiresAt: toDate(expiresAt) };
        const { stop, ...count } = settled(await parts.stops.set(request, { actor: caller.person.id }));
        return { stop: toShown(stop), count: toCount(count, terms.country) };
      },
    }),
    route({
      method: 'POST',
      url: '/stops/:stop/confirm',
      access: 'confirm-stop',
      summary: 'Confirm a stop that another person asked for, so that it stands',
      path: StopPath,
      body: z.strictObject({ expiresAt: Instant.optional() }),
      answer: StopShape,
      handle: async ({ path, body, caller }) =>
        toShown(settled(await parts.stops.confirm(path.stop, caller.person.id, toDate(body.expiresAt)))),
    }),
  ];
}

/** Letting through again: at once where one person had set it, else proposed to another one. */
function easing(parts: ProgrammeParts): readonly ApiRoute[] {
  const { stops, proposals } = parts;
  const proposed = async (
    outcome: Result<{ readonly stop: Stop }, StopRefusal>,
    asked: Parameters<typeof proposals.ask>[0],
  ): Promise<z.input<typeof Changed>> => {
    if (outcome.ok) return { isDone: true, stop: toShown(outcome.value.stop), proposal: null };
    if (outcome.refusal.kind !== 'second-person-needed') throw new ApiRefused(outcome.refusal);
    const proposal = toProposal(await proposals.ask(asked));
    return { isDone: false, stop: toShown(await find(parts, asked.subject)), proposal };
  };
  return [
    route({
      method: 'POST',
      url: '/stops/:stop/lift',
      access: 'ask-stop',
      summary: 'Let everybody through again; what two persons set takes two',
      path: StopPath,
      answer: Changed,
      handle: async ({ path: { stop }, caller }) =>
        await proposed(await stops.lift(stop, { actor: caller.person.id }), {
          kind: 'lift-stop',
          subject: stop,
          details: [],
          askedBy: caller.person.id,
        }),
    }),
    route({
      method: 'POST',
      url: '/stops/:stop/restore',
      access: 'ask-stop',
      summary: 'Let these through again while the stop stands for all others',
      path: StopPath,
      body: z.strictObject({
        subjects: z
          .array(z.string().regex(/^(organisation|person|apikey)_[0-9a-f]{32}$/))
          .min(1)
          .max(1_000)
          .describe('ids of organisations, persons and keys'),
      }),
      answer: Changed,
      handle: async ({ path: { stop }, body: { subjects }, caller }) =>
        await proposed(await stops.restore(stop, subjects, { actor: caller.person.id }), {
          kind: 'restore-stop',
          subject: stop,
          details: subjects,
          askedBy: caller.person.id,
        }),
    }),
  ];
}

async function find({ stops }: ProgrammeParts, id: string): Promise<Stop> {
  const stop = await stops.find(id);
  if (!stop) throw new ApiRefused({ kind: 'not-found', what: 'stop', named: id });
  return stop;
}

/** What is named must be there: a stop that matches nothing by a slip of the pen stops nothing. */
async function toRequest(
  { membership, keys }: ProgrammeParts,
  terms: z.output<typeof TermsShape>,
): Promise<Omit<StopRequest, 'reason'>> {
  const { model, organisation, person, key, country } = terms;
  if (country !== undefined && (person !== undefined || key !== undefined)) {
    throw new ApiRefused({ kind: 'country-with-person' });
  }
  const missing = (what: 'model' | 'key', named: string): MembershipRefusal => ({ kind: 'not-found', what, named });
  if (model !== undefined && !(await membership.findModel(model))) {
    throw new ApiRefused(missing('model', model));
  }
  if (key !== undefined && !(await keys.findKey(key))) throw new ApiRefused(missing('key', key));
  if (person !== undefined) settled(await membership.findPerson(person));
  const found = organisation === undefined ? undefined : settled(await membership.findOrganisation(organisation));
  return { ...terms, organisation: found?.id };
}

function toCount({ affectedKeys, affectedStreams, isWide }: StopCount, country: string | undefined) {
  const told = (count: number) => (country !== undefined && count < SMALL_COUNT ? null : count);
  return { affectedKeys: told(affectedKeys), affectedStreams: told(affectedStreams), isWide };
}

function toShown({ terms, ...it }: Stop): z.input<typeof StopShape> {
  return {
    id: it.id,
    attributes: [...namedAttributes(terms)],
    model: terms.model ?? null,
    organisation: terms.organisation ?? null,
    person: terms.person ?? null,
    key: terms.key ?? null,
    tier: terms.tier ?? null,
    tool: terms.tool ?? null,
    reason: it.reason,
    legalOrder: it.legalOrder ?? null,
    isWide: it.isWide,
    restored: [...it.restored],
    askedBy: it.askedBy,
    askedAt: it.askedAt.toISOString(),
    confirmedBy: it.confirmedBy ?? null,
    expiresAt: toText(it.expiresAt),
    liftedAt: toText(it.liftedAt),
  };
}
