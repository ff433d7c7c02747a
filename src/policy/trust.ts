/**
 * Whose signature counts for what: keys of those who may state a kind of evidence, and keys of the bodies that frameworks
 * name. A document of its own; a decision on signed evidence names its hash.
 */
import { fromBase64 } from '../lib/bytes.ts';
import type { Json } from '../lib/canonical-json.ts';
import { isSoundPoint, PUBLIC_KEY_BYTES } from '../lib/ed25519.ts';
import { ok, type Result, refuse } from '../lib/result.ts';
import { CLAIM_KINDS, type ClaimKind } from './dossier.ts';

export interface Signer {
  readonly name: string;
  readonly key: Uint8Array;
  readonly states: readonly ClaimKind[];
  /** As `framework/body`, in the framework's own words. */
  readonly bodies: readonly string[];
}

export interface Trust {
  readonly signers: readonly Signer[];
}

export interface TrustRefusal {
  readonly kind: 'malformed-trust';
  readonly place: string;
  readonly why: string;
}

type Loose = { readonly [name: string]: Json };

const MAX_SIGNERS = 200;
const MAX_TEXT = 200;

/** `{"schema":"headstart-trust/1","signers":[{"name","key","states":[…],"bodies":[…]}]}`, keys in base64. */
export function readTrust(value: Json): Result<Trust, TrustRefusal> {
  const malformed = (place: string, why: string) => refuse<TrustRefusal>({ kind: 'malformed-trust', place, why });
  if (!isObject(value) || value.schema !== 'headstart-trust/1') return malformed('/schema', 'it is headstart-trust/1');
  const unknown = Object.keys(value).find((name) => name !== 'schema' && name !== 'signers');
  if (unknown !== undefined) return malformed(`/${unknown}`, 'there is no such member');
  const { signers } = value;
  if (!Array.isArray(signers) || signers.length === 0 || signers.length > MAX_SIGNERS)
    return malformed('/signers', `1 to ${MAX_SIGNERS} signers`);
  const read: Signer[] = [];
  for (const [at, signer] of (signers as readonly Json[]).entries()) {
    const place = `/signers/${at}`;
    if (!isObject(signer)) return malformed(place, 'it is not an object');
    if (Object.keys(signer).sort().join() !== 'bodies,key,name,states')
      return malformed(place, 'it has name, key, states and bodies, and nothing else');
    const { name, key, states, bodies } = signer;
    const bytes = typeof key === 'string' ? fromBase64(key) : undefined;
    if (typeof name !== 'string' || name.trim() === '' || name.length > MAX_TEXT)
      return malformed(`${place}/name`, 'a name');
    if (bytes?.length !== PUBLIC_KEY_BYTES || !isSoundPoint(bytes))
      return malformed(`${place}/key`, 'an Ed25519 public key in base64');
    if (!Array.isArray(states) || !states.every((each) => CLAIM_KINDS.some((kind) => kind === each)))
      return malformed(`${place}/states`, `of ${CLAIM_KINDS.join(', ')}`);
    if (!Array.isArray(bodies) || !bodies.every((each) => typeof each === 'string' && /^[^/]+\/.+$/.test(each)))
      return malformed(`${place}/bodies`, 'each as framework/body');
    const frameworks = bodies.map((body) => String(body).split('/', 1)[0]);
    if (new Set(frameworks).size < frameworks.length)
      return malformed(`${place}/bodies`, 'one signer stands for one body of a framework: two that must agree are two');
    if (read.some((other) => Buffer.compare(other.key, bytes) === 0 || other.name === name))
      return malformed(place, 'a name or key that stands for two');
    read.push({ name, key: bytes, states: states as readonly ClaimKind[], bodies: bodies as readonly string[] });
  }
  return ok({ signers: read });
}

const isObject = (value: Json): value is Loose => typeof value === 'object' && value !== null && !Array.isArray(value);
