/**
 * Whether those who must agree to a decision have signed it: the union of what every framework asks for. A body that
 * recommends must have, unless its framework lets the deciding body act without; a body that may reverse, can.
 */
import { readUtf8 } from '../lib/bytes.ts';
import { canonicalJson, type Json } from '../lib/canonical-json.ts';
import { type Envelope, encodeEnvelope, signEnvelope, verifyEnvelope } from '../lib/dsse.ts';
import type { Ed25519Signer } from '../lib/ed25519.ts';
import type { Decision } from './decide.ts';
import { decisionBytes, decisionSha256 } from './decide.ts';
import type { Trust } from './trust.ts';

export const DECISION_TYPE = 'application/vnd.headstart.decision.v1+json';
const REVERSAL_TYPE = 'application/vnd.headstart.reversal.v1+json';

export interface QuorumVerdict {
  readonly met: boolean;
  /** Bodies that signed, as `framework/body`. */
  readonly signed: readonly string[];
  /** What is missing, in words. */
  readonly missing: readonly string[];
  /** The body that reversed it, where one did. */
  readonly reversedBy: string | null;
}

export function signDecision(decision: Decision, signers: readonly Ed25519Signer[]): Buffer {
  return encodeEnvelope(signEnvelope(DECISION_TYPE, decisionBytes(decision), signers));
}

export function signReversal(decision: string, reason: string, signers: readonly Ed25519Signer[]): Buffer {
  return encodeEnvelope(signEnvelope(REVERSAL_TYPE, Buffer.from(canonicalJson({ decision, reason })), signers));
}

export function judgeQuorum(
  decision: Decision,
  envelope: Envelope,
  trust: Trust,
  reversals: readonly Envelope[] = [],
): QuorumVerdict {
  const isOfIt =
    envelope.payloadType === DECISION_TYPE && Buffer.compare(envelope.payload, decisionBytes(decision)) === 0;
  const signed = isOfIt ? bodiesOf(envelope, trust) : [];
  const missing = isOfIt ? [] : ['what was signed is not this decision'];
  const has = (framework: string, body: string): boolean => signed.includes(`${framework}/${body}`);
  for (const { framework, quorum, approve, recommend, mayActWithoutRecommendation } of decision.quorum) {
    if ('all' in approve) {
      for (const body of approve.all) if (!has(framework, body)) missing.push(`${framework} ${quorum}: ${body}`);
    } else if (!approve.any.some((body) => has(framework, body))) {
      missing.push(`${framework} ${quorum}: one of ${approve.any.join(', ')}`);
    }
    if (mayActWithoutRecommendation) continue;
    for (const body of recommend)
      if (!has(framework, body)) missing.push(`${framework} ${quorum}: recommendation of ${body}`);
  }
  // Nobody asked for is nobody who answers for it.
  if (decision.quorum.length === 0) missing.push('no framework says who decides');
  const reversedBy = reversals.flatMap((each) => reversingBodies(decision, each, trust))[0] ?? null;
  return { met: missing.length === 0 && reversedBy === null, signed, missing, reversedBy };
}

function reversingBodies(decision: Decision, envelope: Envelope, trust: Trust): readonly string[] {
  if (envelope.payloadType !== REVERSAL_TYPE) return [];
  const payload = parse(readUtf8(envelope.payload));
  if (payload?.decision !== decisionSha256(decision)) return [];
  const may = new Set(
    decision.quorum.flatMap(({ framework, reverse }) => reverse.map((body) => `${framework}/${body}`)),
  );
  return bodiesOf(envelope, trust).filter((body) => may.has(body));
}

/** Whoever signed it, as the bodies that the document of trust says they are. */
export function bodiesOf(envelope: Envelope, trust: Trust): readonly string[] {
  const keys = trust.signers.map(({ key }) => key);
  const verified = verifyEnvelope(envelope, keys, 1);
  if (!verified.ok) return [];
  const whose = trust.signers.filter(({ key }) => verified.value.some((each) => Buffer.compare(each, key) === 0));
  return [...new Set(whose.flatMap(({ bodies }) => bodies))];
}

function parse(text: string | undefined): { readonly [name: string]: Json } | undefined {
  try {
    return JSON.parse(text ?? '') as { readonly [name: string]: Json };
  } catch {
    return undefined;
  }
}
