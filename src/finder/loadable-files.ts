/** Which files of a package a user of it can load, those that hold a possible sink first. */

const LIMIT = 16;
const NOT_FOR_USERS =
  /(?:^|\/)\.|(?:^|\/)(?:tests?|specs?|__tests__|__mocks__|examples?|benchmarks?|bench|docs?|demo|fixtures?|scripts?|website|coverage|tasks?|flow-typed|vendor)\/|\.(?:test|spec|min|umd|browser|config)\.[cm]?js$|(?:^|\/)(?:gruntfile|gulpfile|webpack[\w.]*|rollup[\w.]*|karma[\w.]*|test|tests|bench|benchmark)\.[cm]?js$/i;
const SINKS =
  /\bchild_process\b|\bexec(?:Sync|File)?\s*\(|\bspawn(?:Sync)?\s*\(|\beval\s*\(|\bnew Function\b|\bFunction\s*\(|\bvm\b|\[\s*\w+\s*\]\s*=[^=]|\b(?:merge|extend|assign|defaults|set|unflatten|parse)\b/g;

interface Manifest {
  readonly main?: unknown;
  readonly exports?: unknown;
}

/** Paths under `exports` that name one file each; undefined where the package does not restrict what can be loaded. */
function exported(value: unknown, depth = 0): string[] {
  if (typeof value === 'string') return value.includes('*') ? [] : [value.replace(/^\.\//, '')];
  if (value === null || typeof value !== 'object' || depth > 5) return [];
  return Object.values(value).flatMap((member) => exported(member, depth + 1));
}

export function loadableFiles(manifestText: string, sources: ReadonlyMap<string, string>): readonly string[] {
  let manifest: Manifest = {};
  try {
    manifest = JSON.parse(manifestText) as Manifest;
  } catch {
    // A package without a readable manifest has its main module only.
  }
  const allowed = manifest.exports === undefined ? undefined : new Set(exported(manifest.exports));
  const main = typeof manifest.main === 'string' ? manifest.main.replace(/^\.\//, '') : 'index.js';
  const scored: { readonly path: string; readonly score: number }[] = [];
  for (const [path, text] of sources) {
    if (path === main || path === `${main}.js` || path === `${main}/index.js`) continue;
    if (allowed ? !allowed.has(path) : NOT_FOR_USERS.test(path)) continue;
    if (text.startsWith('#!')) continue;
    const sinks = text.match(SINKS)?.length ?? 0;
    scored.push({ path, score: Math.min(sinks, 20) - path.split('/').length });
  }
  scored.sort((left, right) => right.score - left.score || (left.path < right.path ? -1 : 1));
  const hasMain = manifest.main !== undefined || manifest.exports !== undefined || sources.has('index.js');
  // A package of command-line programs alone has nothing to load, which is no gap in the search.
  return [...(hasMain ? [''] : []), ...scored.slice(0, LIMIT).map(({ path }) => path)];
}
