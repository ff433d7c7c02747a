/** Is this document what it says it is? Every error bears the number its standard gives the test it fails. */
import { PRODUCT_TESTS } from './csaf-product-tests.ts';
import { PROFILE_TESTS } from './csaf-profile-tests.ts';
import { SCORE_TESTS } from './csaf-score-tests.ts';
import type { CsafDocument, CsafTest } from './csaf-shape.ts';
import { TRACKING_TESTS } from './csaf-tracking-tests.ts';
import { readPurl } from './purl.ts';
import { checkSchema, type SchemaName } from './schema-check.ts';

export const VALIDATED_FORMATS = ['csaf', 'osv', 'cve', 'sarif', 'purl'] as const;
export type ValidatedFormat = (typeof VALIDATED_FORMATS)[number];

export interface ValidationError {
  /** `schema`, `json`, or the standard's own number (`6.1.1`). */
  readonly test: string;
  /** JSON pointer. */
  readonly path: string;
  readonly message: string;
}

export interface Validation {
  readonly valid: boolean;
  readonly errors: readonly ValidationError[];
}

/** Longest document read, characters. */
const MAX_DOCUMENT = 50_000_000;

export function validateText(format: ValidatedFormat, text: string): Validation {
  if (text.length > MAX_DOCUMENT) return invalid([{ test: 'json', path: '', message: 'longer than 50,000,000' }]);
  if (format === 'purl') return validatePurls(text);
  let document: unknown;
  try {
    document = JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch (cause) {
    return invalid([{ test: 'json', path: '', message: cause instanceof Error ? cause.message : 'not JSON' }]);
  }
  return validate(format, document);
}

export function validate(format: Exclude<ValidatedFormat, 'purl'>, document: unknown): Validation {
  switch (format) {
    case 'csaf':
      return invalid(validateCsaf(document));
    case 'osv':
      return invalid(bySchema('osv-1.7', document));
    case 'sarif':
      return invalid(bySchema('sarif-2.1', document));
    case 'cve':
      return invalid(bySchema(isRecord(document) ? 'cve-5.1' : 'cve-5.1-cna', document));
  }
}

const CSAF_TESTS: Readonly<Record<string, CsafTest>> = {
  ...PRODUCT_TESTS,
  ...SCORE_TESTS,
  ...TRACKING_TESTS,
  ...PROFILE_TESTS,
};

/** The mandatory tests (section 6.1) read only what the schema has found whole. */
function validateCsaf(document: unknown): ValidationError[] {
  const errors = bySchema('csaf-2.0', document);
  // 6.1.8: a CVSS object is valid by its own schema, to which CSAF's refers.
  if (errors.length > 0) {
    return errors.map((error) => (/\/cvss_v[23](\/|$)/.test(error.path) ? { ...error, test: '6.1.8' } : error));
  }
  return Object.entries(CSAF_TESTS).flatMap(([test, find]) =>
    find(document as CsafDocument).map((breach) => ({ test, ...breach })),
  );
}

function bySchema(name: SchemaName, document: unknown): ValidationError[] {
  return checkSchema(name, document).map((error) => ({ test: 'schema', ...error }));
}

// Without a CVE id there is only a CNA container; with one, a record.
function isRecord(document: unknown): boolean {
  return typeof document === 'object' && document !== null && ('dataType' in document || 'cveMetadata' in document);
}

/** One purl a line. Where there is none, nothing was shown to be valid. */
function validatePurls(text: string): Validation {
  if (text.trim() === '') return invalid([{ test: 'purl', path: '', message: 'there is no package URL in it' }]);
  const errors = text.split('\n').flatMap((line, index) => {
    const read = line.trim() === '' ? undefined : readPurl(line.trim());
    return read && !read.ok ? [{ test: 'purl', path: `/${index}`, message: read.refusal.reason }] : [];
  });
  return invalid(errors);
}

const invalid = (errors: readonly ValidationError[]): Validation => ({ valid: errors.length === 0, errors });
