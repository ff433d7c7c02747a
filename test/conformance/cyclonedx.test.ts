import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { test } from 'node:test';
import { readSbom } from '../../src/formats/sbom.ts';
import { needs, vectorFiles } from './vectors.ts';

/** Valid by the schema, but of nothing: no product is named, so nobody could be told of anything. */
const NAMELESS = 'metadata.component';

test('every valid CycloneDX 1.6 and 1.7 document is read, or names no product', needs('cyclonedx'), () => {
  const files = vectorFiles('cyclonedx/1.*/valid-*.json');
  assert.ok(files.length > 20);
  const refused = files.flatMap((file) => {
    const read = readSbom(readFileSync(file));
    return read.ok || read.refusal.place === NAMELESS
      ? []
      : [`${basename(file)}: ${read.refusal.place}: ${read.refusal.reason}`];
  });
  assert.deepEqual(refused, []);
});

test('a document that breaks the form where it is read is refused with its place', needs('cyclonedx'), () => {
  for (const version of ['1.6', '1.7']) {
    for (const [name, place] of [['invalid-bomformat', 'bomFormat']] as const) {
      const [file = ''] = vectorFiles(`cyclonedx/${version}/${name}-${version}.json`);
      const read = readSbom(readFileSync(file));
      assert.equal(!read.ok && read.refusal.place, place);
    }
  }
});
