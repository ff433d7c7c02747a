/**
 * Chains over the open cases. A person writes down what each finding needs and gives; the chains follow from that and are
 * never stored. Nothing here holds a reproducer: a link is an id with two capabilities at two positions.
 */
import { CAPABILITIES, type Chain, findChains, type Hold, type Link } from '../duplicates/index.ts';
import { ok, type Result, refuse } from '../lib/result.ts';
import type { Transaction } from '../store/database.ts';
import { createLinkStore } from './link-store.ts';
import type { Triage, TriagedCase, TriageParts } from './triage.ts';

export interface WrittenLink {
  readonly needs: Hold;
  readonly gives: Hold;
}

export interface LinkRefusal {
  readonly kind: 'no-such-case' | 'leads-nowhere';
}

const SEALED_USE = 'triage/links';

/** Of a finding that nobody could score: as grave as the middle of the scale. */
const UNSCORED = 5;

/** `read-memory@renderer`; undefined where it is none. */
export function readHold(text: string): Hold | undefined {
  const [, name, position] = /^([a-z-]+)@([a-z0-9][a-z0-9._-]{0,79})$/.exec(text) ?? [];
  const capability = CAPABILITIES.find((each) => each === name);
  return capability === undefined || position === undefined ? undefined : { capability, position };
}

export type Chains = ReturnType<typeof createChains>;

export function createChains({
  database,
  vault,
  findCase,
  triage,
}: TriageParts & { readonly triage: Pick<Triage, 'find'> }) {
  const openLinks = async (tx: Transaction): Promise<readonly (WrittenLink & TriagedCase)[]> => {
    const found: (WrittenLink & TriagedCase)[] = [];
    for (const { caseId, sealed } of await createLinkStore(tx).list()) {
      const it = await findCase(tx, caseId);
      if (it)
        found.push({
          ...it,
          ...(JSON.parse(vault.openUnder(SEALED_USE, sealed, caseId).toString('utf8')) as WrittenLink),
        });
    }
    return found;
  };
  return {
    /** Replaces what was written of the case before. */
    link: (id: string, { needs, gives }: WrittenLink, actor: string): Promise<Result<void, LinkRefusal>> =>
      database.transaction(async (tx) => {
        if (needs.capability === gives.capability && needs.position === gives.position) {
          return refuse({ kind: 'leads-nowhere' } as const);
        }
        if (!(await findCase(tx, id))) return refuse({ kind: 'no-such-case' } as const);
        const sealed = vault.sealUnder(SEALED_USE, Buffer.from(JSON.stringify({ needs, gives })), id);
        await createLinkStore(tx).put(id, sealed, actor);
        return ok(undefined);
      }),

    /** Whether there was one. */
    unlink: (id: string): Promise<boolean> => createLinkStore(database).remove(id),

    /** Gravest first. Of closed cases none is a link any more: what is mended carries nobody further. */
    async list(): Promise<readonly Chain[]> {
      const links: Link[] = [];
      for (const { id, project, needs, gives } of await database.transaction(openLinks)) {
        const score = (await triage.find(id))?.decision.score.value ?? UNSCORED;
        links.push({ findingId: id, project, needs, gives, score });
      }
      return findChains(links);
    },

    /** Cases that are a link of some chain. */
    async chained(): Promise<ReadonlySet<string>> {
      return new Set((await this.list()).flatMap(({ links }) => links.map(({ findingId }) => findingId)));
    },
  };
}
