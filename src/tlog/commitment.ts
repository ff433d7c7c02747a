/**
 * Sealed findings: a root that hides every field and binds each one, to be opened field by field or whole.
 *
 *     master salt (32 random bytes)
 *        └─ HKDF-SHA256 ─▶ salt per field
 *     leaf = H(0x00 ‖ "field/v1" ‖ len(name) ‖ name ‖ salt ‖ len(value) ‖ value)      lengths as 4 bytes, big-endian
 *     root = RFC 6962 tree over the leaves in the template's order
 *
 * Hiding rests on the salt: a finding is a guessable sentence, and guesses run at 260,000 a second. Binding rests on
 * SHA-256, on both lengths (without them the border between name, salt and value could be moved) and on the template,
 * which gives every name one place (else one root could hold a field twice, with two values).
 */
import { hkdfSync } from 'node:crypto';
import { equalBytes, fromBase64Url, readUtf8, toBase64Url, toHex, uint32 } from '../lib/bytes.ts';
import { canonicalJson, type Json } from '../lib/canonical-json.ts';
import type { RandomBytes } from '../lib/id.ts';
import {
  createMemoryTree,
  HASH_BYTES,
  type Hash,
  inclusionRanges,
  isIncluded,
  leafHash,
  rangeHash,
} from '../lib/merkle.ts';
import { ok, type Result, refuse } from '../lib/result.ts';
import {
  checkField,
  checkValues,
  FINDING_FIELDS,
  FINDING_SCHEMA,
  type FindingField,
  type FindingValues,
  type TemplateRefusal,
} from './template.ts';

export const MASTER_SALT_BYTES = 32;
const FIELD_SALT_BYTES = 32;
const PATH_LENGTH = Math.ceil(Math.log2(FINDING_FIELDS.length));

/** Salt and path of one field: 128 bytes for a template of eight. */
export const FIELD_PROOF_BYTES = FIELD_SALT_BYTES + PATH_LENGTH * HASH_BYTES;

/** The secret half. Whoever holds it can open everything; it is kept encrypted until then. */
export interface SealedFinding {
  readonly schema: string;
  readonly values: FindingValues;
  /** 32 bytes. */
  readonly masterSalt: Uint8Array;
}

/** One field, opened. Verifies against the root alone and says nothing about the other fields. */
export interface FieldOpening {
  readonly name: string;
  readonly value: Json;
  /** base64url of salt ‖ path, leaf's sibling first. */
  readonly proof: string;
}

export type OpeningRefusal =
  | TemplateRefusal
  | { readonly kind: 'malformed-opening'; readonly why: string }
  | { readonly kind: 'wrong-root'; readonly committed: string; readonly opened: string | undefined };

/** `salt_i`: 32 bytes of HKDF-SHA256(master salt), bound to position and name. */
function fieldSalt(masterSalt: Uint8Array, position: number, name: string): Buffer {
  const info = Buffer.concat([Buffer.from('field-salt/v1'), uint32(position), Buffer.from(name)]);
  return Buffer.from(hkdfSync('sha256', masterSalt, Buffer.alloc(0), info, FIELD_SALT_BYTES));
}

/** The value goes in as canonical JSON. */
export function fieldLeaf(name: string, salt: Uint8Array, value: Json): Hash {
  const nameBytes = Buffer.from(name);
  const valueBytes = Buffer.from(canonicalJson(value));
  return leafHash(
    Buffer.concat([
      Buffer.from('field/v1'),
      uint32(nameBytes.length),
      nameBytes,
      salt,
      uint32(valueBytes.length),
      valueBytes,
    ]),
  );
}

function fieldTree({ values, masterSalt }: SealedFinding) {
  if (masterSalt.length !== MASTER_SALT_BYTES) throw new RangeError('the master salt is 32 bytes');
  return createMemoryTree(
    FINDING_FIELDS.map((name, position) => fieldLeaf(name, fieldSalt(masterSalt, position, name), values[name])),
  );
}

/** Checks the values against the template and draws the salt. */
export function sealFinding(
  values: { readonly [name: string]: Json },
  random: RandomBytes,
): Result<SealedFinding, TemplateRefusal> {
  const checked = checkValues(FINDING_SCHEMA, values);
  if (!checked.ok) return checked;
  return ok({ schema: FINDING_SCHEMA, values: checked.value, masterSalt: random(MASTER_SALT_BYTES) });
}

/** The public half: 32 bytes that tell nothing. */
export function commitmentRoot(sealed: SealedFinding): Hash {
  return fieldTree(sealed).root;
}

export function openField(sealed: SealedFinding, name: FindingField): FieldOpening {
  const position = FINDING_FIELDS.indexOf(name);
  const { perfect } = fieldTree(sealed);
  const path = inclusionRanges(position, FINDING_FIELDS.length).map((range) => rangeHash(range, perfect));
  const proof = toBase64Url(Buffer.concat([fieldSalt(sealed.masterSalt, position, name), ...path]));
  return { name, value: sealed.values[name], proof };
}

/** Verifies one opened field against template and root. */
export function checkFieldOpening(
  schema: string,
  root: Hash,
  opening: FieldOpening,
): Result<FindingField, OpeningRefusal> {
  const name = checkField(schema, opening.name, opening.value);
  if (!name.ok) return name;
  const bytes = fromBase64Url(opening.proof);
  if (bytes?.length !== FIELD_PROOF_BYTES) {
    return refuse({ kind: 'malformed-opening', why: `the proof is not ${FIELD_PROOF_BYTES} bytes in base64url` });
  }
  const proof = Array.from({ length: PATH_LENGTH }, (_, step) => {
    const start = FIELD_SALT_BYTES + step * HASH_BYTES;
    return bytes.subarray(start, start + HASH_BYTES);
  });
  const claim = {
    index: FINDING_FIELDS.indexOf(name.value),
    size: FINDING_FIELDS.length,
    leaf: fieldLeaf(opening.name, bytes.subarray(0, FIELD_SALT_BYTES), opening.value),
    root,
    proof,
  };
  if (!isIncluded(claim)) return refuse({ kind: 'wrong-root', committed: toHex(root), opened: undefined });
  return name;
}

/** Verifies an opening of everything against template and root. */
export function checkFullOpening(
  schema: string,
  root: Hash,
  opening: { readonly values: { readonly [name: string]: Json }; readonly masterSalt: Uint8Array },
): Result<SealedFinding, OpeningRefusal> {
  const values = checkValues(schema, opening.values);
  if (!values.ok) return values;
  if (opening.masterSalt.length !== MASTER_SALT_BYTES) {
    return refuse({ kind: 'malformed-opening', why: `the master salt is not ${MASTER_SALT_BYTES} bytes` });
  }
  const sealed: SealedFinding = { schema, values: values.value, masterSalt: opening.masterSalt };
  const opened = commitmentRoot(sealed);
  if (!equalBytes(opened, root)) return refuse({ kind: 'wrong-root', committed: toHex(root), opened: toHex(opened) });
  return ok(sealed);
}

/** The secret half as bytes, for the vault. */
export function encodeSealedFinding({ schema, values, masterSalt }: SealedFinding): Buffer {
  return Buffer.from(canonicalJson({ schema, values: { ...values }, masterSalt: toBase64Url(masterSalt) }));
}

/** Reads what `encodeSealedFinding` wrote and the vault gave back. */
export function readSealedFinding(bytes: Uint8Array): Result<SealedFinding, OpeningRefusal> {
  const malformed = (why: string) => refuse<OpeningRefusal>({ kind: 'malformed-opening', why });
  const text = readUtf8(bytes);
  if (text === undefined) return malformed('not UTF-8');
  let parsed: { schema?: unknown; values?: unknown; masterSalt?: unknown } | null;
  try {
    parsed = JSON.parse(text);
  } catch {
    return malformed('not JSON');
  }
  if (typeof parsed?.schema !== 'string' || typeof parsed.masterSalt !== 'string')
    return malformed('a part is missing');
  if (typeof parsed.values !== 'object' || parsed.values === null) return malformed('a part is missing');
  const masterSalt = fromBase64Url(parsed.masterSalt);
  if (masterSalt?.length !== MASTER_SALT_BYTES) return malformed('the master salt is not 32 bytes');
  const values = checkValues(parsed.schema, parsed.values as { readonly [name: string]: Json });
  return values.ok ? ok({ schema: parsed.schema, values: values.value, masterSalt }) : values;
}
