import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readSbom } from './sbom.ts';
import { MAX_COMPONENTS, PRODUCT } from './sbom-builder.ts';

const bytes = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));
const read = (value: unknown) => {
  const found = readSbom(bytes(value));
  assert.ok(found.ok, JSON.stringify(found));
  return found.value;
};
const refusalOf = (given: Buffer) => {
  const found = readSbom(given);
  assert.ok(!found.ok);
  return found.refusal;
};

const CYCLONEDX = {
  bomFormat: 'CycloneDX',
  specVersion: '1.6',
  metadata: { component: { 'bom-ref': 'app', name: 'Product', version: '7' } },
  components: [
    {
      'bom-ref': 'a',
      name: 'a',
      purl: 'pkg:npm/a@1.0.0',
      components: [{ 'bom-ref': 'in-a', name: 'in a', purl: 'pkg:NPM/in-a@2.0.0' }],
    },
    { 'bom-ref': 'b', name: 'b' },
  ],
  dependencies: [
    { ref: 'app', dependsOn: ['a'] },
    { ref: 'a', dependsOn: ['b', 'nowhere'] },
  ],
};

test('CycloneDX gives the product, its components in canonical form, nested ones too, and what needs what', () => {
  const it = read(CYCLONEDX);
  assert.deepEqual([it.format, it.version, it.product], ['CycloneDX', '1.6', { name: 'Product', version: '7' }]);
  const names = it.components.map(({ purl, name }) => purl ?? name);
  assert.deepEqual(names, ['pkg:npm/a@1.0.0', 'b', 'pkg:npm/in-a@2.0.0']);
  const shown = it.edges.map(([from, to]) => `${from === PRODUCT ? 'product' : names[from]} > ${names[to]}`).sort();
  assert.deepEqual(shown, ['pkg:npm/a@1.0.0 > b', 'pkg:npm/a@1.0.0 > pkg:npm/in-a@2.0.0', 'product > pkg:npm/a@1.0.0']);
  assert.equal(it.danglingEdges, 1);
});

const SPDX = {
  spdxVersion: 'SPDX-2.3',
  name: 'document',
  packages: [
    { SPDXID: 'SPDXRef-app', name: 'Product', versionInfo: '7' },
    { SPDXID: 'SPDXRef-a', name: 'a', externalRefs: [{ referenceType: 'purl', referenceLocator: 'pkg:npm/a@1.0.0' }] },
    { SPDXID: 'SPDXRef-b', name: 'b', externalRefs: [{ referenceType: 'cpe23Type', referenceLocator: 'cpe:2.3:…' }] },
  ],
  relationships: [
    { spdxElementId: 'SPDXRef-DOCUMENT', relationshipType: 'DESCRIBES', relatedSpdxElement: 'SPDXRef-app' },
    { spdxElementId: 'SPDXRef-app', relationshipType: 'DEPENDS_ON', relatedSpdxElement: 'SPDXRef-a' },
    { spdxElementId: 'SPDXRef-b', relationshipType: 'DEPENDENCY_OF', relatedSpdxElement: 'SPDXRef-a' },
    { spdxElementId: 'SPDXRef-b', relationshipType: 'GENERATED_FROM', relatedSpdxElement: 'SPDXRef-app' },
  ],
};

test('SPDX 2.3 says the same in both directions of its relationships', () => {
  const it = read(SPDX);
  assert.deepEqual(it.product, { name: 'Product', version: '7' });
  assert.deepEqual(it.components, [
    { purl: 'pkg:npm/a@1.0.0', name: 'a' },
    { purl: undefined, name: 'b' },
  ]);
  assert.deepEqual(it.edges, [
    [PRODUCT, 0],
    [0, 1],
  ]);
});

test('SPDX 3.0 is one graph', () => {
  const it = read({
    '@context': 'https://spdx.org/rdf/3.0.1/spdx-context.jsonld',
    '@graph': [
      { type: 'CreationInfo', '@id': '_:info', specVersion: '3.0.1' },
      { type: 'SpdxDocument', spdxId: 'urn:doc', rootElement: ['urn:app'] },
      { type: 'software_Package', spdxId: 'urn:app', name: 'Product' },
      { type: 'software_Package', spdxId: 'urn:a', name: 'a', software_packageUrl: 'pkg:npm/a@1.0.0' },
      { type: 'Relationship', from: 'urn:app', relationshipType: 'dependsOn', to: ['urn:a'] },
    ],
  });
  assert.deepEqual([it.version, it.components[0]?.purl, it.edges], ['3.0.1', 'pkg:npm/a@1.0.0', [[PRODUCT, 0]]]);
});

test('what is broken, contradicts itself or is of another form is refused with its place', () => {
  const changed = (changes: object): Buffer => bytes({ ...CYCLONEDX, ...changes });
  const cases: readonly (readonly [string, Buffer, string])[] = [
    ['no JSON', Buffer.from('{"bomFormat": oops}'), 'byte 14'],
    ['broken off', Buffer.from('{"bomFormat": "CycloneDX"'), 'byte 25'],
    ['too deep', Buffer.from('['.repeat(100_000)), 'byte 64'],
    ['a list', Buffer.from('[]'), 'the file'],
    ['something else', bytes({ hello: 'world' }), 'the file'],
    ['an unknown version', changed({ specVersion: '9.9' }), 'specVersion'],
    ['no product', changed({ metadata: {} }), 'metadata.component'],
    ['components that are no list', changed({ components: { __proto__: 1, length: 1e9 } }), 'components'],
    ['a component that is text', changed({ components: ['x'] }), 'components[0]'],
    ['one reference twice', changed({ components: [{ 'bom-ref': 'a' }, { 'bom-ref': 'a' }] }), 'components[1].bom-ref'],
    ['a dependency of nobody', changed({ dependencies: [{ dependsOn: [] }] }), 'dependencies[0].ref'],
    ['SPDX of the future', bytes({ ...SPDX, spdxVersion: 'SPDX-9' }), 'spdxVersion'],
    ['a relationship with one end', bytes({ ...SPDX, relationships: [{ spdxElementId: 'x' }] }), 'relationships[0]'],
    [
      'too many',
      changed({ components: Array.from({ length: MAX_COMPONENTS + 1 }, () => ({})) }),
      `components[${MAX_COMPONENTS}].bom-ref`,
    ],
  ];
  for (const [what, given, place] of cases) {
    const refusal = refusalOf(given);
    assert.equal(refusal.place, place, `${what}: ${refusal.reason}`);
    assert.ok(refusal.reason.length > 5, what);
  }
});

test('names of an object’s own prototype are references like any other', () => {
  const it = read({
    ...CYCLONEDX,
    components: [{ 'bom-ref': '__proto__', purl: 'pkg:npm/constructor@1.0.0' }],
    dependencies: [{ ref: 'app', dependsOn: ['__proto__', 'toString'] }],
  });
  assert.deepEqual([it.edges, it.danglingEdges], [[[PRODUCT, 0]], 1]);
});
