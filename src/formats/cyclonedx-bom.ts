/** CycloneDX bills of materials (ECMA-424), JSON: `components` may nest, `dependencies` name them by `bom-ref`. */
import type { Loose } from './loose.ts';
import { asObject } from './loose.ts';
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

const VERSIONS: ReadonlySet<unknown> = new Set(['1.4', '1.5', '1.6', '1.7']);

export function readCycloneDx(document: Loose): Sbom {
  const { bomFormat, specVersion } = document;
  if (bomFormat !== 'CycloneDX') throw new BadSbom('bomFormat', 'CycloneDX is expected');
  if (!VERSIONS.has(specVersion)) throw new BadSbom('specVersion', `one of ${[...VERSIONS].join(', ')} is expected`);
  const builder = createSbomBuilder();
  const root = asObject(asObject(document.metadata)?.component);
  const product = readProduct('metadata.component', root, 'version');
  builder.setProduct(readRef('metadata.component.bom-ref', root?.['bom-ref']));
  addComponents(builder, 'metadata.component.components', root?.components);
  addComponents(builder, 'components', document.components);
  for (const [index, each] of listOf('dependencies', document.dependencies).entries()) {
    addDependency(builder, `dependencies[${index}]`, each);
  }
  return builder.build({ format: 'CycloneDX', version: String(specVersion), product });
}

/** Nested ones too; a nested component is a part of the one around it. Not by recursion: strangers choose the depth. */
function addComponents(builder: SbomBuilder, place: string, given: unknown): void {
  const waiting: { readonly place: string; readonly given: unknown; readonly within?: string }[] = [{ place, given }];
  for (let next = waiting.pop(); next; next = waiting.pop()) {
    for (const [index, value] of listOf(next.place, next.given).entries()) {
      const at = `${next.place}[${index}]`;
      const it = objectAt(at, value);
      const ref = readRef(`${at}.bom-ref`, it['bom-ref']);
      builder.add(`${at}.bom-ref`, { ref, purl: it.purl, name: nameOf(it) });
      if (ref !== undefined && next.within !== undefined) builder.connect(at, next.within, ref);
      if (it.components === undefined) continue;
      waiting.push({ place: `${at}.components`, given: it.components, ...(ref !== undefined && { within: ref }) });
    }
  }
}

function addDependency(builder: SbomBuilder, place: string, value: unknown): void {
  const it = objectAt(place, value);
  const from = readRef(`${place}.ref`, it.ref);
  if (from === undefined) throw new BadSbom(`${place}.ref`, 'a dependency says whose it is');
  for (const [index, each] of listOf(`${place}.dependsOn`, it.dependsOn).entries()) {
    const to = readRef(`${place}.dependsOn[${index}]`, each);
    if (to !== undefined) builder.connect(place, from, to);
  }
}
