import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { test } from 'node:test';
import type { Json } from '../lib/canonical-json.ts';
import type { Adoption } from './adoption.ts';
import { decisionSha256 } from './decide.ts';
import { readDossierValue } from './dossier.ts';
import { documentBytes, documentHash } from './evaluate.ts';
import { readFrameworkValue } from './read-framework.ts';
import { CURRENT_SEMANTICS, findSemantics, SEMANTICS } from './semantics.ts';

interface Golden {
  readonly frameworks: readonly Json[];
  readonly dossier: Json;
  /** Acts in force, as they were opened. */
  readonly adoptions?: readonly Adoption[];
  /** That are found by their hash. */
  readonly documents?: readonly Json[];
  readonly decisionSha256: string;
  readonly stage: string;
}

const files = globSync(join(import.meta.dirname, 'golden', '*', '*.json')).sort();

test('every version of the semantics has its golden decisions, and the current one is among them', () => {
  assert.deepEqual([...new Set(files.map((file) => basename(dirname(file))))], Object.keys(SEMANTICS));
  assert.ok(findSemantics(CURRENT_SEMANTICS).ok);
});

test('a version that is not in the tree decides nothing', () => {
  for (const version of [0, 99, Number.NaN]) assert.equal(findSemantics(version).ok, false);
});

for (const file of files) {
  const version = Number(basename(dirname(file)));
  test(`golden decision ${version}/${basename(file, '.json')} comes out as it did`, () => {
    const golden = JSON.parse(readFileSync(file, 'utf8')) as Golden;
    const frameworks = golden.frameworks.map((document) => {
      const read = readFrameworkValue(document);
      assert.ok(read.ok, JSON.stringify(read));
      return read.value;
    });
    const dossier = readDossierValue(golden.dossier);
    const decide = findSemantics(version);
    assert.ok(dossier.ok && decide.ok);
    const documents = new Map((golden.documents ?? []).map((each) => [documentHash(each), documentBytes(each)]));
    const decision = decide.value(frameworks, dossier.value, [], golden.adoptions, (hash) => documents.get(hash));
    assert.equal(decision.stage, golden.stage);
    assert.equal(decisionSha256(decision), golden.decisionSha256);
  });
}
