/** What a decision rests on: claims about one model, as a file gives them or as signed statements were opened into. */
import { Ajv2020 } from 'ajv/dist/2020.js';
import type { Json } from '../lib/canonical-json.ts';
import { ok, type Result, refuse } from '../lib/result.ts';
import schema from './dossier.schema.json' with { type: 'json' };
import type { ReleaseStage } from './framework.ts';

/** Whether a threshold is crossed. `cannot-rule-out` gates as `crossed`; `not-assessed` passes nothing. */
export type Determined = 'crossed' | 'not-crossed' | 'cannot-rule-out' | 'not-assessed';
/** `invalid` and `inconclusive` are neither `pass` nor `fail`. */
export type ResultValue = 'pass' | 'fail' | 'invalid' | 'inconclusive';

/** What any claim may say of itself. */
export interface Claim {
  readonly at?: string;
  readonly validUntil?: string;
  readonly nature?: 'real' | 'simulated';
  /** Of the model it is about, where it is not the dossier's by saying nothing. */
  readonly modelDigest?: string;
  readonly signedBy?: string | null;
}

export interface DeterminationClaim extends Claim {
  readonly framework: string;
  readonly category: string;
  readonly level?: string | null;
  readonly value: Determined;
  readonly evidence?: readonly string[];
}

export interface ResultClaim extends Claim {
  readonly name: string;
  readonly value: ResultValue;
  readonly digest: string;
  readonly elicitation?: string;
  readonly coverage?: string;
  readonly source?: string;
}

export interface SafeguardClaim extends Claim {
  readonly id: string;
  readonly framework?: string;
  readonly standing?: boolean;
  readonly evidence?: readonly string[];
}

export interface Interpretation extends Claim {
  readonly framework: string;
  readonly term: string;
  readonly meaning: string;
  readonly stages?: readonly ReleaseStage[];
}

export interface DeviationClaim extends Claim {
  readonly framework: string;
  readonly deviation: string;
  readonly reason: string;
  readonly at: string;
  readonly publishedAt: string | null;
  readonly expiresAt: string;
}

/** Of an authority outside: suspends everything while it is in force. */
export interface Order {
  readonly id: string;
  readonly authority: string;
  readonly from: string;
  readonly until?: string | null;
  readonly signedBy?: string;
}

export interface MetricClaim extends Claim {
  readonly name: string;
  readonly value: number;
  readonly source: string;
}

export interface FlagClaim extends Claim {
  readonly framework: string;
  readonly flag: string;
  readonly value: boolean;
}

export interface Claims {
  readonly determinations: readonly DeterminationClaim[];
  readonly results: readonly ResultClaim[];
  readonly safeguards: readonly SafeguardClaim[];
  readonly interpretations: readonly Interpretation[];
  readonly deviations: readonly DeviationClaim[];
  readonly orders: readonly Order[];
  readonly metrics: readonly MetricClaim[];
  readonly flags: readonly FlagClaim[];
}

export interface Dossier extends Claims {
  readonly model: string;
  readonly modelDigest: string;
  /** The instant as of which is decided. */
  readonly asOf: string;
  readonly stage: ReleaseStage;
  readonly demonstration: boolean;
  readonly highRiskInternal: boolean;
  /** Hashes of envelopes; with any, everything must come from them. */
  readonly statements: readonly string[];
  /** The document that says whose signatures count; with statements, there is one. */
  readonly trust?: string;
  /** Hashes of the acts by which frameworks were adopted. */
  readonly adoptions?: readonly string[];
}

export const CLAIM_KINDS = [
  'determinations',
  'results',
  'safeguards',
  'interpretations',
  'deviations',
  'orders',
  'metrics',
  'flags',
] as const;

export type ClaimKind = (typeof CLAIM_KINDS)[number];

export interface DossierRefusal {
  readonly kind: 'malformed-dossier';
  readonly place: string;
  readonly why: string;
}

const ajv = new Ajv2020({ allErrors: false, strict: false });
let compiled: ReturnType<typeof ajv.compile> | undefined;

export function readDossierValue(value: Json): Result<Dossier, DossierRefusal> {
  compiled ??= ajv.compile(schema);
  if (!compiled(value)) {
    const [first] = compiled.errors ?? [];
    const { additionalProperty, allowedValues } = (first?.params ?? {}) as Record<string, unknown>;
    const detail = additionalProperty ?? (Array.isArray(allowedValues) ? allowedValues.join(', ') : undefined);
    return malformed(
      first?.instancePath ?? '',
      `${first?.message}${detail === undefined ? '' : `: ${String(detail)}`}`,
    );
  }
  const given = value as unknown as Partial<Omit<Dossier, 'stage'>> & { readonly stage: string };
  const instant = findFalseInstant(value);
  if (instant !== undefined) return malformed(instant, 'there is no such instant');
  const claims = Object.fromEntries(CLAIM_KINDS.map((kind) => [kind, given[kind] ?? []]));
  return ok({
    ...given,
    ...claims,
    // The gate's word for it is understood too.
    stage: given.stage === 'partner' ? 'partners' : given.stage,
    demonstration: given.demonstration ?? false,
    highRiskInternal: given.highRiskInternal ?? false,
    statements: given.statements ?? [],
  } as unknown as Dossier);
}

const INSTANTS = new Set(['at', 'validUntil', 'asOf', 'from', 'until', 'publishedAt', 'expiresAt']);

/** The pattern holds 31 February too. */
function findFalseInstant(value: Json, path = ''): string | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  for (const [name, member] of Object.entries(value as { readonly [name: string]: Json })) {
    const place = `${path}/${name}`;
    if (INSTANTS.has(name) && typeof member === 'string' && !isInstant(member)) return place;
    const inside = findFalseInstant(member, place);
    if (inside !== undefined) return inside;
  }
  return undefined;
}

/** That a day exists is told by writing it back: the 31st of February becomes one of March. */
function isInstant(text: string): boolean {
  const day = text.slice(0, 10);
  const midnight = new Date(`${day}T00:00:00Z`);
  return !Number.isNaN(Date.parse(text)) && !Number.isNaN(midnight.getTime()) && midnight.toISOString().startsWith(day);
}

function malformed(place: string, why: string): Result<never, DossierRefusal> {
  return refuse({ kind: 'malformed-dossier', place, why });
}
