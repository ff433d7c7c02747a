/** Mandatory tests 6.1.1 to 6.1.13 of CSAF 2.0, and others about products. */
import {
  type Breach,
  branchesOf,
  type CsafDocument,
  type CsafTest,
  type CsafVulnerability,
  type Placed,
  placed,
  productsNamed,
  productsOf,
  repeated,
  vulnerabilitiesOf,
} from './csaf-shape.ts';
import { readPurl } from './purl.ts';

/** 6.1.1 */
const definedProducts: CsafTest = (it) => {
  const defined = new Set(productsOf(it).map(({ value }) => value.product_id));
  return productReferences(it)
    .filter(({ value }) => !defined.has(value))
    .map(({ path, value }) => ({ path, message: `the product ${value} is not defined` }));
};

function productReferences(it: CsafDocument): Placed<string>[] {
  const tree = it.product_tree;
  return [
    ...placed('/product_tree/product_groups', tree?.product_groups).flatMap(({ path, value }) =>
      placed(`${path}/product_ids`, value.product_ids),
    ),
    ...placed('/product_tree/relationships', tree?.relationships).flatMap(({ path, value }) => [
      { path: `${path}/product_reference`, value: value.product_reference },
      { path: `${path}/relates_to_product_reference`, value: value.relates_to_product_reference },
    ]),
    ...vulnerabilitiesOf(it).flatMap(({ path, value }) => [
      ...Object.entries(value.product_status ?? {}).flatMap(([group, ids]) =>
        placed(`${path}/product_status/${group}`, ids),
      ),
      ...placed(`${path}/scores`, value.scores).flatMap((score) =>
        placed(`${score.path}/products`, score.value.products),
      ),
      ...targetsOf(path, value).flatMap((target) => placed(`${target.path}/product_ids`, target.value.product_ids)),
    ]),
  ];
}

function targetsOf(path: string, { flags, remediations, threats }: CsafVulnerability) {
  return [
    ...placed(`${path}/flags`, flags),
    ...placed(`${path}/remediations`, remediations),
    ...placed(`${path}/threats`, threats),
  ];
}

/** 6.1.2 */
const singleProducts: CsafTest = (it) =>
  repeated(
    productsOf(it).map(({ path, value }) => ({ path: `${path}/product_id`, value: value.product_id })),
    (id) => `the product ${id} is defined twice`,
  );

/** 6.1.3 */
const noCircles: CsafTest = (it) => {
  const relationships = placed('/product_tree/relationships', it.product_tree?.relationships);
  const parts = new Map(
    relationships.map(({ value }) => [
      value.full_product_name.product_id,
      [value.product_reference, value.relates_to_product_reference],
    ]),
  );
  const reaches = (from: string, goal: string, seen: Set<string>): boolean =>
    (parts.get(from) ?? []).some((part) => {
      if (part === goal) return true;
      if (seen.has(part)) return false;
      seen.add(part);
      return reaches(part, goal, seen);
    });
  return relationships
    .filter(({ value: { full_product_name: name } }) => reaches(name.product_id, name.product_id, new Set()))
    .map(({ path, value }) => ({
      path,
      message: `the product ${value.full_product_name.product_id} is defined by itself`,
    }));
};

/** 6.1.4 */
const definedGroups: CsafTest = (it) => {
  const defined = new Set(it.product_tree?.product_groups?.map(({ group_id }) => group_id));
  return vulnerabilitiesOf(it)
    .flatMap(({ path, value }) => targetsOf(path, value))
    .flatMap(({ path, value }) => placed(`${path}/group_ids`, value.group_ids))
    .filter(({ value }) => !defined.has(value))
    .map(({ path, value }) => ({ path, message: `the product group ${value} is not defined` }));
};

/** 6.1.5 */
const singleGroups: CsafTest = (it) =>
  repeated(
    placed('/product_tree/product_groups', it.product_tree?.product_groups).map(({ path, value }) => ({
      path: `${path}/group_id`,
      value: value.group_id,
    })),
    (id) => `the product group ${id} is defined twice`,
  );

const STATUS_GROUPS: Readonly<Record<string, string>> = {
  first_affected: 'affected',
  known_affected: 'affected',
  last_affected: 'affected',
  known_not_affected: 'not affected',
  first_fixed: 'fixed',
  fixed: 'fixed',
  under_investigation: 'under investigation',
};

/** 6.1.6 */
const oneStatus: CsafTest = (it) =>
  vulnerabilitiesOf(it).flatMap(({ path, value }) => {
    const first = new Map<string, string>();
    return Object.entries(value.product_status ?? {}).flatMap(([name, ids]) =>
      placed(`${path}/product_status/${name}`, ids).flatMap((product): Breach[] => {
        const group = STATUS_GROUPS[name];
        const earlier = first.get(product.value);
        if (group && !earlier) first.set(product.value, group);
        if (!group || !earlier || earlier === group) return [];
        return [{ path: product.path, message: `${product.value} is both ${earlier} and ${group}` }];
      }),
    );
  });

/** 6.1.7 */
const oneScore: CsafTest = (it) =>
  vulnerabilitiesOf(it).flatMap(({ path, value }) =>
    repeated(
      placed(`${path}/scores`, value.scores).flatMap((score) =>
        [score.value.cvss_v2, score.value.cvss_v3].flatMap((cvss) =>
          cvss
            ? placed(`${score.path}/products`, score.value.products).map((product) => ({
                path: product.path,
                value: `${product.value} with CVSS ${cvss.version}`,
              }))
            : [],
        ),
      ),
      (what) => `${what} is scored twice`,
    ),
  );

/** 6.1.13 */
const soundPurls: CsafTest = (it) =>
  productsOf(it).flatMap(({ path, value }) => {
    const purl = value.product_identification_helper?.purl;
    const read = purl === undefined ? undefined : readPurl(purl);
    const at = `${path}/product_identification_helper/purl`;
    return read && !read.ok ? [{ path: at, message: read.refusal.reason }] : [];
  });

/** 6.1.25 */
const singleHashes: CsafTest = (it) =>
  productsOf(it).flatMap(({ path, value }) =>
    placed(`${path}/product_identification_helper/hashes`, value.product_identification_helper?.hashes).flatMap(
      (file) =>
        repeated(
          placed(`${file.path}/file_hashes`, file.value.file_hashes).map((hash) => ({
            path: `${hash.path}/algorithm`,
            value: hash.value.algorithm,
          })),
          (algorithm) => `two hashes by ${algorithm} of one file`,
        ),
    ),
  );

/** 6.1.29 and 6.1.32 */
const namesProducts =
  (list: 'remediations' | 'flags'): CsafTest =>
  (it) =>
    vulnerabilitiesOf(it).flatMap(({ path, value }) =>
      placed(`${path}/${list}`, value[list])
        .filter((each) => !each.value.product_ids && !each.value.group_ids)
        .map((each) => ({ path: each.path, message: 'names neither a product nor a group' })),
    );

/** 6.1.31 */
const noRangeInVersion: CsafTest = (it) =>
  branchesOf(it)
    .filter(({ value }) => value.category === 'product_version')
    .filter(({ value }) => /[<>]|(^|\s)(after|all|before|earlier|later|prior|versions)(\s|$)/i.test(value.name))
    .map(({ path, value }) => ({ path: `${path}/name`, message: `${value.name} is a range, not a version` }));

const JUSTIFICATIONS = new Set([
  'component_not_present',
  'vulnerable_code_not_present',
  'vulnerable_code_not_in_execute_path',
  'vulnerable_code_cannot_be_controlled_by_adversary',
  'inline_mitigations_already_exist',
]);

/** 6.1.33 */
const oneJustification: CsafTest = (it) =>
  vulnerabilitiesOf(it).flatMap(({ path, value }) =>
    repeated(
      placed(`${path}/flags`, value.flags)
        .filter((flag) => JUSTIFICATIONS.has(flag.value.label))
        .flatMap((flag) => [...new Set(productsNamed(it, flag.value))].map((id) => ({ path: flag.path, value: id }))),
      (id) => `two justifications for ${id}`,
    ),
  );

export const PRODUCT_TESTS: Readonly<Record<string, CsafTest>> = {
  '6.1.1': definedProducts,
  '6.1.2': singleProducts,
  '6.1.3': noCircles,
  '6.1.4': definedGroups,
  '6.1.5': singleGroups,
  '6.1.6': oneStatus,
  '6.1.7': oneScore,
  '6.1.13': soundPurls,
  '6.1.25': singleHashes,
  '6.1.29': namesProducts('remediations'),
  '6.1.31': noRangeInVersion,
  '6.1.32': namesProducts('flags'),
  '6.1.33': oneJustification,
};
