/**
 * The form by which anybody may report a flaw: what it takes, and what it takes to send it. No cookie and no script: a stamp says when
 * the form was given out, a field that no person sees stays empty.
 */
import { timingSafeEqual } from 'node:crypto';
import { canonicalJson } from '../lib/canonical-json.ts';
import { isMailAddress } from '../lib/mail-address.ts';
import { ok, type Result, refuse } from '../lib/result.ts';

/** Characters. */
export const FORM_LIMITS = { package: 200, version: 100, place: 300, title: 200, text: 30_000, contact: 254 } as const;

export const SEVERITY_WORDS = ['critical', 'high', 'medium', 'low'] as const;

/** Who else knows, as the reporter says. */
export const KNOWN_TO = {
  nobody: 'only to me and those I told in confidence',
  public: 'it is public already',
  attacked: 'it is being used in attacks',
} as const;

export type FormField = keyof typeof FORM_LIMITS;
export type Filled = Readonly<Record<string, string>>;

export type FormRefusal =
  | { readonly kind: 'field-missing'; readonly field: FormField }
  | { readonly kind: 'field-too-long'; readonly field: FormField; readonly limit: number }
  | { readonly kind: 'no-address' }
  /** The stamp is none of ours, or the field no person sees was filled. */
  | { readonly kind: 'no-person' }
  /** Sent faster than a person types, or so late that nobody knows whose it is. */
  | { readonly kind: 'too-fast'; readonly waitSeconds: number }
  | { readonly kind: 'too-late' };

/** A field that people do not see: what fills every field fills it. */
export const TRAP = 'website';
export const STAMP = 'stamp';

const FASTEST_MS = 3_000;
const LATEST_MS = 24 * 3_600_000;
const STAMP_FORM = /^(\d{13})\.([0-9a-f]{64})$/;

/** Hexadecimal digits of a keyed hash. */
export type Sign = (text: string) => string;

export function stampOf(now: Date, sign: Sign): string {
  const at = String(now.getTime());
  return `${at}.${sign(at)}`;
}

/** The bytes of the report, as any other of that form: what they say is read of them alone. */
export function readForm(filled: Filled, now: Date, sign: Sign): Result<Buffer, FormRefusal> {
  const person = checkPerson(filled, now, sign);
  if (!person.ok) return person;
  const said: Record<string, string> = {};
  for (const [field, limit] of Object.entries(FORM_LIMITS) as [FormField, number][]) {
    const text = (filled[field] ?? '').replace(/\r\n?/g, '\n').trim().toWellFormed();
    if (text.length > limit) return refuse({ kind: 'field-too-long', field, limit });
    if (text !== '') said[field] = text;
  }
  for (const field of ['package', 'title', 'text'] as const) {
    if (said[field] === undefined) return refuse({ kind: 'field-missing', field });
  }
  if (said.contact !== undefined && !isMailAddress(said.contact)) return refuse({ kind: 'no-address' });
  const severity = SEVERITY_WORDS.find((word) => word === filled.severity);
  const known = Object.hasOwn(KNOWN_TO, filled.known ?? '') ? (filled.known as keyof typeof KNOWN_TO) : 'nobody';
  const { package: project = '', version, place, title = '', text = '', contact } = said;
  return ok(
    Buffer.from(
      canonicalJson({
        title,
        description: known === 'nobody' ? text : `${text}\n\nThe reporter says: ${KNOWN_TO[known]}.`,
        package: project,
        ...(version !== undefined && { version }),
        ...(place !== undefined && { file: place }),
        ...(severity && { severity }),
        ...(contact !== undefined && { reporter: contact }),
      }),
    ),
  );
}

function checkPerson(filled: Filled, now: Date, sign: Sign): Result<undefined, FormRefusal> {
  const [, at = '', signature = ''] = STAMP_FORM.exec(filled[STAMP] ?? '') ?? [];
  if (at === '' || !timingSafeEqual(Buffer.from(sign(at)), Buffer.from(signature)))
    return refuse({ kind: 'no-person' });
  if ((filled[TRAP] ?? '') !== '') return refuse({ kind: 'no-person' });
  const age = now.getTime() - Number(at);
  if (age < FASTEST_MS) return refuse({ kind: 'too-fast', waitSeconds: Math.ceil((FASTEST_MS - age) / 1_000) });
  return age > LATEST_MS ? refuse({ kind: 'too-late' }) : ok(undefined);
}
