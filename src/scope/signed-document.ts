/**
 * Two documents by which somebody else than the owner brings an asset into a scope, each a DSSE envelope:
 *
 *   authorisation   one organisation lets another examine assets that it holds itself
 *   critical list   an operator's list of open source that everybody depends on, each assigned to named organisations
 *
 * Reading checks the form and the signature; whether the signer may say so is the service's question.
 */
import { readUtf8 } from '../lib/bytes.ts';
import { canonicalJson, type Json } from '../lib/canonical-json.ts';
import { type Envelope, encodeEnvelope, readEnvelope, signEnvelope, verifyEnvelope } from '../lib/dsse.ts';
import type { Ed25519Signer } from '../lib/ed25519.ts';
import { ok, type Result, refuse } from '../lib/result.ts';
import { type Asset, readAsset } from './asset.ts';

export const AUTHORISATION_TYPE = 'application/vnd.headstart.scope-authorisation.v1+json';
export const CRITICAL_LIST_TYPE = 'application/vnd.headstart.critical-list.v1+json';

export interface Authorisation {
  readonly from: string;
  readonly to: string;
  readonly assets: readonly Asset[];
  readonly until: Date;
}

export interface CriticalList {
  readonly name: string;
  readonly expires: Date;
  readonly entries: readonly { readonly asset: Asset; readonly organisations: readonly string[] }[];
}

export interface DocumentRefusal {
  readonly kind: 'bad-document';
  readonly why: string;
}

const MAX_ENTRIES = 10_000;
const MAX_ORGANISATIONS = 100;
const MAX_NAME = 200;
const INSTANT = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z$/;

const no = (why: string) => refuse<DocumentRefusal>({ kind: 'bad-document', why });

/** `from` is believed only after the caller has looked up that organisation's keys: see `isSignedBy`. */
export function readAuthorisation(
  bytes: Uint8Array,
): Result<{ readonly it: Authorisation; readonly envelope: Envelope }, DocumentRefusal> {
  const read = readPayload(bytes, AUTHORISATION_TYPE, ['assets', 'from', 'to', 'until']);
  if (!read.ok) return read;
  const { envelope, payload } = read.value;
  const { from, to, assets, until } = payload;
  if (!isName(from) || !isName(to)) return no('from and to are ids of organisations');
  if (from === to) return no('nobody authorises itself');
  const end = readInstant(until);
  if (!end) return no('until is an instant like 2027-01-31T00:00:00Z');
  if (!Array.isArray(assets) || assets.length === 0 || assets.length > MAX_ENTRIES) {
    return no(`assets is a list of 1 to ${MAX_ENTRIES}`);
  }
  const held: Asset[] = [];
  for (const text of assets) {
    const asset = typeof text === 'string' ? readAsset(text) : undefined;
    if (!asset?.ok) return no(asset ? `${asset.refusal.text}: ${asset.refusal.why}` : 'an asset is a text');
    held.push(asset.value);
  }
  return ok({ it: { from, to, assets: held, until: end }, envelope });
}

export function readCriticalList(
  bytes: Uint8Array,
  trusted: readonly Uint8Array[],
): Result<CriticalList, DocumentRefusal> {
  const read = readPayload(bytes, CRITICAL_LIST_TYPE, ['entries', 'expires', 'name']);
  if (!read.ok) return read;
  const { envelope, payload } = read.value;
  if (!isSignedBy(envelope, trusted)) return no('it is not signed by the key that was named');
  const { name, expires, entries } = payload;
  const end = readInstant(expires);
  if (!isName(name) || !end) return no('name is a text and expires an instant like 2027-01-31T00:00:00Z');
  if (!Array.isArray(entries) || entries.length === 0 || entries.length > MAX_ENTRIES) {
    return no(`entries is a list of 1 to ${MAX_ENTRIES}`);
  }
  const listed: { asset: Asset; organisations: readonly string[] }[] = [];
  for (const entry of entries) {
    const one = readEntry(entry);
    if (!one.ok) return one;
    listed.push(one.value);
  }
  return ok({ name, expires: end, entries: listed });
}

function readEntry(entry: unknown): Result<CriticalList['entries'][number], DocumentRefusal> {
  const { asset: text, organisations, ...more } = isObject(entry) ? entry : {};
  const asset = typeof text === 'string' ? readAsset(text) : undefined;
  if (!asset) return no('an entry is {asset, organisations}');
  if (!asset.ok) return no(`${asset.refusal.text}: ${asset.refusal.why}`);
  // A list assigns published open source; nobody's host or network becomes examinable by being on one.
  if (asset.value.kind !== 'pkg' && asset.value.kind !== 'repo') return no('a list holds pkg: and repo: only');
  const isAssigned = Array.isArray(organisations) && organisations.length > 0 && organisations.every(isName);
  if (!isAssigned || organisations.length > MAX_ORGANISATIONS || Object.keys(more).length > 0) {
    return no(`an entry is {asset, organisations}, with 1 to ${MAX_ORGANISATIONS} organisations`);
  }
  return ok({ asset: asset.value, organisations });
}

export function isSignedBy(envelope: Envelope, keys: readonly Uint8Array[]): boolean {
  return verifyEnvelope(envelope, keys, 1).ok;
}

function readPayload(
  bytes: Uint8Array,
  type: string,
  members: readonly string[],
): Result<{ readonly envelope: Envelope; readonly payload: Readonly<Record<string, unknown>> }, DocumentRefusal> {
  const envelope = readEnvelope(bytes);
  if (!envelope.ok) return no('why' in envelope.refusal ? envelope.refusal.why : 'not a signed document');
  if (envelope.value.payloadType !== type) return no(`it is of the type ${envelope.value.payloadType}, not ${type}`);
  let payload: unknown;
  try {
    payload = JSON.parse(readUtf8(envelope.value.payload) ?? '');
  } catch {
    return no('its content is not JSON');
  }
  if (!isObject(payload) || Object.keys(payload).sort().join() !== members.join()) {
    return no(`its members are ${members.join(', ')}`);
  }
  return ok({ envelope: envelope.value, payload });
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isName(value: unknown): value is string {
  return typeof value === 'string' && value.trim() !== '' && value.length <= MAX_NAME;
}

function readInstant(value: unknown): Date | undefined {
  if (typeof value !== 'string' || !INSTANT.test(value)) return undefined;
  const time = new Date(value);
  return Number.isNaN(time.getTime()) ? undefined : time;
}

/** What an operator signs: `{"name", "expires", "entries": [{"asset", "organisations"}]}`, read back before it is given out. */
export function signCriticalList(list: unknown, signer: Ed25519Signer): Result<Buffer, DocumentRefusal> {
  let payload: string;
  try {
    payload = canonicalJson(list as Json);
  } catch {
    return no('it has no canonical form');
  }
  const bytes = encodeEnvelope(signEnvelope(CRITICAL_LIST_TYPE, Buffer.from(payload), [signer]));
  const read = readCriticalList(bytes, [signer.publicKey]);
  return read.ok ? ok(bytes) : read;
}

/** What the holder's own side signs; read back before it is given away, so that it will be accepted. */
export function signAuthorisation(
  asked: { readonly from: string; readonly to: string; readonly targets: readonly string[]; readonly until: Date },
  signer: Ed25519Signer,
): Result<Buffer, DocumentRefusal> {
  const until = `${asked.until.toISOString().slice(0, 19)}Z`;
  const payload = canonicalJson({ from: asked.from, to: asked.to, assets: asked.targets, until });
  const bytes = encodeEnvelope(signEnvelope(AUTHORISATION_TYPE, Buffer.from(payload), [signer]));
  const read = readAuthorisation(bytes);
  return read.ok ? ok(bytes) : read;
}
