/**
 * Vetting: applications, evidence, terms. A country leaves by one route only, to who reviews, for a purpose, and the look is
 * on record before it is granted.
 */
import { z } from 'zod';
import { actsFor } from '../program/index.ts';
import { CHECKLIST, MAX_EVIDENCE_BYTES, type Onboarding, type Step } from '../vetting/index.ts';
import { may, must, organisationFor, type ProgrammeParts } from './programme-service.ts';
import { type ApiCaller, ApiRefused, type ApiRoute, route, settled } from './route.ts';
import { Done, Instant, idOf, OrganisationPath, PageQuery, pageOf, Reason, TierName, toPage, toText } from './shape.ts';

const ApplicationShape = z
  .object({
    application: z.string(),
    organisation: z.string(),
    tier: z.string(),
    version: z.int(),
    stage: z.string(),
    who: z.string().describe('who is to act now'),
    what: z.string(),
    since: Instant,
    dueAt: Instant.nullable(),
    isLate: z.boolean(),
  })
  .meta({ id: 'Application' });

const FileShape = z
  .object({ id: z.string(), sha256: z.string(), bytes: z.int(), addedBy: z.string(), addedAt: Instant })
  .meta({ id: 'EvidenceFile' });

const CountryShape = z
  .object({
    subject: z.string(),
    kind: z.enum(['jurisdiction', 'nationality', 'beneficial-owner']),
    country: z.string().nullable().describe('null: its clock has run out'),
    evidence: z.string(),
    attestedAt: Instant,
  })
  .meta({ id: 'AttestedCountry' });

const TermsShape = z
  .object({ version: z.int(), text: z.string(), sha256: z.string(), publishedAt: Instant })
  .meta({ id: 'Terms' });

const ApplicationPath = z.object({ application: idOf('application') });
const Version = z.int().min(1).optional().describe('of the application as it was seen; another one is refused');
const Purpose = z.strictObject({ purpose: z.enum(['review', 'appeal']) });
/** Base64 and the rest of the body. */
const EVIDENCE_BODY_BYTES = Math.ceil(MAX_EVIDENCE_BYTES * 1.4);
const MAX_TERMS = 200_000;
const TERMS_BODY_BYTES = 1_000_000;

const toShown = ({ since, dueAt, ...it }: Onboarding): z.input<typeof ApplicationShape> => ({
  ...it,
  since: since.toISOString(),
  dueAt: toText(dueAt),
});

export function applicationRoutes(parts: ProgrammeParts): readonly ApiRoute[] {
  return [...looking(parts), ...applying(parts), ...judging(parts), ...sealed(parts), ...terms(parts)];
}

/** One of another organisation answers like one that does not exist. */
async function find(
  { vetting }: ProgrammeParts,
  caller: ApiCaller,
  id: string,
  act: 'see-programme' | 'change-programme' | 'see-vetting',
): Promise<Onboarding> {
  const found = await vetting.findOnboarding(id);
  if (found && (found.organisation === actsFor(caller.person) || may(caller, act))) return found;
  throw new ApiRefused({ kind: 'no-such-application', id });
}

function looking(parts: ProgrammeParts): readonly ApiRoute[] {
  const { vetting } = parts;
  return [
    route({
      method: 'GET',
      url: '/applications',
      access: 'see-programme',
      summary: 'Every application: who waits for what since when',
      query: PageQuery,
      answer: pageOf(ApplicationShape),
      handle: async ({ query }) => toPage(await vetting.pageOnboarding(query), toShown),
    }),
    route({
      method: 'GET',
      url: '/organisations/:organisation/applications',
      access: 'see-organisation',
      summary: 'Applications of an organisation',
      path: OrganisationPath,
      query: PageQuery,
      answer: pageOf(ApplicationShape),
      handle: async ({ path, query, caller }) => {
        const { id } = await organisationFor(parts, caller, path.organisation, 'see-programme');
        return toPage(await vetting.pageOnboarding(query, id), toShown);
      },
    }),
    route({
      method: 'GET',
      url: '/applications/:application',
      access: 'see-organisation',
      summary: 'One application',
      path: ApplicationPath,
      answer: ApplicationShape,
      handle: async ({ path, caller }) => toShown(await find(parts, caller, path.application, 'see-programme')),
    }),
    route({
      method: 'GET',
      url: '/applications/:application/evidence',
      access: 'see-organisation',
      summary: 'Which files were handed in; what is in them is for who reviews',
      path: ApplicationPath,
      answer: z.object({ items: z.array(FileShape) }),
      handle: async ({ path, caller }) => {
        await find(parts, caller, path.application, 'see-vetting');
        const files = await vetting.listEvidence(path.application);
        return { items: files.map((it) => ({ ...it, addedAt: it.addedAt.toISOString() })) };
      },
    }),
  ];
}

function applying(parts: ProgrammeParts): readonly ApiRoute[] {
  const { vetting } = parts;
  return [
    route({
      method: 'POST',
      url: '/organisations/:organisation/applications',
      access: 'change-organisation',
      summary: 'Open an application',
      path: OrganisationPath,
      body: z.strictObject({
        tier: TierName,
        office: z.string().trim().min(1).max(200).optional().describe('an office outside that has to agree as well'),
      }),
      status: 201,
      isOnce: true,
      answer: Done,
      handle: async ({ path, body, caller }) => {
        const { id } = await organisationFor(parts, caller, path.organisation, 'change-programme');
        return { id: settled(await vetting.apply({ ...body, organisation: id })) };
      },
    }),
    route({
      method: 'POST',
      url: '/applications/:application/evidence',
      access: 'change-organisation',
      summary: 'Hand in a file for the reviewers; it is kept encrypted, its name too',
      path: ApplicationPath,
      body: z.strictObject({ name: z.string().trim().min(1).max(200), content: z.base64() }),
      bodyLimitBytes: EVIDENCE_BODY_BYTES,
      status: 201,
      answer: Done,
      handle: async ({ path, body, caller }) => {
        await find(parts, caller, path.application, 'change-programme');
        const evidence = { name: body.name, content: Buffer.from(body.content, 'base64') };
        return { id: settled(await vetting.addEvidence(path.application, evidence, caller.person.id)) };
      },
    }),
    ownStep(parts, 'submit', 'Hand it to the reviewers', {}, (id) => vetting.submit(id)),
    ownStep(
      parts,
      'accept-terms',
      'Accept the terms; with that the organisation is approved',
      { terms: z.int().min(1) },
      (id, body) => vetting.acceptTerms(id, body.terms),
    ),
    ownStep(parts, 'appeal', 'Ask for another look at a refusal', { grounds: Reason }, (id, { grounds }) =>
      vetting.take(id, { step: 'appeal', grounds }),
    ),
    ownStep(parts, 'withdraw', 'Want it no more', {}, (id) => vetting.take(id, { step: 'withdraw' })),
  ];
}

type Taken = ReturnType<ProgrammeParts['vetting']['submit']>;

/** A step of the applicant. */
function ownStep<Shape extends z.ZodRawShape>(
  parts: ProgrammeParts,
  step: Step['step'],
  summary: string,
  shape: Shape,
  take: (id: string, body: z.output<z.ZodObject<Shape>>) => Taken,
): ApiRoute {
  const body = z.strictObject({ ...shape, version: Version });
  return route({
    method: 'POST',
    url: `/applications/:application/${step}`,
    access: 'change-organisation',
    summary,
    path: ApplicationPath,
    body,
    answer: ApplicationShape,
    handle: async ({ path, body: given, caller }) => {
      const { version } = given as { readonly version?: number };
      checkVersion(await find(parts, caller, path.application, 'change-programme'), version);
      settled(await take(path.application, given as never));
      return toShown(await find(parts, caller, path.application, 'see-programme'));
    },
  });
}

function checkVersion({ application, version }: Onboarding, seen: number | undefined): void {
  if (seen !== undefined && seen !== version) {
    throw new ApiRefused({ kind: 'other-version', what: `the application ${application}` });
  }
}

/** One human is one judge, whatever engagements they have here. */
const judge = ({ person }: ApiCaller): string => person.email.trim().toLowerCase();

function judging(parts: ProgrammeParts): readonly ApiRoute[] {
  const Judged = z.strictObject({ reason: Reason, version: Version });
  const Plain = z.strictObject({ version: Version });
  return [
    step(
      parts,
      'pass',
      'review-vetting',
      'Find it in order; two different persons have to',
      Plain.extend({ met: z.array(z.enum(CHECKLIST)) }),
      ({ met }, by) => ({
        step: 'pass',
        by,
        met,
      }),
    ),
    step(
      parts,
      'refuse',
      'see-vetting',
      'Refuse it, with a reason that the applicant sees',
      Judged,
      ({ reason }, by) => ({
        step: 'refuse',
        by,
        reason,
      }),
    ),
    step(parts, 'agree', 'approve-outside', 'The office outside agrees', Plain, (_body, by) => ({ step: 'agree', by })),
    step(
      parts,
      'uphold',
      'review-vetting',
      'Uphold the appeal: it is reviewed again, by others',
      Plain,
      (_body, by) => ({
        step: 'uphold',
        by,
      }),
    ),
    step(
      parts,
      'dismiss',
      'review-vetting',
      'Dismiss the appeal: it is refused for good',
      Judged,
      ({ reason }, by) => ({
        step: 'dismiss',
        by,
        reason,
      }),
    ),
  ];
}

/** A step of who judges. */
function step<Body extends z.ZodType<{ version?: number | undefined }>>(
  parts: ProgrammeParts,
  name: Step['step'],
  access: 'review-vetting' | 'see-vetting' | 'approve-outside',
  summary: string,
  body: Body,
  toStep: (body: z.output<Body>, by: string) => Parameters<ProgrammeParts['vetting']['take']>[1],
): ApiRoute {
  return route({
    method: 'POST',
    url: `/applications/:application/${name}`,
    access,
    summary,
    path: ApplicationPath,
    body,
    answer: ApplicationShape,
    handle: async ({ path, body: given, caller }) => {
      const found = await find(parts, caller, path.application, 'see-vetting');
      if (found.organisation === actsFor(caller.person)) throw new ApiRefused({ kind: 'own-application' });
      // What lies with the office is the office's to refuse, before that it is the reviewers'.
      if (name === 'refuse') must(caller, found.stage === 'with-office' ? 'approve-outside' : 'review-vetting');
      checkVersion(found, given.version);
      settled(await parts.vetting.take(path.application, toStep(given, judge(caller))));
      return toShown(await find(parts, caller, path.application, 'see-vetting'));
    },
  });
}

function sealed(parts: ProgrammeParts): readonly ApiRoute[] {
  const { vetting } = parts;
  return [
    route({
      method: 'POST',
      url: '/applications/:application/countries/look',
      access: 'see-vetting',
      summary: 'Jurisdiction and nationalities, for who reviews; the look is on record',
      path: ApplicationPath,
      body: Purpose,
      answer: z.object({ items: z.array(CountryShape) }),
      handle: async ({ path, body, caller }) => {
        const opened = settled(await vetting.openCountries(path.application, caller.person.id, body.purpose));
        return {
          items: opened.map((it) => ({
            ...it,
            country: it.country ?? null,
            attestedAt: it.attestedAt.toISOString(),
          })),
        };
      },
    }),
    route({
      method: 'POST',
      url: '/evidence/:file/look',
      access: 'see-vetting',
      summary: 'One file of evidence, for who reviews; the look is on record',
      path: z.object({ file: idOf('evidence') }),
      body: Purpose,
      answer: z.object({ name: z.string(), content: z.base64() }),
      handle: async ({ path, body, caller }) => {
        const { name, content } = settled(await vetting.openEvidence(path.file, caller.person.id, body.purpose));
        return { name, content: Buffer.from(content).toString('base64') };
      },
    }),
    route({
      method: 'GET',
      url: '/organisations/:organisation/looks',
      access: 'see-organisation',
      summary: 'Who looked at what is sealed of an organisation, when and for what',
      path: OrganisationPath,
      query: PageQuery,
      answer: pageOf(z.object({ what: z.string(), reader: z.string(), purpose: z.string(), at: Instant })),
      handle: async ({ path, query, caller }) => {
        const { id } = await organisationFor(parts, caller, path.organisation, 'see-audit');
        return toPage(await vetting.pageLooks(query, id), ({ what, reader, purpose, at }) => ({
          ...{ what, reader, purpose },
          at: at.toISOString(),
        }));
      },
    }),
  ];
}

function terms({ vetting }: ProgrammeParts): readonly ApiRoute[] {
  return [
    route({
      method: 'GET',
      url: '/terms',
      access: 'signed-in',
      summary: 'The terms in force',
      answer: TermsShape,
      handle: async () => {
        const it = await vetting.currentTerms();
        if (!it) throw new ApiRefused({ kind: 'other-terms', current: undefined });
        return { ...it, publishedAt: it.publishedAt.toISOString() };
      },
    }),
    route({
      method: 'POST',
      url: '/terms',
      access: 'change-programme',
      summary: 'A new version of the terms; its hash goes into the public log',
      body: z.strictObject({ text: z.string().min(1).max(MAX_TERMS) }),
      bodyLimitBytes: TERMS_BODY_BYTES,
      status: 201,
      answer: TermsShape,
      handle: async ({ body, caller }) => {
        const it = settled(await vetting.publishTerms(body.text, caller.person.id));
        return { ...it, publishedAt: it.publishedAt.toISOString() };
      },
    }),
  ];
}
