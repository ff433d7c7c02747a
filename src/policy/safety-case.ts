/**
 * A safety case: claims for each way of harm, the safeguards that carry them, the evidence for those, with thresholds. It is
 * judged against the claims that a decision may count; whatever is not covered, not shown or not stated is an error with
 * its place.
 *
 *   way of harm ◀── claim ──▶ safeguard ──▶ evidence ──▶ a result or metric of the dossier, and what it must be
 */
import { Ajv2020 } from 'ajv/dist/2020.js';
import type { Json } from '../lib/canonical-json.ts';
import { ok, type Result, refuse } from '../lib/result.ts';
import type { ReleaseStage } from './framework.ts';
import schema from './safety-case.schema.json' with { type: 'json' };

/** Of the frameworks: a way of harm that one names, or a category of capability that is crossed. */
export interface WaySource {
  readonly framework: string;
  readonly vector?: string;
  readonly category?: string;
}

export interface WayOfHarm {
  readonly id: string;
  readonly text: string;
  readonly of?: readonly WaySource[];
  readonly residual?: {
    readonly risk: 'negligible' | 'low' | 'moderate' | 'high';
    readonly text: string;
    readonly acceptedBy?: string;
  };
}

export interface CaseClaim {
  readonly id: string;
  readonly text: string;
  readonly argument?: string;
  readonly ways: readonly string[];
  readonly safeguards?: readonly string[];
}

export interface CaseSafeguard {
  readonly id: string;
  readonly text: string;
  readonly evidence?: readonly string[];
}

export interface CaseEvidence {
  readonly id: string;
  readonly text: string;
  readonly result?: string;
  readonly metric?: string;
  readonly limits?: string;
  readonly threshold?: { readonly is?: 'pass'; readonly atLeast?: number; readonly atMost?: number };
}

export interface CaseReview {
  readonly id: string;
  readonly kind: 'red-team' | 'external-review';
  readonly by: string;
  /** The signed statement, by its hash. */
  readonly statement: string;
  readonly text: string;
}

export interface SafetyCase {
  readonly schema: 'headstart-safety-case/1';
  readonly model: string;
  readonly modelDigest: string;
  readonly stage: ReleaseStage;
  readonly at: string;
  readonly validUntil: string;
  readonly claim: string;
  readonly context?: readonly { readonly id: string; readonly text: string; readonly assumed?: boolean }[];
  readonly ways: readonly WayOfHarm[];
  readonly claims: readonly CaseClaim[];
  readonly safeguards: readonly CaseSafeguard[];
  readonly evidence: readonly CaseEvidence[];
  readonly reviews?: readonly CaseReview[];
}

export interface CaseError {
  readonly place: string;
  readonly why: string;
}

/** The name by which a result of a dossier says that somebody stands for a safety case; its digest is the case's. */
export const SAFETY_CASE = 'safety-case';

const ajv = new Ajv2020({ allErrors: false, strict: false });
let compiled: ReturnType<typeof ajv.compile> | undefined;

export function readSafetyCase(value: Json): Result<SafetyCase, CaseError> {
  compiled ??= ajv.compile(schema);
  if (compiled(value)) return ok(value as unknown as SafetyCase);
  const [first] = compiled.errors ?? [];
  const { additionalProperty } = (first?.params ?? {}) as Record<string, unknown>;
  const detail = additionalProperty === undefined ? '' : `: ${String(additionalProperty)}`;
  return refuse({ place: first?.instancePath ?? '', why: `${first?.message}${detail}` });
}
