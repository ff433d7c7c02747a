/** What the readers of bills of materials share: one form, its limits, and how components and edges come together. */
import { asObject, type Loose } from './loose.ts';
import { readPurl, toPurl } from './purl.ts';

export interface SbomComponent {
  /** Canonical; undefined where the document names it by no package URL that can be read. */
  readonly purl: string | undefined;
  readonly name: string;
}

export interface Sbom {
  readonly format: 'CycloneDX' | 'SPDX';
  readonly version: string;
  /** What is delivered; its name, and its version where it has one. */
  readonly product: { readonly name: string; readonly version: string | undefined };
  readonly components: readonly SbomComponent[];
  /** What needs what, by the index in `components`; `-1` is the product. */
  readonly edges: readonly (readonly [from: number, to: number])[];
  /** Edges to what the document does not describe. */
  readonly danglingEdges: number;
}

export const MAX_COMPONENTS = 200_000;
const MAX_EDGES = 2_000_000;
/** Characters of a reference or a name. */
const MAX_REF = 4_096;
const MAX_NAME = 500;

/** What is wrong, and where; leaves these files only as a refusal. */
export class BadSbom extends Error {
  override readonly name = 'BadSbom';
  readonly place: string;

  constructor(place: string, reason: string) {
    super(reason);
    this.place = place;
  }
}

/** Components by the references that the document gives them, and the edges between. */
export interface SbomBuilder {
  /** Of what is delivered. */
  setProduct(ref: string | undefined): void;
  add(
    place: string,
    component: { readonly ref: string | undefined; readonly purl: unknown; readonly name: string },
  ): void;
  connect(place: string, from: string, to: string): void;
  build(head: Pick<Sbom, 'format' | 'version' | 'product'>): Sbom;
}

export function createSbomBuilder(): SbomBuilder {
  const components: SbomComponent[] = [];
  const indices = new Map<string, number>();
  const wanted: [from: string, to: string][] = [];
  return {
    setProduct(ref) {
      if (ref !== undefined) indices.set(ref, PRODUCT);
    },
    add(place, { ref, purl, name }) {
      if (components.length >= MAX_COMPONENTS) throw new BadSbom(place, `more than ${MAX_COMPONENTS} components`);
      if (ref !== undefined && indices.has(ref))
        throw new BadSbom(place, `the reference ${ref.slice(0, 80)} stands twice`);
      if (ref !== undefined) indices.set(ref, components.length);
      components.push({ purl: canonical(purl), name: name.slice(0, MAX_NAME) });
    },
    connect(place, from, to) {
      if (wanted.length >= MAX_EDGES) throw new BadSbom(place, `more than ${MAX_EDGES} dependencies`);
      if (from !== to) wanted.push([from, to]);
    },
    build(head) {
      const edges: [number, number][] = [];
      for (const [from, to] of wanted) {
        const [left, right] = [indices.get(from), indices.get(to)];
        if (left !== undefined && right !== undefined) edges.push([left, right]);
      }
      return { ...head, components, edges, danglingEdges: wanted.length - edges.length };
    },
  };
}

/** In `edges`, in the place of an index. */
export const PRODUCT = -1;

function canonical(text: unknown): string | undefined {
  if (typeof text !== 'string') return undefined;
  const purl = readPurl(text, { anyCase: true });
  return purl.ok ? toPurl(purl.value) : undefined;
}

/** A reference as documents give it; undefined where there is none. */
export function readRef(place: string, value: unknown): string | undefined {
  if (value === undefined || value === null || value === '') return undefined;
  if (typeof value !== 'string') throw new BadSbom(place, 'a reference is text');
  if (value.length > MAX_REF) throw new BadSbom(place, `a reference has at most ${MAX_REF} characters`);
  return value;
}

export function readProduct(place: string, it: Loose | undefined, versionField: string): Sbom['product'] {
  const { name } = it ?? {};
  if (typeof name !== 'string' || name === '') throw new BadSbom(place, 'the product that is delivered has no name');
  const version = it?.[versionField];
  const isText = typeof version === 'string' && version !== '';
  return { name: name.slice(0, MAX_NAME), version: isText ? version.slice(0, MAX_NAME) : undefined };
}

export function listOf(place: string, value: unknown): readonly unknown[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw new BadSbom(place, 'a list is expected');
  return value;
}

export function objectAt(place: string, value: unknown): Loose {
  const it = asObject(value);
  if (!it) throw new BadSbom(place, 'an object is expected');
  return it;
}

export const nameOf = (it: Loose): string => (typeof it.name === 'string' ? it.name : '');
