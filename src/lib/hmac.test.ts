import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { createHmacSha256 } from './hmac.ts';

test('it is the library’s HMAC-SHA-256 for every key and message, in any order of calls', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 200 }),
      fc.array(fc.string({ unit: 'binary' }), { maxLength: 8 }),
      (key, messages) => {
        const mac = createHmacSha256(key, 4_096);
        for (const message of messages) {
          assert.equal(mac(message), createHmac('sha256', key).update(message).digest('hex'));
        }
      },
    ),
  );
});

test('a message over its limit is refused, not cut', () => {
  const mac = createHmacSha256(Buffer.alloc(32), 4);
  assert.throws(() => mac('fünf!'), RangeError);
  assert.equal(mac('four').length, 64);
});
