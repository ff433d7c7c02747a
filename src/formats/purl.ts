/**
 * Package URLs as the specification has them, with its own definitions of types as data: what each type requires or
 * forbids, and where case does not count. A type that is not defined follows the common rules alone.
 */
import { ok, type Result, refuse } from '../lib/result.ts';
import TYPES from './schemas/purl-types.json' with { type: 'json' };

export interface Purl {
  readonly type: string;
  readonly namespace?: string;
  readonly name: string;
  readonly version?: string;
  readonly qualifiers?: Readonly<Record<string, string>>;
  readonly subpath?: string;
}

export interface PurlRefusal {
  readonly kind: 'bad-purl';
  readonly text: string;
  readonly reason: string;
}

interface PartRule {
  readonly requirement?: string;
  readonly lowerCase?: boolean;
  readonly pattern?: string;
}

interface TypeRule {
  readonly namespace?: PartRule;
  readonly name?: PartRule;
  readonly version?: PartRule;
  /** Keys that must be there. */
  readonly qualifiers?: readonly string[];
}

const RULES: ReadonlyMap<string, TypeRule> = new Map(Object.entries(TYPES));

/** Longest purl read, characters. */
const MAX_PURL = 4_096;

const TYPE = /^[a-z][a-z0-9.-]*$/;
const QUALIFIER_KEY = /^[a-z][a-z0-9._-]*$/;

/** Types whose name is a path of its own: the namespace is the first segment alone. */
const PATH_NAMED = new Set(['git']);

/** What is wrong with a purl; leaves this file only as a refusal or, of parts, as an Error. */
class BadPurl extends Error {
  override readonly name = 'BadPurl';
}

/**
 * Keys of qualifiers are read in lower case. One that begins with a capital is refused, as the specification's cases have
 * it, unless `anyCase` says that the text is only on its way to the canonical form.
 */
export function readPurl(text: string, { anyCase = false } = {}): Result<Purl, PurlRefusal> {
  if (text.length > MAX_PURL)
    return refuse({ kind: 'bad-purl', text: text.slice(0, 100), reason: 'longer than 4,096' });
  try {
    return ok(parse(text, anyCase));
  } catch (error) {
    if (error instanceof BadPurl || error instanceof URIError) {
      return refuse({ kind: 'bad-purl', text, reason: error.message });
    }
    throw error;
  }
}

/** Canonical text. Throws where the parts cannot make a purl. */
export function toPurl(purl: Purl): string {
  const { type, namespace, name, version, qualifiers, subpath } = normalise(purl);
  const names = PATH_NAMED.has(type) ? name.split('/') : [name];
  const path = [...(namespace?.split('/') ?? []), ...names].map(encode).join('/');
  const query = Object.entries(qualifiers ?? {})
    .sort(([left], [right]) => (left < right ? -1 : 1))
    .map(([key, value]) => `${key}=${encode(value)}`)
    .join('&');
  return [
    `pkg:${type}/${path}`,
    version === undefined ? '' : `@${encode(version)}`,
    query === '' ? '' : `?${query}`,
    subpath === undefined ? '' : `#${subpath.split('/').map(encode).join('/')}`,
  ].join('');
}

/** The package the purl names, whatever the version: `pkg:npm/%40scope/name`. */
export function withoutVersion(purl: Purl): Purl {
  const { version: _version, qualifiers: _qualifiers, subpath: _subpath, ...rest } = purl;
  return rest;
}

/** The name as its own ecosystem writes it: `@scope/name` for npm. */
export function packageName({ namespace, name }: Purl): string {
  return namespace ? `${namespace}/${name}` : name;
}

/** The package's name in the case it was written in, for registries whose old names tell case apart. */
export function nameAsWritten(text: string): string | undefined {
  const path = /^pkg:[^/]+\/+([^@?#]*(?:@[^@?#/]+\/[^@?#]*)?)/.exec(text)?.[1];
  try {
    return path && decodeURIComponent(path);
  } catch {
    return undefined;
  }
}

function parse(text: string, anyCase: boolean): Purl {
  const [beforeSubpath, subpath] = splitLast(text, '#');
  const [beforeQuery, query] = splitLast(beforeSubpath, '?');
  const scheme = /^pkg:\/*/i.exec(beforeQuery);
  if (!scheme) throw new BadPurl('a package URL starts with pkg:');
  const rest = beforeQuery.slice(scheme[0].length);
  const slash = rest.indexOf('/');
  if (slash < 0) throw new BadPurl('type or name is missing');
  const type = rest.slice(0, slash);
  // An @ at the start of a segment opens a scope; the last other one opens the version.
  const path = rest.slice(slash + 1).replace(/^\/+/, '');
  const at = path.lastIndexOf('@');
  const hasVersion = at > 0 && path[at - 1] !== '/';
  if (at >= 0 && !hasVersion && !path.slice(at).includes('/')) throw new BadPurl('the name is missing');
  const named = (hasVersion ? path.slice(0, at) : path).replace(/\/+$/, '');
  const segments = named.split('/').map(decodeURIComponent);
  const version = hasVersion ? decodeURIComponent(path.slice(at + 1)) : '';
  if (path.endsWith('/') && hasVersion) throw new BadPurl('the name is missing');
  if (hasVersion && path[at - 1] === '/') throw new BadPurl('the name is missing');
  const isPath = PATH_NAMED.has(type.toLowerCase());
  return normalise({
    type,
    namespace: isPath ? segments[0] : segments.slice(0, -1).join('/'),
    name: isPath ? segments.slice(1).join('/') : (segments.at(-1) ?? ''),
    version,
    qualifiers: query === undefined ? {} : readQualifiers(query, anyCase),
    subpath: subpath === undefined ? '' : subpath.split('/').map(decodeURIComponent).join('/'),
  });
}

function splitLast(text: string, mark: string): readonly [before: string, after: string | undefined] {
  const at = text.lastIndexOf(mark);
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}

function readQualifiers(query: string, anyCase: boolean): Readonly<Record<string, string>> {
  const found: Record<string, string> = Object.create(null);
  for (const pair of query.split('&')) {
    const at = pair.indexOf('=');
    const written = at < 0 ? pair : pair.slice(0, at);
    const key = anyCase || /^[a-z]/.test(written) ? written.toLowerCase() : written;
    if (Object.hasOwn(found, key)) throw new BadPurl(`the qualifier ${key} stands twice`);
    if (at >= 0 && at < pair.length - 1) found[key] = decodeURIComponent(pair.slice(at + 1));
    else if (!QUALIFIER_KEY.test(key)) throw new BadPurl(`${written} cannot be the key of a qualifier`);
  }
  return found;
}

interface Loose {
  readonly type: string;
  readonly namespace?: string | undefined;
  readonly name: string;
  readonly version?: string | undefined;
  readonly qualifiers?: Readonly<Record<string, string>> | undefined;
  readonly subpath?: string | undefined;
}

function normalise(given: Loose): Purl {
  const type = given.type.toLowerCase();
  if (!TYPE.test(type)) throw new BadPurl(`${given.type.slice(0, 40)} cannot be a type`);
  const rule = RULES.get(type) ?? {};
  const trimmed = (given.namespace ?? '').split('/').filter((segment) => segment !== '');
  const namespace = part('namespace', trimmed.join('/'), rule.namespace);
  const name = part('name', given.name, { requirement: 'required', ...rule.name });
  const version = part('version', given.version ?? '', rule.version);
  const subpath = (given.subpath ?? '').split('/').filter((segment) => !['', '.', '..'].includes(segment));
  const qualifiers = Object.entries(given.qualifiers ?? {}).filter(([, value]) => value !== '');
  for (const [key] of qualifiers) {
    if (!QUALIFIER_KEY.test(key)) throw new BadPurl(`${key.slice(0, 40)} cannot be the key of a qualifier`);
  }
  const missing = rule.qualifiers?.find((key) => !qualifiers.some(([found]) => found === key));
  if (missing) throw new BadPurl(`${type} requires the qualifier ${missing}`);
  return special({
    type,
    name,
    ...(namespace !== '' && { namespace }),
    ...(version !== '' && { version }),
    ...(qualifiers.length > 0 && { qualifiers: Object.fromEntries(qualifiers) }),
    ...(subpath.length > 0 && { subpath: subpath.join('/') }),
  });
}

function part(what: string, value: string, rule: PartRule | undefined): string {
  if (value === '' && rule?.requirement === 'required') throw new BadPurl(`the ${what} is missing`);
  if (value !== '' && rule?.requirement === 'prohibited') throw new BadPurl(`this type has no ${what}`);
  const written = rule?.lowerCase ? value.toLowerCase() : value;
  if (written !== '' && rule?.pattern && !new RegExp(rule.pattern).test(written)) {
    throw new BadPurl(`${value.slice(0, 40)} cannot be the ${what}`);
  }
  return written;
}

/** Rules that the definitions of types say in words only. */
function special(purl: Purl): Purl {
  switch (purl.type) {
    case 'pypi':
      return { ...purl, name: purl.name.replaceAll('_', '-') };
    case 'pub':
      return { ...purl, name: purl.name.replaceAll(/[^a-z0-9_]/g, '_') };
    case 'cpan':
      if (purl.name.includes('::')) throw new BadPurl('a distribution of CPAN is no module: its name has no ::');
      return purl;
    case 'mlflow': {
      // Names are case-insensitive on one of the servers that this type is for.
      const isFolded = /databricks/i.test(purl.qualifiers?.repository_url ?? '');
      return isFolded ? { ...purl, name: purl.name.toLowerCase() } : purl;
    }
    case 'git':
      return /^(?:github|bitbucket)\b/i.test(purl.namespace ?? '')
        ? { ...purl, namespace: purl.namespace?.toLowerCase() ?? '', name: purl.name.toLowerCase() }
        : purl;
    default:
      return purl;
  }
}

/** Everything but letters, digits, `.-_~` and the colon. */
function encode(text: string): string {
  return encodeURIComponent(text)
    .replaceAll('%3A', ':')
    .replaceAll(/[!'()*]/g, (letter) => `%${letter.charCodeAt(0).toString(16).toUpperCase()}`);
}
