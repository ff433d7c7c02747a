/** Mandatory tests of CSAF 2.0 about the document itself: language, versions, history, involvements. */
import {
  type Breach,
  type CsafDocument,
  type CsafTest,
  type CsafTracking,
  placed,
  repeated,
  vulnerabilitiesOf,
} from './csaf-shape.ts';

interface Version {
  readonly kind: 'integer' | 'semantic';
  readonly numbers: readonly number[];
  readonly isPreRelease: boolean;
}

function readVersion(text: string): Version {
  const [core = '', ...pre] = withoutBuild(text).split('-');
  const numbers = core.split('.').map(Number);
  return { kind: numbers.length === 1 ? 'integer' : 'semantic', numbers, isPreRelease: pre.length > 0 };
}

const withoutBuild = (text: string): string => text.split('+')[0] ?? text;
const withoutPreRelease = (text: string): string => withoutBuild(text).split('-')[0] ?? text;
const major = (text: string): number => readVersion(text).numbers[0] ?? 0;

/** The order of semantic versions among those without a pre-release part; a pre-release stands before its release. */
function compareVersions(left: string, right: string): number {
  const [a, b] = [readVersion(left), readVersion(right)];
  for (const [index, number] of a.numbers.entries()) {
    const difference = number - (b.numbers[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return Number(b.isPreRelease) - Number(a.isPreRelease);
}

/** Instants of any precision: `Date` would drop what is below a millisecond. */
function compareInstants(left: string, right: string): number {
  const split = (text: string): readonly [number, string] => {
    const fraction = /\.(\d+)/.exec(text)?.[1] ?? '';
    return [Date.parse(text.replace(/\.\d+/, '')), fraction.replace(/0+$/, '')];
  };
  const [[a, aFraction], [b, bFraction]] = [split(left), split(right)];
  if (a !== b) return a - b;
  if (aFraction === bFraction) return 0;
  return aFraction < bFraction ? -1 : 1;
}

type Revision = CsafTracking['revision_history'][number];

/** In time order, at one instant in the order of versions. */
const compareRevisions = (left: Revision, right: Revision): number =>
  compareInstants(left.date, right.date) || compareVersions(left.number, right.number);

const trackingOf = (it: CsafDocument) => it.document.tracking;
const historyOf = (it: CsafDocument) => placed('/document/tracking/revision_history', trackingOf(it).revision_history);
const breach = (path: string, message: string): Breach[] => [{ path, message }];

const languages = new Intl.DisplayNames(['en'], { type: 'language', fallback: 'none' });
const regions = new Intl.DisplayNames(['en'], { type: 'region', fallback: 'none' });

function isLanguage(tag: string): boolean {
  if (/^(i|x)-/i.test(tag)) return true;
  try {
    const { language, region } = new Intl.Locale(tag);
    if (/^q[a-t][a-z]$/.test(language)) return true;
    return languages.of(language) !== undefined && (region === undefined || regions.of(region) !== undefined);
  } catch {
    return false;
  }
}

/** 6.1.12 */
const soundLanguages: CsafTest = (it) =>
  (['lang', 'source_lang'] as const).flatMap((name) => {
    const tag = it.document[name];
    return tag === undefined || isLanguage(tag) ? [] : breach(`/document/${name}`, `${tag} is no language`);
  });

/** 6.1.14 */
const sortedHistory: CsafTest = (it) => {
  const byDate = historyOf(it).sort((left, right) => compareRevisions(left.value, right.value));
  return byDate.flatMap(({ path, value }, index) => {
    const earlier = byDate[index - 1];
    if (!earlier || compareVersions(earlier.value.number, value.number) <= 0) return [];
    return breach(path, `${value.number} is dated after ${earlier.value.number}`);
  });
};

/** 6.1.15 */
const translatorNamesSource: CsafTest = ({ document }) =>
  document.publisher.category === 'translator' && document.source_lang === undefined
    ? breach('/document/source_lang', 'a translation names the language it was made from')
    : [];

/** 6.1.16 */
const latestVersion: CsafTest = (it) => {
  const { status, version, revision_history } = trackingOf(it);
  const latest = [...revision_history].sort(compareRevisions).at(-1);
  const same = status === 'draft' ? withoutPreRelease : withoutBuild;
  if (!latest || same(latest.number) === same(version)) return [];
  return breach('/document/tracking/version', `the version is ${version}, the last revision is ${latest.number}`);
};

const isUnreleased = (version: string): boolean => major(version) === 0 || readVersion(version).isPreRelease;

/** 6.1.17 */
const draftsAreDrafts: CsafTest = (it) => {
  const { status, version } = trackingOf(it);
  return isUnreleased(version) && status !== 'draft'
    ? breach('/document/tracking/status', `version ${version} is a draft, not ${status}`)
    : [];
};

/** 6.1.18 */
const releasedHistory: CsafTest = (it) =>
  trackingOf(it).status === 'draft'
    ? []
    : historyOf(it)
        .filter(({ value }) => major(value.number) === 0)
        .flatMap(({ path, value }) =>
          breach(`${path}/number`, `${value.number} in the history of a released document`),
        );

/** 6.1.19 */
const noPreReleaseInHistory: CsafTest = (it) =>
  historyOf(it)
    .filter(({ value }) => readVersion(value.number).isPreRelease)
    .flatMap(({ path, value }) => breach(`${path}/number`, `the pre-release ${value.number} stands in the history`));

/** 6.1.20 */
const noPreReleaseReleased: CsafTest = (it) => {
  const { status, version } = trackingOf(it);
  return status !== 'draft' && readVersion(version).isPreRelease
    ? breach('/document/tracking/version', `a ${status} document has the pre-release version ${version}`)
    : [];
};

/** 6.1.21 */
const wholeHistory: CsafTest = (it) => {
  const majors = [...new Set(historyOf(it).map(({ value }) => major(value.number)))].sort((a, b) => a - b);
  const [first = 0] = majors;
  if (first > 1) return breach('/document/tracking/revision_history', `the history begins with ${first}`);
  const gap = majors.find((number, index) => number !== first + index);
  return gap === undefined
    ? []
    : breach('/document/tracking/revision_history', `nothing stands between ${gap} and the version before`);
};

/** 6.1.22 */
const singleRevisions: CsafTest = (it) =>
  repeated(
    historyOf(it).map(({ path, value }) => ({ path: `${path}/number`, value: value.number })),
    (number) => `revision ${number} stands twice`,
  );

/** 6.1.23 */
const singleCves: CsafTest = (it) =>
  repeated(
    vulnerabilitiesOf(it).flatMap(({ path, value }) => (value.cve ? [{ path: `${path}/cve`, value: value.cve }] : [])),
    (cve) => `${cve} stands twice`,
  );

/** 6.1.24 */
const singleInvolvements: CsafTest = (it) =>
  vulnerabilitiesOf(it).flatMap(({ path, value }) =>
    repeated(
      placed(`${path}/involvements`, value.involvements).map((each) => ({
        path: each.path,
        value: `${each.value.party} ${each.value.date ?? 'without date'}`,
      })),
      (what) => `two involvements of ${what}`,
    ),
  );

/** 6.1.28 */
const translated: CsafTest = ({ document: { lang, source_lang } }) =>
  lang !== undefined && lang.toLowerCase() === source_lang?.toLowerCase()
    ? breach('/document/lang', `translated from ${source_lang} into itself`)
    : [];

/** 6.1.30 */
const oneVersioning: CsafTest = (it) => {
  const { version, revision_history } = trackingOf(it);
  const kinds = new Set(
    [version, ...revision_history.map(({ number }) => number)].map((text) => readVersion(text).kind),
  );
  return kinds.size > 1 ? breach('/document/tracking/version', 'integer and semantic versions are mixed') : [];
};

export const TRACKING_TESTS: Readonly<Record<string, CsafTest>> = {
  '6.1.12': soundLanguages,
  '6.1.14': sortedHistory,
  '6.1.15': translatorNamesSource,
  '6.1.16': latestVersion,
  '6.1.17': draftsAreDrafts,
  '6.1.18': releasedHistory,
  '6.1.19': noPreReleaseInHistory,
  '6.1.20': noPreReleaseReleased,
  '6.1.21': wholeHistory,
  '6.1.22': singleRevisions,
  '6.1.23': singleCves,
  '6.1.24': singleInvolvements,
  '6.1.28': translated,
  '6.1.30': oneVersioning,
};
