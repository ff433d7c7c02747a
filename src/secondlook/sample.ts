/**
 * Which records are looked at again. Drawn by a keyed hash of the record's own id: nobody without the key can tell before
 * which ones, and nobody with it can choose; the same record is drawn or not however often it is asked. Pure.
 */
import { createHmac } from 'node:crypto';

export const KINDS = ['intake-rejection', 'verify-rejection', 'low-verdict'] as const;
export type Kind = (typeof KINDS)[number];

const SCALE = 2 ** 32;
const THOUSAND = 1_000;

export type Draw = (kind: Kind, id: string) => boolean;

/** A higher rate draws what a lower one does, and more. */
export function createDraw(key: Uint8Array, perThousand: number): Draw {
  if (!(Number.isInteger(perThousand) && perThousand >= 0 && perThousand <= THOUSAND)) {
    throw new RangeError(`${perThousand} is no number of a thousand`);
  }
  return (kind, id) => {
    const digest = createHmac('sha256', key).update(`${kind}\0${id}`).digest();
    return digest.readUInt32BE(0) / SCALE < perThousand / THOUSAND;
  };
}
