/** Brings the two release keys of a kind into use: their files exist, and the log has named their public halves. */

import { fromBase64 } from '../lib/bytes.ts';
import type { Ed25519Signer } from '../lib/ed25519.ts';
import type { RandomBytes } from '../lib/id.ts';
import { ok, type Result, refuse } from '../lib/result.ts';
import type { Database, Transaction } from '../store/database.ts';
import { createVerifierKey, ED25519, formatVerifierKey, type Tlog } from '../tlog/index.ts';
import { createReleaseKeyFiles, namesFor } from './key-file-client.ts';
import { type EncryptedKey, type KeyRefusal, openReleaseKey } from './release-key.ts';

export interface ReleaseKeyDependencies {
  readonly database: Database;
  readonly log: Pick<Tlog, 'append' | 'origin'>;
  readonly random: RandomBytes;
  readonly home: string;
  /** scrypt's cost, where it is not to be the usual one: passphrases that cannot be guessed, tests. */
  readonly scryptN?: number;
}

export type SignersRefusal = KeyRefusal | { readonly kind: 'same-key' } | { readonly kind: 'same-passphrase' };

/** The two signers, made on first use. Each passphrase opens one key, and they differ. */
export async function openReleaseSigners(
  parts: ReleaseKeyDependencies,
  kind: 'real' | 'demonstration',
  passphrases: readonly [string, string],
): Promise<Result<readonly [Ed25519Signer, Ed25519Signer], SignersRefusal>> {
  if (passphrases[0] === passphrases[1]) return refuse({ kind: 'same-passphrase' });
  const files = createReleaseKeyFiles(parts.home);
  const [nameA, nameB] = namesFor(kind);
  const keyA = (await files.find(nameA)) ?? (await files.create(nameA, passphrases[0], parts.random, parts.scryptN));
  const keyB = (await files.find(nameB)) ?? (await files.create(nameB, passphrases[1], parts.random, parts.scryptN));
  if (keyA.publicKey === keyB.publicKey) return refuse({ kind: 'same-key' });
  const first = openReleaseKey(keyA, passphrases[0]);
  if (!first.ok) return first;
  const second = openReleaseKey(keyB, passphrases[1]);
  if (!second.ok) return second;
  await parts.database.transaction(async (tx) => {
    for (const key of [keyA, keyB]) await nameInLog(tx, parts.log, key);
  });
  return ok([first.value, second.value]);
}

async function nameInLog(tx: Transaction, log: ReleaseKeyDependencies['log'], key: EncryptedKey): Promise<void> {
  await tx.query('lock table publish.release_keys in share row exclusive mode');
  const publicKey = fromBase64(key.publicKey);
  if (!publicKey) throw new Error(`the release key ${key.name} has no public half`);
  const vkey = formatVerifierKey(createVerifierKey(`${log.origin}/${key.name}`, ED25519, publicKey));
  const { rows } = await tx.query<{ vkey: string }>('select vkey from publish.release_keys where name = $1', [
    key.name,
  ]);
  if (rows[0]) {
    if (rows[0].vkey !== vkey) throw new Error(`keys/${key.name}.key is not the key that the log has named`);
    return;
  }
  const entry = await log.append(tx, { type: 'key', role: 'release', vkey });
  if (!entry.ok) throw new Error(`the release key ${key.name} cannot be logged: ${entry.refusal.kind}`);
  await tx.query('insert into publish.release_keys (name, vkey, entry_id) values ($1, $2, $3)', [
    key.name,
    vkey,
    entry.value,
  ]);
}
