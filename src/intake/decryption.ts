/**
 * Reports encrypted to this installation: age (age-encryption, BSD) and PGP. OpenPGP.js is LGPL-3.0-or-later: it is a
 * dependency that npm installs beside us, unchanged and replaceable, loaded only when a PGP message is met; no part of
 * it is copied or bundled.
 */

export interface DecryptionKeys {
  /** `AGE-SECRET-KEY-1…` */
  readonly age: readonly string[];
  /** Armoured private keys without a passphrase. */
  readonly pgp: readonly string[];
}

export const NO_KEYS: DecryptionKeys = { age: [], pgp: [] };

export interface Encrypted {
  readonly kind: 'age' | 'pgp';
  readonly text: string;
}

/** Of what comes out: compressed PGP messages can be a thousand times what went in. */
const MAX_PLAIN_BYTES = 16 * 1024 * 1024;
const MAX_ARMOR = 24 * 1024 * 1024;

const BLOCKS = [
  ['age', '-----BEGIN AGE ENCRYPTED FILE-----', '-----END AGE ENCRYPTED FILE-----'],
  ['pgp', '-----BEGIN PGP MESSAGE-----', '-----END PGP MESSAGE-----'],
] as const;

/** The first armoured block of a text. */
export function findEncrypted(text: string): Encrypted | undefined {
  for (const [kind, begin, end] of BLOCKS) {
    const from = text.indexOf(begin);
    const to = from === -1 ? -1 : text.indexOf(end, from);
    if (to !== -1 && to - from < MAX_ARMOR) return { kind, text: text.slice(from, to + end.length) };
  }
  return undefined;
}

/** Which keys a file holds: age identities line by line, or one armoured PGP key. */
export function readKeys(text: string): DecryptionKeys {
  const age = text.split(/\r?\n/).filter((line) => /^AGE-SECRET-KEY-(?:PQ-)?1[0-9A-Z]+$/.test(line.trim()));
  return { age: age.map((line) => line.trim()), pgp: text.includes('BEGIN PGP PRIVATE KEY BLOCK') ? [text] : [] };
}

/** A text with what is encrypted in it opened; undefined where nothing is, or no key fits. */
export async function openText(text: string, keys: DecryptionKeys): Promise<string | undefined> {
  const found = findEncrypted(text);
  return found && (await decrypt(found, keys))?.toString('utf8');
}

/** What something is encrypted to for their owner, as text; undefined where there is no key. */
export async function publicKeysOf({ age, pgp }: DecryptionKeys): Promise<string | undefined> {
  const { identityToRecipient } = await import('age-encryption');
  const recipients = await Promise.all(age.map((identity) => identityToRecipient(identity)));
  if (pgp.length === 0) return recipients.length === 0 ? undefined : `${recipients.join('\n')}\n`;
  const { readPrivateKey } = await import('openpgp');
  const armoured = await Promise.all(
    pgp.map(async (armoredKey) => (await readPrivateKey({ armoredKey })).toPublic().armor()),
  );
  return `${[...recipients, ...armoured].join('\n')}\n`;
}

/** Undefined where no key fits, or the message is broken: the two are told apart by nobody who has not the key. */
export async function decrypt({ kind, text }: Encrypted, keys: DecryptionKeys): Promise<Buffer | undefined> {
  try {
    return kind === 'age' ? await decryptAge(text, keys.age) : await decryptPgp(text, keys.pgp);
  } catch {
    return undefined;
  }
}

async function decryptAge(text: string, identities: readonly string[]): Promise<Buffer | undefined> {
  if (identities.length === 0) return undefined;
  const { armor, Decrypter } = await import('age-encryption');
  const decrypter = new Decrypter();
  for (const identity of identities) decrypter.addIdentity(identity);
  return Buffer.from(await decrypter.decrypt(armor.decode(text.replace(/\r\n/g, '\n'))));
}

async function decryptPgp(text: string, armoured: readonly string[]): Promise<Buffer | undefined> {
  if (armoured.length === 0) return undefined;
  const { decrypt: open, readMessage, readPrivateKey } = await import('openpgp');
  const decryptionKeys = await Promise.all(armoured.map((armoredKey) => readPrivateKey({ armoredKey })));
  const { data } = await open({
    message: await readMessage({ armoredMessage: text }),
    decryptionKeys,
    format: 'binary',
    config: { maxDecompressedMessageSize: MAX_PLAIN_BYTES },
  });
  return Buffer.from(data);
}
