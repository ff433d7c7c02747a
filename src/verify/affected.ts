/**
 * Which published versions are affected, from running the reproducer and not from guessing.
 *
 * `nextVersion` says which version to run next, `summarise` says what the answers mean. Both ends and some random
 * points are measured first, then the middle of every gap between unlike neighbours; where the answers go back and
 * forth (a fix that was lost again), more points are asked for. Pure: order of versions and randomness are given.
 */
import type { SeededRandom } from '../lib/seeded-random.ts';

/** `silent` only where the same call was reached; anything else is not comparable and says nothing about the flaw. */
export type VersionOutcome = 'fires' | 'silent' | 'not-comparable';

export interface MeasuredVersion {
  readonly version: string;
  readonly outcome: VersionOutcome;
  /** Why it is not comparable; absent otherwise. */
  readonly reason?: string;
}

/** As in OSV: a range begins at `introduced` ("0" where even the first version fires) and ends before `fixed`. */
export type VersionEvent =
  | { readonly introduced: string }
  | { readonly fixed: string }
  | { readonly last_affected: string };

export interface AffectedVersions {
  /** Every version that was run, in order of release number. */
  readonly measured: readonly MeasuredVersion[];
  readonly events: readonly VersionEvent[];
  /** First version of the range that holds the version the finding was made in. */
  readonly introducedIn: string;
  /** First version after that range; null where the newest comparable version still fires. */
  readonly fixedIn: string | null;
  /** False where a fixed version is followed by an affected one. */
  readonly monotone: boolean;
  /** Versions between an affected and a silent neighbour that could not be compared. */
  readonly uncertain: readonly string[];
  /** Published versions that were not run, because both neighbours agree. */
  readonly assumed: number;
}

export const RANDOM_POINTS = 3;
export const RANDOM_POINTS_WHERE_NOT_MONOTONE = 10;
export const MAX_MEASUREMENTS = 60;

export type Measurements = ReadonlyMap<string, MeasuredVersion>;

/** The version to run next; undefined when nothing more would change the answer, or the limit is reached. */
export function nextVersion(
  versions: readonly string[],
  measured: Measurements,
  random: SeededRandom,
): string | undefined {
  if (measured.size >= MAX_MEASUREMENTS) return undefined;
  return (
    nextEnd(versions, measured) ??
    nextEnd(versions.toReversed(), measured) ??
    nextRandom(versions, measured, random) ??
    nextInGap(versions, measured)
  );
}

/** The first version from this end, or the next inwards while those cannot be compared. */
function nextEnd(versions: readonly string[], measured: Measurements): string | undefined {
  for (const version of versions) {
    const known = measured.get(version);
    if (!known) return version;
    if (known.outcome !== 'not-comparable') return undefined;
  }
  return undefined;
}

const ENDS_AND_KNOWN = 3;

function nextRandom(versions: readonly string[], measured: Measurements, random: SeededRandom): string | undefined {
  const wanted = isMonotone(comparable(versions, measured)) ? RANDOM_POINTS : RANDOM_POINTS_WHERE_NOT_MONOTONE;
  if (measured.size >= ENDS_AND_KNOWN + wanted) return undefined;
  const open = versions.filter((version) => !measured.has(version));
  return open.length > 0 ? random.pick(open) : undefined;
}

function nextInGap(versions: readonly string[], measured: Measurements): string | undefined {
  const points = comparable(versions, measured);
  for (const [index, right] of points.entries()) {
    const left = points[index - 1];
    if (!left || left.outcome === right.outcome) continue;
    const between = versions.slice(versions.indexOf(left.version) + 1, versions.indexOf(right.version));
    const open = between.filter((version) => !measured.has(version));
    const middle = open[Math.floor(open.length / 2)];
    if (middle !== undefined) return middle;
  }
  return undefined;
}

function comparable(versions: readonly string[], measured: Measurements): MeasuredVersion[] {
  return versions
    .map((version) => measured.get(version))
    .filter((known) => known !== undefined)
    .filter(({ outcome }) => outcome !== 'not-comparable');
}

/** At most silent, then firing, then silent. */
function isMonotone(points: readonly MeasuredVersion[]): boolean {
  const starts = points.filter((point, index) => point.outcome === 'fires' && points[index - 1]?.outcome !== 'fires');
  return starts.length <= 1;
}

/** `found` is the version the finding was made in; it must be among those measured as firing. */
export function summarise(versions: readonly string[], measured: Measurements, found: string): AffectedVersions {
  const points = comparable(versions, measured);
  const events: VersionEvent[] = [];
  let introducedIn = '0';
  let fixedIn: string | null = null;
  let start: string | undefined;
  let holdsFound = false;
  for (const [index, point] of points.entries()) {
    const previous = points[index - 1];
    if (point.outcome === 'fires' && start === undefined) {
      start = previous ? point.version : '0';
      events.push({ introduced: start });
    } else if (point.outcome === 'silent' && start !== undefined) {
      events.push({ fixed: point.version });
      if (holdsFound) fixedIn = point.version;
      start = undefined;
      holdsFound = false;
    }
    if (point.version === found && start !== undefined) {
      introducedIn = start;
      holdsFound = true;
    }
  }
  return {
    measured: versions.map((version) => measured.get(version)).filter((known) => known !== undefined),
    events,
    introducedIn,
    fixedIn,
    monotone: isMonotone(points),
    uncertain: uncertainOf(versions, measured, points),
    assumed: versions.filter((version) => !measured.has(version)).length,
  };
}

function uncertainOf(
  versions: readonly string[],
  measured: Measurements,
  points: readonly MeasuredVersion[],
): string[] {
  return points.flatMap((right, index) => {
    const left = points[index - 1];
    if (!left || left.outcome === right.outcome) return [];
    return versions
      .slice(versions.indexOf(left.version) + 1, versions.indexOf(right.version))
      .filter((version) => measured.get(version)?.outcome === 'not-comparable');
  });
}
