/**
 * Maven's order of versions (its ComparableVersion): numbers and words in nested lists, a hyphen or a change between digits
 * and letters opens a list, and what says nothing (zeros, `final`, `ga`) is dropped at the end of a list.
 */
import { compareDigits, compareText } from './vers-linux.ts';

type Item = string | readonly Item[];

const QUALIFIERS = ['alpha', 'beta', 'milestone', 'rc', 'snapshot', '', 'sp'];
const ALIASES: Readonly<Record<string, string>> = { ga: '', final: '', release: '', cr: 'rc' };
const SHORT: Readonly<Record<string, string>> = { a: 'alpha', b: 'beta', m: 'milestone' };

export function compareMaven(left: string, right: string): number {
  return compareItems(readMaven(left), readMaven(right));
}

function readMaven(version: string): readonly Item[] {
  const root: Item[] = [];
  const lists: Item[][] = [root];
  let list = root;
  const open = (): void => {
    const inner: Item[] = [];
    list.push(inner);
    list = inner;
    lists.push(inner);
  };
  let previous = '';
  const runs = version.toLowerCase().match(/\d+|[^\d.-]+|[.-]/g) ?? [];
  runs.forEach((run, at) => {
    const next = runs[at + 1] ?? '';
    if (run === '.' || run === '-') {
      // Two separators in a row hold a zero between them.
      if (previous === '' || previous === '.' || previous === '-') list.push('0');
      if (run === '-') open();
    } else {
      const isDigits = /^\d/.test(run);
      const wasRun = previous !== '' && previous !== '.' && previous !== '-';
      if (wasRun) open();
      if (isDigits) list.push(run.replace(/^0+(?=\d)/, ''));
      else list.push(toQualifier(run, /^\d/.test(next)));
    }
    previous = run;
  });
  for (const each of lists.reverse()) trim(each);
  return root;
}

function toQualifier(word: string, isBeforeDigits: boolean): string {
  const long = isBeforeDigits ? (SHORT[word] ?? word) : word;
  return ALIASES[long] ?? long;
}

const isNothing = (item: Item): boolean =>
  item === '' || item === '0' || (typeof item !== 'string' && item.length === 0);

/** Drops what says nothing from the end, and before a list. */
function trim(list: Item[]): void {
  for (let at = list.length - 1; at >= 0; at -= 1) {
    const item = list[at] ?? '';
    if (isNothing(item)) list.splice(at, 1);
    else if (typeof item === 'string') break;
  }
}

function compareItems(left: Item | undefined, right: Item | undefined): number {
  if (left === undefined) return right === undefined ? 0 : -compareItems(right, left);
  if (typeof left !== 'string') {
    if (right === undefined) return left.reduce<number>((order, item) => order || compareItems(item, undefined), 0);
    if (typeof right === 'string') return isNumber(right) ? -1 : 1;
    for (let at = 0; at < Math.max(left.length, right.length); at += 1) {
      const order = compareItems(left[at], right[at]);
      if (order !== 0) return order;
    }
    return 0;
  }
  if (isNumber(left)) {
    if (right === undefined) return left === '0' ? 0 : 1;
    return typeof right === 'string' && isNumber(right) ? compareDigits(left, right) : 1;
  }
  if (right === undefined) return compareQualifiers(left, '');
  if (typeof right !== 'string') return -1;
  return isNumber(right) ? -1 : compareQualifiers(left, right);
}

const isNumber = (item: string): boolean => /^\d/.test(item);

/** Known ones in their order, others after them all, by their letters. */
function compareQualifiers(left: string, right: string): number {
  const [one, other] = [QUALIFIERS.indexOf(left), QUALIFIERS.indexOf(right)];
  if (one >= 0 && other >= 0) return one - other;
  if (one < 0 && other < 0) return compareText(left, right);
  return one < 0 ? 1 : -1;
}
