import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { PRODUCT } from '../formats/sbom-builder.ts';
import { dependentsIn, type Graph, hitsIn } from './blast-radius.ts';

const FLAWED = { purl: 'pkg:npm/leaf', range: 'vers:npm/<1.2.3' };
const component = (purl: string | undefined, name = '') => ({ purl, name });
const graph = (purls: readonly (string | undefined)[], edges: Graph['edges']): Graph => ({
  product: { name: 'product', version: undefined },
  components: purls.map((purl, index) => component(purl, `part ${index}`)),
  edges,
});

test('rings end, the shortest way wins, and what nothing leads to has no way', () => {
  const it = graph(
    ['pkg:npm/a@1.0.0', undefined, 'pkg:npm/leaf@1.0.0', 'pkg:npm/leaf@1.2.3'],
    [
      [PRODUCT, 0],
      [0, 1],
      [1, 0],
      [1, 2],
      [0, 2],
      [2, PRODUCT],
    ],
  );
  assert.deepEqual(hitsIn(it, FLAWED), [
    { purl: 'pkg:npm/leaf@1.0.0', version: '1.0.0', affected: 'yes', path: ['pkg:npm/a@1.0.0', 'pkg:npm/leaf@1.0.0'] },
    { purl: 'pkg:npm/leaf@1.2.3', version: '1.2.3', affected: 'no', path: null },
  ]);
});

test('what cannot be compared is unknown and never unaffected', () => {
  const of = (purl: string, range: string | null) =>
    hitsIn(graph([purl], []), { purl: 'pkg:npm/leaf', range })[0]?.affected;
  assert.equal(of('pkg:npm/leaf', FLAWED.range), 'unknown');
  assert.equal(of('pkg:npm/leaf@1.0.0', null), 'unknown');
  assert.equal(of('pkg:npm/leaf@1.0.0', 'vers:nothing/<1'), 'unknown');
  assert.equal(of('pkg:npm/leaf@1.0.0?arch=x#sub', FLAWED.range), 'yes', 'qualifiers do not hide a package');
});

test('a way is a path of the graph, as long as the distance', () => {
  const edge = fc.tuple(fc.integer({ min: PRODUCT, max: 7 }), fc.integer({ min: 0, max: 7 }));
  fc.assert(
    fc.property(fc.uniqueArray(edge, { selector: String }), (edges) => {
      const purls = Array.from({ length: 8 }, (_each, index) => `pkg:npm/leaf@0.0.${index}`);
      const distance = new Map([[PRODUCT, 0]]);
      for (let round = 0; round < 9; round += 1) {
        for (const [from, to] of edges) {
          const next = (distance.get(from) ?? Number.POSITIVE_INFINITY) + 1;
          if (next < (distance.get(to) ?? Number.POSITIVE_INFINITY)) distance.set(to, next);
        }
      }
      for (const [index, { path }] of hitsIn(graph(purls, edges), FLAWED).entries()) {
        assert.equal(path?.length, distance.get(index));
        const steps = [PRODUCT, ...(path ?? []).map((purl) => purls.indexOf(purl))];
        for (let at = 1; at < steps.length; at += 1) {
          assert.ok(edges.some(([from, to]) => from === steps[at - 1] && to === steps[at]));
        }
      }
    }),
  );
});

test('what needs an affected component itself could be broken by a patch of it; what needs a mended one could not', () => {
  const it = graph(
    ['pkg:npm/a@1.0.0', 'pkg:npm/b@2.0.0', 'pkg:npm/leaf@1.0.0', 'pkg:npm/leaf@1.2.3', 'pkg:npm/c', undefined],
    [
      [PRODUCT, 0],
      [0, 2],
      [1, 3],
      [4, 2],
      [5, 2],
      [PRODUCT, 2],
      [2, 2],
    ],
  );
  // `c` has no version to try, and the product no name that a registry knows.
  assert.deepEqual([...dependentsIn(it, FLAWED)], ['pkg:npm/a@1.0.0', 'pkg:npm/leaf@1.0.0']);
  assert.deepEqual([...dependentsIn(it, { ...FLAWED, purl: 'pkg:npm/other' })], []);
});
