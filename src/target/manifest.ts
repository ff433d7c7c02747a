/**
 * What a package says about itself, in its own `package.json` or in the registry's answer. Both are hostile: every
 * member may be missing or of any type, and only what is understood is kept.
 */
import { isPackageName } from './target-text.ts';

export interface Manifest {
  readonly name: string;
  readonly version: string;
  /** Name to range, tag, alias or address; names that could not be folders are left out. */
  readonly dependencies: Readonly<Record<string, string>>;
  readonly optionalDependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
  /** Those that must be there; optional peers are left out. */
  readonly peerDependencies: Readonly<Record<string, string>>;
  readonly bundled: ReadonlySet<string>;
  readonly os: readonly string[];
  readonly cpu: readonly string[];
  readonly engines: Readonly<Record<string, string>>;
  readonly scripts: Readonly<Record<string, string>>;
  readonly deprecated: string | null;
  readonly tarball: string | null;
  /** Subresource integrity of the packed archive; the old SHA-1 where the registry has nothing better. */
  readonly integrity: string | null;
}

export type Loose = Readonly<Record<string, unknown>>;

export const isLoose = (value: unknown): value is Loose => typeof value === 'object' && value !== null;

/** Undefined where the value is no manifest at all. A missing version reads as 0.0.0, as for a directory under work. */
export function readManifest(value: unknown): Manifest | undefined {
  if (!isLoose(value) || typeof value.name !== 'string' || !isPackageName(value.name)) return undefined;
  const dependencies = toTexts(value.dependencies);
  const optionalDependencies = toTexts(value.optionalDependencies);
  const meta = isLoose(value.peerDependenciesMeta) ? value.peerDependenciesMeta : {};
  const isOptionalPeer = (name: string) => isLoose(meta[name]) && meta[name].optional === true;
  return {
    name: value.name,
    version: typeof value.version === 'string' ? value.version : '0.0.0',
    // npm lets an optional dependency of the same name win.
    dependencies: without(dependencies, (name) => Object.hasOwn(optionalDependencies, name)),
    optionalDependencies,
    devDependencies: toTexts(value.devDependencies),
    peerDependencies: without(toTexts(value.peerDependencies), isOptionalPeer),
    bundled: toBundled(value.bundleDependencies ?? value.bundledDependencies, dependencies),
    os: toList(value.os),
    cpu: toList(value.cpu),
    engines: toTexts(value.engines, () => true),
    scripts: toTexts(value.scripts, () => true),
    deprecated: typeof value.deprecated === 'string' && value.deprecated !== '' ? value.deprecated : null,
    ...readDist(value.dist),
  };
}

function readDist(dist: unknown): { tarball: string | null; integrity: string | null } {
  if (!isLoose(dist)) return { tarball: null, integrity: null };
  const shasum = typeof dist.shasum === 'string' && /^[0-9a-f]{40}$/.test(dist.shasum) ? dist.shasum : null;
  const sha1 = shasum === null ? null : `sha1-${Buffer.from(shasum, 'hex').toString('base64')}`;
  return {
    tarball: typeof dist.tarball === 'string' ? dist.tarball : null,
    integrity: typeof dist.integrity === 'string' && dist.integrity !== '' ? dist.integrity : sha1,
  };
}

function toTexts(value: unknown, isKey: (name: string) => boolean = isPackageName): Readonly<Record<string, string>> {
  if (!isLoose(value) || Array.isArray(value)) return {};
  const texts = Object.entries(value).filter(
    (entry): entry is [string, string] => typeof entry[1] === 'string' && isKey(entry[0]),
  );
  return Object.fromEntries(texts);
}

function without(texts: Readonly<Record<string, string>>, isOut: (name: string) => boolean) {
  return Object.fromEntries(Object.entries(texts).filter(([name]) => !isOut(name)));
}

function toBundled(value: unknown, dependencies: Readonly<Record<string, string>>): ReadonlySet<string> {
  return new Set(value === true ? Object.keys(dependencies) : toList(value));
}

function toList(value: unknown): string[] {
  const list = Array.isArray(value) ? value : [value];
  return list.filter((item): item is string => typeof item === 'string');
}
