/** A workshop that ran nothing: what it tells is given to it. For what becomes of a report, not for whether it is true. */
import type { Workshop } from '../../src/readiness/index.ts';

export const WORKSHOP: Workshop = {
  follow: async () => ({ ok: true, value: { reproduced: 3, of: 3 } }),
  newestVersion: async () => '1.2.2',
  tryVersion: async () => 'fires',
  tryHead: async () => undefined,
  scopeFile: async () => undefined,
};
