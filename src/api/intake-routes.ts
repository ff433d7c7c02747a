/** Reports that came in and what became of each. They are sealed matters: only who works on cases sees them. */
import { z } from 'zod';
import { type DecryptionKeys, FORMATS, type Intake, LOOK_UPS, type SeenRecord, toSource } from '../intake/index.ts';
import type { Result } from '../lib/result.ts';
import { ApiRefused, type ApiRoute, route, settled } from './route.ts';
import { Instant, idOf, PageQuery, pageOf } from './shape.ts';

export interface IntakeRouteParts {
  readonly intake: Intake;
  /** For reports that are encrypted to this installation. */
  readonly reportKeys: () => Promise<DecryptionKeys>;
  /** Has workers search the package that a record names, or the one that is asked for. */
  readonly scanRecord: (
    id: string,
    target?: string,
  ) => Promise<
    Result<
      { readonly campaign: string; readonly target: string },
      { readonly kind: 'no-such-record' | 'no-package'; readonly id: string }
    >
  >;
}

const Place = z.object({
  file: z.string().optional(),
  line: z.number().optional(),
  endLine: z.number().optional(),
  column: z.number().optional(),
  endColumn: z.number().optional(),
  function: z.string().optional(),
  snippet: z.string().optional(),
});

const ClaimShape = z
  .object({
    title: z.string(),
    text: z.string(),
    tool: z.string().optional(),
    toolVersion: z.string().optional(),
    rule: z.string().optional(),
    severity: z.object({ level: z.string(), said: z.string() }).optional(),
    cvss: z.string().optional(),
    cwes: z.array(z.string()),
    aliases: z.array(z.string()),
    project: z.string().optional(),
    version: z.string().optional(),
    places: z.array(Place),
    stack: z.array(z.string()),
    crash: z.string().optional(),
    sourceId: z.string().optional(),
    reporter: z.string().optional(),
    reportedAt: z.string().optional(),
    isByModel: z.boolean().optional(),
    attachments: z.array(z.object({ name: z.string(), bytes: z.number() })).optional(),
    dismissed: z.string().optional(),
  })
  .meta({
    id: 'Claim',
    description: 'what a report says; the word of strangers, to be shown escaped and never believed',
  });

const RecordShape = z
  .object({
    id: z.string(),
    import: z.string(),
    number: z.int(),
    fate: z.enum(['canonical', 'merged', 'rejected']),
    mergedInto: z.string().nullable(),
    reason: z.string().nullable(),
    detail: z.string().nullable(),
    receivedAt: Instant,
    claim: ClaimShape.nullable(),
    cases: z
      .array(z.string())
      .optional()
      .describe('of one record: cases of our own that tell of the same flaw, or of one much like it'),
  })
  .meta({ id: 'IntakeRecord', description: 'one report as it came in, with its fate' });

const RecordPath = z.object({ record: idOf('record') });
const MAX_LOOK_UP = 500;
const LookUpQuery = PageQuery.extend({
  after: z.coerce
    .number()
    .int()
    .min(1)
    .max(Number.MAX_SAFE_INTEGER)
    .optional()
    .describe('the `next` of the page before'),
  fate: z.enum(['canonical', 'merged', 'rejected']).optional(),
  ...Object.fromEntries(LOOK_UPS.map((field) => [field, z.string().min(1).max(MAX_LOOK_UP).optional()])),
});

export function intakeRoutes(parts: IntakeRouteParts): readonly ApiRoute[] {
  return [...looking(parts), ...taking(parts), ...deciding(parts)];
}

function looking({ intake }: IntakeRouteParts): readonly ApiRoute[] {
  return [
    route({
      method: 'GET',
      url: '/intake/records',
      access: 'see-cases',
      summary: 'Reports that came in, the newest first',
      query: LookUpQuery,
      answer: pageOf(RecordShape),
      handle: async ({ query }) => {
        const { limit, after, fate, ...fields } = query;
        const where = Object.fromEntries(
          LOOK_UPS.flatMap((field) => {
            const value = (fields as Readonly<Record<string, unknown>>)[field];
            return typeof value === 'string' ? [[field, value]] : [];
          }),
        );
        const page = await intake.list({ fate, where, before: after, limit: limit + 1 });
        const items = page.slice(0, limit);
        const last = items.at(-1);
        return { items: items.map(toShown), next: page.length > limit && last ? String(last.number) : null };
      },
    }),
    route({
      method: 'GET',
      url: '/intake/records/:record',
      access: 'see-cases',
      summary: 'One report and its fate',
      path: RecordPath,
      answer: RecordShape,
      handle: async ({ path }) => {
        const found = await intake.find(path.record);
        if (!found) throw new ApiRefused({ kind: 'no-such-record', id: path.record });
        return { ...toShown(found), cases: await intake.casesOf(found.id) };
      },
    }),
    route({
      method: 'GET',
      url: '/intake/pairs',
      access: 'see-cases',
      summary: 'Pairs that may be one flaw, side by side, the likeliest first',
      query: z.strictObject({ limit: z.coerce.number().int().min(1).max(MAX_PAIRS).default(50) }),
      answer: z.object({
        items: z.array(
          z.object({ left: RecordShape, right: RecordShape, probability: z.number(), reasons: z.array(z.string()) }),
        ),
      }),
      handle: async ({ query: { limit } }) => ({
        items: (await intake.pairs(limit)).map(({ left, right, probability, reasons }) => ({
          ...{ left: toShown(left), right: toShown(right), probability },
          reasons: [...reasons],
        })),
      }),
    }),
  ];
}

const MAX_PAIRS = 200;
/** Of a body. Larger files come in at the command line, where they are read as a stream. */
const MAX_IMPORT_BYTES = 16 * 1024 * 1024;

const ImportShape = z
  .object({
    id: z.string(),
    format: z.string(),
    received: z.int(),
    canonical: z.int(),
    merged: z.int(),
    rejected: z.int(),
    known: z.int(),
    refused: z.string().nullable(),
    reasons: z.array(z.string()),
  })
  .meta({ id: 'Import', description: 'received = canonical + merged + rejected; the same bytes again change nothing' });

function taking({ intake, reportKeys, scanRecord }: IntakeRouteParts): readonly ApiRoute[] {
  return [
    route({
      method: 'POST',
      url: '/intake/imports',
      access: 'work-cases',
      summary: 'Take in reports; every record is kept as canonical, merged or rejected',
      body: z.strictObject({
        name: z.string().trim().min(1).max(200).describe('for people'),
        format: z.enum([...FORMATS, 'auto']).default('auto'),
        content: z.string().describe('the file, in the encoding named'),
        encoding: z.enum(['utf8', 'base64']).default('utf8'),
      }),
      bodyLimitBytes: MAX_IMPORT_BYTES,
      status: 201,
      answer: ImportShape,
      handle: async ({ body: { name, format, content, encoding } }) => {
        const source = toSource(name, Buffer.from(content, encoding));
        const done = await intake.importFrom(source, { format, origin: 'file', keys: await reportKeys() });
        return { ...done, refused: done.refused ?? null, reasons: [...done.reasons] };
      },
    }),
    route({
      method: 'POST',
      url: '/intake/records/:record/scan',
      access: 'work-cases',
      summary:
        'Have the package that a record names searched and its flaws proven; cases are then named with the record',
      path: RecordPath,
      body: z.strictObject({ target: z.string().max(MAX_LOOK_UP).optional().describe('pkg:npm/name@version') }),
      status: 201,
      answer: z.object({ campaign: z.string(), target: z.string() }),
      handle: async ({ path, body }) => settled(await scanRecord(path.record, body.target)),
    }),
  ];
}

/** What a person changes of fates; no byte of a record is touched by any of it. */
function deciding({ intake }: IntakeRouteParts): readonly ApiRoute[] {
  const other = idOf('record');
  const shown = async (id: string): Promise<z.input<typeof RecordShape>> => {
    const found = await intake.find(id);
    if (!found) throw new ApiRefused({ kind: 'no-such-record', id });
    return toShown(found);
  };
  const acts = {
    unmerge: ['Undo a merge: the record is canonical, as if it had never been merged', intake.unmerge],
    release: ['Take a rejected record for a finding to work on after all', intake.release],
  } as const;
  return [
    ...Object.entries(acts).map(([act, [summary, decide]]) =>
      route({
        method: 'POST',
        url: `/intake/records/:record/${act}`,
        access: 'work-cases',
        summary,
        path: RecordPath,
        answer: RecordShape,
        handle: async ({ path, caller }) => shown(settled(await decide(path.record, caller.person.id))),
      }),
    ),
    route({
      method: 'POST',
      url: '/intake/records/:record/merge',
      access: 'work-cases',
      summary: 'Two canonical records are one flaw; can be undone',
      path: RecordPath,
      body: z.strictObject({ into: other }),
      answer: RecordShape,
      handle: async ({ path, body, caller }) => {
        settled(await intake.merge(path.record, body.into, caller.person.id));
        return shown(path.record);
      },
    }),
    route({
      method: 'POST',
      url: '/intake/records/:record/distinct',
      access: 'work-cases',
      summary: 'Two canonical records are two flaws: the pair is no longer shown',
      path: RecordPath,
      body: z.strictObject({ other }),
      answer: RecordShape,
      handle: async ({ path, body }) => {
        settled(await intake.distinguish(path.record, body.other));
        return shown(path.record);
      },
    }),
  ];
}

function toShown({ id, importId, number, fate, detail, receivedAt, claim }: SeenRecord): z.input<typeof RecordShape> {
  return {
    ...{ id, import: importId, number },
    fate: fate.fate,
    mergedInto: fate.fate === 'merged' ? fate.into : null,
    reason: fate.fate === 'canonical' ? null : fate.reason,
    detail: detail ?? null,
    receivedAt: receivedAt.toISOString(),
    claim: (claim as z.input<typeof ClaimShape> | undefined) ?? null,
  };
}
