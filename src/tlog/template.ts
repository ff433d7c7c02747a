/**
 * What a sealed finding must say. A template fixes the names, their order and their forms, so that a commitment cannot
 * be empty, cannot hold one name twice, and each name has one place in the field tree that a prover cannot choose.
 */
import type { Json } from '../lib/canonical-json.ts';
import { ok, type Result, refuse } from '../lib/result.ts';

/** The name under which a log entry refers to the template. A change of the fields is a new name. */
export const FINDING_SCHEMA = 'headstart-finding/v1';

/** Every field is mandatory. In the order of the field tree, which is the order of canonical JSON. */
export const FINDING_FIELDS = [
  'caseId',
  'class',
  'reportDate',
  'reporter',
  'reproducerSha256',
  'severity',
  'target',
  'version',
] as const;

export type FindingField = (typeof FINDING_FIELDS)[number];

export interface FindingValues {
  /** `case_…`: the identity under which the case is discussed. */
  readonly caseId: string;
  /** Class of the flaw, as in `path-traversal`. */
  readonly class: string;
  /** Day of the report, `2026-04-07`. */
  readonly reportDate: string;
  readonly reporter: string;
  /** Of the reproducer's bytes, in hexadecimal. */
  readonly reproducerSha256: string;
  /** A CVSS vector, or one of none, low, medium, high, critical. */
  readonly severity: string;
  /** A package URL without version, or another address of what is affected. */
  readonly target: string;
  readonly version: string;
}

export type TemplateRefusal =
  | { readonly kind: 'unknown-schema'; readonly schema: string }
  | { readonly kind: 'missing-field'; readonly name: string }
  | { readonly kind: 'unknown-field'; readonly name: string }
  | { readonly kind: 'malformed-field'; readonly name: string; readonly expected: string };

/** UTF-16 code units. */
const MAX_VALUE_LENGTH = 1_024;

interface FieldForm {
  readonly pattern: RegExp;
  readonly expected: string;
}

// Printable, and neither blank nor padded: an empty statement in disguise is refused like an empty one.
const TEXT: FieldForm = { pattern: /^(?!\s)[^\p{Cc}]+(?<!\s)$/u, expected: 'text that is not blank' };

const FORMS: Readonly<Record<FindingField, FieldForm>> = {
  caseId: { pattern: /^case_[0-9A-Za-z-]{1,64}$/, expected: 'case_ and an identifier' },
  class: { pattern: /^[a-z0-9]+(-[a-z0-9]+)*$/, expected: 'a class in lower case with hyphens' },
  reportDate: { pattern: /^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$/, expected: 'a day as YYYY-MM-DD' },
  reporter: TEXT,
  reproducerSha256: { pattern: /^[0-9a-f]{64}$/, expected: '64 lower-case hexadecimal digits' },
  severity: {
    pattern: /^(none|low|medium|high|critical|CVSS:[34]\.[01](\/[A-Za-z]+:[A-Za-z]+)+)$/,
    expected: 'a CVSS vector or none, low, medium, high, critical',
  },
  target: TEXT,
  version: TEXT,
};

export function isFindingField(name: string): name is FindingField {
  return FINDING_FIELDS.some((field) => field === name);
}

/** Checks one value on its own, as an opening of one field needs it. */
export function checkField(schema: string, name: string, value: Json): Result<FindingField, TemplateRefusal> {
  if (schema !== FINDING_SCHEMA) return refuse({ kind: 'unknown-schema', schema });
  if (!isFindingField(name)) return refuse({ kind: 'unknown-field', name });
  const { pattern, expected } = FORMS[name];
  if (typeof value !== 'string' || value.length > MAX_VALUE_LENGTH || !value.isWellFormed() || !pattern.test(value)) {
    return refuse({ kind: 'malformed-field', name, expected });
  }
  return ok(name);
}

/** Checks that the values are all of the template's and nothing else. */
export function checkValues(
  schema: string,
  values: { readonly [name: string]: Json },
): Result<FindingValues, TemplateRefusal> {
  if (schema !== FINDING_SCHEMA) return refuse({ kind: 'unknown-schema', schema });
  for (const name of FINDING_FIELDS) {
    const value = Object.hasOwn(values, name) ? values[name] : undefined;
    if (value === undefined) return refuse({ kind: 'missing-field', name });
    const field = checkField(schema, name, value);
    if (!field.ok) return field;
  }
  const unknown = Object.keys(values).find((name) => !isFindingField(name));
  if (unknown !== undefined) return refuse({ kind: 'unknown-field', name: unknown });
  return ok(values as unknown as FindingValues);
}
