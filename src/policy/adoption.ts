/**
 * Acts of adoption: a framework takes effect here by a document that names its bytes by hash and that those who decide under
 * it signed. A later act supersedes an earlier one; a label alone adopts nothing, because bytes change behind labels.
 */
import { readUtf8 } from '../lib/bytes.ts';
import { canonicalJson, type Json } from '../lib/canonical-json.ts';
import { type Envelope, encodeEnvelope, readEnvelope, signEnvelope } from '../lib/dsse.ts';
import type { Ed25519Signer } from '../lib/ed25519.ts';
import { sha256Hex } from '../lib/hash.ts';
import { ok, type Result, refuse } from '../lib/result.ts';
import { type Framework, labelOf } from './framework.ts';
import { bodiesOf } from './quorum.ts';
import type { Trust } from './trust.ts';

const ADOPTION_TYPE = 'application/vnd.headstart.adoption.v1+json';

export interface AdoptionAct {
  readonly framework: string;
  readonly label: string;
  /** Of the framework's canonical JSON: `sha256:…`. */
  readonly digest: string;
  readonly at: string;
}

/** An act whose signatures were checked. */
export interface Adoption extends AdoptionAct {
  /** `sha256:…` of the envelope. */
  readonly act: string;
  /** As `framework/body`. */
  readonly signedBy: readonly string[];
}

export interface AdoptionRefusal {
  readonly kind: 'malformed-act' | 'act-unsigned';
  readonly why: string;
}

const digestOf = ({ digest }: Framework): string => `sha256:${digest}`;

/** The envelope's bytes; their SHA-256 is the act's name. */
export function signAdoption(framework: Framework, at: Date, signers: readonly Ed25519Signer[]): Buffer {
  const act = {
    framework: framework.id,
    label: labelOf(framework),
    digest: digestOf(framework),
    at: at.toISOString(),
  };
  return encodeEnvelope(signEnvelope(ADOPTION_TYPE, Buffer.from(canonicalJson(act)), signers));
}

/** Of the framework at hand, signed by all who are always asked to approve under it; where nobody is, by any body. */
export function openAdoption(
  bytes: Uint8Array,
  frameworks: readonly Framework[],
  trust: Trust,
): Result<Adoption, AdoptionRefusal> {
  const malformed = (why: string) => refuse<AdoptionRefusal>({ kind: 'malformed-act', why });
  const envelope = readEnvelope(bytes);
  if (!envelope.ok || envelope.value.payloadType !== ADOPTION_TYPE) return malformed('it is no signed act of adoption');
  const act = readAct(envelope.value.payload);
  if (!act) return malformed('it holds no act in canonical form');
  const framework = frameworks.find(({ id }) => id === act.framework);
  if (!framework) return malformed(`it adopts ${act.framework}, which is not judged`);
  const { signed, missing } = judgeSigners(envelope.value, framework, trust);
  if (missing.length > 0) return refuse({ kind: 'act-unsigned', why: `unsigned by ${missing.join(', ')}` });
  return ok({ ...act, act: `sha256:${sha256Hex(bytes)}`, signedBy: signed });
}

function judgeSigners(envelope: Envelope, framework: Framework, trust: Trust) {
  const signed = bodiesOf(envelope, trust).toSorted();
  const has = (body: string): boolean => signed.includes(`${framework.id}/${body}`);
  const asked = framework.quorums.filter(({ when }) => 'always' in when).map(({ approve }) => approve);
  const missing = asked.flatMap((approve) => {
    if ('all' in approve) return approve.all.filter((body) => !has(body));
    return approve.any.some(has) ? [] : [`one of ${approve.any.join(', ')}`];
  });
  if (asked.length === 0 && signed.length === 0) missing.push('any body');
  return { signed, missing };
}

function readAct(payload: Uint8Array): AdoptionAct | undefined {
  const text = readUtf8(payload);
  let value: Json;
  try {
    value = JSON.parse(text ?? '');
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null || canonicalJson(value) !== text) return undefined;
  const { framework, label, digest, at, ...more } = value as { readonly [name: string]: Json };
  if (Object.keys(more).length > 0 || typeof framework !== 'string' || typeof label !== 'string') return undefined;
  if (typeof digest !== 'string' || !/^sha256:[0-9a-f]{64}$/.test(digest)) return undefined;
  if (typeof at !== 'string' || Number.isNaN(Date.parse(at)) || new Date(at).toISOString() !== at) return undefined;
  return { framework, label, digest, at };
}

/** The act that is in force for these very bytes; or why there is none. */
export function adoptionOf(
  framework: Framework,
  adoptions: readonly Adoption[],
  asOf: string,
): { readonly adoption: Adoption } | { readonly adoption: null; readonly why: string } {
  const acts = adoptions
    .filter((each) => each.framework === framework.id && Date.parse(each.at) <= Date.parse(asOf))
    .sort((left, right) => Date.parse(left.at) - Date.parse(right.at) || (left.act < right.act ? -1 : 1));
  const last = acts.at(-1);
  if (!last) return { adoption: null, why: 'not adopted: no act of adoption names it' };
  if (last.digest === digestOf(framework)) return { adoption: last };
  const changed = last.label === labelOf(framework) ? `: the bytes behind “${last.label}” changed` : '';
  return { adoption: null, why: `not adopted: the act in force names ${last.digest}${changed}` };
}
