/**
 * HMAC-SHA-256 (RFC 2104) for one key and many messages: both blocks of the key are laid out once, and each message costs
 * two one-shot hashes. The library's own object costs several times that to set up, on every request.
 */
import { hash } from 'node:crypto';

const BLOCK_BYTES = 64;
const INNER = 0x36;
const OUTER = 0x5c;
const HASH_BYTES = 32;

/** Of texts of at most `maxBytes` in UTF-8; throws RangeError above. Gives 64 hexadecimal digits. */
export function createHmacSha256(key: Uint8Array, maxBytes: number): (message: string) => string {
  const block = Buffer.alloc(BLOCK_BYTES);
  block.set(key.length > BLOCK_BYTES ? hash('sha256', key, 'buffer') : key);
  const inner = Buffer.alloc(BLOCK_BYTES + maxBytes);
  const outer = Buffer.alloc(BLOCK_BYTES + HASH_BYTES);
  for (const [index, byte] of block.entries()) {
    inner[index] = byte ^ INNER;
    outer[index] = byte ^ OUTER;
  }
  return (message) => {
    if (Buffer.byteLength(message) > maxBytes) throw new RangeError(`a message has at most ${maxBytes} bytes`);
    const end = BLOCK_BYTES + inner.write(message, BLOCK_BYTES);
    outer.set(hash('sha256', inner.subarray(0, end), 'buffer'), BLOCK_BYTES);
    return hash('sha256', outer, 'hex');
  };
}
