/**
 * The upstream's fixed version, and the last one before it: what differs between these two is the release that mends,
 * whatever else changed since the version under examination.
 */
import { prerelease } from 'semver';
import { ok, type Result } from '../lib/result.ts';
import {
  listVersions,
  openPackageSource,
  type PackageSource,
  type PackageTree,
  type Registry,
  type TargetRefusal,
} from '../target/index.ts';

export interface Upstream {
  readonly fixed: PackageSource;
  /** Absent where the version under examination is the last one itself, or none is known. */
  readonly last?: PackageSource;
  dispose(): Promise<void>;
}

export interface UpstreamSources {
  readonly registry: Registry;
  readonly scratch: string;
}

export async function openUpstream(
  { registry, scratch }: UpstreamSources,
  tree: Pick<PackageTree, 'name' | 'version'>,
  fixedVersion: string,
): Promise<Result<Upstream, TargetRefusal>> {
  const open = (version: string) => openPackageSource({ target: `pkg:npm/${tree.name}@${version}`, scratch, registry });
  const fixed = await open(fixedVersion);
  if (!fixed.ok) return fixed;
  const lastVersion = await versionBefore(registry, tree.name, fixedVersion);
  const opened = lastVersion === undefined || lastVersion === tree.version ? undefined : await open(lastVersion);
  const last = opened?.ok ? opened.value : undefined;
  return ok({
    fixed: fixed.value,
    ...(last ? { last } : {}),
    dispose: async () => {
      await fixed.value.dispose();
      await last?.dispose();
    },
  });
}

/** The last release before the fixed one; trial releases may hold its fix already. Undefined where none is known. */
async function versionBefore(registry: Registry, name: string, fixedVersion: string): Promise<string | undefined> {
  const listed = await listVersions(registry, name);
  if (!listed.ok) return undefined;
  const versions = listed.value.map(({ version }) => version);
  return versions.slice(0, Math.max(0, versions.indexOf(fixedVersion))).findLast((one) => prerelease(one) === null);
}
