/**
 * VERS: a range of versions as constraints in the order of their versions, `vers:npm/>=1.0.0|<2.0.0`. Which version is
 * older is a matter of the scheme; a scheme that is not known has no order and is refused.
 */
import { ok, type Result, refuse } from '../lib/result.ts';
import {
  canonicalNuget,
  compareConan,
  compareDatetime,
  compareGem,
  compareLexicographic,
  compareNuget,
  compareOpenssl,
  comparePypi,
  compareSemantic,
} from './vers-language.ts';
import { type Compare, compareAlpm, compareDebian, compareGentoo, compareRpm } from './vers-linux.ts';
import { compareMaven } from './vers-maven.ts';

export type Comparator = '<' | '<=' | '=' | '!=' | '>=' | '>' | '*';

export interface Constraint {
  readonly comparator: Comparator;
  /** Empty for `*`. */
  readonly version: string;
}

export interface VersionRange {
  readonly scheme: string;
  readonly constraints: readonly Constraint[];
}

export interface VersRefusal {
  readonly kind: 'bad-range';
  readonly text: string;
  readonly reason: string;
}

const ORDERS: ReadonlyMap<string, Compare> = new Map([
  ['alpm', compareAlpm],
  ['apk', compareGentoo],
  ['cargo', compareSemantic],
  ['composer', compareSemantic],
  ['conan', compareConan],
  ['datetime', compareDatetime],
  ['deb', compareDebian],
  ['gem', compareGem],
  ['gentoo', compareGentoo],
  ['golang', compareSemantic],
  ['hex', compareSemantic],
  ['lexicographic', compareLexicographic],
  ['maven', compareMaven],
  ['nginx', compareSemantic],
  ['npm', compareSemantic],
  ['nuget', compareNuget],
  ['openssl', compareOpenssl],
  ['pypi', comparePypi],
  ['rpm', compareRpm],
  ['semver', compareSemantic],
]);

/** Longest range read, characters. */
const MAX_RANGE = 100_000;

const DATETIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:Z|[+-]\d{2}:\d{2})$/;

/** Undefined where the scheme has no order here. */
export const findOrder = (scheme: string): Compare | undefined => ORDERS.get(scheme);

function orderOf(scheme: string): Compare {
  const order = ORDERS.get(scheme);
  if (!order) throw new RangeError(`versions of ${scheme} have no known order`);
  return order;
}

/** Versions from old to new, as their scheme writes them. Throws RangeError for an unknown scheme. */
export function sortVersions(scheme: string, versions: readonly string[]): readonly string[] {
  const written = scheme === 'nuget' ? versions.map(canonicalNuget) : versions;
  return [...written].sort(orderOf(scheme));
}

/** Only what is canonical already: in order, nothing doubled or empty, encoded where it must be and nowhere else. */
export function readCanonicalVers(text: string): Result<VersionRange, VersRefusal> {
  const read = readVers(text);
  if (!read.ok || toVers(read.value) === text) return read;
  return refuse({ kind: 'bad-range', text, reason: `not in its canonical form, ${toVers(read.value)}` });
}

/** Constraints in any order; they come out in the order of their versions. */
export function readVers(text: string): Result<VersionRange, VersRefusal> {
  const bad = (reason: string) => refuse({ kind: 'bad-range', text: text.slice(0, 200), reason } as const);
  if (text.length > MAX_RANGE) return bad('longer than 100,000 characters');
  const match = /^vers:([a-z][a-z0-9.-]*)\/(.+)$/s.exec(text);
  const [, scheme = '', list = ''] = match ?? [];
  if (!match) return bad('a range is written vers:scheme/constraints');
  if (!ORDERS.has(scheme)) return bad(`versions of ${scheme} have no known order`);
  if (/\s/.test(list)) return bad('a range has no blanks');
  const constraints: Constraint[] = [];
  for (const part of list.split('|')) {
    const [, comparator = '', encoded = ''] = /^(<=|>=|!=|[<>=*])?(.*)$/s.exec(part) ?? [];
    if ((comparator === '*') !== (encoded === '')) return bad(`${part || 'an empty part'} is no constraint`);
    let version: string;
    try {
      version = decodeURIComponent(encoded);
    } catch {
      return bad(`${part} is wrongly encoded`);
    }
    if (scheme === 'datetime' && comparator !== '*' && !DATETIME.test(version)) return bad(`${version} is no time`);
    constraints.push({ comparator: (comparator || '=') as Comparator, version });
  }
  if (constraints.length > 1 && constraints.some(({ comparator }) => comparator === '*')) {
    return bad('* stands alone: it is every version');
  }
  return ok({ scheme, constraints: inOrder(scheme, constraints) });
}

/** Of one version, what ends there comes before what begins there. */
const AT_ONE_VERSION: readonly Comparator[] = ['<', '<=', '=', '!=', '>=', '>', '*'];

export function inOrder(scheme: string, constraints: readonly Constraint[]): readonly Constraint[] {
  const order = orderOf(scheme);
  return [...constraints].sort(
    (one, other) =>
      order(one.version, other.version) ||
      AT_ONE_VERSION.indexOf(one.comparator) - AT_ONE_VERSION.indexOf(other.comparator),
  );
}

export function toVers({ scheme, constraints }: VersionRange): string {
  const parts = constraints.map(({ comparator, version }) =>
    comparator === '*' ? '*' : `${comparator === '=' ? '' : comparator}${encodeVersion(version)}`,
  );
  return `vers:${scheme}/${parts.join('|')}`;
}

/** What separates and what compares is encoded, and so is the percent sign. */
function encodeVersion(version: string): string {
  return version.replaceAll(/[%|<>=!*/\s]/g, (letter) => encodeURIComponent(letter).replace(/^[!*]$/, hex));
}

const hex = (letter: string): string => `%${letter.charCodeAt(0).toString(16).toUpperCase()}`;

/** The specification's own steps: equal and unequal versions first, then the pairs that enclose. */
export function contains({ scheme, constraints }: VersionRange, version: string): boolean {
  const order = orderOf(scheme);
  const isAt = (constraint: Constraint): boolean => order(constraint.version, version) === 0;
  if (constraints.some(({ comparator }) => comparator === '*')) return true;
  const exact = constraints.filter(isAt);
  if (exact.some(({ comparator }) => comparator === '!=')) return false;
  if (exact.some(({ comparator }) => ['=', '<=', '>='].includes(comparator))) return true;
  const bounds = constraints.filter(({ comparator }) => comparator !== '=' && comparator !== '!=');
  if (bounds.length === 0) return constraints.length > 0 && constraints.every(({ comparator }) => comparator === '!=');
  const isUpper = ({ comparator }: Constraint): boolean => comparator.startsWith('<');
  return bounds.some((bound, at) => {
    const side = order(version, bound.version);
    const next = bounds[at + 1];
    if (isUpper(bound)) return at === 0 && side < 0;
    return side > 0 && (next === undefined || (isUpper(next) && order(version, next.version) < 0));
  });
}
