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

test('keys that some parsers take for one are refused, but for the names that tools and their schemas choose', () => {
  const block = (text: string) => refusalOf(`{"messages":[{"role":"user","content":[${text}]}]}`);
  assert.equal(block('{"type":"text","Type":"image"}'), 'duplicate-key');
  assert.equal(block('{"type":"text","\\u0054ype":"image"}'), 'duplicate-key');
  assert.equal(block('{"source":1,"\u017fource":2}'), 'duplicate-key');
  assert.equal(block('{"k":1,"\u212a":2}'), 'duplicate-key');
  assert.equal(block('{"type":"text"},{"Type":"text"}'), 'accepted');
  assert.equal(block('{"type":"tool_use","input":{"id":1,"ID":2,"deeper":[{"a":1,"A":2}]}}'), 'accepted');
  assert.equal(block('{"type":"tool_use","input":{"id":1,"id":2}}'), 'duplicate-key');
  assert.equal(block('{"input":{},"a":1,"A":2}'), 'duplicate-key', 'beside the data the rule holds again');
  assert.equal(refusalOf('{"tools":[{"input_schema":{"properties":{"path":{},"PATH":{}}}}]}'), 'accepted');
  assert.equal(
    refusalOf('{"input":[{"type":"message","Type":"other"}]}'),
    'duplicate-key',
    'the turns of a conversation',
  );
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
        // The generator may give one key in two cases.
        fc.pre(document.ok || document.refusal.kind !== 'duplicate-key');
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
