/** All published versions of a package, and which of them npm would install for a wish. */
import npa from 'npm-package-arg';
import pickManifest from 'npm-pick-manifest';
import { compareLoose } from 'semver';
import { isLoose, type Manifest, readManifest } from './manifest.ts';

export interface Packument {
  readonly name: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly versions: Readonly<Record<string, Manifest>>;
  /** Version to ISO instant of its publication; only in the registry's full answer. */
  readonly times: Readonly<Record<string, string>>;
}

export interface PublishedVersion {
  readonly version: string;
  /** ISO 8601, as the registry tells it. */
  readonly publishedAt: string | null;
  readonly deprecated: string | null;
}

/** A dependency's wish, told apart by where it must come from. */
export type Wish =
  | { readonly kind: 'registry'; readonly name: string; readonly spec: string; readonly isTag: boolean }
  | { readonly kind: 'elsewhere'; readonly what: string };

export function readPackument(name: string, bytes: Uint8Array): Packument | undefined {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch {
    return undefined;
  }
  if (!isLoose(value) || !isLoose(value.versions)) return undefined;
  const versions = Object.entries(value.versions).flatMap(([version, one]) => {
    const manifest = readManifest(one);
    return manifest && manifest.name === name ? [[version, manifest] as const] : [];
  });
  return { name, tags: texts(value['dist-tags']), versions: Object.fromEntries(versions), times: texts(value.time) };
}

/** What npm would install for this wish; undefined where no version fits. */
export function pickVersion(packument: Packument, wanted: string): Manifest | undefined {
  try {
    const { name, versions, tags } = packument;
    return pickManifest({ name, versions, 'dist-tags': tags }, wanted, {}) ?? undefined;
  } catch {
    return undefined;
  }
}

/** Reads `^1.0.0`, `next`, `npm:other@1`, `git+ssh://…`, `file:../x` as npm does. */
export function readWish(folder: string, text: string): Wish {
  try {
    const spec = npa.resolve(folder, text);
    const real = spec.type === 'alias' ? (spec as npa.AliasResult).subSpec : spec;
    if (real.registry && real.name && ['version', 'range', 'tag'].includes(real.type)) {
      return { kind: 'registry', name: real.name, spec: real.fetchSpec ?? '*', isTag: real.type === 'tag' };
    }
    return { kind: 'elsewhere', what: real.type === 'git' ? 'a git repository' : `a ${real.type} address` };
  } catch {
    return { kind: 'elsewhere', what: 'something npm cannot read' };
  }
}

/** Oldest first. */
export function toPublishedVersions({ versions, times }: Packument): PublishedVersion[] {
  return Object.entries(versions)
    .map(([version, { deprecated }]) => ({ version, publishedAt: times[version] ?? null, deprecated }))
    .sort((left, right) => compareLoose(left.version, right.version));
}

function texts(value: unknown): Readonly<Record<string, string>> {
  const entries = isLoose(value) ? Object.entries(value) : [];
  return Object.fromEntries(entries.filter((entry): entry is [string, string] => typeof entry[1] === 'string'));
}
