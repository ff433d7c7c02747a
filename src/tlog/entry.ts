/**
 * What stands in the log: statements as canonical JSON in DSSE envelopes, each under 64 KiB. Evidence lives elsewhere,
 * named by its hash.
 *
 * The first statement names the issuer's key and is signed by it, so that the log's own key is all a stranger needs:
 * the checkpoint binds entry 0, entry 0 names the key, the key signs all the rest.
 */
import { fromBase64Url, fromHex, readUtf8, toHex } from '../lib/bytes.ts';
import { canonicalJson, type Json } from '../lib/canonical-json.ts';
import { type Envelope, type EnvelopeRefusal, encodeEnvelope, readEnvelope, signEnvelope } from '../lib/dsse.ts';
import type { Ed25519Signer } from '../lib/ed25519.ts';
import type { Id } from '../lib/id.ts';
import { HASH_BYTES } from '../lib/merkle.ts';
import { ok, type Result, refuse } from '../lib/result.ts';
import { type FieldOpening, MASTER_SALT_BYTES } from './commitment.ts';
import { readVerifierKey } from './note.ts';
import { FINDING_FIELDS } from './template.ts';
import { MAX_ENTRY_BYTES } from './tile.ts';

const STATEMENT_TYPE = 'application/vnd.headstart.log-statement.v1+json';

export type EntryId = Id<'entry'>;
export type CommitmentId = Id<'commitment'>;

interface Common {
  readonly id: EntryId;
  /** When the issuer says it was said: `2026-04-07T12:00:00Z`. The checkpoint bounds it from above. */
  readonly at: string;
}

/** A key is taken into use; the first of a log is its issuer's. */
export interface KeyStatement extends Common {
  readonly type: 'key';
  readonly role: 'issuer' | 'release';
  readonly vkey: string;
}

/** Something is sealed, and will be opened by the end of a day (UTC). */
export interface CommitmentStatement extends Common {
  readonly type: 'commitment';
  readonly commitment: CommitmentId;
  readonly schema: string;
  /** 64 hexadecimal digits. */
  readonly root: string;
  /** `2026-07-06`. */
  readonly openedBy: string;
}

/** Everything is opened. */
export interface OpeningStatement extends Common {
  readonly type: 'opening';
  readonly commitment: CommitmentId;
  readonly values: { readonly [name: string]: string };
  /** base64url. */
  readonly masterSalt: string;
}

/** Some fields are opened; the rest stays sealed and its day stands. */
export interface FieldsStatement extends Common {
  readonly type: 'fields';
  readonly commitment: CommitmentId;
  readonly fields: readonly FieldOpening[];
}

export interface ExtensionStatement extends Common {
  readonly type: 'extension';
  readonly commitment: CommitmentId;
  readonly openedBy: string;
  readonly reason: string;
}

/** The finding was none; it is opened all the same, so that withdrawing hides nothing. */
export interface WithdrawalStatement extends Common {
  readonly type: 'withdrawal';
  readonly commitment: CommitmentId;
  readonly reason: string;
  readonly values: { readonly [name: string]: string };
  readonly masterSalt: string;
}

/** The secret half is gone and the commitment can never be opened. Counts against the issuer for good. */
interface ShreddingStatement extends Common {
  readonly type: 'shredding';
  readonly commitment: CommitmentId;
  readonly reason: string;
}

/** A file by name and SHA-256 in hexadecimal. */
interface Document {
  readonly name: string;
  readonly sha256: string;
}

/** These bytes may be published. */
interface ReleaseStatement extends Common {
  readonly type: 'release';
  readonly subject: string;
  readonly documents: readonly Document[];
  readonly facts: { readonly [name: string]: Json };
}

/** These bytes were published. */
interface AdvisoryStatement extends Common {
  readonly type: 'advisory';
  readonly subject: string;
  readonly documents: readonly Document[];
  readonly facts: { readonly [name: string]: Json };
}

/** A gateway's journal stood here: its batch of this number, under this chain hash. */
interface JournalHeadStatement extends Common {
  readonly type: 'journal-head';
  readonly gateway: string;
  readonly batch: number;
  /** 64 hexadecimal digits. */
  readonly chain: string;
}

/** Anything else, as in-toto shapes it: decisions, reports, runs. */
interface GenericStatement extends Common {
  readonly type: 'statement';
  readonly predicateType: string;
  readonly subject: string;
  readonly documents: readonly Document[];
  readonly facts: { readonly [name: string]: Json };
}

export type Statement =
  | KeyStatement
  | CommitmentStatement
  | OpeningStatement
  | FieldsStatement
  | ExtensionStatement
  | WithdrawalStatement
  | ShreddingStatement
  | ReleaseStatement
  | AdvisoryStatement
  | JournalHeadStatement
  | GenericStatement;

/** A signed statement on its way into the log. */
export interface Entry {
  readonly id: EntryId;
  readonly type: Statement['type'];
  /** The commitment it is about, if it is about one. */
  readonly commitment: CommitmentId | undefined;
  /** What becomes the leaf. */
  readonly body: Uint8Array;
}

export type EntryRefusal =
  | EnvelopeRefusal
  | { readonly kind: 'unknown-payload-type'; readonly payloadType: string }
  | { readonly kind: 'malformed-statement'; readonly why: string }
  | { readonly kind: 'entry-too-long'; readonly bytes: number; readonly limit: number };

const MAX_TEXT = 2_048;
const MAX_DOCUMENTS = 256;

type Check = (value: Json) => boolean;
const isObject = (value: Json): value is { readonly [name: string]: Json } =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const matches =
  (pattern: RegExp): Check =>
  (value) =>
    typeof value === 'string' && pattern.test(value);
const isText: Check = (value) => typeof value === 'string' && value.trim() !== '' && value.length <= MAX_TEXT;
const isDay: Check = (value) =>
  matches(/^\d{4}-\d{2}-\d{2}$/)(value) && !Number.isNaN(Date.parse(`${value}T00:00:00Z`));
const isInstant: Check = (value) =>
  matches(/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z$/)(value) && !Number.isNaN(Date.parse(String(value)));
const isHash: Check = (value) => typeof value === 'string' && fromHex(value)?.length === HASH_BYTES;
const isSalt: Check = (value) => typeof value === 'string' && fromBase64Url(value)?.length === MASTER_SALT_BYTES;
const isValues: Check = (value) =>
  isObject(value) && Object.values(value).every((member) => typeof member === 'string');
const isDocument: Check = (value) =>
  isObject(value) && Object.keys(value).length === 2 && isText(value.name ?? null) && isHash(value.sha256 ?? null);
const isDocuments: Check = (value) => Array.isArray(value) && value.length <= MAX_DOCUMENTS && value.every(isDocument);
const isFieldOpening: Check = (value) =>
  isObject(value) &&
  Object.keys(value).length === 3 &&
  typeof value.name === 'string' &&
  value.value !== undefined &&
  typeof value.proof === 'string';
const isFields: Check = (value) =>
  Array.isArray(value) && value.length > 0 && value.length <= FINDING_FIELDS.length && value.every(isFieldOpening);
const isCommitmentId = matches(/^commitment_[0-9a-f]{32}$/);

const published = { subject: isText, documents: isDocuments, facts: isObject };

/** The members of each kind of statement, beside `id`, `at` and `type`. All are mandatory and no other is allowed. */
const MEMBERS: Readonly<Record<Statement['type'], Readonly<Record<string, Check>>>> = {
  key: {
    role: matches(/^(issuer|release)$/),
    vkey: (value) => typeof value === 'string' && readVerifierKey(value).ok,
  },
  commitment: { commitment: isCommitmentId, schema: isText, root: isHash, openedBy: isDay },
  opening: { commitment: isCommitmentId, values: isValues, masterSalt: isSalt },
  fields: { commitment: isCommitmentId, fields: isFields },
  extension: { commitment: isCommitmentId, openedBy: isDay, reason: isText },
  withdrawal: { commitment: isCommitmentId, reason: isText, values: isValues, masterSalt: isSalt },
  shredding: { commitment: isCommitmentId, reason: isText },
  release: published,
  advisory: published,
  'journal-head': {
    gateway: matches(/^gateway_[0-9a-f]{32}$/),
    batch: (value) => Number.isSafeInteger(value) && Number(value) > 0,
    chain: isHash,
  },
  statement: { ...published, predicateType: isText },
};

const COMMON: Readonly<Record<string, Check>> = {
  id: matches(/^entry_[0-9a-f]{32}$/),
  at: isInstant,
  type: matches(/^[a-z]+(-[a-z]+)*$/),
};

function checkStatement(value: Json): Result<Statement, EntryRefusal> {
  const malformed = (why: string) => refuse<EntryRefusal>({ kind: 'malformed-statement', why });
  if (!isObject(value)) return malformed('not an object');
  const type = typeof value.type === 'string' && Object.hasOwn(MEMBERS, value.type) ? value.type : undefined;
  if (type === undefined) return malformed(`no such type: ${String(value.type)}`);
  const checks = { ...COMMON, ...MEMBERS[type as Statement['type']] };
  for (const [name, check] of Object.entries(checks)) {
    const member = Object.hasOwn(value, name) ? value[name] : undefined;
    if (member === undefined || !check(member)) return malformed(`${type}: ${name} is missing or malformed`);
  }
  const extra = Object.keys(value).find((name) => !Object.hasOwn(checks, name));
  if (extra !== undefined) return malformed(`${type}: unknown member ${extra}`);
  return ok(value as unknown as Statement);
}

/** Signs a statement into an entry. Refuses what `readEntry` would refuse, before it can get into the log. */
export function signEntry(statement: Statement, signers: readonly Ed25519Signer[]): Result<Entry, EntryRefusal> {
  const checked = checkStatement(statement as unknown as Json);
  if (!checked.ok) return checked;
  const payload = Buffer.from(canonicalJson(statement as unknown as Json));
  return toEntry(statement, encodeEnvelope(signEnvelope(STATEMENT_TYPE, payload, signers)));
}

function toEntry(statement: Statement, body: Uint8Array): Result<Entry, EntryRefusal> {
  if (body.length > MAX_ENTRY_BYTES) {
    return refuse({ kind: 'entry-too-long', bytes: body.length, limit: MAX_ENTRY_BYTES });
  }
  const commitment = 'commitment' in statement ? statement.commitment : undefined;
  return ok({ id: statement.id, type: statement.type, commitment, body });
}

/** Reads form and content; signatures are the caller's, who knows which keys to trust. */
export function readEntry(
  body: Uint8Array,
): Result<{ readonly statement: Statement; readonly envelope: Envelope }, EntryRefusal> {
  const envelope = readEnvelope(body);
  if (!envelope.ok) return envelope;
  const { payloadType, payload } = envelope.value;
  if (payloadType !== STATEMENT_TYPE) return refuse({ kind: 'unknown-payload-type', payloadType });
  const text = readUtf8(payload);
  let value: Json;
  try {
    value = JSON.parse(text ?? '');
  } catch {
    return refuse({ kind: 'malformed-statement', why: 'not JSON' });
  }
  const statement = checkStatement(value);
  if (!statement.ok) return statement;
  if (canonicalJson(value) !== text) return refuse({ kind: 'malformed-statement', why: 'not in canonical form' });
  return ok({ statement: statement.value, envelope: envelope.value });
}

/** A time as statements write it; parts of seconds are dropped. */
export function toInstant(time: Date): string {
  return `${time.toISOString().slice(0, 19)}Z`;
}

/** A day (UTC) as statements write it. */
export function toDay(time: Date): string {
  return time.toISOString().slice(0, 10);
}

export function rootText(root: Uint8Array): string {
  return toHex(root);
}
