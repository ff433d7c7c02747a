/**
 * A sum of small decision trees, read as the logarithm of odds. The parameters are data, learnt by a committed script.
 *
 * A tree is written in prefix order: `4:0.5` asks whether feature 4 is at most 0.5 and is followed by the tree for yes
 * and the tree for no; a bare number is a leaf. `4:0.5 -0.1 0:1 0.2 0.3` has two forks and three leaves.
 */
export type Tree =
  | { readonly value: number }
  | { readonly feature: number; readonly at: number; readonly low: Tree; readonly high: Tree };

export interface Score {
  readonly start: number;
  readonly trees: readonly Tree[];
}

export interface WrittenScore {
  /** Names of the features, in the order of their numbers. */
  readonly features: readonly string[];
  readonly start: number;
  readonly trees: readonly string[];
}

/** Throws where the parameters belong to other features than this program works out. */
export function readScore(written: WrittenScore, features: readonly string[]): Score {
  if (written.features.join() !== features.join()) throw new Error('the parameters were learnt on other features');
  return { start: written.start, trees: written.trees.map(readTree) };
}

export function writeScore({ start, trees }: Score, features: readonly string[]): WrittenScore {
  return { features, start, trees: trees.map(writeTree) };
}

export function logOdds({ start, trees }: Score, features: readonly number[]): number {
  return trees.reduce((sum, tree) => sum + leafOf(tree, features), start);
}

export const probabilityOf = (odds: number): number => 1 / (1 + Math.exp(-odds));

function leafOf(tree: Tree, features: readonly number[]): number {
  let at = tree;
  while (!('value' in at)) at = (features[at.feature] ?? 0) <= at.at ? at.low : at.high;
  return at.value;
}

function readTree(text: string): Tree {
  const parts = text.split(' ');
  let next = 0;
  const read = (): Tree => {
    const [first = '', second] = (parts[next++] ?? '').split(':');
    if (first === '' || !Number.isFinite(Number(first))) throw new Error(`not a tree: ${text}`);
    if (second === undefined) return { value: Number(first) };
    return { feature: Number(first), at: Number(second), low: read(), high: read() };
  };
  const tree = read();
  if (next !== parts.length) throw new Error(`not a tree: ${text}`);
  return tree;
}

function writeTree(tree: Tree): string {
  if ('value' in tree) return String(tree.value);
  return `${tree.feature}:${tree.at} ${writeTree(tree.low)} ${writeTree(tree.high)}`;
}
