/**
 * Verification for whoever holds only a directory, an address or a proof: finds the log, decides which key to trust,
 * and remembers what it saw, so that a log that shrinks, forks or changes its key is caught the next time.
 *
 * Trust, first that applies: the policy given, the key given, `log.pub` beside the log. The last is no more than trust
 * on first use, which is why the key is remembered by origin.
 */
import { dirname, join, resolve } from 'node:path';
import { equalBytes } from '../lib/bytes.ts';
import { ok, type Result, refuse } from '../lib/result.ts';
import { type AuditRefusal, type AuditReport, auditLog, type KnownHead, type LogReader } from './audit.ts';
import { readCheckpoint } from './checkpoint.ts';
import { readEntry, type Statement } from './entry.ts';
import { createKnownHeads, type KnownHeads } from './known-heads-client.ts';
import { fetchLimited, isUrl, openLogDirectory, openLogUrl, readLimited } from './log-reader-client.ts';
import { MAX_NOTE_BYTES, type NoteRefusal, readVerifierKey, type VerifierKey } from './note.ts';
import { checkProof, MAX_PROOF_BYTES, type ProofRefusal, type ProvenEntry, readProof } from './proof.ts';
import { findEntry, type ProveRefusal, proveEntry } from './prove.ts';
import { MAX_POLICY_BYTES, type PolicyRefusal, readPolicy, trustOnly, type WitnessPolicy } from './witness-policy.ts';

export interface TrustOptions {
  /** A policy file. */
  readonly policy?: string | undefined;
  /** A vkey, or a file that holds one. */
  readonly key?: string | undefined;
  /** Where heads that were seen are remembered; nothing is remembered without. */
  readonly memory?: string | undefined;
}

export type TrustRefusal =
  | PolicyRefusal
  | NoteRefusal
  | { readonly kind: 'no-log'; readonly target: string }
  | { readonly kind: 'no-key'; readonly target: string }
  | { readonly kind: 'unreadable-policy'; readonly path: string }
  | { readonly kind: 'unreadable-key'; readonly source: string }
  | { readonly kind: 'key-changed'; readonly origin: string; readonly known: string; readonly given: string }
  | { readonly kind: 'no-entry-named'; readonly entry: string };

export type VerifyRefusal = AuditRefusal | TrustRefusal;

const MAX_KEY_BYTES = 4_096;
/** A log that is being published while it is read is read again. */
const ATTEMPTS = 5;
const ATTEMPT_PAUSE_MS = 300;

interface Place {
  readonly reader: LogReader;
  /** Reads a file that lies beside the log. */
  beside(name: string): Promise<Uint8Array | undefined>;
}

/** Takes the log's own directory or the public folder above it. */
async function findLog(target: string): Promise<Place | undefined> {
  for (const candidate of ['', 'log']) {
    if (isUrl(target)) {
      const base = new URL(candidate === '' ? '.' : `${candidate}/`, target.endsWith('/') ? target : `${target}/`);
      const reader = openLogUrl(base.href);
      const beside = (name: string) => fetchLimited(new URL(`../${name}`, base), MAX_KEY_BYTES);
      if (await reader.read('checkpoint', MAX_NOTE_BYTES)) return { reader, beside };
    } else {
      const directory = resolve(target, candidate);
      const reader = await openLogDirectory(directory);
      const beside = (name: string) => readLimited(join(dirname(directory), name), MAX_KEY_BYTES);
      if (await reader?.read('checkpoint', MAX_NOTE_BYTES)) return reader && { reader, beside };
    }
  }
  return undefined;
}

async function readKey(source: string, text: Uint8Array | undefined): Promise<Result<VerifierKey, TrustRefusal>> {
  const key = text && readVerifierKey(Buffer.from(text).toString('utf8').trim());
  return key?.ok ? key : refuse({ kind: 'unreadable-key', source });
}

/** Undefined where neither a policy nor a key was given. */
async function readTrust({ policy, key }: TrustOptions): Promise<Result<WitnessPolicy | undefined, TrustRefusal>> {
  const given = key === undefined ? undefined : await readGivenKey(key);
  if (given && !given.ok) return given;
  if (policy === undefined) return ok(given && trustOnly(given.value));
  const bytes = await readLimited(policy, MAX_POLICY_BYTES);
  if (!bytes) return refuse({ kind: 'unreadable-policy', path: policy });
  const read = readPolicy(bytes);
  if (!read.ok || !given) return read;
  return ok({ ...read.value, logs: [given.value] });
}

async function readGivenKey(key: string): Promise<Result<VerifierKey, TrustRefusal>> {
  const isVkey = readVerifierKey(key).ok;
  return readKey(key, isVkey ? Buffer.from(key) : await readLimited(key, MAX_KEY_BYTES));
}

/** The policy given, completed by `log.pub` beside the log where it names no log. */
async function resolveTrust(
  target: string,
  place: Place,
  options: TrustOptions,
): Promise<Result<WitnessPolicy, TrustRefusal>> {
  const given = await readTrust(options);
  if (!given.ok) return given;
  if (given.value && given.value.logs.length > 0) return ok(given.value);
  const text = await place.beside('log.pub');
  if (!text) return refuse({ kind: 'no-key', target });
  const key = await readKey('log.pub beside the log', text);
  if (!key.ok) return key;
  return ok(given.value ? { ...given.value, logs: [key.value] } : trustOnly(key.value));
}

/** Verifies everything. On success the head is remembered. */
export async function verifyLog(
  target: string,
  options: TrustOptions,
  onEntry?: (index: number, entry: Uint8Array) => void,
): Promise<Result<AuditReport, VerifyRefusal>> {
  const place = await findLog(target);
  if (!place) return refuse({ kind: 'no-log', target });
  const policy = await resolveTrust(target, place, options);
  if (!policy.ok) return policy;
  const seen = options.memory === undefined ? undefined : createKnownHeads(options.memory);
  let report: Result<AuditReport, VerifyRefusal> = refuse({ kind: 'no-checkpoint' });
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    const before = await place.reader.read('checkpoint', MAX_NOTE_BYTES);
    const known = before && (await recall(seen, before));
    report = await auditLog(place.reader, { policy: policy.value, known, ...(onEntry && { onEntry }) });
    if (report.ok) break;
    const after = await place.reader.read('checkpoint', MAX_NOTE_BYTES);
    const hasMoved = !before || !after || !equalBytes(before, after);
    if (!hasMoved && report.refusal.kind !== 'stale-checkpoint') return report;
    await new Promise((wake) => setTimeout(wake, ATTEMPT_PAUSE_MS));
  }
  if (!report.ok) return report;
  const changed = await seen?.remember(report.value.checkpoint, report.value.signer);
  return changed ? refuse({ kind: 'key-changed', ...changed }) : report;
}

async function recall(seen: KnownHeads | undefined, checkpoint: Uint8Array): Promise<KnownHead | undefined> {
  const head = readCheckpoint(checkpoint);
  return head.ok ? (await seen?.find(head.value.checkpoint.origin))?.head : undefined;
}

/** Proves an entry given by index, by its id, or by the id of the commitment it seals. Verifies the whole log to find it by id. */
export async function proveByName(
  target: string,
  entry: string,
  options: TrustOptions,
): Promise<Result<{ readonly proof: Uint8Array; readonly proven: ProvenEntry }, VerifyRefusal | ProveRefusal>> {
  const place = await findLog(target);
  if (!place) return refuse({ kind: 'no-log', target });
  const policy = await resolveTrust(target, place, options);
  if (!policy.ok) return policy;
  if (/^[0-9]{1,15}$/.test(entry)) return proveEntry(place.reader, policy.value, Number(entry));
  let found: number | undefined;
  const report = await verifyLog(target, options, (index, body) => {
    const read = readEntry(body);
    if (read.ok && isNamed(read.value.statement, entry)) found ??= index;
  });
  if (!report.ok) return report;
  if (found === undefined) return refuse({ kind: 'no-entry-named', entry });
  return proveEntry(place.reader, policy.value, found);
}

/** Finds an entry by what it says and proves that it is in the log, without verifying the rest of it. */
export async function proveWanted(
  target: string,
  options: TrustOptions,
  isWanted: (entry: Uint8Array) => boolean,
): Promise<Result<ProvenEntry | undefined, VerifyRefusal | ProveRefusal>> {
  const place = await findLog(target);
  if (!place) return refuse({ kind: 'no-log', target });
  const policy = await resolveTrust(target, place, options);
  if (!policy.ok) return policy;
  const index = await findEntry(place.reader, policy.value, isWanted);
  if (!index.ok || index.value === undefined) return index.ok ? ok(undefined) : index;
  const proven = await proveEntry(place.reader, policy.value, index.value);
  return proven.ok ? ok(proven.value.proven) : proven;
}

function isNamed(statement: Statement, name: string): boolean {
  return statement.id === name || (statement.type === 'commitment' && statement.commitment === name);
}

/** Checks a proof file without a network. `ownKey` is the file to trust where nothing was given. */
export async function checkProofFile(
  path: string,
  options: TrustOptions,
  ownKey: string,
): Promise<Result<ProvenEntry, ProofRefusal | TrustRefusal>> {
  const bytes = await readLimited(path, MAX_PROOF_BYTES);
  if (!bytes) return refuse({ kind: 'no-log', target: path });
  const proof = readProof(bytes);
  if (!proof.ok) return proof;
  const given = await readTrust(options);
  if (!given.ok) return given;
  let policy = given.value;
  if (!policy || policy.logs.length === 0) {
    const text = await readLimited(ownKey, MAX_KEY_BYTES);
    if (!text) return refuse({ kind: 'no-key', target: path });
    const key = await readKey(ownKey, text);
    if (!key.ok) return key;
    policy = policy ? { ...policy, logs: [key.value] } : trustOnly(key.value);
  }
  return checkProof(proof.value, policy);
}
