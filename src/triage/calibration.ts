/**
 * How far a rater's severities are to be believed, learnt from what reviewers found.
 *
 * For each claimed severity the share that was found to be at least high is estimated with a prior: what all other raters
 * together were found to be, worth `PRIOR_REVIEWS` reviews of one's own. Then the estimates of a rater are made to rise
 * with what is claimed (isotonic regression), because a few reviews more or less must not turn their order round.
 */
import type { SeverityWord } from '../formats/cvss.ts';

export const SEVERITIES: readonly SeverityWord[] = ['none', 'low', 'medium', 'high', 'critical'];

export interface Review {
  readonly rater: string;
  readonly claimed: SeverityWord;
  readonly found: SeverityWord;
}

export interface Belief {
  /** That a reviewer would find it high or critical, 0 to 1. */
  readonly grave: number;
  /** That a reviewer would find it no lower than claimed, 0 to 1. */
  readonly holds: number;
  /** Reviews of this rater's claims of this severity. */
  readonly reviews: number;
}

export type Calibration = (rater: string, claimed: SeverityWord) => Belief;

/** Reviews that the prior is worth. */
const PRIOR_REVIEWS = 10;

/** Before any review at all: of claims of high or critical, 28 % were real but over-rated (Glasswing, May 2026). */
const UNREVIEWED_HOLDS = 0.72;
const UNREVIEWED_GRAVE: Readonly<Record<SeverityWord, number>> = {
  none: 0.02,
  low: 0.05,
  medium: 0.15,
  high: UNREVIEWED_HOLDS,
  critical: UNREVIEWED_HOLDS,
};

const rank = (severity: SeverityWord): number => SEVERITIES.indexOf(severity);
const isGrave = (severity: SeverityWord): boolean => rank(severity) >= rank('high');

interface Count {
  readonly reviews: number;
  readonly hits: number;
}

export function calibrate(reviews: readonly Review[]): Calibration {
  const byRater = Map.groupBy(reviews, ({ rater }) => rater);
  const grave = byClaim((review) => isGrave(review.found));
  const holds = byClaim(({ claimed, found }) => rank(found) >= rank(claimed));
  /** What is believed of a rater before his own reviews: what the reviews of others say. */
  const priorOf = (others: readonly Review[]) => ({
    grave: estimate(grave(others), (claimed) => UNREVIEWED_GRAVE[claimed]),
    holds: estimate(holds(others), () => UNREVIEWED_HOLDS),
  });
  const raters = new Map(
    [...byRater].map(([rater, own]) => {
      const prior = priorOf(reviews.filter((review) => review.rater !== rater));
      const counts = grave(own);
      return [
        rater,
        { counts, grave: rising(counts, estimate(counts, prior.grave)), holds: estimate(holds(own), prior.holds) },
      ];
    }),
  );
  const pooled = priorOf(reviews);
  const unknown = rising(grave(reviews), pooled.grave);
  return (rater, claimed) => {
    const known = raters.get(rater);
    return {
      grave: (known?.grave ?? unknown)(claimed),
      holds: (known?.holds ?? pooled.holds)(claimed),
      reviews: known?.counts.get(claimed)?.reviews ?? 0,
    };
  };
}

type Counts = ReadonlyMap<SeverityWord, Count>;
type Estimate = (claimed: SeverityWord) => number;

function byClaim(isHit: (review: Review) => boolean): (reviews: readonly Review[]) => Counts {
  return (reviews) =>
    new Map(
      [...Map.groupBy(reviews, ({ claimed }) => claimed)].map(([claimed, of]) => [
        claimed,
        { reviews: of.length, hits: of.filter(isHit).length },
      ]),
    );
}

/** Mean of a Beta distribution: the prior's reviews and the own ones. */
function estimate(counts: Counts, prior: Estimate): Estimate {
  return (claimed) => {
    const { reviews, hits } = counts.get(claimed) ?? { reviews: 0, hits: 0 };
    return (hits + PRIOR_REVIEWS * prior(claimed)) / (reviews + PRIOR_REVIEWS);
  };
}

/** Pool adjacent violators, each severity weighted by its reviews and the prior's. */
function rising(counts: Counts, estimated: Estimate): Estimate {
  const blocks: { mean: number; weight: number; size: number }[] = [];
  for (const severity of SEVERITIES) {
    let block = {
      mean: estimated(severity),
      weight: PRIOR_REVIEWS + (counts.get(severity)?.reviews ?? 0),
      size: 1,
    };
    for (let last = blocks.at(-1); last && last.mean > block.mean; last = blocks.at(-1)) {
      blocks.pop();
      const weight = last.weight + block.weight;
      const mean = (last.mean * last.weight + block.mean * block.weight) / weight;
      block = { mean, weight, size: last.size + block.size };
    }
    blocks.push(block);
  }
  const levels = blocks.flatMap(({ mean, size }) => new Array<number>(size).fill(mean));
  return (claimed) => levels[rank(claimed)] ?? 0;
}
