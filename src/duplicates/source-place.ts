/** Where in the source a flaw lies, in a form that survives moves: line numbers drift, folders differ between copies. */

/** Parts of a path that are compared. */
const TAIL_PARTS = 3;

/** `/src/third_party/zlib/inflate.c` → `third_party/zlib/inflate.c`. */
export function pathTail(path: string): string {
  const parts = path
    .replace(/^[a-z]+:\/\//i, '')
    .replaceAll('\\', '/')
    .split('/')
    .filter((part) => part !== '' && part !== '.' && part !== '..');
  return parts.slice(-TAIL_PARTS).join('/').toLowerCase();
}

/** How many trailing parts two paths share, as a share of the shorter one: 1 for the same file in a vendored copy. */
export function pathLikeness(left: string, right: string): number {
  if (left === '' || right === '') return 0;
  const one = left.split('/').reverse();
  const other = right.split('/').reverse();
  const shorter = Math.min(one.length, other.length);
  let shared = 0;
  while (shared < shorter && one[shared] === other[shared]) shared += 1;
  return shared / shorter;
}

/** A line of source without blanks, comments at its end, and the choice of quotes. */
export function normaliseLine(line: string): string {
  return line
    .replace(/^[+-](?![+-])/, '')
    .replace(/\s*(?:\/\/|#\s).*$/, '')
    .replaceAll(/["'`]/g, '"')
    .replaceAll(/\s+/g, '');
}
