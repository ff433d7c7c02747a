/** Ranges as ecosystems write them (`^1.2.3`, `[1.0,2.0)`, `~>2.0.8`), turned into VERS. */
import { ok, type Result, refuse } from '../lib/result.ts';
import { type Comparator, type Constraint, findOrder, inOrder, type VersionRange, type VersRefusal } from './vers.ts';

type ReadNative = (range: string) => readonly Constraint[];

/** What no rule of the scheme reads; leaves this file only as a refusal. */
class BadRange extends Error {
  override readonly name = 'BadRange';
}

const is = (comparator: Comparator, version: string): Constraint => ({ comparator, version });

export function fromNative(scheme: string, range: string): Result<VersionRange, VersRefusal> {
  const read = NATIVE[scheme];
  if (!read || !findOrder(scheme)) {
    return refuse({ kind: 'bad-range', text: range, reason: `ranges of ${scheme} are not read` });
  }
  try {
    const constraints = read(range);
    return ok({ scheme, constraints: inOrder(scheme, constraints) });
  } catch (error) {
    if (error instanceof BadRange) return refuse({ kind: 'bad-range', text: range, reason: error.message });
    throw error;
  }
}

const NATIVE: Readonly<Record<string, ReadNative>> = {
  npm: readNpm,
  conan: readConan,
  gem: readGem,
  nginx: readNginx,
  nuget: readNuget,
  openssl: (range) => range.split(',').map((version) => is('=', version.trim())),
  pypi: readPypi,
};

/** Comparators and their versions, whatever blanks stand between; `5.0.0 - 7.2.3` stays whole. */
function parts(range: string): readonly (readonly [comparator: string, version: string])[] {
  const found = [...range.matchAll(/\s*(>=|<=|!=|==|~=|~>|[<>=~^])?\s*v?([^\s,<>=~^!|&]+)\s*,?/gy)];
  if (found.map(([text]) => text).join('').length < range.trimEnd().length) {
    throw new BadRange(`${range.slice(0, 80)} is no range`);
  }
  return found.map(([, comparator = '', version = '']) => [comparator, version]);
}

function readNpm(range: string): readonly Constraint[] {
  if (range.trim() === '') return [is('*', '')];
  return range.split('||').flatMap((either): readonly Constraint[] => {
    const hyphen = /^\s*(\S+)\s+-\s+(\S+)\s*$/.exec(either);
    if (hyphen) return [is('>=', threeParts(hyphen[1])), is('<=', threeParts(hyphen[2]))];
    return parts(either).flatMap(([comparator, version]) => npmPart(comparator, version));
  });
}

function npmPart(comparator: string, version: string): readonly Constraint[] {
  if (/^[x*]$/i.test(version)) return [is('*', '')];
  if (/\.[x*]/i.test(version)) {
    const known = version.split('.').slice(
      0,
      version.split('.').findIndex((part) => /^[x*]$/i.test(part)),
    );
    return [is('>=', threeParts(known.join('.'))), is('<', threeParts(next(known)))];
  }
  const whole = threeParts(version);
  const [release = '', prerelease] = splitOnce(whole, '-');
  const numbers = release.split('.');
  if (comparator === '^') {
    const first = numbers.findIndex((number) => !/^0+$/.test(number));
    return [is('>=', whole), is('<', threeParts(next(numbers.slice(0, (first < 0 ? 2 : first) + 1))))];
  }
  if (comparator === '~' || comparator === '~>') {
    if (prerelease !== undefined) {
      // Versions before the release, then the release itself: the form that the specification's case has.
      return [is('>=', whole), is('<', release), is('>=', release), is('<', next(numbers))];
    }
    return [is('>=', whole), is('<', threeParts(next(numbers.slice(0, Math.min(2, version.split('.').length)))))];
  }
  return [is((comparator || '=') as Comparator, whole)];
}

function splitOnce(text: string, mark: string): readonly [string, string?] {
  const at = text.indexOf(mark);
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)];
}

function threeParts(version = ''): string {
  const [main = '', rest] = splitOnce(version, '-');
  const numbers = main.split('.');
  while (numbers.length < 3) numbers.push('0');
  return rest === undefined ? numbers.join('.') : `${numbers.join('.')}-${rest}`;
}

/** The same version with its last part one higher. */
function next(numbers: readonly string[]): string {
  const last = numbers.at(-1) ?? '';
  if (!/^\d+$/.test(last)) throw new BadRange(`${numbers.join('.')} has no next version`);
  return [...numbers.slice(0, -1), String(BigInt(last) + 1n)].join('.');
}

/** An empty range allows nothing. `-` at the end of a version means "and what comes before its release"; options follow a comma. */
function readConan(range: string): readonly Constraint[] {
  const [expression = ''] = range.split(',');
  if (expression.trim() === '') return [];
  return expression.split('||').flatMap((either) => {
    if (/^\s*\*-?\s*$/.test(either)) return [is('>=', '0.0.0')];
    return parts(either).flatMap(([comparator, written]) => {
      const version = written.replace(/-$/, '');
      const numbers = version.split(/[-+]/)[0]?.split('.') ?? [];
      if (comparator === '~') return [is('>=', version), is('<', `${next(numbers.slice(0, 2))}-`)];
      if (comparator === '^') {
        const first = numbers.findIndex((number) => !/^0+$/.test(number));
        const kept = numbers.slice(0, (first < 0 ? numbers.length - 1 : first) + 1);
        return [is('>=', version), is('<', `${next(kept)}-`)];
      }
      return [is((comparator || '=') as Comparator, version)];
    });
  });
}

function readGem(range: string): readonly Constraint[] {
  return parts(range).flatMap(([comparator, version]) => {
    if (comparator !== '~>') return [is((comparator || '=') as Comparator, version)];
    const numbers = version.split('.');
    return [is('>=', version), is('<', next(numbers.length > 1 ? numbers.slice(0, -1) : numbers))];
  });
}

/** `1.4.1+` is this one and later ones of its branch: stable branches (even) end, the main line (odd) goes on. */
function readNginx(range: string): readonly Constraint[] {
  return range.split(',').flatMap((part) => {
    const [, from = '', mark, to] = /^\s*([\d.]+)\s*(?:(\+)|-\s*([\d.]+))?\s*$/.exec(part) ?? [];
    if (from === '') throw new BadRange(`${part.trim()} is no range of nginx`);
    if (to !== undefined) return [is('>=', from), is('<=', to)];
    if (mark === undefined) return [is('=', from)];
    const branch = from.split('.').slice(0, 2);
    const isStable = Number(branch[1] ?? 0) % 2 === 0;
    return isStable ? [is('>=', from), is('<', threeParts(next(branch)))] : [is('>=', from)];
  });
}

/** Interval notation; a bare version is the least one. */
function readNuget(range: string): readonly Constraint[] {
  const interval = /^\s*([[(])\s*([^,\])]*?)\s*(?:(,)\s*([^\])]*?)\s*)?([\])])\s*$/.exec(range);
  if (!interval) {
    if (/[[\](),\s]/.test(range.trim())) throw new BadRange(`${range} is no range of NuGet`);
    return [is('>=', range.trim())];
  }
  const [, open, low = '', comma, high = '', close] = interval;
  if (comma === undefined) return [is('=', low)];
  const bounds = [
    ...(low === '' ? [] : [is(open === '[' ? '>=' : '>', low)]),
    ...(high === '' ? [] : [is(close === ']' ? '<=' : '<', high)]),
  ];
  return bounds.length > 0 ? bounds : [is('*', '')];
}

/** PEP 440 specifiers. */
function readPypi(range: string): readonly Constraint[] {
  return parts(range).flatMap(([comparator, version]) => {
    if (version.endsWith('.*')) {
      const numbers = version.slice(0, -2).split('.');
      if (comparator === '==') return [is('>=', numbers.join('.')), is('<', next(numbers))];
      throw new BadRange(`${comparator}${version} leaves out a range, which no list of constraints can say`);
    }
    if (comparator === '~=') return [is('>=', version), is('<', next(version.split('.').slice(0, -1)))];
    return [is((comparator === '==' || comparator === '' ? '=' : comparator) as Comparator, version)];
  });
}
