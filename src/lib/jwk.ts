/** Public keys as JSON (RFC 7517) and their names (RFC 7638). */
import { fromBase64Url, toBase64Url } from './bytes.ts';
import { canonicalJson } from './canonical-json.ts';
import { sha256 } from './hash.ts';

/** Members that make up the thumbprint, by key type (RFC 7638 section 3.2, RFC 8037 section 2). */
const THUMBPRINT_MEMBERS: Readonly<Record<string, readonly string[]>> = {
  EC: ['crv', 'kty', 'x', 'y'],
  OKP: ['crv', 'kty', 'x'],
  RSA: ['e', 'kty', 'n'],
};

/** With SHA-256, base64url. Undefined for what is no public key; a key that holds its private part is none. */
export function jwkThumbprint(jwk: unknown): string | undefined {
  if (typeof jwk !== 'object' || jwk === null) return undefined;
  const given = jwk as Readonly<Record<string, unknown>>;
  const members =
    typeof given.kty === 'string' && Object.hasOwn(THUMBPRINT_MEMBERS, given.kty) ? THUMBPRINT_MEMBERS[given.kty] : [];
  if (!members?.length || 'd' in given || 'k' in given) return undefined;
  const required: Record<string, string> = {};
  for (const name of members) {
    const value = given[name];
    if (typeof value !== 'string' || value === '' || !value.isWellFormed()) return undefined;
    required[name] = value;
  }
  return toBase64Url(sha256(canonicalJson(required)));
}

export const isThumbprint = (text: string): boolean => fromBase64Url(text)?.length === 32;
