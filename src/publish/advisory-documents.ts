/** The bytes of an advisory, by their path below `public/`. What is signed is exactly this. */
import { toMarkdown } from '../formats/advisory-markdown.ts';
import type { AdvisoryRecord, JsonDocument } from '../formats/advisory-record.ts';
import { csafFileName, toCsaf } from '../formats/csaf.ts';
import { toCve } from '../formats/cve.ts';
import { toOsv } from '../formats/osv.ts';
import { type ValidationError, validate } from '../formats/validate.ts';
import { sha256Hex } from '../lib/hash.ts';

/** Path below `public/` to text. */
export type Documents = ReadonlyMap<string, string>;

export interface DocumentHash {
  readonly name: string;
  readonly sha256: string;
}

const PATH =
  /^advisories\/(?:(?:csaf|osv|cve)\/[a-z0-9][a-z0-9_+-]{0,99}\.json|markdown\/[a-z0-9][a-z0-9_+-]{0,99}\.md)$/;

/** Nothing outside `advisories/`, no dot at the start, no way up. */
export const isDocumentPath = (path: string): boolean => PATH.test(path);

/** Throws where a document would not be valid: that is a bug of ours, and nothing invalid is signed. */
export function toDocuments(record: AdvisoryRecord): Documents {
  const csaf = toCsaf(record);
  const osv = toOsv(record);
  const cve = toCve(record);
  const errors: ValidationError[] = [validate('csaf', csaf), validate('osv', osv), validate('cve', cve)].flatMap(
    ({ errors: found }) => found,
  );
  const [first] = errors;
  if (first) throw new Error(`${record.id}: ${first.test} ${first.path} ${first.message}`);
  const texts = [pretty(csaf), pretty(cve), toMarkdown(record), pretty(osv)];
  return new Map(documentPaths(record.id).map((path, index) => [path, texts[index] ?? '']));
}

/** Where the documents of an advisory stand below `public/`. */
export function documentPaths(advisory: string): readonly string[] {
  const file = csafFileName(advisory);
  return [
    `advisories/csaf/${file}`,
    `advisories/cve/${file}`,
    `advisories/markdown/${file.replace(/json$/, 'md')}`,
    `advisories/osv/${file}`,
  ];
}

/** In the order of their names. */
export function hashesOf(documents: Documents): readonly DocumentHash[] {
  return [...documents]
    .map(([name, text]) => ({ name, sha256: sha256Hex(text) }))
    .sort((left, right) => (left.name < right.name ? -1 : 1));
}

const pretty = (document: JsonDocument): string => `${JSON.stringify(document, null, 2)}\n`;
