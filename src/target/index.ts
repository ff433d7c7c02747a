export { readNpmSettings } from './npm-settings-client.ts';
export type { PackageSource, PackageTree, TargetRefusal } from './package-tree.ts';
export type { PublishedVersion } from './packument.ts';
export { createRegistry, type Registry, type RegistryOptions } from './registry-client.ts';
export { listVersions, openPackageSource, openTarget, type TargetRequest } from './target.ts';
export { readTargetText, type Target, toPurl } from './target-text.ts';
