/**
 * What is known of each level of each category: claims, what their evidence is worth, what the ordering of levels implies.
 *
 *     crossed at a level        ⇒ crossed at every lower one
 *     not crossed at a level    ⇒ not crossed at every higher one
 */
import type { Claims, DeterminationClaim, Determined, ResultClaim } from './dossier.ts';
import { ONLY_LEVEL, slug } from './encoding-zero.ts';
import type { Category, Framework, Level } from './framework.ts';
import { contradictionBetween, type RefusedClaim } from './sift.ts';

export interface Known {
  readonly value: Determined;
  /** In words, for the reasoning. */
  readonly why: string;
}

export interface Determinations {
  find(category: string, level: string): Known;
  readonly refused: readonly RefusedClaim[];
}

/** How strictly a value gates; of two sources the stricter counts. */
const RANK: Readonly<Record<Determined, number>> = {
  'not-crossed': 0,
  'cannot-rule-out': 1,
  crossed: 2,
  'not-assessed': 3,
};

export const isFramework = (framework: Framework, named: string): boolean =>
  [framework.id, `${framework.id}@${framework.version}`, `${framework.id}-${framework.version}`].some(
    (name) => slug(name) === slug(named),
  );

export function determine(framework: Framework, claims: Claims): Determinations {
  const refused: RefusedClaim[] = [];
  const known = new Map<string, Known>();
  const own = claims.determinations.flatMap((claim, at) =>
    isFramework(framework, claim.framework) ? [{ claim, place: `${claim.framework}/${claim.category}`, at }] : [],
  );
  const placed = own.flatMap(({ claim, place }) => {
    const category = framework.categories.find(({ id, name }) => [id, name].some((each) => same(each, claim.category)));
    const level = category ? levelOf(category, claim) : -1;
    if (category && level >= 0) return [{ claim, category, level }];
    const why = `${framework.id} has no ${category ? `level ${claim.level}` : `category ${claim.category}`}`;
    refused.push({ place: `/determinations (${place})`, kind: 'unknown-clause', why });
    return [];
  });
  for (const category of framework.categories) {
    const here = placed.filter((each) => each.category === category);
    const clash = contradictionBetween(here);
    if (clash) {
      const [low, high] = clash;
      refused.push({
        place: `/determinations (${framework.id}/${category.id})`,
        kind: 'contradictory',
        why: `${low.level} is not crossed, but the higher ${high.level} is ${high.value}`,
      });
    }
    const direct = category.levels.map((level, at) => {
      const claim = clash ? undefined : here.find((each) => each.level === at)?.claim;
      return directly(level, claim, claims.results);
    });
    category.levels.forEach((level, at) => void known.set(`${category.id}/${level.id}`, implied(category, direct, at)));
  }
  const unknown: Known = { value: 'not-assessed', why: 'nobody has assessed it' };
  return { find: (category, level) => known.get(`${category}/${level}`) ?? unknown, refused };
}

const same = (left: string, right: string): boolean => slug(left) === slug(right);

/** -1 where there is no such level. A category with one level needs no name for it. */
function levelOf({ levels }: Category, { level }: DeterminationClaim): number {
  const [only] = levels;
  if (levels.length === 1 && (level === undefined || level === null || only?.id === ONLY_LEVEL)) return 0;
  return level === undefined || level === null ? -1 : levels.findIndex(({ id }) => same(id, level));
}

function directly(level: Level, claim: DeterminationClaim | undefined, results: readonly ResultClaim[]): Known {
  const claimed = claim && worthOf(claim, results);
  const tested = level.tests && byTests(level.tests, results);
  if (claimed && tested) return RANK[claimed.value] >= RANK[tested.value] ? claimed : tested;
  return claimed ?? tested ?? { value: 'not-assessed', why: 'nobody has assessed it' };
}

/** A claim that gates counts whatever it rests on; one that frees counts for no more than its evidence. */
function worthOf({ value, evidence = [] }: DeterminationClaim, results: readonly ResultClaim[]): Known {
  if (value !== 'not-crossed') return { value, why: `determined: ${value}` };
  if (evidence.length === 0) return { value: 'not-assessed', why: 'said to be not crossed, on no evidence' };
  const void_ = results.find(
    (result) => evidence.includes(result.digest) && (result.value === 'invalid' || result.value === 'inconclusive'),
  );
  if (void_) return { value: 'cannot-rule-out', why: `rests on ${void_.name}, which is ${void_.value}` };
  return { value, why: `determined: not crossed, on ${evidence.length} pieces of evidence` };
}

/** A void test could have gone either way; one that was not run leaves the level unassessed. */
function byTests({ names, passes }: NonNullable<Level['tests']>, results: readonly ResultClaim[]): Known {
  const values = names.map((name) => results.find((each) => same(each.name, name))?.value);
  const count = (value: string | undefined): number => values.filter((each) => each === value).length;
  const [passed, unrun] = [count('pass'), count(undefined)];
  const open = count('invalid') + count('inconclusive');
  const told = `${passed} of ${names.length} tests passed, ${open} void, ${unrun} not run; ${passes} are needed`;
  if (passed >= passes) return { value: 'crossed', why: told };
  if (passed + open + unrun < passes) return { value: 'not-crossed', why: told };
  return { value: passed + open >= passes ? 'cannot-rule-out' : 'not-assessed', why: told };
}

function implied({ levels }: Category, direct: readonly Known[], at: number): Known {
  const own = direct[at];
  const above = direct.findIndex(
    ({ value }, other) => other > at && (value === 'crossed' || value === 'cannot-rule-out'),
  );
  const below = direct.findIndex(({ value }, other) => other < at && value === 'not-crossed');
  const higher = direct[above];
  if (higher && (!own || own.value === 'not-assessed')) {
    return { value: higher.value, why: `${levels[above]?.id}, which is higher, is ${higher.value}` };
  }
  if (below >= 0 && (!own || own.value === 'not-assessed')) {
    return { value: 'not-crossed', why: `${levels[below]?.id}, which is lower, is not crossed` };
  }
  return own ?? { value: 'not-assessed', why: 'nobody has assessed it' };
}
