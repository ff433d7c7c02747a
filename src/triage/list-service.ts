/** Takes public lists in, and asks them about a package. A list is taken whole or not at all. */

import { type PastAdvisory, readPastAdvisories } from '../formats/past-advisory.ts';
import { sha256Hex } from '../lib/hash.ts';
import { ok, type Result, refuse } from '../lib/result.ts';
import type { Database } from '../store/database.ts';
import { type MatchedCna, matchCnas, readCnas } from './cna.ts';
import type { FeedRefusal } from './feed.ts';
import { createListStore, type ListKind } from './list-store.ts';

export interface ImportedList {
  /** Now in the list. */
  readonly entries: number;
  /** Of what was given, of no use here. */
  readonly skipped: number;
}

/** Records written by one statement. */
const BATCH = 5_000;

export type Lists = ReturnType<typeof createLists>;

export function createLists({ database }: { readonly database: Database }) {
  return {
    async importList(kind: ListKind, text: string): Promise<Result<ImportedList, FeedRefusal>> {
      const sha256 = sha256Hex(text);
      if (kind === 'cna') {
        const cnas = readCnas(text);
        if (!cnas.ok) return cnas;
        return await database.transaction(async (tx) => {
          const store = createListStore(tx);
          await store.replaceCnas(cnas.value);
          return ok({ entries: await store.recordImport(kind, sha256), skipped: 0 });
        });
      }
      const read = readPastAdvisories(text);
      if (!read.ok) return refuse({ kind: 'bad-feed', reason: read.refusal });
      const { advisories, skipped } = read.value;
      if (advisories.length === 0)
        return refuse({ kind: 'bad-feed', reason: 'no npm package with a fixed version in it' });
      return await database.transaction(async (tx) => {
        const store = createListStore(tx);
        for (let from = 0; from < advisories.length; from += BATCH) {
          await store.addAdvisories(advisories.slice(from, from + BATCH));
        }
        return ok({ entries: await store.recordImport(kind, sha256), skipped });
      });
    },

    /** Whose scope may cover the package, with the reason; a person reads the scope. */
    async cnasFor(packageName: string): Promise<readonly MatchedCna[]> {
      return matchCnas(packageName, await createListStore(database).cnas());
    },

    pastAdvisoriesOf: (packageName: string): Promise<readonly PastAdvisory[]> =>
      createListStore(database).advisoriesOf(packageName),
  };
}
