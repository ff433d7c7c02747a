/** What is wrong with a safety case, given what a decision may count. A case without an error carries its stage. */
import { determine } from './determination.ts';
import type { Claims } from './dossier.ts';
import { slug } from './encoding-zero.ts';
import { type Framework, RELEASE_STAGES, type ReleaseStage } from './framework.ts';
import type { CaseError, CaseEvidence, SafetyCase, WaySource } from './safety-case.ts';

/** What it is judged against. */
export interface CaseGround {
  readonly frameworks: readonly Framework[];
  readonly claims: Claims;
  readonly model: string;
  readonly modelDigest: string;
  readonly stage: ReleaseStage;
  readonly asOf: string;
  /** Signed statements by their hash, each with who signed it; undefined where nothing is signed. */
  readonly signed: ReadonlyMap<string, string> | undefined;
  /** Who stands for the case. */
  readonly signedBy: string | undefined;
}

export interface JudgedEvidence {
  readonly standing: 'met' | 'not-met' | 'not-there' | 'no-threshold';
  readonly found: string;
}

export interface JudgedCase {
  readonly errors: readonly CaseError[];
  /** Of each piece of evidence, by its id. */
  readonly evidence: ReadonlyMap<string, JudgedEvidence>;
}

export function judgeSafetyCase(it: SafetyCase, ground: CaseGround): JudgedCase {
  const evidence = new Map(it.evidence.map((each) => [each.id, judgeEvidence(each, ground.claims)]));
  return {
    evidence,
    errors: [
      ...aboutErrors(it, ground),
      ...structureErrors(it),
      ...it.evidence.flatMap(({ id }, at) => {
        const { standing, found } = evidence.get(id) ?? { standing: 'not-there', found: '' };
        return standing === 'met' ? [] : [{ place: `/evidence/${at} (${id})`, why: found }];
      }),
      ...uncoveredErrors(it, ground),
      ...reviewErrors(it, ground),
    ],
  };
}

function aboutErrors(it: SafetyCase, { model, modelDigest, stage, asOf }: CaseGround): CaseError[] {
  const now = Date.parse(asOf);
  const errors: CaseError[] = [];
  if (it.model !== model) errors.push({ place: '/model', why: `it is about ${it.model}, not about ${model}` });
  if (it.modelDigest !== modelDigest)
    errors.push({ place: '/modelDigest', why: `it is about ${it.modelDigest}, not about ${modelDigest}` });
  if (RELEASE_STAGES.indexOf(it.stage) < RELEASE_STAGES.indexOf(stage))
    errors.push({ place: '/stage', why: `it argues for ${it.stage}, and ${stage} is asked for` });
  // What is no instant is neither before nor after: it counts as over.
  if (!(Date.parse(it.at) <= now)) errors.push({ place: '/at', why: `it is of ${it.at}, and is used as of ${asOf}` });
  if (!(Date.parse(it.validUntil) > now))
    errors.push({ place: '/validUntil', why: `it was valid until ${it.validUntil}` });
  return errors;
}

/** Every way has a claim, every claim a safeguard, every safeguard evidence; and every name means one thing that is there. */
function structureErrors(it: SafetyCase): CaseError[] {
  const errors: CaseError[] = [];
  const lists = { ways: it.ways, claims: it.claims, safeguards: it.safeguards, evidence: it.evidence };
  const seen = new Map<string, string>();
  for (const [list, items] of Object.entries({ ...lists, context: it.context ?? [], reviews: it.reviews ?? [] })) {
    for (const [at, { id }] of items.entries()) {
      const place = `/${list}/${at} (${id})`;
      const before = seen.get(id);
      if (before !== undefined) errors.push({ place, why: `${before} has the same name` });
      seen.set(id, place);
    }
  }
  const known = (list: keyof typeof lists): ReadonlySet<string> => new Set(lists[list].map(({ id }) => id));
  const refer = (place: string, to: keyof typeof lists, ids: readonly string[] | undefined, what: string): void => {
    if (ids === undefined || ids.length === 0) errors.push({ place, why: `it ${what}` });
    for (const id of ids ?? []) {
      if (!known(to).has(id)) errors.push({ place, why: `there is no ${id} among the ${to}` });
    }
  };
  for (const [at, { id, ways, safeguards }] of it.claims.entries()) {
    refer(`/claims/${at} (${id})`, 'ways', ways, 'is about no way of harm');
    refer(`/claims/${at} (${id})`, 'safeguards', safeguards, 'rests on no safeguard');
  }
  for (const [at, { id, evidence }] of it.safeguards.entries())
    refer(`/safeguards/${at} (${id})`, 'evidence', evidence, 'rests on no evidence');
  for (const [at, { id, residual }] of it.ways.entries()) {
    const place = `/ways/${at} (${id})`;
    if (!it.claims.some(({ ways }) => ways.includes(id))) errors.push({ place, why: 'no claim covers it' });
    if (!residual) errors.push({ place, why: 'its residual risk is not stated' });
    else if (['moderate', 'high'].includes(residual.risk) && !residual.acceptedBy?.trim())
      errors.push({ place, why: `its residual risk is ${residual.risk}, and nobody has accepted it` });
  }
  return errors;
}

function judgeEvidence({ result, metric, threshold }: CaseEvidence, claims: Claims): JudgedEvidence {
  const { is, atLeast, atMost } = threshold ?? {};
  if (result !== undefined) {
    if (is === undefined) return { standing: 'no-threshold', found: 'a result has the threshold {"is":"pass"}' };
    const found = claims.results.filter(({ name }) => slug(name) === slug(result));
    if (found.length === 0) return { standing: 'not-there', found: `no result ${result} is at hand` };
    const other = found.find(({ value }) => value !== 'pass');
    return other
      ? { standing: 'not-met', found: `${result} is ${other.value}; pass is required` }
      : { standing: 'met', found: 'pass' };
  }
  const name = metric ?? '';
  if (atLeast === undefined && atMost === undefined)
    return { standing: 'no-threshold', found: 'a metric has a threshold atLeast, atMost or both' };
  const measured = claims.metrics.find((each) => slug(each.name) === slug(name));
  if (!measured) return { standing: 'not-there', found: `no metric ${name} was measured` };
  const { value, source } = measured;
  if (atLeast !== undefined && value < atLeast)
    return { standing: 'not-met', found: `${name} is ${value} (${source}); at least ${atLeast} is required` };
  if (atMost !== undefined && value > atMost)
    return { standing: 'not-met', found: `${name} is ${value} (${source}); at most ${atMost} is required` };
  return { standing: 'met', found: `${value} (${source})` };
}

/** Each way of harm that a framework names, and each category whose threshold is crossed or cannot be ruled out. */
export function waysToCover({ frameworks, claims }: Pick<CaseGround, 'frameworks' | 'claims'>): readonly WaySource[] {
  return frameworks.flatMap((framework) => {
    const determinations = determine(framework, claims);
    const isOpen = (category: string, level: string): boolean =>
      ['crossed', 'cannot-rule-out'].includes(determinations.find(category, level).value);
    return [
      ...framework.vectors.map(({ id }) => ({ framework: framework.id, vector: id })),
      ...framework.categories
        .filter(({ id, levels }) => levels.some((level) => isOpen(id, level.id)))
        .map(({ id }) => ({ framework: framework.id, category: id })),
    ];
  });
}

function uncoveredErrors(it: SafetyCase, ground: CaseGround): CaseError[] {
  const covered = it.ways.flatMap(({ of = [] }) => of);
  return waysToCover(ground)
    .filter((way) => !covered.some((each) => isSame(each, way)))
    .map(({ framework, vector, category }) => {
      const what = vector === undefined ? `the category ${category}` : `the way of harm ${vector}`;
      return { place: '/ways', why: `${what} of ${framework} is covered by none of them` };
    });
}

const isSame = (left: WaySource, right: WaySource): boolean =>
  slug(left.framework) === slug(right.framework) &&
  slug(left.vector ?? '') === slug(right.vector ?? '') &&
  slug(left.category ?? '') === slug(right.category ?? '');

/** A review that nobody signed, or that is signed by who stands for the case, is no independent one. */
function reviewErrors({ reviews = [] }: SafetyCase, { signed, signedBy }: CaseGround): CaseError[] {
  if (!signed) return [];
  return reviews.flatMap(({ id, statement }, at): CaseError[] => {
    const place = `/reviews/${at} (${id})`;
    const by = signed.get(statement);
    if (by === undefined) return [{ place, why: `${statement} is no signed statement of this dossier` }];
    return by === signedBy ? [{ place, why: `${by} stands for the case and cannot review it` }] : [];
  });
}
