/** Shapes that many routes share. What is written here once is checked at the door and stands in the document. */
import { z } from 'zod';
import { TIERS } from '../program/index.ts';
import { ROLES } from '../signin/index.ts';
import type { Page } from '../store/page.ts';

const MAX_TEXT = 500;
const MAX_ID = 128;

export const Instant = z.iso
  .datetime({ offset: true })
  .meta({ id: 'Instant', description: 'RFC 3339, with its offset' });
export const TierName = z.enum(TIERS).meta({ id: 'Tier', description: 'a ring, from the innermost to the outermost' });
export const RoleName = z.enum(ROLES).meta({ id: 'Role' });
export const Micro = z
  .int()
  .min(0)
  .max(Number.MAX_SAFE_INTEGER)
  .meta({ id: 'MicroDollars', description: 'whole micro-dollars: 1,000,000 are one dollar' });
export const SomeMicro = Micro.min(1);
export const Reason = z.string().trim().min(1).max(MAX_TEXT);
export const ModelName = z.string().min(1).max(MAX_ID);
export const Country = z
  .string()
  .regex(/^[A-Z]{2}$/)
  .describe('ISO 3166-1 alpha-2; kept encrypted, and in no answer');
export const Done = z.object({ id: z.string() }).meta({ id: 'Done', description: 'of what was changed' });

export const idOf = (noun: string): z.ZodString =>
  z
    .string()
    .regex(new RegExp(`^${noun}_[0-9a-f]{32}$`))
    .describe(`the id of one ${noun}`);

/** An organisation by its id, or by its name where it is the only one. */
export const OrganisationPath = z.object({ organisation: z.string().min(1).max(200) });
export const PersonPath = z.object({ person: idOf('person') });

export const toDate = (text: string | undefined): Date | undefined => (text === undefined ? undefined : new Date(text));
export const toText = (at: Date | undefined): string | null => at?.toISOString() ?? null;

const PAGE_LIMIT = 200;
const PAGE_DEFAULT = 50;

export const PageQuery = z.strictObject({
  limit: z.coerce.number().int().min(1).max(PAGE_LIMIT).default(PAGE_DEFAULT),
  after: z.string().min(1).max(MAX_ID).optional().describe('the `next` of the page before'),
});

export const pageOf = <Item extends z.ZodType>(item: Item) =>
  z.object({
    items: z.array(item),
    next: z.string().nullable().describe('pass it as `after` for the next page; null on the last one'),
  });

/** A page as it is answered. */
export function toPage<T, S>({ items, next }: Page<T>, show: (item: T) => S): { items: S[]; next: string | null } {
  return { items: items.map(show), next: next ?? null };
}
