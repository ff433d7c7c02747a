/** Identifiers: a noun and 128 random bits, so that a name tells nothing and cannot be guessed. */
import { randomBytes } from 'node:crypto';

export type Id<Noun extends string> = `${Noun}_${string}`;

/** Fresh randomness of `size` bytes; passed in so that a run can be replayed. */
export type RandomBytes = (size: number) => Uint8Array;

/** Drawn from the system in blocks: a call to it costs as much as ten names. Every byte is given out once. */
const BLOCK_BYTES = 4_096;
const LARGEST_SHARE = 64;

export const systemRandom: RandomBytes = createRandom();

function createRandom(): RandomBytes {
  let block = Buffer.alloc(0);
  let used = 0;
  return (size) => {
    if (size > LARGEST_SHARE) return randomBytes(size);
    if (used + size > block.length) {
      block = randomBytes(BLOCK_BYTES);
      used = 0;
    }
    const share = new Uint8Array(size);
    for (let index = 0; index < size; index += 1, used += 1) {
      share[index] = block[used] as number;
      block[used] = 0;
    }
    return share;
  };
}

export function createId<Noun extends string>(noun: Noun, random: RandomBytes): Id<Noun> {
  return `${noun}_${Buffer.from(random(16)).toString('hex')}`;
}
