/** The parts of a CSAF 2.0 document that its tests look at, once the schema has held. */
export interface CsafDocument {
  readonly document: {
    readonly category: string;
    readonly lang?: string;
    readonly source_lang?: string;
    readonly notes?: readonly { readonly category: string }[];
    readonly references?: readonly { readonly category?: string }[];
    readonly publisher: { readonly category: string };
    readonly tracking: CsafTracking;
  };
  readonly product_tree?: CsafProductTree;
  readonly vulnerabilities?: readonly CsafVulnerability[];
}

export interface CsafTracking {
  readonly status: 'draft' | 'final' | 'interim';
  readonly version: string;
  readonly revision_history: readonly { readonly date: string; readonly number: string }[];
}

interface CsafProductTree {
  readonly branches?: readonly CsafBranch[];
  readonly full_product_names?: readonly CsafProduct[];
  readonly product_groups?: readonly { readonly group_id: string; readonly product_ids: readonly string[] }[];
  readonly relationships?: readonly {
    readonly full_product_name: CsafProduct;
    readonly product_reference: string;
    readonly relates_to_product_reference: string;
  }[];
}

export interface CsafBranch {
  readonly category: string;
  readonly name: string;
  readonly branches?: readonly CsafBranch[];
  readonly product?: CsafProduct;
}

export interface CsafProduct {
  readonly product_id: string;
  readonly product_identification_helper?: {
    readonly purl?: string;
    readonly hashes?: readonly { readonly file_hashes: readonly { readonly algorithm: string }[] }[];
  };
}

export interface CsafTarget {
  readonly product_ids?: readonly string[];
  readonly group_ids?: readonly string[];
}

export type CsafCvss = { readonly vectorString: string; readonly version: string } & Readonly<Record<string, unknown>>;

export interface CsafVulnerability {
  readonly cve?: string;
  readonly cwe?: { readonly id: string; readonly name: string };
  readonly ids?: readonly unknown[];
  readonly notes?: readonly unknown[];
  readonly involvements?: readonly { readonly party: string; readonly date?: string }[];
  readonly product_status?: Readonly<Record<string, readonly string[]>>;
  readonly flags?: readonly (CsafTarget & { readonly label: string })[];
  readonly remediations?: readonly CsafTarget[];
  readonly threats?: readonly (CsafTarget & { readonly category: string })[];
  readonly scores?: readonly {
    readonly products: readonly string[];
    readonly cvss_v2?: CsafCvss;
    readonly cvss_v3?: CsafCvss;
  }[];
}

/** A place in the document that breaks a test. */
export interface Breach {
  /** JSON pointer. */
  readonly path: string;
  readonly message: string;
}

export type CsafTest = (document: CsafDocument) => readonly Breach[];

export interface Placed<T> {
  readonly path: string;
  readonly value: T;
}

export function placed<T>(path: string, values: readonly T[] | undefined): Placed<T>[] {
  return (values ?? []).map((value, index) => ({ path: `${path}/${index}`, value }));
}

export const vulnerabilitiesOf = (it: CsafDocument): Placed<CsafVulnerability>[] =>
  placed('/vulnerabilities', it.vulnerabilities);

export function branchesOf(it: CsafDocument): Placed<CsafBranch>[] {
  const below = (branch: Placed<CsafBranch>): Placed<CsafBranch>[] => [
    branch,
    ...placed(`${branch.path}/branches`, branch.value.branches).flatMap(below),
  ];
  return placed('/product_tree/branches', it.product_tree?.branches).flatMap(below);
}

/** Every definition of a product. */
export function productsOf(it: CsafDocument): Placed<CsafProduct>[] {
  const tree = it.product_tree;
  return [
    ...branchesOf(it).flatMap(({ path, value }) =>
      value.product ? [{ path: `${path}/product`, value: value.product }] : [],
    ),
    ...placed('/product_tree/full_product_names', tree?.full_product_names),
    ...placed('/product_tree/relationships', tree?.relationships).map(({ path, value }) => ({
      path: `${path}/full_product_name`,
      value: value.full_product_name,
    })),
  ];
}

/** Products a target names, by itself or through its groups. */
export function productsNamed(it: CsafDocument, { product_ids = [], group_ids = [] }: CsafTarget): readonly string[] {
  const groups = (it.product_tree?.product_groups ?? []).filter(({ group_id }) => group_ids.includes(group_id));
  return [...product_ids, ...groups.flatMap((group) => group.product_ids)];
}

/** The values that stand more than once, at their second and later places. */
export function repeated(values: readonly Placed<string>[], message: (value: string) => string): Breach[] {
  const seen = new Set<string>();
  return values.flatMap(({ path, value }) => {
    if (seen.has(value)) return [{ path, message: message(value) }];
    seen.add(value);
    return [];
  });
}
