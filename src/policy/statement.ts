/**
 * Signed evidence: one claim in a DSSE envelope, content-addressed by the SHA-256 of the envelope. A dossier on signed
 * evidence names statements by hash and holds no claim of its own; what is not proven in full is refused with its place.
 */
import { readUtf8 } from '../lib/bytes.ts';
import { canonicalJson, type Json } from '../lib/canonical-json.ts';
import { encodeEnvelope, readEnvelope, signEnvelope, verifyEnvelope } from '../lib/dsse.ts';
import type { Ed25519Signer } from '../lib/ed25519.ts';
import { sha256Hex } from '../lib/hash.ts';
import { CLAIM_KINDS, type ClaimKind, type Dossier, readDossierValue } from './dossier.ts';
import type { RefusedClaim } from './sift.ts';
import type { Trust } from './trust.ts';

const EVIDENCE_TYPE = 'application/vnd.headstart.evidence.v1+json';

type Loose = { readonly [name: string]: Json };

/** The envelope's bytes; their SHA-256 is the statement's name. */
export function signStatement(kind: ClaimKind, claim: Loose, signer: Ed25519Signer): Buffer {
  const payload = Buffer.from(canonicalJson({ kind, claim }));
  return encodeEnvelope(signEnvelope(EVIDENCE_TYPE, payload, [signer]));
}

export interface OpenedDossier {
  readonly dossier: Dossier;
  readonly refused: readonly RefusedClaim[];
}

/** `find` gives the bytes that hash to a name (`sha256:…`), where they are at hand. */
export function openStatements(
  dossier: Dossier,
  find: (hash: string) => Uint8Array | undefined,
  trust: Trust,
): OpenedDossier {
  const refused: RefusedClaim[] = [];
  const claims = new Map<ClaimKind, Json[]>(CLAIM_KINDS.map((kind) => [kind, []]));
  for (const kind of CLAIM_KINDS) {
    dossier[kind].forEach((_, at) => {
      refused.push({
        place: `/${kind}/${at}`,
        kind: 'unsigned',
        why: 'beside signed evidence, nothing counts unsigned',
      });
    });
  }
  const seen = new Set<string>();
  for (const [at, hash] of dossier.statements.entries()) {
    const place = `/statements/${at}`;
    const opened = seen.has(hash)
      ? ({ kind: 'duplicated', why: `${hash} is named twice` } as const)
      : openOne(hash, find(hash), dossier, trust);
    seen.add(hash);
    if ('why' in opened) refused.push({ place, ...opened });
    else claims.get(opened.kind)?.push(opened.claim);
  }
  const filled = { ...dossier, ...Object.fromEntries(claims) } as Dossier;
  return { dossier: filled, refused: [...refused, ...uncovered(filled)] };
}

type Trouble = Pick<RefusedClaim, 'kind' | 'why'>;

function openOne(
  hash: string,
  bytes: Uint8Array | undefined,
  dossier: Dossier,
  trust: Trust,
): Trouble | { readonly kind: ClaimKind; readonly claim: Json } {
  if (!bytes || `sha256:${sha256Hex(bytes)}` !== hash)
    return { kind: 'not-found', why: `there is no statement ${hash}` };
  const envelope = readEnvelope(bytes);
  if (!envelope.ok) return { kind: 'wrongly-signed', why: `${hash} is no signed statement` };
  if (envelope.value.payloadType !== EVIDENCE_TYPE)
    return { kind: 'wrongly-signed', why: `${hash} is a ${envelope.value.payloadType}` };
  const payload = readPayload(envelope.value.payload);
  if (!payload) return { kind: 'wrongly-signed', why: `${hash} holds no claim in canonical form` };
  const keys = trust.signers.map(({ key }) => key);
  const signed = verifyEnvelope(envelope.value, keys, 1);
  if (!signed.ok) return { kind: 'wrongly-signed', why: `${hash} is signed by nobody who is trusted` };
  const signer = trust.signers.find(
    ({ key, states }) => states.includes(payload.kind) && signed.value.some((each) => Buffer.compare(each, key) === 0),
  );
  if (!signer)
    return { kind: 'wrongly-signed', why: `${hash} is signed by somebody who may not state ${payload.kind}` };
  const claim: Loose = { ...payload.claim, signedBy: signer.name };
  const { model, modelDigest, asOf, stage } = dossier;
  const shaped = readDossierValue({ model, modelDigest, asOf, stage, [payload.kind]: [claim] });
  if (!shaped.ok) return { kind: 'wrongly-signed', why: `${hash} at ${shaped.refusal.place}: ${shaped.refusal.why}` };
  if (payload.kind !== 'orders' && claim.at === undefined) return { kind: 'unsigned', why: `${hash} carries no date` };
  return { kind: payload.kind, claim };
}

function readPayload(bytes: Uint8Array): { readonly kind: ClaimKind; readonly claim: Loose } | undefined {
  const text = readUtf8(bytes);
  let value: Json;
  try {
    value = JSON.parse(text ?? '');
  } catch {
    return undefined;
  }
  if (!isObject(value) || canonicalJson(value) !== text || Object.keys(value).sort().join() !== 'claim,kind')
    return undefined;
  const kind = CLAIM_KINDS.find((each) => each === value.kind);
  return kind && isObject(value.claim ?? null) ? { kind, claim: value.claim as Loose } : undefined;
}

/** Evidence that a claim cites and that no statement brings. */
function uncovered({ determinations, safeguards, results }: Dossier): RefusedClaim[] {
  const known = new Set(results.map(({ digest }) => digest));
  const missing = (kind: string, list: readonly { readonly evidence?: readonly string[] }[]): RefusedClaim[] =>
    list.flatMap(({ evidence = [] }, at) =>
      evidence
        .filter((digest) => !known.has(digest))
        .map((digest) => ({ place: `/${kind}/${at}/evidence`, kind: 'not-found', why: `no result brings ${digest}` })),
    );
  return [...missing('determinations', determinations), ...missing('safeguards', safeguards)];
}

const isObject = (value: Json): value is Loose => typeof value === 'object' && value !== null && !Array.isArray(value);
