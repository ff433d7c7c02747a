/**
 * The decision on a stage: a pure function of frameworks and dossier, version 1 of its semantics. Everything it says follows
 * from its inputs, whose hashes it names; there is no clock, no random number and no order of arguments in it.
 */
import { canonicalJson, type Json } from '../lib/canonical-json.ts';
import { sha256Hex } from '../lib/hash.ts';
import { determine, isFramework } from './determination.ts';
import type { Claims, DeviationClaim, Dossier } from './dossier.ts';
import { slug } from './encoding-zero.ts';
import {
  type Framework,
  type Gate,
  isSourceVerified,
  type Quorum,
  RELEASE_STAGES,
  type ReleaseStage,
} from './framework.ts';
import { type RefusedClaim, type Sifted, sift } from './sift.ts';
import {
  type Ambiguity,
  findFlag,
  type GateContext,
  type JudgedGate,
  judgeDuty,
  judgeGates,
  type Missing,
  type Reason,
} from './stage-gate.ts';

export interface BindingRule {
  readonly framework: string;
  readonly clause: string;
  readonly outcome: 'blocks' | 'holds' | 'deviates';
  /** The innermost stage it closes. */
  readonly from: ReleaseStage;
  readonly modality: string;
  readonly force: string;
  readonly loc: string | null;
  readonly text: string;
}

export interface QuorumAsked {
  readonly framework: string;
  readonly quorum: string;
  readonly approve: Quorum['approve'];
  readonly recommend: readonly string[];
  readonly mayActWithoutRecommendation: boolean;
  readonly reverse: readonly string[];
  readonly notify: readonly string[];
  readonly consult: readonly string[];
  readonly loc: string | null;
}

/** What a decision rests on that ends first, and when. */
export interface DecisionEnd {
  /** From here on the same documents no longer give the stage. */
  readonly at: string;
  readonly what: 'deviation' | 'evidence' | 'interpretation' | 'safety-case' | 'order';
  readonly place: string;
}

export interface Decision {
  readonly schema: 'headstart-decision/1';
  readonly semantics: number;
  readonly model: string;
  readonly modelDigest: string;
  readonly demonstration: boolean;
  readonly asOf: string;
  readonly asked: ReleaseStage;
  /** The outermost that every framework allows, at most the one asked for. */
  readonly stage: ReleaseStage | 'closed';
  readonly granted: boolean;
  /** Since version 4 of the semantics; null: as long as nobody decides otherwise. */
  readonly ends?: DecisionEnd | null;
  readonly inputs: {
    readonly dossier: string;
    readonly frameworks: readonly {
      readonly id: string;
      readonly version: string;
      readonly digest: string;
      readonly source: string | null;
      readonly sourceVerified: boolean;
      /** Since version 2 of the semantics: the act in force for these bytes. */
      readonly adoption?: { readonly act: string; readonly at: string; readonly signedBy: readonly string[] } | null;
    }[];
    readonly evidence: readonly string[];
    readonly statements: readonly string[];
    /** Of the safety case it rests on, since version 3 of the semantics. */
    readonly safetyCase?: string | null;
  };
  readonly bindingRules: readonly BindingRule[];
  readonly missing: readonly Missing[];
  readonly ambiguities: readonly Ambiguity[];
  readonly refused: readonly RefusedClaim[];
  readonly expectations: readonly Missing[];
  readonly deviations: readonly {
    readonly framework: string;
    readonly deviation: string;
    readonly expiresAt: string;
  }[];
  readonly orders: readonly { readonly id: string; readonly authority: string; readonly until: string | null }[];
  readonly quorum: readonly QuorumAsked[];
  readonly reasoning: readonly {
    readonly framework: string;
    /** Since version 2: whether it was adopted, or why it does not count as such. */
    readonly adoption?: string;
    readonly gates: readonly Json[];
  }[];
}

/** `admitted` brings refusals from before: statements that were not what they said. */
export function decide(
  frameworks: readonly Framework[],
  dossier: Dossier,
  refusedBefore: readonly RefusedClaim[] = [],
): Decision {
  const sorted = [...frameworks].sort((left, right) => (left.id < right.id ? -1 : 1));
  const sifted = sift(dossier);
  const judged = sorted.map((framework) => judgeFramework(framework, dossier, sifted));
  const refused = [...refusedBefore, ...sifted.refused, ...judged.flatMap((each) => each.refused)];
  const unaccounted = unaccountedResults(sorted, sifted.claims);
  const orders = sifted.claims.orders.filter((order) => isInForce(order, dossier.asOf));
  const isOpen = (stage: ReleaseStage): boolean =>
    refused.length + unaccounted.length + orders.length === 0 && judged.every(({ closes }) => !closes(stage));
  const wanted = RELEASE_STAGES.slice(0, RELEASE_STAGES.indexOf(dossier.stage) + 1);
  const firstClosed = wanted.findIndex((stage) => !isOpen(stage));
  const stage = firstClosed < 0 ? dossier.stage : (wanted[firstClosed - 1] ?? 'closed');
  const missing = [...unaccounted, ...judged.flatMap((each) => each.missing)];
  return {
    schema: 'headstart-decision/1',
    semantics: 1,
    model: dossier.model,
    modelDigest: dossier.modelDigest,
    demonstration: dossier.demonstration,
    asOf: dossier.asOf,
    asked: dossier.stage,
    stage,
    granted: stage === dossier.stage,
    inputs: inputsOf(sorted, dossier),
    bindingRules: [...orders.map((order) => orderRule(order)), ...judged.flatMap(({ rules }) => rules)],
    missing: uniqueMissing(missing),
    ambiguities: judged.flatMap((each) => each.ambiguities),
    refused,
    expectations: uniqueMissing(judged.flatMap((each) => each.expectations)),
    deviations: judged.flatMap((each) => each.deviations),
    orders: orders.map(({ id, authority, until }) => ({ id, authority, until: until ?? null })),
    quorum: judged.flatMap((each) => each.quorum),
    reasoning: judged.flatMap(({ reasoning }) => reasoning),
  };
}

export const decisionBytes = (decision: Decision): Buffer => Buffer.from(canonicalJson(decision as unknown as Json));
export const decisionSha256 = (decision: Decision): string => sha256Hex(decisionBytes(decision));

function inputsOf(frameworks: readonly Framework[], dossier: Dossier): Decision['inputs'] {
  const cited = [...dossier.determinations, ...dossier.safeguards].flatMap(({ evidence = [] }) => evidence);
  return {
    dossier: `sha256:${sha256Hex(canonicalJson(dossier as unknown as Json))}`,
    frameworks: frameworks.map((framework) => ({
      id: framework.id,
      version: framework.version,
      digest: `sha256:${framework.digest}`,
      source: framework.source.sha256 ?? framework.source.sha256Prefix,
      sourceVerified: isSourceVerified(framework),
    })),
    evidence: [...new Set([...cited, ...dossier.results.map(({ digest }) => digest)])].sort(),
    statements: [...new Set(dossier.statements)].sort(),
  };
}

interface JudgedFramework {
  readonly closes: (stage: ReleaseStage) => boolean;
  readonly refused: readonly RefusedClaim[];
  readonly missing: readonly Missing[];
  readonly expectations: readonly Missing[];
  readonly ambiguities: readonly Ambiguity[];
  readonly rules: readonly BindingRule[];
  readonly deviations: Decision['deviations'];
  readonly quorum: readonly QuorumAsked[];
  readonly reasoning: Decision['reasoning'];
}

function judgeFramework(framework: Framework, dossier: Dossier, { claims }: Sifted): JudgedFramework {
  const determinations = determine(framework, claims);
  const { deviations, lifted, raised, refused } = admitDeviations(framework, dossier, claims);
  const early = isEarly(framework, dossier.asOf);
  const context: GateContext = {
    framework,
    claims,
    determinations,
    highRiskInternal: dossier.highRiskInternal,
    lifted,
  };
  const gates = [...judgeGates(context).values()];
  const duties = framework.duties.map((duty) => judgeDuty(duty, context));
  const applies = ({ stages }: { stages: readonly ReleaseStage[] }): boolean => stages.includes(dossier.stage);
  const asked = gates.filter(applies);
  const binding = asked.filter(({ gate, outcome }) => gate.modality === 'MUST' && outcome === 'blocks');
  const expected = asked.filter(({ gate, outcome }) => gate.modality === 'EXPECT' && outcome === 'blocks');
  const open = framework.duties.flatMap((duty) => {
    const { ambiguity, stages } = judgeDuty(duty, context);
    return ambiguity && stages.includes(dossier.stage) ? [{ duty, ambiguity, from: stages[0] ?? dossier.stage }] : [];
  });
  return {
    closes: (stage) =>
      gates.some(
        ({ gate, outcome, stages }) => gate.modality === 'MUST' && outcome === 'blocks' && stages.includes(stage),
      ) || duties.some(({ ambiguity, stages }) => ambiguity && stages.includes(stage)),
    refused: [...determinations.refused, ...refused, ...early],
    missing: binding.flatMap(({ missing }) => missing),
    expectations: expected.flatMap(({ missing }) => missing),
    ambiguities: [...binding.flatMap(({ ambiguities }) => ambiguities), ...open.map(({ ambiguity }) => ambiguity)],
    rules: [
      ...toRules(framework, binding),
      ...open.map(({ duty, from }) => toRule(framework, duty, 'blocks', from)),
      ...toRules(
        framework,
        asked.filter(({ outcome }) => outcome === 'holds' || outcome === 'deviates'),
      ),
    ],
    deviations: deviations.map(({ deviation, expiresAt }) => ({ framework: framework.id, deviation, expiresAt })),
    quorum: quorumOf(framework, context, raised),
    reasoning: gates.length === 0 ? [] : [{ framework: framework.id, gates: gates.map(toReasoning) }],
  };
}

/** A framework that was not yet in force cannot have allowed anything. */
function isEarly({ id, version, effective }: Framework, asOf: string): readonly RefusedClaim[] {
  if (effective === null || Date.parse(`${effective}T00:00:00Z`) <= Date.parse(asOf)) return [];
  const why = `version ${version} takes effect on ${effective}, after ${asOf}`;
  return [{ place: `/frameworks (${id})`, kind: 'from-the-future', why }];
}

function toRules(framework: Framework, gates: readonly JudgedGate[]): BindingRule[] {
  return gates.flatMap(({ gate, outcome, stages }) => {
    const [from] = stages;
    return outcome === 'not-triggered' || from === undefined ? [] : [toRule(framework, gate, outcome, from)];
  });
}

function toRule(
  { id: framework }: Framework,
  { id: clause, modality, force, loc, text }: Pick<Gate, 'id' | 'modality' | 'force' | 'loc' | 'text'>,
  outcome: BindingRule['outcome'],
  from: ReleaseStage,
): BindingRule {
  return { framework, clause, outcome, from, modality, force, loc, text };
}

function orderRule({ id, authority }: { readonly id: string; readonly authority: string }): BindingRule {
  const text = `order of ${authority}: everything is suspended`;
  return {
    framework: 'order',
    clause: id,
    outcome: 'blocks',
    from: 'internal',
    modality: 'MUST',
    force: 'law',
    loc: null,
    text,
  };
}

function isInForce({ from, until }: { readonly from: string; readonly until?: string | null }, asOf: string): boolean {
  const now = Date.parse(asOf);
  return Date.parse(from) <= now && (until === undefined || until === null || now < Date.parse(until));
}

function admitDeviations(framework: Framework, dossier: Dossier, claims: Claims) {
  const now = Date.parse(dossier.asOf);
  const refused: RefusedClaim[] = [];
  const deviations: DeviationClaim[] = [];
  const lifted = new Set<string>();
  const raised = new Set<string>();
  for (const claim of claims.deviations) {
    if (!isFramework(framework, claim.framework)) continue;
    const place = `/deviations (${claim.framework}/${claim.deviation})`;
    const kind = framework.deviations.find(({ id }) => slug(id) === slug(claim.deviation));
    const lacking = kind?.requires.find(
      (id) => !claims.results.some(({ name, value }) => slug(name) === slug(id) && value === 'pass'),
    );
    const isPublished = claim.publishedAt !== null && Date.parse(claim.publishedAt) <= now;
    if (!kind) refused.push({ place, kind: 'unknown-clause', why: 'the framework allows no such deviation' });
    else if (!isPublished) refused.push({ place, kind: 'unsigned', why: 'it is not published' });
    else if (Date.parse(claim.expiresAt) <= now)
      refused.push({ place, kind: 'expired', why: `it expired at ${claim.expiresAt}` });
    else if (lacking !== undefined) refused.push({ place, kind: 'not-found', why: `${lacking} is not shown` });
    else {
      deviations.push(claim);
      for (const gate of kind.lifts) lifted.add(gate);
      for (const flag of kind.raises) raised.add(flag);
    }
  }
  return { deviations, lifted, raised, refused };
}

/** Flags of a quorum are raised by somebody; unlike those of a gate, nobody's word means no. */
function quorumOf(framework: Framework, context: GateContext, raised: ReadonlySet<string>): QuorumAsked[] {
  const isRaised = (when: Quorum['when']): boolean => {
    if ('always' in when) return true;
    if ('flag' in when) return raised.has(when.flag) || findFlag(when.flag, context) === true;
    if ('category' in when) return context.determinations.find(when.category, when.level).value !== 'not-crossed';
    return 'all' in when ? when.all.every(isRaised) : when.any.some(isRaised);
  };
  return framework.quorums
    .filter(({ when }) => isRaised(when))
    .map((quorum) => ({
      framework: framework.id,
      quorum: quorum.id,
      approve: quorum.approve,
      recommend: quorum.recommend ?? [],
      mayActWithoutRecommendation: quorum.mayActWithoutRecommendation ?? false,
      reverse: quorum.reverse ?? [],
      notify: quorum.notify ?? [],
      consult: quorum.consult ?? [],
      loc: quorum.loc,
    }));
}

/** A result that did not pass and that nothing accounts for: no determination or safeguard cites it, no clause names it. */
function unaccountedResults(frameworks: readonly Framework[], claims: Claims): Missing[] {
  const cited = new Set([...claims.determinations, ...claims.safeguards].flatMap(({ evidence = [] }) => evidence));
  const named = new Set(
    frameworks.flatMap(({ artefacts, categories }) => [
      ...artefacts.map(({ id }) => slug(id)),
      ...categories.flatMap(({ levels }) => levels.flatMap(({ tests }) => tests?.names.map(slug) ?? [])),
    ]),
  );
  return claims.results
    .filter(({ value, digest, name }) => value !== 'pass' && !cited.has(digest) && !named.has(slug(name)))
    .map(({ name, value }) => ({
      framework: '',
      clause: '',
      what: 'account',
      id: name,
      why: `the result is ${value}, and no determination, safeguard or clause accounts for it`,
    }));
}

function uniqueMissing(list: readonly Missing[]): Missing[] {
  return [...new Map(list.map((each) => [canonicalJson(each as unknown as Json), each])).values()];
}

function toReasoning({ gate, inForce, outcome, stages, reasons }: JudgedGate): Json {
  return { clause: gate.id, inForce, outcome, stages: [...stages], because: reasons.map(toPlain) };
}

function toPlain({ what, is, why, parts }: Reason): Json {
  return { what, is, ...(why !== undefined && { why }), ...(parts && { parts: parts.map(toPlain) }) };
}
