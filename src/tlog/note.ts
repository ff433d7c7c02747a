/**
 * C2SP signed notes: a text, a blank line, and one line per signature. https://c2sp.org/signed-note
 *
 *     text …⏎
 *     ⏎
 *     — name base64(key id ‖ signature)⏎
 *
 * The text of a note means nothing until a known key has been verified. A known key whose signature fails condemns the
 * whole note; signatures of unknown keys are ignored.
 */
import { equalBytes, fromBase64, fromHex, readUtf8, toBase64, toHex } from '../lib/bytes.ts';
import { type Ed25519Signer, isSoundPoint, PUBLIC_KEY_BYTES, verifyEd25519 } from '../lib/ed25519.ts';
import { sha256 } from '../lib/hash.ts';
import { ok, type Result, refuse } from '../lib/result.ts';

export const MAX_NOTE_BYTES = 65_536;
const MAX_NOTE_SIGNATURES = 64;

/** Signature types of the specification: a log's own, and a witness's with a time. */
export const ED25519 = 0x01;
export const COSIGNATURE_V1 = 0x04;

export interface VerifierKey {
  readonly name: string;
  /** Four bytes. */
  readonly id: Uint8Array;
  readonly type: typeof ED25519 | typeof COSIGNATURE_V1;
  /** 32 bytes. */
  readonly publicKey: Uint8Array;
}

export interface NoteSignature {
  readonly name: string;
  readonly keyId: Uint8Array;
  /** What follows the key id. */
  readonly signature: Uint8Array;
}

export interface Note {
  /** Ends with a newline. */
  readonly text: string;
  readonly signatures: readonly NoteSignature[];
}

export type NoteRefusal =
  | { readonly kind: 'malformed-note'; readonly why: string }
  | { readonly kind: 'malformed-key'; readonly why: string }
  | { readonly kind: 'bad-signature'; readonly name: string }
  | { readonly kind: 'unknown-signer'; readonly names: readonly string[]; readonly expected: readonly string[] };

const KEY_ID_BYTES = 4;
const SIGNATURE_LINE = /^\u2014 (?<name>[^ ]+) (?<blob>[A-Za-z0-9+/]+={0,2})$/u;

/** Not empty, no Unicode space, no plus, no control character: what may stand in a signature line and a vkey. */
export function isKeyName(name: string): boolean {
  return name.length > 0 && name.isWellFormed() && !/[\s+\p{White_Space}\p{Cc}]/u.test(name);
}

/** First four bytes of SHA-256(name ‖ 0x0A ‖ type ‖ public key). */
function keyId(name: string, type: number, publicKey: Uint8Array): Buffer {
  return sha256(Buffer.concat([Buffer.from(`${name}\n`), Uint8Array.of(type), publicKey])).subarray(0, KEY_ID_BYTES);
}

export function createVerifierKey(name: string, type: VerifierKey['type'], publicKey: Uint8Array): VerifierKey {
  if (!isKeyName(name)) throw new TypeError(`"${name}" cannot name a key: no spaces, no plus, no control characters`);
  return { name, id: keyId(name, type, publicKey), type, publicKey };
}

/** `name+hex(key id)+base64(type ‖ public key)`. */
export function formatVerifierKey({ name, id, type, publicKey }: VerifierKey): string {
  return `${name}+${toHex(id)}+${toBase64(Buffer.concat([Uint8Array.of(type), publicKey]))}`;
}

/** Refuses a key id that is not the key's own, and keys that would accept signatures nobody made. */
export function readVerifierKey(text: string): Result<VerifierKey, NoteRefusal> {
  const malformed = (why: string) => refuse<NoteRefusal>({ kind: 'malformed-key', why });
  const [name = '', hex = '', ...rest] = text.split('+');
  const key = fromBase64(rest.join('+'));
  const id = fromHex(hex);
  if (!isKeyName(name)) return malformed('not a vkey: name+hash+key');
  if (id?.length !== KEY_ID_BYTES || !key) return malformed('the key id or the key is not in its one spelling');
  const [type] = key;
  const publicKey = key.subarray(1);
  if (type !== ED25519 && type !== COSIGNATURE_V1) return malformed(`signature type ${type} is not supported`);
  if (publicKey.length !== PUBLIC_KEY_BYTES) return malformed(`${publicKey.length} bytes of key instead of 32`);
  if (!isSoundPoint(publicKey)) return malformed('a point of small order or in non-canonical form');
  if (!equalBytes(id, keyId(name, type, publicKey))) return malformed('the key id does not belong to the key');
  return ok({ name, id, type, publicKey });
}

export function formatNote({ text, signatures }: Note): string {
  const lines = signatures.map(
    ({ name, keyId: id, signature }) => `\u2014 ${name} ${toBase64(Buffer.concat([id, signature]))}\n`,
  );
  return `${text}\n${lines.join('')}`;
}

/** A plain Ed25519 signature (type 0x01) over the text. */
export function signNote(text: string, key: VerifierKey, signer: Ed25519Signer): NoteSignature {
  if (!text.endsWith('\n')) throw new TypeError('the text of a note ends with a newline');
  return { name: key.name, keyId: key.id, signature: signer.sign(Buffer.from(text)) };
}

export function readNote(bytes: Uint8Array): Result<Note, NoteRefusal> {
  const malformed = (why: string) => refuse<NoteRefusal>({ kind: 'malformed-note', why });
  if (bytes.length > MAX_NOTE_BYTES) return malformed(`longer than ${MAX_NOTE_BYTES} bytes`);
  const note = readUtf8(bytes);
  if (note === undefined) return malformed('not UTF-8');
  // Everything below U+0020 but the newline.
  if ([...note].some((character) => character < ' ' && character !== '\n')) return malformed('a control character');
  const split = note.lastIndexOf('\n\n');
  if (split < 0) return malformed('no blank line before the signatures');
  const text = note.slice(0, split + 1);
  const tail = note.slice(split + 2);
  if (!tail.endsWith('\n')) return malformed('the last signature line is cut off');
  const lines = tail.slice(0, -1).split('\n');
  if (lines.length > MAX_NOTE_SIGNATURES) return malformed(`more than ${MAX_NOTE_SIGNATURES} signatures`);
  const signatures: NoteSignature[] = [];
  for (const line of lines) {
    const { name = '', blob = '' } = SIGNATURE_LINE.exec(line)?.groups ?? {};
    const bytesOfLine = fromBase64(blob);
    if (!isKeyName(name) || !bytesOfLine || bytesOfLine.length <= KEY_ID_BYTES) {
      return malformed('a line after the blank line is no signature');
    }
    signatures.push({
      name,
      keyId: bytesOfLine.subarray(0, KEY_ID_BYTES),
      signature: bytesOfLine.subarray(KEY_ID_BYTES),
    });
  }
  return ok({ text, signatures });
}

export function isBy(signature: NoteSignature, key: VerifierKey): boolean {
  return signature.name === key.name && equalBytes(signature.keyId, key.id);
}

/** The first of the trusted keys that signed the text. A failing signature of a trusted key refuses the note. */
export function verifyNote(note: Note, trusted: readonly VerifierKey[]): Result<VerifierKey, NoteRefusal> {
  const text = Buffer.from(note.text);
  let signer: VerifierKey | undefined;
  for (const signature of note.signatures) {
    const key = trusted.find((candidate) => candidate.type === ED25519 && isBy(signature, candidate));
    if (!key) continue;
    if (!verifyEd25519(key.publicKey, text, signature.signature))
      return refuse({ kind: 'bad-signature', name: key.name });
    signer ??= key;
  }
  if (signer) return ok(signer);
  return refuse({
    kind: 'unknown-signer',
    names: note.signatures.map(({ name, keyId: id }) => `${name}+${toHex(id)}`),
    expected: trusted.map(({ name, id }) => `${name}+${toHex(id)}`),
  });
}
