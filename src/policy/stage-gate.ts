/**
 * One framework against the claims: which of its gates are in force, which of those hold, and what is missing. Three-valued
 * throughout: what is not known holds nothing open.
 */

import { type Determinations, isFramework } from './determination.ts';
import type { Claims, Interpretation } from './dossier.ts';
import { slug } from './encoding-zero.ts';
import {
  type Condition,
  type Duty,
  type Framework,
  type Gate,
  RELEASE_STAGES,
  type ReleaseStage,
  type Requirement,
  type Scope,
} from './framework.ts';

export type Truth = 'yes' | 'no' | 'unknown';

/** A step of the reasoning, with the steps it rests on. */
export interface Reason {
  readonly what: string;
  readonly is: Truth;
  readonly why?: string;
  readonly parts?: readonly Reason[];
}

export interface Missing {
  readonly framework: string;
  readonly clause: string;
  readonly what:
    | 'determination'
    | 'safeguard'
    | 'artefact'
    | 'claim'
    | 'metric'
    | 'flag'
    | 'interpretation'
    | 'account'
    | 'adoption';
  readonly id: string;
  readonly why: string;
}

export interface Ambiguity {
  readonly framework: string;
  readonly clause: string;
  readonly term: string;
  readonly why: string;
}

export interface JudgedGate {
  readonly gate: Gate;
  /** Whether its condition holds. Unknown blocks, whatever stands. */
  readonly inForce: Truth;
  readonly outcome: 'not-triggered' | 'holds' | 'blocks' | 'deviates';
  /** Where it applies. */
  readonly stages: readonly ReleaseStage[];
  readonly missing: readonly Missing[];
  readonly ambiguities: readonly Ambiguity[];
  readonly reasons: readonly Reason[];
}

export interface GateContext {
  readonly framework: Framework;
  readonly claims: Claims;
  readonly determinations: Determinations;
  readonly highRiskInternal: boolean;
  /** Of deviations that are good and lift gates. */
  readonly lifted: ReadonlySet<string>;
}

export function judgeGates(context: GateContext): ReadonlyMap<string, JudgedGate> {
  const judged = new Map<string, JudgedGate>();
  const judge = (gate: Gate): JudgedGate => {
    const found = judged.get(gate.id) ?? judgeGate(gate, context, judgeNamed);
    judged.set(gate.id, found);
    return found;
  };
  const judgeNamed = (id: string): JudgedGate | undefined => {
    const gate = context.framework.gates.find((each) => each.id === id);
    return gate && judge(gate);
  };
  for (const gate of context.framework.gates) judge(gate);
  return judged;
}

type JudgeNamed = (id: string) => JudgedGate | undefined;

function judgeGate(gate: Gate, context: GateContext, judgeNamed: JudgeNamed): JudgedGate {
  const condition = holds(gate.when, context);
  const reading = readingOf(gate, context);
  const base = { gate, inForce: condition.is, stages: reading.stages, ambiguities: [] };
  if (condition.is === 'no') return { ...base, outcome: 'not-triggered', missing: [], reasons: [condition] };
  const unknown = condition.is === 'unknown' ? missingIn(gate.when, gate, context) : [];
  const required = gate.requires.map((each) => meets(each, gate, context, judgeNamed));
  const met = required.every(({ reason }) => reason.is === 'yes');
  const reasons = [condition, ...required.map(({ reason }) => reason)];
  const { ambiguity } = reading;
  // What nobody has assessed passes no gate, whatever stands.
  const isKnown = condition.is === 'yes';
  if (isKnown && met && !ambiguity) return { ...base, outcome: 'holds', missing: [], reasons };
  // What it would then require is asked for once it is known to be required.
  const missing = isKnown ? required.flatMap((each) => each.missing) : unknown;
  if (isKnown && !ambiguity && context.lifted.has(gate.id)) {
    return { ...base, outcome: 'deviates', missing, reasons };
  }
  return { ...base, outcome: 'blocks', missing, ambiguities: ambiguity ? [ambiguity] : [], reasons };
}

/** Where a duty's undefined term leaves open whether a stage is meant by it. */
export function judgeDuty(
  duty: Duty,
  context: GateContext,
): { ambiguity?: Ambiguity; stages: readonly ReleaseStage[] } {
  if (duty.term === undefined) return { stages: [] };
  return readingOf({ ...duty, blocks: ['external'] }, context);
}

/** The stages a clause applies to, and what is open about it. */
function readingOf(
  clause: Pick<Gate, 'id' | 'term' | 'blocks'>,
  context: GateContext,
): { readonly stages: readonly ReleaseStage[]; readonly ambiguity?: Ambiguity } {
  const widest = RELEASE_STAGES.filter((stage) => clause.blocks.some((scope) => isWithinScope(stage, scope, context)));
  const term = context.framework.terms.find(({ id }) => id === clause.term);
  if (!term) return { stages: widest };
  const reading = findReading(term.term, term.id, context);
  if (reading?.stages) {
    const from = Math.min(...reading.stages.map((stage) => RELEASE_STAGES.indexOf(stage)));
    return { stages: widest.filter((stage) => RELEASE_STAGES.indexOf(stage) >= from) };
  }
  if (reading || term.status === 'wide') return { stages: widest };
  const why = `“${term.term}” is undefined in the text (${term.loc ?? 'no locator'}): interpretation needed, signed`;
  return { stages: widest, ambiguity: { framework: context.framework.id, clause: clause.id, term: term.term, why } };
}

function findReading(term: string, id: string, { framework, claims }: GateContext): Interpretation | undefined {
  return claims.interpretations.find(
    (each) => isFramework(framework, each.framework) && [slug(term), id].includes(slug(each.term)),
  );
}

function isWithinScope(stage: ReleaseStage, scope: Scope, { highRiskInternal }: GateContext): boolean {
  const at = RELEASE_STAGES.indexOf(stage);
  switch (scope) {
    case 'development':
    case 'internal':
      return true;
    case 'high-risk-internal':
      return highRiskInternal;
    case 'external':
      return at >= RELEASE_STAGES.indexOf('partners');
    case 'partners':
    case 'trusted':
    case 'limited':
    case 'general':
      return at >= RELEASE_STAGES.indexOf(scope);
  }
}

function holds(condition: Condition, context: GateContext): Reason {
  if ('always' in condition) return { what: 'always', is: 'yes' };
  if ('category' in condition) {
    const { value, why } = context.determinations.find(condition.category, condition.level);
    const is: Truth = value === 'not-crossed' ? 'no' : value === 'not-assessed' ? 'unknown' : 'yes';
    return { what: `${condition.category} ${condition.level}: ${value}`, is, why };
  }
  if ('flag' in condition) {
    const raised = findFlag(condition.flag, context);
    const is: Truth = raised === undefined ? 'unknown' : raised ? 'yes' : 'no';
    return { what: `flag ${condition.flag}`, is, why: raised === undefined ? 'nobody has said' : 'as stated' };
  }
  const isAll = 'all' in condition;
  const parts = (isAll ? condition.all : condition.any).map((each) => holds(each, context));
  return { what: isAll ? 'all of' : 'any of', is: isAll ? allOf(parts) : anyOf(parts), parts };
}

export const findFlag = (flag: string, { framework, claims }: GateContext): boolean | undefined =>
  claims.flags.find((each) => isFramework(framework, each.framework) && slug(each.flag) === slug(flag))?.value;

const allOf = (parts: readonly Reason[]): Truth =>
  parts.some(({ is }) => is === 'no') ? 'no' : parts.every(({ is }) => is === 'yes') ? 'yes' : 'unknown';
const anyOf = (parts: readonly Reason[]): Truth =>
  parts.some(({ is }) => is === 'yes') ? 'yes' : parts.every(({ is }) => is === 'no') ? 'no' : 'unknown';

/** What would have to be known for the condition to be decided. */
function missingIn(condition: Condition, gate: Gate, context: GateContext): Missing[] {
  const miss = (what: Missing['what'], id: string, why: string): Missing[] => [
    { framework: context.framework.id, clause: gate.id, what, id, why },
  ];
  if ('always' in condition || holds(condition, context).is !== 'unknown') return [];
  if ('category' in condition) {
    const { why } = context.determinations.find(condition.category, condition.level);
    return miss('determination', `${condition.category} ${condition.level}`, why);
  }
  if ('flag' in condition) return miss('flag', condition.flag, 'nobody has said whether it holds');
  return ('all' in condition ? condition.all : condition.any).flatMap((each) => missingIn(each, gate, context));
}

interface Met {
  readonly reason: Reason;
  readonly missing: readonly Missing[];
}

function meets(requirement: Requirement, gate: Gate, context: GateContext, judgeNamed: JudgeNamed): Met {
  if ('all' in requirement || 'any' in requirement) {
    const isAll = 'all' in requirement;
    const parts = (isAll ? requirement.all : requirement.any).map((each) => meets(each, gate, context, judgeNamed));
    const reasons = parts.map(({ reason }) => reason);
    const is = isAll ? allOf(reasons) : anyOf(reasons);
    const missing = is === 'yes' ? [] : parts.flatMap((each) => each.missing);
    return { reason: { what: isAll ? 'all of' : 'any of', is, parts: reasons }, missing };
  }
  const [what, id, is, why] = judgeLeaf(requirement, context, judgeNamed);
  const reason: Reason = { what: `${what} ${id}`, is, why };
  if (is === 'yes') return { reason, missing: [] };
  if (what === 'clause') return { reason, missing: judgeNamed(id)?.missing ?? [] };
  return { reason, missing: [{ framework: context.framework.id, clause: gate.id, what, id, why }] };
}

type Leaf = Exclude<Requirement, { readonly all: unknown } | { readonly any: unknown }>;
type Judged = [what: Exclude<Missing['what'], 'account' | 'adoption'> | 'clause', id: string, is: Truth, why: string];

function judgeLeaf(requirement: Leaf, context: GateContext, judgeNamed: JudgeNamed): Judged {
  if ('safeguard' in requirement) {
    const [is, why] = stands(requirement.safeguard, context);
    return ['safeguard', requirement.safeguard, is, why];
  }
  if ('artefact' in requirement) {
    const found = context.claims.results.filter(({ name }) => slug(name) === slug(requirement.artefact));
    const values = found.map(({ value }) => value);
    const isThere = values.length > 0 && values.every((value) => value === 'pass');
    const why = isThere ? 'it is there and passed' : (values.find((value) => value !== 'pass') ?? 'it does not exist');
    return ['artefact', requirement.artefact, isThere ? 'yes' : 'no', why];
  }
  if ('vector' in requirement) {
    const claims = context.framework.vectors.find(({ id }) => id === requirement.vector)?.claims ?? [];
    const standing = claims.find((claim) => stands(claim, context)[0] === 'yes');
    const why = standing === undefined ? `none of ${claims.join(', ')} stands` : `${standing} stands`;
    return ['claim', requirement.vector, standing === undefined ? 'no' : 'yes', why];
  }
  if ('metric' in requirement) {
    const { metric, atLeast } = requirement;
    const found = context.claims.metrics.find(({ name }) => slug(name) === slug(metric));
    if (!found) return ['metric', metric, 'unknown', 'it was not measured'];
    const why = `${found.value} by ${found.source}; at least ${atLeast} is required`;
    return ['metric', metric, found.value >= atLeast ? 'yes' : 'no', why];
  }
  const other = judgeNamed(requirement.clause);
  const isHeld = other?.outcome === 'holds' || other?.outcome === 'not-triggered';
  return ['clause', requirement.clause, isHeld ? 'yes' : 'no', other?.outcome ?? 'there is no such clause'];
}

/** A safeguard stands if somebody says so, on evidence, and no result it cites did anything but pass. */
function stands(id: string, { framework, claims }: GateContext): [Truth, string] {
  const named = framework.safeguards.find((each) => each.id === id);
  const found = claims.safeguards.find(
    (each) =>
      [id, named?.name ?? id].some((name) => slug(name) === slug(each.id)) &&
      (each.framework === undefined || isFramework(framework, each.framework)),
  );
  if (!found) return ['unknown', 'nobody says that it stands'];
  if (found.standing !== true) return ['no', 'it does not stand'];
  const { evidence = [] } = found;
  if (evidence.length === 0) return ['unknown', 'said to stand, on no evidence'];
  const failed = claims.results.find(({ digest, value }) => evidence.includes(digest) && value !== 'pass');
  return failed ? ['no', `${failed.name} is ${failed.value}`] : ['yes', `on ${evidence.length} pieces of evidence`];
}
