import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { applyEdits, MAX_JSON_DEPTH, readJsonDocument } from './json-text.ts';

const read = (text: string) => readJsonDocument(Buffer.from(text));

function refusalOf(text: string): string {
  const document = read(text);
  return document.ok ? 'accepted' : document.refusal.kind;
}

test('a key that stands twice is refused at every depth, also when it is spelled differently', () => {
  assert.equal(refusalOf('{"model":"a","model":"b"}'), 'duplicate-key');
  assert.equal(refusalOf('{"model":"a","\\u006dodel":"b"}'), 'duplicate-key');
  assert.equal(refusalOf('{"a":[{"b":1},{"b":2,"c":{},"b":3}]}'), 'duplicate-key');
  assert.equal(refusalOf('{"a":[{"b":1},{"b":2}],"b":{"a":"b"}}'), 'accepted');
});

test('what is no JSON object in UTF-8 is refused', () => {
  assert.equal(refusalOf(''), 'not-json');
  assert.equal(refusalOf('{"a":1'), 'not-json');
  assert.equal(refusalOf('[1]'), 'not-an-object');
  assert.equal(refusalOf('null'), 'not-an-object');
  assert.equal(refusalOf('\ufeff{}'), 'not-json');
  const broken = readJsonDocument(Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]));
  assert.equal(broken.ok ? '' : broken.refusal.kind, 'not-utf8');
  const deep = MAX_JSON_DEPTH;
  assert.equal(refusalOf(`{"a":${'['.repeat(deep)}${']'.repeat(deep)}}`), 'too-deep');
  assert.equal(refusalOf(`{"a":${'['.repeat(deep - 1)}${']'.repeat(deep - 1)}}`), 'accepted');
});

test('the span of a top-level value is exactly its text, whatever stands around it', () => {
  fc.assert(
    fc.property(
      fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 3 })),
      fc.constantFrom(0, 1, '\t'),
      (value, space) => {
        const text = JSON.stringify(value, null, space);
        const document = read(text);
        assert.ok(document.ok);
        const keys = Object.keys(value);
        assert.deepEqual([...document.value.spans.keys()].sort(), keys.sort());
        for (const key of keys) {
          const span = document.value.spans.get(key);
          assert.ok(span);
          assert.deepEqual(JSON.parse(text.slice(span.start, span.end)), JSON.parse(JSON.stringify(value[key])));
          const changed = applyEdits(text, [{ ...span, text: '"new"' }]);
          assert.deepEqual(JSON.parse(changed), { ...JSON.parse(text), [key]: 'new' });
        }
      },
    ),
  );
});
