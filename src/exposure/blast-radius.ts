/**
 * What of a partner's product a flaw reaches: the components of the flawed package, whether their versions lie in the
 * measured range, and the shortest way from the product to each. Pure.
 */
import { readPurl, toPurl, withoutVersion } from '../formats/purl.ts';
import { PRODUCT, type Sbom } from '../formats/sbom-builder.ts';
import { contains, readVers } from '../formats/vers.ts';

/** As much of a bill of materials as is kept. */
export type Graph = Pick<Sbom, 'product' | 'components' | 'edges'>;

export interface FlawedPackage {
  /** Without version. */
  readonly purl: string;
  /** In VERS; null where nobody measured. */
  readonly range: string | null;
}

export interface Hit {
  readonly purl: string;
  readonly version: string | null;
  readonly affected: 'yes' | 'no' | 'unknown';
  /** From the product, itself left out, to the component. Null: the document does not say how it is reached. */
  readonly path: readonly string[] | null;
}

export const isDirect = ({ path }: Hit): boolean => path?.length === 1;

/** The package a purl names, in the one form that is compared and indexed; undefined where it names none. */
export function packageOfPurl(text: string): string | undefined {
  const read = readPurl(text, { anyCase: true });
  return read.ok ? toPurl(withoutVersion(read.value)) : undefined;
}

export function hitsIn(graph: Graph, flawed: FlawedPackage): readonly Hit[] {
  const found = graph.components.flatMap(({ purl }, index) => {
    const read = purl === undefined ? undefined : readPurl(purl);
    return read?.ok && toPurl(withoutVersion(read.value)) === flawed.purl ? [{ index, purl: read.value }] : [];
  });
  if (found.length === 0) return [];
  const from = shortestWays(graph);
  return found.map(({ index, purl }): Hit => {
    const version = purl.version ?? null;
    return {
      purl: toPurl(purl),
      version,
      affected: isAffected(version, flawed.range),
      path: wayTo(graph, from, index),
    };
  });
}

/** Packages, each of one version, that need an affected component themselves: what a patch of it could break. */
export function dependentsIn(graph: Graph, flawed: FlawedPackage): ReadonlySet<string> {
  const hits = new Set<number>();
  for (const [index, { purl }] of graph.components.entries()) {
    const read = purl === undefined ? undefined : readPurl(purl);
    if (!read?.ok || toPurl(withoutVersion(read.value)) !== flawed.purl) continue;
    if (isAffected(read.value.version ?? null, flawed.range) !== 'no') hits.add(index);
  }
  const dependents = new Set<string>();
  for (const [from, to] of graph.edges) {
    const purl = hits.has(to) ? graph.components[from]?.purl : undefined;
    const read = purl === undefined ? undefined : readPurl(purl);
    if (read?.ok && read.value.version) dependents.add(toPurl(read.value));
  }
  return dependents;
}

/** What cannot be compared is unknown, never unaffected. */
function isAffected(version: string | null, range: string | null): Hit['affected'] {
  const read = range === null ? undefined : readVers(range);
  if (version === null || !read?.ok) return 'unknown';
  try {
    return contains(read.value, version) ? 'yes' : 'no';
  } catch (error) {
    if (error instanceof RangeError || error instanceof TypeError) return 'unknown';
    throw error;
  }
}

/** Breadth first over the whole graph: of each component the one it is first reached from. Rings end by themselves. */
function shortestWays({ components, edges }: Graph): Int32Array {
  const out = new Map<number, number[]>();
  for (const [from, to] of edges) {
    const list = out.get(from);
    if (list) list.push(to);
    else out.set(from, [to]);
  }
  const before = new Int32Array(components.length).fill(UNREACHED);
  let level = [PRODUCT];
  while (level.length > 0) {
    const next: number[] = [];
    for (const from of level) {
      for (const to of out.get(from) ?? []) {
        if (to === PRODUCT || before[to] !== UNREACHED) continue;
        before[to] = from;
        next.push(to);
      }
    }
    level = next;
  }
  return before;
}

const UNREACHED = -2;

function wayTo({ components }: Graph, before: Int32Array, index: number): readonly string[] | null {
  if (before[index] === UNREACHED) return null;
  const way: string[] = [];
  for (let at = index; at !== PRODUCT; at = before[at] ?? PRODUCT) {
    const it = components[at];
    way.unshift(it?.purl ?? it?.name ?? '');
  }
  return way;
}
