import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type AffectedEvent, affectedRange } from './affected.ts';

const of = (events: readonly AffectedEvent[] | null, purl = 'pkg:npm/%40scope/name@1.2.2') =>
  affectedRange({ purl, events });

test('measured versions become a range, in order, whatever order they were told in', () => {
  assert.equal(of([{ introduced: '0' }, { fixed: '1.2.3' }]).value, 'vers:npm/<1.2.3');
  const twice = [{ introduced: '10.0.0' }, { fixed: '10.1.0' }, { introduced: '9.0.0' }, { last_affected: '9.3.0' }];
  assert.equal(of(twice).value, 'vers:npm/>=9.0.0|<=9.3.0|>=10.0.0|<10.1.0');
  assert.equal(of([{ introduced: '0' }]).value, 'vers:npm/*');
});

test('unmeasured, the version that the flaw was shown in is all that is said', () => {
  assert.deepEqual([of(null).value, of(null).source], ['vers:npm/1.2.2', 'shown']);
  assert.match(of(null).reasons.join(), /pkg:npm\/%40scope\/name/);
});

test('of what has no order no range is made up', () => {
  assert.equal(of([{ introduced: '0' }], 'pkg:generic/x@1').value, null);
  assert.equal(of(null, 'x').value, null);
});
