/** Which form a file has, and who reads it. */
import type { FileRefusal, Reading, Source } from './piece.ts';
import { readSarif } from './sarif-claims.ts';

export const FORMATS = ['sarif'] as const;
export type Format = (typeof FORMATS)[number];

export async function readAs(source: Source, format: Format | 'auto'): Promise<Reading | FileRefusal> {
  switch (format) {
    default:
      return await readSarif(source);
  }
}
