import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { test } from 'node:test';
import { FORM_LIMITS, readForm, STAMP, stampOf, TRAP } from './report-form.ts';

const sign = (text: string) => createHmac('sha256', 'k').update(text).digest('hex');
const GIVEN = new Date('2026-11-02T10:00:00Z');
const after = (ms: number) => new Date(GIVEN.getTime() + ms);
const filled = { package: 'left-pad', title: 'It pads right', text: 'Call it.', [STAMP]: stampOf(GIVEN, sign) };
const read = (changes: Readonly<Record<string, string>> = {}, now = after(10_000)) =>
  readForm({ ...filled, ...changes }, now, sign);
const refusal = (...given: Parameters<typeof read>) => {
  const it = read(...given);
  return it.ok ? 'taken' : it.refusal.kind;
};

test('the bytes of a report are what was said, and nothing of when or whence', () => {
  const one = read({ severity: 'high', known: 'public', contact: 'me@example.org', place: 'a.c:3' });
  const other = read({
    severity: 'high',
    known: 'public',
    contact: 'me@example.org',
    place: 'a.c:3',
    [STAMP]: stampOf(after(5_000), sign),
  });
  assert.ok(one.ok && other.ok && one.value.equals(other.value));
  assert.deepEqual(JSON.parse(one.value.toString()), {
    title: 'It pads right',
    description: 'Call it.\n\nThe reporter says: it is public already.',
    package: 'left-pad',
    file: 'a.c:3',
    severity: 'high',
    reporter: 'me@example.org',
  });
});

test('what is missing, too long or no address is told by its field', () => {
  assert.equal(refusal({ title: '  ' }), 'field-missing');
  assert.equal(refusal({ text: 'x'.repeat(FORM_LIMITS.text + 1) }), 'field-too-long');
  assert.equal(refusal({ text: 'x'.repeat(FORM_LIMITS.text) }), 'taken');
  assert.equal(refusal({ contact: 'a@b, c@d' }), 'no-address');
  const unknown = read({ severity: 'apocalyptic', known: 'toString' });
  assert.ok(unknown.ok && !/apocalyptic|toString/.test(unknown.value.toString()));
});

test('who fills the field that nobody sees, stamps the form himself, or is too fast or too late is turned away', () => {
  assert.equal(refusal({ [TRAP]: 'https://example.org' }), 'no-person');
  for (const stamp of ['', '1', `${GIVEN.getTime()}.${'0'.repeat(64)}`, stampOf(GIVEN, (text) => sign(`${text}x`))]) {
    assert.equal(refusal({ [STAMP]: stamp }), 'no-person');
  }
  assert.equal(refusal({}, after(2_999)), 'too-fast');
  assert.equal(refusal({}, after(3_000)), 'taken');
  assert.equal(refusal({}, after(24 * 3_600_000)), 'taken');
  assert.equal(refusal({}, after(24 * 3_600_000 + 1)), 'too-late');
});
