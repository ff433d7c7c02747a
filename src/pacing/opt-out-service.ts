/**
 * Lists of projects that want no reports, kept by others: taken over whole, and those with an address read again every day.
 * A list that cannot be read stays as it was, and says so.
 */
import { sha256Hex } from '../lib/hash.ts';
import { ok, type Result } from '../lib/result.ts';
import type { Database } from '../store/database.ts';
import { type OptOutRefusal, readOptOutList } from './opt-out.ts';
import { createPacingStore, type ProjectId } from './pacing-store.ts';

/** The text at a web address, or why there is none. */
export type FetchList = (url: string) => Promise<{ readonly text: string } | { readonly trouble: string }>;

export interface OptOutParts {
  readonly database: Database;
  readonly index: (project: string) => ProjectId;
}

export interface RefreshedList {
  readonly name: string;
  /** Null where it was read. */
  readonly trouble: string | null;
}

const LONGEST_TROUBLE = 500;

export function createOptOuts({ database, index }: OptOutParts) {
  const take = async (name: string, text: string, source?: string): Promise<Result<number, OptOutRefusal>> => {
    const projects = readOptOutList(text);
    if (!projects.ok) return projects;
    await database.transaction((tx) =>
      createPacingStore(tx).replaceList(
        { name, sha256: sha256Hex(text), source: source ?? null },
        projects.value.map(index),
      ),
    );
    return ok(projects.value.length);
  };
  // Nobody leaves every list at once: an empty answer is a fault of its server.
  const takeAgain = async (name: string, text: string, source: string): Promise<string | null> => {
    if (text.trim() === '') return 'the answer is empty';
    const taken = await take(name, text, source);
    return taken.ok ? null : `it cannot be read as a list: ${taken.refusal.kind}`;
  };
  return {
    /** `source`: the address that it is read from again every day. */
    importOptOuts: take,

    lists: () => database.transaction((tx) => createPacingStore(tx).listLists()),

    async refreshLists(fetchText: FetchList): Promise<readonly RefreshedList[]> {
      const told: RefreshedList[] = [];
      for (const { name, source } of await createPacingStore(database).listLists()) {
        if (source === null) continue;
        const fetched = await fetchText(source);
        const trouble = 'trouble' in fetched ? fetched.trouble : await takeAgain(name, fetched.text, source);
        await createPacingStore(database).noteLook(name, trouble?.slice(0, LONGEST_TROUBLE) ?? null);
        told.push({ name, trouble });
      }
      return told;
    },
  };
}
