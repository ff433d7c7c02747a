/** Releases of a package as their sources list them, and which of them the reproducer is run on. Pure. */
import { compareSemantic } from '../formats/vers-language.ts';

export const SOURCES = ['npm', 'git', 'debian'] as const;
export type Source = (typeof SOURCES)[number];

/** Where a source keeps the package. `npm` needs only its name. */
export type Place =
  | { readonly source: 'npm' }
  /** An https address of a repository, or the directory of a local mirror. */
  | { readonly source: 'git'; readonly repository: string }
  /** A `Packages` or `Sources` file, and the package's name in it. */
  | { readonly source: 'debian'; readonly index: string; readonly name: string };

export interface Release {
  readonly source: Source;
  /** As the package itself counts: `1.2.3`. */
  readonly version: string;
  /** As the source writes it: `v1.2.3`, `1:1.2.3-2`. */
  readonly label: string;
}

/** What a conditional request sends along, so that an unchanged answer costs nobody anything. */
export interface Validator {
  readonly etag?: string;
  readonly lastModified?: string;
}

export type SourceAnswer =
  | { readonly changed: false }
  | { readonly changed: true; readonly releases: readonly Release[]; readonly validator: Validator };

export interface SourceRefusal {
  readonly kind: 'not-found' | 'refused' | 'unreachable' | 'garbled' | 'too-large' | 'not-allowed' | 'unsupported';
  readonly reason: string;
  /** The source asked for this pause. */
  readonly retryAfterMs?: number;
}

/** What a watch remembers between two looks. */
export interface Remembered {
  readonly package: string;
  readonly place: Place;
  readonly validator: Validator;
  /** Labels of the releases that were listed. */
  readonly seen: readonly string[];
  /** The highest release that is no pre-release. */
  readonly newest: Release | null;
}

/** Releases remembered of one package, the highest first. */
export const MAX_REMEMBERED = 5_000;
/** Releases of one look on which a reproducer is run, the highest first. */
export const MAX_NEW_RELEASES = 20;
const LONGEST_LABEL = 128;

const LOOK_EVERY_MS = 6 * 3_600_000;
const FIRST_PAUSE_MS = 3_600_000;
const LONGEST_PAUSE_MS = 24 * 3_600_000;
/** A source that asks for more is looked at after so long all the same. */
const LONGEST_WISH_MS = 7 * 24 * 3_600_000;

/** How long until the next look, after so many that failed in a row. */
export function pauseMs(failures: number, retryAfterMs = 0): number {
  if (failures === 0) return LOOK_EVERY_MS;
  const backedOff = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (failures - 1));
  return Math.max(backedOff, Math.min(retryAfterMs, LONGEST_WISH_MS));
}

/** As npm orders versions. Negative where `left` is the earlier one; undefined where one of them is no version. */
export function compareReleases(left: string, right: string): number | undefined {
  return isVersion(left) && isVersion(right) ? compareSemantic(left, right) : undefined;
}

const VERSION = /^\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?$/;
export const isVersion = (text: string): boolean => text.length <= LONGEST_LABEL && VERSION.test(text);
const isPreRelease = (version: string): boolean => /^[\d.]+-/.test(version);

const highestFirst = (left: Release, right: Release): number => compareSemantic(right.version, left.version);

/** The version a tag names: `v1.2.3`, `1.2.3`, `name@1.2.3`, `name-v1.2.3`; undefined for any other tag. */
export function versionOfTag(tag: string, packageName: string): string | undefined {
  const bare = packageName.replace(/^@[^/]+\//, '');
  const prefix = [`${packageName}@`, `${bare}@`, `${packageName}-`, `${bare}-`].find((each) => tag.startsWith(each));
  const version = tag.slice(prefix?.length ?? 0).replace(/^v/, '');
  return isVersion(version) ? version : undefined;
}

/** The upstream version of a Debian one: without epoch, revision and what was taken out or repacked. */
export function upstreamOfDebian(version: string): string | undefined {
  const upstream = version
    .replace(/^\d+:/, '')
    .replace(/-[^-]*$/, '')
    .replace(/[+~](ds|dfsg|repack|really).*$/, '');
  return isVersion(upstream) ? upstream : undefined;
}

/** What is remembered after an answer. */
export function remember(before: Remembered, releases: readonly Release[], validator: Validator): Remembered {
  const sorted = releases.toSorted(highestFirst);
  return {
    ...before,
    validator,
    seen: sorted.slice(0, MAX_REMEMBERED).map(({ label }) => label),
    newest: sorted.find(({ version }) => !isPreRelease(version)) ?? null,
  };
}

/** Releases that were not listed before; at the first look nothing counts as new but the highest. */
export function newReleases(before: Remembered, releases: readonly Release[]): readonly Release[] {
  if (before.seen.length === 0) return [];
  const seen = new Set(before.seen);
  return releases
    .filter(({ version, label }) => !seen.has(label) && !isPreRelease(version))
    .toSorted(highestFirst)
    .slice(0, MAX_NEW_RELEASES);
}

/** Of these, those on which the reproducer of a finding made in `found` is run. */
export function worthTrying(found: string, releases: readonly Release[]): readonly Release[] {
  return releases.filter(({ version }) => (compareReleases(version, found) ?? 0) > 0);
}
