/**
 * Text that only the addressee can read: to an age key (`age1…`), or to an OpenPGP key in its armour. What stands around
 * it (who writes to whom, when) is in the clear, as mail is; the subject is not. The libraries are loaded when needed:
 * most commands encrypt nothing.
 */
import { ok, type Result, refuse } from '../lib/result.ts';

export type PublicKey =
  | { readonly kind: 'age'; readonly recipient: string }
  | { readonly kind: 'pgp'; readonly armored: string };

export interface KeyRefusal {
  readonly kind: 'no-public-key';
  readonly why: string;
}

/** Characters; certificates with many signatures are long. */
const MAX_KEY = 200_000;
const PGP_HEAD = '-----BEGIN PGP PUBLIC KEY BLOCK-----';

/** Says whether something can be encrypted to it now, not only whether it looks like a key. */
export async function readPublicKey(text: string): Promise<Result<PublicKey, KeyRefusal>> {
  const no = (why: string): Result<PublicKey, KeyRefusal> => refuse({ kind: 'no-public-key', why });
  const trimmed = text.trim();
  if (trimmed.length > MAX_KEY) return no(`it is longer than ${MAX_KEY} characters`);
  const key: PublicKey | undefined = trimmed.startsWith('age1')
    ? { kind: 'age', recipient: trimmed }
    : trimmed.startsWith(PGP_HEAD)
      ? { kind: 'pgp', armored: trimmed }
      : undefined;
  if (!key) return no('it is neither an age recipient (age1…) nor an armoured OpenPGP public key');
  try {
    await encryptTo(key, 'x');
    return ok(key);
  } catch (error) {
    return no(error instanceof Error ? error.message : String(error));
  }
}

/** Armoured. Throws where the key cannot be used. */
export async function encryptTo(key: PublicKey, text: string): Promise<string> {
  if (key.kind === 'age') {
    const { armor, Encrypter } = await import('age-encryption');
    const encrypter = new Encrypter();
    encrypter.addRecipient(key.recipient);
    return armor.encode(await encrypter.encrypt(text));
  }
  const { createMessage, encrypt, readKey } = await import('openpgp');
  const encryptionKeys = await readKey({ armoredKey: key.armored });
  if (encryptionKeys.isPrivate()) throw new Error('it is a private key');
  return await encrypt({ message: await createMessage({ text }), encryptionKeys, format: 'armored' });
}
