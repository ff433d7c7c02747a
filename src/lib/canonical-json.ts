/**
 * Canonical JSON (RFC 8785): one value, one spelling, so that hashes and signatures of documents mean something.
 * Numbers and strings are spelled as ECMAScript does, members are ordered by UTF-16 code units.
 */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json };

/** Throws TypeError on what JSON cannot hold: NaN, infinities, lone surrogates, undefined, functions. */
export function canonicalJson(value: Json): string {
  if (value === null || typeof value === 'boolean') return String(value);
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw new TypeError(`${value} has no canonical JSON form`);
    return JSON.stringify(value);
  }
  if (typeof value === 'string') {
    if (!value.isWellFormed()) throw new TypeError('a string with a lone surrogate has no canonical JSON form');
    return JSON.stringify(value);
  }
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (typeof value !== 'object') throw new TypeError(`${typeof value} has no canonical JSON form`);
  let members = '';
  for (const name of Object.keys(value).sort()) {
    const member = (value as { readonly [name: string]: Json })[name] as Json;
    members += `${members === '' ? '' : ','}${canonicalJson(name)}:${canonicalJson(member)}`;
  }
  return `{${members}}`;
}
