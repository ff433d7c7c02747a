/**
 * SPDX bills of materials: 2.2 and 2.3 (`packages`, `relationships`) and 3.0 (JSON-LD, one `@graph`). Of the kinds of
 * relationship those count that say that one thing needs or holds another; of each pair SPDX has both directions.
 */
import type { Loose } from './loose.ts';
import {
  BadSbom,
  createSbomBuilder,
  listOf,
  nameOf,
  objectAt,
  readProduct,
  readRef,
  type Sbom,
  type SbomBuilder,
} from './sbom-builder.ts';

const NEEDS: ReadonlySet<unknown> = new Set([
  'DEPENDS_ON',
  'CONTAINS',
  'STATIC_LINK',
  'DYNAMIC_LINK',
  'HAS_PREREQUISITE',
]);
const IS_NEEDED_BY: ReadonlySet<unknown> = new Set([
  'DEPENDENCY_OF',
  'CONTAINED_BY',
  'RUNTIME_DEPENDENCY_OF',
  'BUILD_DEPENDENCY_OF',
  'DEV_DEPENDENCY_OF',
  'TEST_DEPENDENCY_OF',
  'OPTIONAL_DEPENDENCY_OF',
  'PROVIDED_DEPENDENCY_OF',
  'PREREQUISITE_FOR',
]);

export function readSpdx2(document: Loose): Sbom {
  const { spdxVersion } = document;
  if (spdxVersion !== 'SPDX-2.2' && spdxVersion !== 'SPDX-2.3') {
    throw new BadSbom('spdxVersion', 'SPDX-2.2 or SPDX-2.3 is expected');
  }
  const packages = listOf('packages', document.packages).map((each, index) => objectAt(`packages[${index}]`, each));
  const relations = listOf('relationships', document.relationships).map((each, index) =>
    readRelation(`relationships[${index}]`, objectAt(`relationships[${index}]`, each)),
  );
  const described = [
    ...listOf('documentDescribes', document.documentDescribes),
    ...relations.filter(({ kind }) => kind === 'DESCRIBES').map(({ to }) => to),
    ...relations.filter(({ kind }) => kind === 'DESCRIBED_BY').map(({ from }) => from),
  ];
  const builder = createSbomBuilder();
  const root = described.length > 0 ? packages.find((each) => each.SPDXID === described[0]) : undefined;
  const product = readProduct(root ? 'packages' : 'documentDescribes', root ?? document, 'versionInfo');
  builder.setProduct(root ? readRef('packages', root.SPDXID) : 'SPDXRef-DOCUMENT');
  for (const [index, it] of packages.entries()) {
    if (it === root) continue;
    const place = `packages[${index}].SPDXID`;
    builder.add(place, { ref: readRef(place, it.SPDXID), purl: purlOf(place, it), name: nameOf(it) });
  }
  for (const [index, { kind, from, to }] of relations.entries()) {
    connect(builder, `relationships[${index}]`, NEEDS.has(kind), IS_NEEDED_BY.has(kind), from, to);
  }
  return builder.build({ format: 'SPDX', version: spdxVersion.slice('SPDX-'.length), product });
}

function connect(builder: SbomBuilder, place: string, forth: boolean, back: boolean, from: string, to: string): void {
  if (forth) builder.connect(place, from, to);
  if (back) builder.connect(place, to, from);
}

function readRelation(
  place: string,
  it: Loose,
): { readonly kind: unknown; readonly from: string; readonly to: string } {
  const from = readRef(`${place}.spdxElementId`, it.spdxElementId);
  const to = readRef(`${place}.relatedSpdxElement`, it.relatedSpdxElement);
  if (from === undefined || to === undefined) throw new BadSbom(place, 'a relationship has two ends');
  return { kind: it.relationshipType, from, to };
}

function purlOf(place: string, it: Loose): unknown {
  const found = listOf(`${place}.externalRefs`, it.externalRefs)
    .map((each, index) => objectAt(`${place}.externalRefs[${index}]`, each))
    .find(({ referenceType }) => referenceType === 'purl');
  return found?.referenceLocator;
}

const NEEDS_3: ReadonlySet<unknown> = new Set([
  'dependsOn',
  'contains',
  'hasStaticLink',
  'hasDynamicLink',
  'hasOptionalDependency',
  'hasProvidedDependency',
  'hasPrerequisite',
]);

export function readSpdx3(document: Loose): Sbom {
  const graph = listOf('@graph', document['@graph']).map((each, index) => objectAt(`@graph[${index}]`, each));
  const version = graph.find(({ type }) => type === 'CreationInfo')?.specVersion;
  if (typeof version !== 'string' || !/^3\.0(\.\d+)?$/.test(version)) {
    throw new BadSbom('@graph CreationInfo.specVersion', '3.0 is expected');
  }
  const roots = graph
    .filter(({ type }) => type === 'SpdxDocument' || type === 'software_Sbom')
    .flatMap(({ rootElement }) => listOf('rootElement', rootElement));
  const packages = graph.filter(({ type }) => type === 'software_Package');
  const root = packages.find(({ spdxId }) => roots.includes(spdxId));
  const product = readProduct('rootElement', root, 'software_packageVersion');
  const builder = createSbomBuilder();
  builder.setProduct(readRef('rootElement', root?.spdxId));
  for (const [index, it] of packages.entries()) {
    if (it === root) continue;
    const place = `software_Package ${index}: spdxId`;
    builder.add(place, { ref: readRef(place, it.spdxId), purl: purlOf3(place, it), name: nameOf(it) });
  }
  for (const [index, it] of graph.entries()) {
    if (!NEEDS_3.has(it.relationshipType)) continue;
    const place = `@graph[${index}]`;
    const from = readRef(`${place}.from`, it.from);
    for (const each of listOf(`${place}.to`, it.to)) {
      const to = readRef(`${place}.to`, each);
      if (from !== undefined && to !== undefined) builder.connect(place, from, to);
    }
  }
  return builder.build({ format: 'SPDX', version, product });
}

function purlOf3(place: string, it: Loose): unknown {
  if (it.software_packageUrl !== undefined) return it.software_packageUrl;
  return listOf(`${place}: externalIdentifier`, it.externalIdentifier)
    .map((each) => objectAt(`${place}: externalIdentifier`, each))
    .find(({ externalIdentifierType }) => externalIdentifierType === 'packageUrl')?.identifier;
}
