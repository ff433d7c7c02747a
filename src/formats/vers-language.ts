/** How ecosystems of languages order versions: npm and all of semantic versioning, NuGet, PyPI, RubyGems, Conan, OpenSSL. */
import { type Compare, compareDigits, compareText } from './vers-linux.ts';

interface Semantic {
  readonly numbers: readonly string[];
  readonly prerelease: readonly string[];
}

function readSemantic(version: string): Semantic {
  const [body = ''] = version.replace(/^[v=\s]+/, '').split('+');
  const at = body.indexOf('-');
  const [main, prerelease] = at < 0 ? [body, ''] : [body.slice(0, at), body.slice(at + 1)];
  return { numbers: main.split('.'), prerelease: prerelease === '' ? [] : prerelease.split('.') };
}

/** semver.org 2.0.0, section 11; missing parts count as zero. */
export const compareSemantic: Compare = (left, right) => {
  const [one, other] = [readSemantic(left), readSemantic(right)];
  return comparePadded(one.numbers, other.numbers) || comparePrerelease(one.prerelease, other.prerelease, compareText);
};

/** As semantic versioning with four numbers and without regard to case. */
export const compareNuget: Compare = (left, right) => compareSemantic(left.toLowerCase(), right.toLowerCase());

/** NuGet writes the word before the build metadata in small letters. */
export const canonicalNuget = (version: string): string => {
  const at = version.indexOf('+');
  return at < 0 ? version.toLowerCase() : `${version.slice(0, at).toLowerCase()}${version.slice(at)}`;
};

function comparePadded(left: readonly string[], right: readonly string[]): number {
  for (let at = 0; at < Math.max(left.length, right.length); at += 1) {
    const [one, other] = [left[at] ?? '0', right[at] ?? '0'];
    const order = /^\d+$/.test(one) && /^\d+$/.test(other) ? compareDigits(one, other) : compareText(one, other);
    if (order !== 0) return order;
  }
  return 0;
}

function comparePrerelease(left: readonly string[], right: readonly string[], words: Compare): number {
  if (left.length === 0 || right.length === 0) return right.length - left.length;
  for (let at = 0; at < Math.max(left.length, right.length); at += 1) {
    const [one, other] = [left[at], right[at]];
    if (one === undefined) return -1;
    if (other === undefined) return 1;
    const [isDigits, areDigits] = [/^\d+$/.test(one), /^\d+$/.test(other)];
    if (isDigits !== areDigits) return isDigits ? -1 : 1;
    const order = isDigits ? compareDigits(one, other) : words(one, other);
    if (order !== 0) return order;
  }
  return 0;
}

const PEP_440 =
  /^v?(?:(\d+)!)?(\d+(?:\.\d+)*)(?:[-_.]?(a|b|c|rc|alpha|beta|pre|preview)[-_.]?(\d*))?(?:(?:[-_.]?(post|rev|r)[-_.]?(\d*))|-(\d+))?(?:[-_.]?(dev)[-_.]?(\d*))?(?:\+([a-z0-9]+(?:[-_.][a-z0-9]+)*))?$/;
const PHASES: Readonly<Record<string, number>> = { a: 1, alpha: 1, b: 2, beta: 2, c: 3, rc: 3, pre: 3, preview: 3 };

/** PEP 440. What it does not describe is older than all it does. */
export const comparePypi: Compare = (left, right) => {
  const [one, other] = [PEP_440.exec(left.toLowerCase()), PEP_440.exec(right.toLowerCase())];
  if (!one || !other) return Number(Boolean(one)) - Number(Boolean(other)) || compareText(left, right);
  return (
    compareDigits(one[1] ?? '', other[1] ?? '') ||
    comparePadded((one[2] ?? '').split('.'), (other[2] ?? '').split('.')) ||
    compareList(phaseOf(one), phaseOf(other)) ||
    compareLocal(one[10], other[10])
  );
};

/** Development before alpha before release before post; a number of each. */
function phaseOf(match: RegExpExecArray): readonly number[] {
  const [, , , phase, phaseNumber, post, postNumber, postShort, dev, devNumber] = match;
  const isPost = post !== undefined || postShort !== undefined;
  const isOnlyDev = dev !== undefined && phase === undefined && !isPost;
  return [
    isOnlyDev ? 0 : phase === undefined ? 4 : (PHASES[phase] ?? 0),
    Number(phaseNumber || 0),
    isPost ? Number(postNumber || postShort || 0) + 1 : 0,
    dev === undefined ? Number.POSITIVE_INFINITY : Number(devNumber || 0),
  ];
}

function compareList(left: readonly number[], right: readonly number[]): number {
  const at = left.findIndex((value, index) => value !== right[index]);
  return at < 0 ? 0 : (left[at] ?? 0) < (right[at] ?? 0) ? -1 : 1;
}

function compareLocal(left: string | undefined, right: string | undefined): number {
  if (left === undefined || right === undefined) return Number(left !== undefined) - Number(right !== undefined);
  const [one, other] = [left.split(/[-_.]/), right.split(/[-_.]/)];
  for (let at = 0; at < Math.max(one.length, other.length); at += 1) {
    const [first, second] = [one[at], other[at]];
    if (first === undefined) return -1;
    if (second === undefined) return 1;
    // In a local version numbers are newer than words, the other way round than before a release.
    const [isDigits, areDigits] = [/^\d+$/.test(first), /^\d+$/.test(second)];
    if (isDigits !== areDigits) return isDigits ? 1 : -1;
    const order = isDigits ? compareDigits(first, second) : compareText(first, second);
    if (order !== 0) return order;
  }
  return 0;
}

/** Gem::Version: runs of digits and letters; a letter makes it a version before the release. */
export const compareGem: Compare = (left, right) => {
  const runs = (version: string): readonly string[] => {
    const found = version.replaceAll('-', '.pre.').match(/\d+|[a-z]+/gi) ?? [];
    const release = found.findIndex((run) => /[a-z]/i.test(run));
    const [numbers, rest] = release < 0 ? [found, []] : [found.slice(0, release), found.slice(release)];
    return [...withoutZeros(numbers), ...withoutZeros(rest)];
  };
  const [one, other] = [runs(left), runs(right)];
  for (let at = 0; at < Math.max(one.length, other.length); at += 1) {
    const [first, second] = [one[at] ?? '0', other[at] ?? '0'];
    const [isDigits, areDigits] = [/^\d/.test(first), /^\d/.test(second)];
    if (isDigits !== areDigits) return isDigits ? 1 : -1;
    const order = isDigits ? compareDigits(first, second) : compareText(first, second);
    if (order !== 0) return order;
  }
  return 0;
};

function withoutZeros(runs: readonly string[]): readonly string[] {
  const last = runs.findLastIndex((run) => !/^0+$/.test(run));
  return runs.slice(0, last + 1);
}

/** Conan: items between dots, numbers as numbers, all else by letters; zeros at the end say nothing. */
export const compareConan: Compare = (left, right) => {
  const [one, other] = [readConan(left), readConan(right)];
  return (
    compareConanItems(one.main, other.main) ||
    // Without a part before the release it is the release itself.
    (one.prerelease === undefined || other.prerelease === undefined
      ? Number(one.prerelease === undefined) - Number(other.prerelease === undefined)
      : compareConanItems(one.prerelease, other.prerelease)) ||
    compareConanItems(one.build ?? [], other.build ?? [])
  );
};

function readConan(version: string) {
  const [rest = '', ...build] = version.split('+');
  const at = rest.indexOf('-');
  const items = (text: string): readonly string[] => (text === '' ? [] : withoutZeros(text.split('.')));
  return {
    main: items(at < 0 ? rest : rest.slice(0, at)),
    prerelease: at < 0 ? undefined : items(rest.slice(at + 1)),
    build: build.length === 0 ? undefined : items(build.join('+')),
  };
}

function compareConanItems(left: readonly string[], right: readonly string[]): number {
  for (let at = 0; at < Math.max(left.length, right.length); at += 1) {
    const [one, other] = [left[at], right[at]];
    if (one === undefined) return -1;
    if (other === undefined) return 1;
    const order = /^\d+$/.test(one) && /^\d+$/.test(other) ? compareDigits(one, other) : compareText(one, other);
    if (order !== 0) return order;
  }
  return 0;
}

/** OpenSSL: up to 1.1.1 letters follow the numbers, `z` before `za`. */
export const compareOpenssl: Compare = (left, right) => {
  const read = (version: string) => /^(\d+(?:\.\d+)*)([a-z]*)(?:-(.*))?$/.exec(version.toLowerCase());
  const [one, other] = [read(left), read(right)];
  if (!one || !other) return compareSemantic(left, right);
  const [first = '', second = ''] = [one[2], other[2]];
  return (
    comparePadded((one[1] ?? '').split('.'), (other[1] ?? '').split('.')) ||
    first.length - second.length ||
    compareText(first, second) ||
    comparePrerelease(one[3] ? [one[3]] : [], other[3] ? [other[3]] : [], compareText)
  );
};

/** RFC 3339, by the instant; fractions of any length. */
export const compareDatetime: Compare = (left, right) => {
  const fraction = (text: string): string => (/\.(\d+)/.exec(text)?.[1] ?? '').replace(/0+$/, '');
  const seconds = (text: string): number => Date.parse(text.replace(/\.\d+/, ''));
  return seconds(left) - seconds(right) || compareText(fraction(left), fraction(right));
};

/** By the bytes of UTF-8. */
export const compareLexicographic: Compare = (left, right) => Buffer.compare(Buffer.from(left), Buffer.from(right));
