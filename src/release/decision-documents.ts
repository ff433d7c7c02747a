/** How a decision stands in the log: the hash of everything it followed from, and nothing that names the model. */
import type { Json } from '../lib/canonical-json.ts';
import type { Decision } from '../policy/index.ts';

export const DECIDED = 'headstart/decision/v1';

/** A document by name, `sha256:…`. */
export interface NamedDocument {
  readonly name: string;
  readonly hash: string;
}

export interface LoggedDecision {
  readonly sha256: string;
  readonly semantics: number;
  readonly dossier: string;
  readonly trust: string | undefined;
  readonly frameworks: readonly string[];
  readonly statements: readonly string[];
  /** Acts of adoption. */
  readonly adoptions: readonly string[];
  readonly safetyCase: string | undefined;
}

interface Said {
  readonly predicateType: string;
  readonly subject: string;
  readonly documents: readonly { readonly name: string; readonly sha256: string }[];
  readonly facts: { readonly [name: string]: Json };
}

const PREFIX = 'sha256:';

export function sayDecision(decision: Decision, sha256: string, inputs: readonly NamedDocument[]): Said {
  const { semantics, stage, asked, granted, demonstration } = decision;
  return {
    predicateType: DECIDED,
    // By hash: the log is public, and a model may not be.
    subject: decision.modelDigest,
    documents: [
      { name: 'decision', sha256 },
      ...inputs.map(({ name, hash }) => ({ name, sha256: hash.slice(PREFIX.length) })),
    ],
    facts: {
      semantics,
      asked,
      stage,
      granted,
      demonstration,
      // What is set aside is published here, with the instant at which that ends.
      ...(decision.deviations.length > 0 && { deviations: decision.deviations.map((each) => ({ ...each })) }),
      ...(decision.ends && { ends: { at: decision.ends.at, with: decision.ends.what } }),
      evidence: decision.inputs.statements.length > 0 ? 'signed' : 'claimed',
    },
  };
}

/** Undefined for a statement that is no decision of this form. */
export function readLoggedDecision(said: Said): LoggedDecision | undefined {
  if (said.predicateType !== DECIDED) return undefined;
  const of = (name: string): readonly string[] =>
    said.documents.filter((each) => each.name === name || each.name.startsWith(`${name}/`)).map(({ sha256 }) => sha256);
  const [sha256] = of('decision');
  const [dossier] = of('dossier');
  const [trust] = of('trust');
  const [safetyCase] = of('safety-case');
  const { semantics } = said.facts;
  if (sha256 === undefined || dossier === undefined || typeof semantics !== 'number') return undefined;
  const named = (hash: string): string => `${PREFIX}${hash}`;
  return {
    sha256,
    semantics,
    dossier: named(dossier),
    trust: trust === undefined ? undefined : named(trust),
    frameworks: of('framework').map(named),
    statements: of('statement').map(named),
    adoptions: of('adoption').map(named),
    safetyCase: safetyCase === undefined ? undefined : named(safetyCase),
  };
}
