/**
 * What the simulator knows of the world, frozen in `parameters.json`: fitted on measured histories, taken from published
 * reports, or assumed. Which is which is said by the member it stands in.
 */
import frozen from './parameters.json' with { type: 'json' };

export interface Parameters {
  /** By `scripts/fit-simulation.ts`. */
  readonly fitted: {
    /** Days from report to fix: log-normal, about a project's own mean; projects' means are normal about this one. */
    readonly meanLogDays: number;
    readonly betweenSd: number;
    readonly withinSd: number;
    /** Most fixes in any 30 days, log-normal over projects. */
    readonly bestMonthMeanLog: number;
    readonly bestMonthSd: number;
    /** Findings per project, log-normal over projects. */
    readonly sizeSd: number;
    readonly correlations: { readonly paceBest: number; readonly paceSize: number; readonly bestSize: number };
    /** Records that another record's fix mends. */
    readonly duplicateShare: number;
    /** Mean of log(1 + open) in reports that meet 3 or more open, less that of those that meet fewer. */
    readonly loadContrast: number;
    /** Within projects: how much longer a fix takes with 3 or more open; and what it looks like when projects are mixed. */
    readonly loadRatioWithin: number;
    readonly loadRatioPooled: number;
  };
  readonly reported: {
    readonly falseShare: number;
    readonly overRatedShare: number;
    readonly ratedHighShare: number;
    readonly neverFixedShare: number;
    readonly exploitedWithinDayShare: number;
    readonly loadRatio: number;
  };
  readonly assumed: {
    readonly immediateOfHigh: number;
    readonly scheduledOfOther: number;
    readonly chainedShare: number;
    readonly dependentsMeanLog10: number;
    readonly dependentsSdLog10: number;
    readonly declaredShare: number;
    readonly duplicateRecall: number;
    readonly falsePassesVerification: number;
    readonly verificationMedianDays: number;
    readonly rediscoveredPerYear: number;
    readonly attackedPerYear: number;
    readonly leakedPerYear: number;
    readonly deployMedianDays: number;
    readonly deploySd: number;
  };
  /** Per load ratio: how many times longer all takes than in the fitted history, so that Glasswing's funnel comes out. */
  readonly calibrated: readonly Slowdown[];
}

export interface Slowdown {
  readonly loadRatio: number;
  readonly days: number;
  /** On top, for what is neither high nor critical. */
  readonly other: number;
}

export const PARAMETERS: Parameters = frozen;

/** The exponent of (1 + open) that makes a fix take `loadRatio` times as long with 3 or more open. */
export const loadExponent = ({ fitted }: Parameters, loadRatio: number): number =>
  Math.log(loadRatio) / fitted.loadContrast;

/** Between two calibrated ratios, on a straight line of logarithms. */
export function slowdownAt({ calibrated }: Parameters, loadRatio: number): Slowdown {
  const sorted = calibrated.toSorted((left, right) => left.loadRatio - right.loadRatio);
  const above = sorted.find((each) => each.loadRatio >= loadRatio);
  const below = sorted.findLast((each) => each.loadRatio <= loadRatio);
  if (!above || !below) throw new RangeError(`no slow-down was calibrated for a load ratio of ${loadRatio}`);
  if (above === below) return above;
  const share = (loadRatio - below.loadRatio) / (above.loadRatio - below.loadRatio);
  const between = (from: number, to: number): number => Math.exp(Math.log(from) * (1 - share) + Math.log(to) * share);
  return { loadRatio, days: between(below.days, above.days), other: between(below.other, above.other) };
}
