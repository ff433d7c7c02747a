/**
 * Growth of time over the size of the input, recomputed outside. A slow call proves nothing; time that grows with a
 * power of at least 1.5 of the size, or faster than any power, does.
 */
export interface GrowthPoint {
  /** Characters. */
  readonly size: number;
  readonly milliseconds: number;
}

/** Fourfold input, more than eightfold time. */
export const MIN_EXPONENT = 1.5;
export const MIN_POINTS = 3;
/** Below this the machine's own noise could look like growth. */
export const MIN_LONGEST_MS = 40;
/** Points under this are all noise and do not enter the fit. */
const NOISE_MS = 1;
/**
 * Only the last fourfold of the input enters the fit, a little more for rounding: what is shorter is ruled by the price
 * of the call itself, and by expressions that are compiled only once they have been slow.
 */
const FIT_RANGE = 4.5;

/** Slope of log time over log size by least squares; undefined with fewer than two usable points. */
export function exponentOf(points: readonly GrowthPoint[]): number | undefined {
  const least = Math.max(0, ...points.map(({ size }) => size)) / FIT_RANGE;
  const usable = points.filter(({ size, milliseconds }) => size > 0 && size >= least && milliseconds >= NOISE_MS);
  const sizes = new Set(usable.map(({ size }) => size));
  if (sizes.size < 2) return undefined;
  const xs = usable.map(({ size }) => Math.log(size));
  const ys = usable.map(({ milliseconds }) => Math.log(milliseconds));
  const meanX = mean(xs);
  const meanY = mean(ys);
  let above = 0;
  let beneath = 0;
  for (const [index, x] of xs.entries()) {
    above += (x - meanX) * ((ys[index] ?? 0) - meanY);
    beneath += (x - meanX) ** 2;
  }
  return above / beneath;
}

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

/** True where the longest is long enough and the time grows faster than the input by the required power. */
export function growsFast(points: readonly GrowthPoint[]): boolean {
  if (points.length < MIN_POINTS) return false;
  const longest = Math.max(...points.map(({ milliseconds }) => milliseconds));
  const exponent = exponentOf(points);
  return longest >= MIN_LONGEST_MS && exponent !== undefined && exponent >= MIN_EXPONENT;
}
