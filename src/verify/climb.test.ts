import assert from 'node:assert/strict';
import { test } from 'node:test';
import { withoutClimb } from './climb.ts';

test('every spelling of the climb is levelled, and nothing else', () => {
  assert.equal(withoutClimb("read('root', '../flag')"), "read('root', '__/flag')");
  assert.equal(withoutClimb("get('/%2e%2e/%2E%2E%2fflag')"), "get('/__/__%2fflag')");
  assert.equal(withoutClimb("get('/..%2f..%5cflag')"), "get('/__%2f__%5cflag')");
  assert.equal(withoutClimb("get('/%252e%252e/.%2e/%2e./flag')"), "get('/__/__/__/flag')");
  assert.equal(withoutClimb("join(root, '..', name)"), "join(root, '__', name)");
});

test('a script that climbs nowhere says so; spreading a list is no climb', () => {
  assert.equal(withoutClimb("call(...args); read('a.b', 'c')"), undefined);
});
