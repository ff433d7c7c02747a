/** Looking into JSON of strangers: what is not of the form asked for is absent, never an error. */
export type Loose = Readonly<Record<string, unknown>>;

export const asObject = (value: unknown): Loose | undefined =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Loose) : undefined;

export const asArray = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

export const asText = (value: unknown): string | undefined =>
  typeof value === 'string' && value !== '' ? value : undefined;

/** A whole number of at least 0. */
export const asCount = (value: unknown): number | undefined =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : undefined;

/** The member at the end of the names. */
export function at(value: unknown, ...names: readonly string[]): unknown {
  let found = value;
  for (const name of names) found = asObject(found)?.[name];
  return found;
}

/** Every text in it, arrays and numbers too: `CWE-79`, `['CWE-79']`, `79`. */
export function textsOf(value: unknown): string[] {
  return asArray(value)
    .concat(Array.isArray(value) ? [] : [value])
    .flatMap((each) => (typeof each === 'string' ? [each] : typeof each === 'number' ? [String(each)] : []));
}

/** Numbers of weaknesses in texts such as `CWE-79`, `external/cwe/cwe-079`, `cwe:79`. */
export function cwesIn(texts: readonly string[]): string[] {
  const numbers = texts.flatMap((text) =>
    [...text.slice(0, MAX_SEARCHED).matchAll(/\bcwe[-_: ]?0*(\d{1,5})\b/gi)].map(([, number]) => `CWE-${number}`),
  );
  return [...new Set(numbers)].slice(0, MAX_FOUND);
}

/** Names of public records in texts: CVE, GHSA. */
export function aliasesIn(texts: readonly string[]): string[] {
  const names = texts.flatMap((text) =>
    [...text.slice(0, MAX_SEARCHED).matchAll(/\bCVE-\d{4}-\d{4,12}\b|\bGHSA(?:-[23456789cfghjmpqrvwx]{4}){3}\b/gi)].map(
      ([name]) => (name.startsWith('GHSA') ? name : name.toUpperCase()),
    ),
  );
  return [...new Set(names)].slice(0, MAX_FOUND);
}

/** Characters of one text that are searched, and names taken from it. */
const MAX_SEARCHED = 20_000;
const MAX_FOUND = 50;
