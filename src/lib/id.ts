/** Identifiers: a noun and 128 random bits, so that a name tells nothing and cannot be guessed. */
import { randomBytes } from 'node:crypto';

export type Id<Noun extends string> = `${Noun}_${string}`;

/** Fresh randomness of `size` bytes; passed in so that a run can be replayed. */
export type RandomBytes = (size: number) => Uint8Array;

export const systemRandom: RandomBytes = (size) => randomBytes(size);

export function createId<Noun extends string>(noun: Noun, random: RandomBytes): Id<Noun> {
  return `${noun}_${Buffer.from(random(16)).toString('hex')}`;
}
