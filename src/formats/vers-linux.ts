/** How distributions order versions: Alpine's apk, Gentoo, Arch's pacman, Red Hat's rpm and Debian's dpkg. */

/** Below zero where left is older. */
export type Compare = (left: string, right: string) => number;

const SUFFIXES = ['alpha', 'beta', 'pre', 'rc', '', 'cvs', 'svn', 'git', 'hg', 'p'];

interface GentooVersion {
  readonly numbers: readonly string[];
  readonly letter: string;
  readonly suffixes: readonly (readonly [name: string, number: string])[];
  readonly revision: string;
}

/** Gentoo's package manager specification, section 3.3; apk's rules are the same but for a few more suffixes. */
export const compareGentoo: Compare = (left, right) => {
  const [one, other] = [readGentoo(left), readGentoo(right)];
  return (
    compareNumbers(one.numbers, other.numbers) ||
    compareText(one.letter, other.letter) ||
    compareSuffixes(one.suffixes, other.suffixes) ||
    compareDigits(one.revision, other.revision)
  );
};

function readGentoo(version: string): GentooVersion {
  const match = /^(\d+(?:\.\d+)*)([a-z]?)((?:_(?:alpha|beta|pre|rc|cvs|svn|git|hg|p)\d*)*)(?:-r(\d+))?/.exec(version);
  return {
    numbers: (match?.[1] ?? version).split('.'),
    letter: match?.[2] ?? '',
    suffixes: [...(match?.[3] ?? '').matchAll(/_([a-z]+)(\d*)/g)].map(([, name = '', number = '']) => [name, number]),
    revision: match?.[4] ?? '0',
  };
}

function compareNumbers(left: readonly string[], right: readonly string[]): number {
  const first = compareDigits(left[0] ?? '', right[0] ?? '');
  if (first !== 0) return first;
  for (let at = 1; at < Math.min(left.length, right.length); at += 1) {
    const [one, other] = [left[at] ?? '', right[at] ?? ''];
    // A part with a leading zero is a fraction: 1.01 comes before 1.1.
    const isFraction = one.startsWith('0') || other.startsWith('0');
    const order = isFraction
      ? compareText(one.replace(/0+$/, ''), other.replace(/0+$/, ''))
      : compareDigits(one, other);
    if (order !== 0) return order;
  }
  return left.length - right.length;
}

function compareSuffixes(left: GentooVersion['suffixes'], right: GentooVersion['suffixes']): number {
  for (let at = 0; at < Math.max(left.length, right.length); at += 1) {
    const [[one, first], [other, second]] = [left[at] ?? ['', ''], right[at] ?? ['', '']];
    const order = SUFFIXES.indexOf(one) - SUFFIXES.indexOf(other) || compareDigits(first, second);
    if (order !== 0) return order;
  }
  return 0;
}

/** `epoch:version-release`, as vercmp(8): a release is compared only where both have one. */
export const compareAlpm: Compare = (left, right) => {
  const [one, other] = [splitEvr(left), splitEvr(right)];
  return (
    compareDigits(one.epoch, other.epoch) ||
    compareRpmPart(one.version, other.version) ||
    (one.release === undefined || other.release === undefined ? 0 : compareRpmPart(one.release, other.release))
  );
};

export const compareRpm: Compare = (left, right) => {
  const [one, other] = [splitEvr(left), splitEvr(right)];
  return (
    compareDigits(one.epoch, other.epoch) ||
    compareRpmPart(one.version, other.version) ||
    compareRpmPart(one.release ?? '', other.release ?? '')
  );
};

interface Evr {
  readonly epoch: string;
  readonly version: string;
  readonly release: string | undefined;
}

function splitEvr(text: string): Evr {
  const [, epoch = '0', rest = ''] = /^(?:(\d+):)?(.*)$/s.exec(text) ?? [];
  const at = rest.lastIndexOf('-');
  return at < 0
    ? { epoch, version: rest, release: undefined }
    : { epoch, version: rest.slice(0, at), release: rest.slice(at + 1) };
}

/** rpmvercmp: runs of digits and of letters; digits are newer than letters, `~` is older and `^` newer than the end. */
function compareRpmPart(left: string, right: string): number {
  const [one, other] = [left.match(/[~^]|\d+|[a-z]+/gi) ?? [], right.match(/[~^]|\d+|[a-z]+/gi) ?? []];
  for (let at = 0; at < Math.max(one.length, other.length); at += 1) {
    const [first, second] = [one[at], other[at]];
    if (first === second) continue;
    for (const [mark, order] of [
      ['~', -1],
      ['^', 1],
    ] as const) {
      // Against a further run `^` is the older one; only against the end it is newer.
      if (first === mark) return second === undefined || mark === '~' ? order : -1;
      if (second === mark) return first === undefined || mark === '~' ? -order : 1;
    }
    // What is left over of one side makes it newer if digits, older if letters (1.5 is newer than 1.5b).
    if (first === undefined) return /^\d/.test(second ?? '') || !isGlued(right, other, at) ? -1 : 1;
    if (second === undefined) return /^\d/.test(first) || !isGlued(left, one, at) ? 1 : -1;
    const [isDigits, areDigits] = [/^\d/.test(first), /^\d/.test(second)];
    if (isDigits !== areDigits) return isDigits ? 1 : -1;
    const order = isDigits ? compareDigits(first, second) : compareText(first, second);
    if (order !== 0) return order;
  }
  return 0;
}

/** Whether run number `at` follows the one before without a separator. */
function isGlued(text: string, runs: readonly string[], at: number): boolean {
  const position = runs.slice(0, at + 1).reduce((from, run) => text.indexOf(run, from) + run.length, 0);
  const start = position - (runs[at]?.length ?? 0);
  return start > 0 && /[a-z0-9]/i.test(text[start - 1] ?? '');
}

/** deb-version(7). */
export const compareDebian: Compare = (left, right) => {
  const [one, other] = [splitEvr(left), splitEvr(right)];
  return (
    compareDigits(one.epoch, other.epoch) ||
    compareDebianPart(one.version, other.version) ||
    compareDebianPart(one.release ?? '0', other.release ?? '0')
  );
};

function compareDebianPart(left: string, right: string): number {
  const [one, other] = [left.match(/\D+|\d+/g) ?? [], right.match(/\D+|\d+/g) ?? []];
  const runs = (parts: readonly string[]): readonly string[] => (/^\d/.test(parts[0] ?? '') ? ['', ...parts] : parts);
  const [first, second] = [runs(one), runs(other)];
  for (let at = 0; at < Math.max(first.length, second.length); at += 1) {
    const [a, b] = [first[at] ?? '', second[at] ?? ''];
    const order = at % 2 === 0 ? compareDebianText(a, b) : compareDigits(a || '0', b || '0');
    if (order !== 0) return order;
  }
  return 0;
}

/** Letters before all else, and `~` before even the end. */
function compareDebianText(left: string, right: string): number {
  const rank = (letter: string | undefined): number => {
    if (letter === undefined) return 0;
    if (letter === '~') return -1;
    return /[a-z]/i.test(letter) ? letter.charCodeAt(0) : letter.charCodeAt(0) + 256;
  };
  for (let at = 0; at < Math.max(left.length, right.length); at += 1) {
    const order = rank(left[at]) - rank(right[at]);
    if (order !== 0) return order;
  }
  return 0;
}

/** Digits of any length as numbers. */
export function compareDigits(left: string, right: string): number {
  const [one, other] = [left.replace(/^0+/, ''), right.replace(/^0+/, '')];
  return one.length - other.length || compareText(one, other);
}

/** By UTF-16 code units. */
export function compareText(left: string, right: string): number {
  if (left === right) return 0;
  return left < right ? -1 : 1;
}
