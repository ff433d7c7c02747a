/** How far second looks agree with the verdicts they were of, and persons with each other. Pure. */
import type { Kind } from './sample.ts';

export type PersonsVerdict = 'stands' | 'does-not-stand';

export interface DecidedLook {
  readonly kind: Kind;
  /** In the order they were given. */
  readonly verdicts: readonly PersonsVerdict[];
}

export interface Share {
  readonly agreed: number;
  readonly of: number;
  /** Null while there is nothing to share. */
  readonly share: number | null;
  /** Wilson's interval, 95 %. */
  readonly low: number;
  readonly high: number;
}

export interface Agreement {
  /** Persons' verdicts that agree with the machine's. */
  readonly withMachine: Share;
  /** Looks by two persons on which both said the same. */
  readonly betweenPersons: Share;
  /** Cohen's, between the two; null where it is not defined: no pair, or everybody always said one thing. */
  readonly kappa: number | null;
}

const Z95 = 1.959964;

export function shareOf(agreed: number, of: number): Share {
  if (of === 0) return { agreed, of, share: null, low: 0, high: 1 };
  const share = agreed / of;
  const spread = Z95 * Math.sqrt((share * (1 - share)) / of + Z95 ** 2 / (4 * of ** 2));
  const centre = share + Z95 ** 2 / (2 * of);
  const scale = 1 + Z95 ** 2 / of;
  return {
    agreed,
    of,
    share,
    low: Math.max(0, (centre - spread) / scale),
    high: Math.min(1, (centre + spread) / scale),
  };
}

export function agreementOf(looks: readonly DecidedLook[]): Agreement {
  const verdicts = looks.flatMap((look) => look.verdicts);
  const pairs = looks.flatMap(({ verdicts: [first, second] }) => (first && second ? [[first, second] as const] : []));
  const alike = pairs.filter(([first, second]) => first === second).length;
  return {
    withMachine: shareOf(verdicts.filter((verdict) => verdict === 'stands').length, verdicts.length),
    betweenPersons: shareOf(alike, pairs.length),
    kappa: kappaOf(pairs),
  };
}

/** Cohen 1960: (observed − expected) / (1 − expected), expected from how often each of the two says what. */
function kappaOf(pairs: readonly (readonly [PersonsVerdict, PersonsVerdict])[]): number | null {
  if (pairs.length === 0) return null;
  const stands = (which: 0 | 1): number => pairs.filter((pair) => pair[which] === 'stands').length / pairs.length;
  const observed = pairs.filter(([first, second]) => first === second).length / pairs.length;
  const expected = stands(0) * stands(1) + (1 - stands(0)) * (1 - stands(1));
  return expected === 1 ? null : (observed - expected) / (1 - expected);
}
