/**
 * What a user may name as a target: a package URL, a packed archive, or a directory. Text in, shape out; nothing is
 * looked up here. A name that could not be a folder below `node_modules` is refused before it can become a path.
 */
import { PackageURL } from 'packageurl-js';
import { valid, validRange } from 'semver';
import { ok, type Result, refuse } from '../lib/result.ts';
import type { TargetRefusal } from './package-tree.ts';

export type Target =
  /** `wanted` is an exact version, a dist-tag, or null for the newest. */
  | { readonly kind: 'registry'; readonly name: string; readonly wanted: string | null }
  | { readonly kind: 'archive'; readonly path: string }
  | { readonly kind: 'directory'; readonly path: string };

const NAME_CHARACTERS = 214;
const NAME = /^(?:@[a-z0-9~_-][\w.~-]*\/)?[a-z0-9~_-][\w.~()'!*-]*$/i;
const ARCHIVE = /\.(?:tgz|tar\.gz|tar)$/i;

/** Old names with capitals and odd characters pass; whatever could climb out of `node_modules` or hide in it does not. */
export function isPackageName(name: string): boolean {
  return name.length <= NAME_CHARACTERS && NAME.test(name) && !/^node_modules$/i.test(name);
}

export function readTargetText(text: string): Result<Target, TargetRefusal> {
  const bad = (reason: string) => refuse<TargetRefusal>({ kind: 'bad-target', target: text, reason });
  if (text === '' || text.includes('\0')) return bad('a target is pkg:npm/name@version, a .tgz file or a directory');
  if (!text.startsWith('pkg:')) {
    return ok(ARCHIVE.test(text) ? { kind: 'archive', path: text } : { kind: 'directory', path: text });
  }
  const purl = readPurl(text);
  if (purl === undefined) return bad('not a package URL of the form pkg:npm/name@version');
  if (purl.type !== 'npm') return bad(`packages of type "${purl.type}" are not examined; only pkg:npm/… is`);
  const name = purl.namespace ? `${purl.namespace}/${purl.name}` : purl.name;
  if (!isPackageName(name)) return bad(`"${name}" cannot be the name of an npm package`);
  const wanted = purl.version ?? null;
  if (wanted !== null && valid(wanted, { loose: true }) === null && validRange(wanted) !== null) {
    return bad(`"${wanted}" is a range; name one version, or none for the newest`);
  }
  return ok({ kind: 'registry', name, wanted });
}

/** The package URL of one version, scope encoded as the purl specification wants it. */
export function toPurl(name: string, version: string): string {
  return `pkg:npm/${name.replace(/^@/, '%40')}@${version.replaceAll('+', '%2B')}`;
}

/** The library lower-cases npm names, which old packages with capitals do not survive, so the parts are read here. */
function readPurl(text: string) {
  try {
    const { type, version } = PackageURL.fromString(text);
    const path = text.replace(/^pkg:\/*/, '').split(/[?#]/)[0] ?? '';
    const at = path.lastIndexOf('@');
    const bare = at > path.lastIndexOf('/') && path[at - 1] !== '/' ? path.slice(0, at) : path;
    const segments = bare.split('/').slice(1).filter(Boolean).map(decodeURIComponent);
    const name = segments.pop();
    return name === undefined ? undefined : { type, version, namespace: segments.join('/'), name };
  } catch {
    return undefined;
  }
}
