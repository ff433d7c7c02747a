/**
 * Cases of disclosure, for who coordinates them: the same services as behind the command line, and the same refusals. What
 * shows a secret is written into the history before it is shown. Demonstrations are seen here and not moved.
 */
import { z } from 'zod';
import type { Disclosure, OpenedCase } from '../disclosure/index.ts';
import { CLOCK_POLICIES, factsOf, isPolicyName, type PolicyName, policyOf, timelineOf } from '../disclosure/index.ts';
import { REPORT_CHECK_JOB, type Readiness } from '../readiness/index.ts';
import type { Database } from '../store/database.ts';
import { addJob } from '../store/jobs.ts';
import { API_STEPS, CaseBrief, CasePath, CaseShape, toBrief, toCase } from './case-shape.ts';
import { ApiRefused, type ApiRoute, route, settled } from './route.ts';
import { Instant, PageQuery, pageOf, Reason } from './shape.ts';

export interface CaseRouteParts {
  readonly database: Database;
  readonly disclosure: Pick<Disclosure, 'list' | 'find' | 'findIn' | 'take' | 'note' | 'noteFirstPost' | 'report'>;
  readonly readiness: Pick<Readiness, 'missingIn' | 'signOff'>;
}

const ReadinessShape = z
  .object({ ready: z.boolean(), missing: z.array(z.string()) })
  .meta({ id: 'Readiness', description: 'what the report still lacks before it may be sent, point by point' });

const MAX_ADDRESS = 1_000;
const MAX_KEY = 20_000;

export function caseRoutes(parts: CaseRouteParts): readonly ApiRoute[] {
  return [...looking(parts), ...revealing(parts), ...moving(parts), ...readying(parts)];
}

export async function getCase({ disclosure }: Pick<CaseRouteParts, 'disclosure'>, id: string): Promise<OpenedCase> {
  const opened = await disclosure.find(id);
  if (!opened) throw new ApiRefused({ kind: 'no-such-case', id });
  return opened;
}

function looking(parts: CaseRouteParts): readonly ApiRoute[] {
  return [
    route({
      method: 'GET',
      url: '/cases',
      access: 'see-cases',
      summary: 'Cases, the newest first',
      query: PageQuery,
      answer: pageOf(CaseBrief),
      handle: async ({ query: { limit, after } }) => {
        const all = await parts.disclosure.list();
        const from = after === undefined ? 0 : all.findIndex(({ id }) => id === after) + 1;
        const items = after !== undefined && from === 0 ? [] : all.slice(from, from + limit);
        const last = items.at(-1)?.id;
        return { items: items.map(toBrief), next: last !== undefined && last !== all.at(-1)?.id ? last : null };
      },
    }),
    route({
      method: 'GET',
      url: '/cases/:case',
      access: 'see-cases',
      summary: 'One case with its history, clocks, parties and messages',
      path: CasePath,
      answer: CaseShape,
      handle: async ({ path }) => toCase(await getCase(parts, path.case)),
    }),
    route({
      method: 'GET',
      url: '/cases/:case/timeline',
      access: 'see-cases',
      summary: 'Every date of a case under its own policy, or under another one',
      path: CasePath,
      query: z.strictObject({ policy: z.enum(Object.keys(CLOCK_POLICIES)).optional() }),
      answer: z.object({ items: z.array(z.object({ at: Instant, what: z.string(), rule: z.string() })) }),
      handle: async ({ path, query }) => {
        const { case: it } = await getCase(parts, path.case);
        const asked = query.policy ?? it.policy;
        const name: PolicyName = isPolicyName(asked) ? asked : it.policy;
        const entries = timelineOf(policyOf(name), factsOf(it));
        return { items: entries.map(({ at, what, rule }) => ({ at: at.toISOString(), what, rule })) };
      },
    }),
  ];
}

function revealing(parts: CaseRouteParts): readonly ApiRoute[] {
  const noted = async (id: string, event: string, actor: string): Promise<OpenedCase> => {
    const opened = await getCase(parts, id);
    await parts.disclosure.note(parts.database, opened, event, actor);
    return opened;
  };
  return [
    route({
      method: 'POST',
      url: '/cases/:case/reveal',
      access: 'work-cases',
      summary: 'The reproducer and the way to the flaw; this is written into the history',
      path: CasePath,
      answer: z.object({
        entry: z.string(),
        oracle: z.string(),
        reproducer: z.string(),
        patch: z.string().nullable(),
      }),
      handle: async ({ path, caller }) => {
        const { finding, learnt } = await noted(path.case, 'revealed', caller.person.id);
        const { entry, oracle, reproducer } = finding;
        return { entry, oracle, reproducer: reproducer.text, patch: learnt.patch };
      },
    }),
    route({
      method: 'POST',
      url: '/cases/:case/report',
      access: 'work-cases',
      summary: 'The report as it was sent, or as it would be sent now; this is written into the history',
      path: CasePath,
      answer: z.object({ subject: z.string(), text: z.string() }),
      handle: async ({ path, caller }) => {
        const opened = await noted(path.case, 'exported report', caller.person.id);
        return await parts.disclosure.report(opened);
      },
    }),
  ];
}

function moving(parts: CaseRouteParts): readonly ApiRoute[] {
  return [
    route({
      method: 'POST',
      url: '/cases/:case/steps',
      access: 'work-cases',
      summary: 'Move a case; to publish takes two signatures and is no step here',
      path: CasePath,
      body: z.strictObject({
        step: z.enum(API_STEPS),
        note: Reason.optional().describe('why, for the history'),
        to: z
          .strictObject({
            address: z
              .string()
              .min(1)
              .max(MAX_ADDRESS)
              .describe('with `notify`: a mail address, github:owner/repository, vince:vendor, webhook:https://…'),
            publicKey: z.string().max(MAX_KEY).optional().describe('an age recipient or an armoured OpenPGP key'),
            mayBePublic: z.boolean().optional().describe('that everybody may read it; low severities only'),
          })
          .optional(),
      }),
      answer: CaseShape,
      handle: async ({ path, body: { step, note, to }, caller }) => {
        const by = { actor: caller.person.id, ...(note !== undefined && { note }), ...(to && { to }) };
        settled(await parts.disclosure.take(step, path.case, by));
        return toCase(await getCase(parts, path.case));
      },
    }),
    route({
      method: 'POST',
      url: '/cases/:case/first-post',
      access: 'work-cases',
      summary: 'The flaw was posted on a closed list, by us or by others before us: a policy may count from there',
      path: CasePath,
      body: z.strictObject({ at: Instant, note: Reason.describe('which list, and who said so') }),
      answer: CaseShape,
      handle: async ({ path, body: { at, note }, caller }) => {
        settled(await parts.disclosure.noteFirstPost(path.case, new Date(at), { actor: caller.person.id, note }));
        return toCase(await getCase(parts, path.case));
      },
    }),
  ];
}

function readying(parts: CaseRouteParts): readonly ApiRoute[] {
  const { database, disclosure, readiness } = parts;
  return [
    route({
      method: 'GET',
      url: '/cases/:case/readiness',
      access: 'see-cases',
      summary: 'What the report still lacks before it may be sent',
      path: CasePath,
      answer: ReadinessShape,
      handle: ({ path }) =>
        database.transaction(async (tx) => {
          const opened = await disclosure.findIn(tx, path.case);
          if (!opened) throw new ApiRefused({ kind: 'no-such-case', id: path.case });
          const missing = await readiness.missingIn(tx, opened);
          return { ready: missing.length === 0, missing: [...missing] };
        }),
    }),
    route({
      method: 'POST',
      url: '/cases/:case/check',
      access: 'work-cases',
      summary: 'Have a worker follow the report from its text alone, try the newest release and look for a patch',
      path: CasePath,
      answer: z.object({ job: z.string().describe('`readiness` tells what came of it') }),
      handle: async ({ path }) => {
        const { case: it } = await getCase(parts, path.case);
        const options = { key: `${REPORT_CHECK_JOB} ${it.id}` };
        return { job: await addJob(database, REPORT_CHECK_JOB, { case: it.id }, options) };
      },
    }),
    route({
      method: 'POST',
      url: '/cases/:case/sign-off',
      access: 'work-cases',
      summary: 'I have read the report as it stands and stand behind it; another text is not signed',
      path: CasePath,
      body: z.strictObject({
        note: Reason.describe('what was looked at; kept encrypted'),
        scopeRead: z
          .boolean()
          .default(false)
          .describe('the project’s own scope file was read, and the flaw lies in it'),
        withoutPatch: Reason.nullable().default(null).describe('why it goes without a candidate patch'),
      }),
      answer: ReadinessShape,
      handle: async ({ path, body, caller }) => {
        const missing = settled(await readiness.signOff(path.case, { ...body, by: caller.person.id }));
        return { ready: missing.length === 0, missing: [...missing] };
      },
    }),
  ];
}
