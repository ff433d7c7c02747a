export type { PackageTree, TargetRefusal } from './package-tree.ts';
