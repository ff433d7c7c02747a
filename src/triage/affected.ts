/** Which versions are affected, as a range in VERS under the package's URL. */
import { packageName, readPurl, toPurl, withoutVersion } from '../formats/purl.ts';
import { type Constraint, findOrder, inOrder, toVers } from '../formats/vers.ts';
import type { Valued } from './decide.ts';

/** As in OSV: a range begins at `introduced` (`0` where even the first version is affected). */
export type AffectedEvent =
  | { readonly introduced: string }
  | { readonly fixed: string }
  | { readonly last_affected: string };

export interface AffectedPackage {
  /** With the version that the flaw was shown in. */
  readonly purl: string;
  /** Null where no other version was measured. */
  readonly events: readonly AffectedEvent[] | null;
}

export function affectedRange({ purl, events }: AffectedPackage): Valued<string | null> {
  const read = readPurl(purl);
  if (!read.ok) return { value: null, source: 'nobody', reasons: [`no package URL: ${read.refusal.reason}`] };
  const { type, version } = read.value;
  if (!findOrder(type)) return { value: null, source: 'nobody', reasons: [`versions of ${type} have no known order`] };
  const of = `of ${toPurl(withoutVersion(read.value))} (${packageName(read.value)})`;
  if (!events || events.length === 0) {
    const shown: readonly Constraint[] = version === undefined ? [] : [{ comparator: '=', version }];
    return {
      value: toVers({ scheme: type, constraints: shown }),
      source: 'shown',
      reasons: [of, 'no other version was run'],
    };
  }
  const constraints = events.flatMap(toConstraint);
  const isEvery = constraints.length === 0;
  const range = isEvery ? [{ comparator: '*', version: '' } as const] : inOrder(type, constraints);
  return { value: toVers({ scheme: type, constraints: range }), source: 'measured', reasons: [of] };
}

function toConstraint(event: AffectedEvent): readonly Constraint[] {
  if ('fixed' in event) return [{ comparator: '<', version: event.fixed }];
  if ('last_affected' in event) return [{ comparator: '<=', version: event.last_affected }];
  return event.introduced === '0' ? [] : [{ comparator: '>=', version: event.introduced }];
}
