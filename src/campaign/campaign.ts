/**
 * Campaigns: begins one, takes it up again after a stop, says when it is done and what came of it.
 *
 * All work is jobs in the database; this process is one of those that run them.
 */
import type { Clock } from '../lib/clock.ts';
import { createId, type RandomBytes } from '../lib/id.ts';
import type { Database } from '../store/database.ts';
import { addJob } from '../store/jobs.ts';
import type { Vault } from '../store/vault.ts';
import type { CampaignFile } from './campaign-file.ts';
import { type Campaign, type CampaignId, createCampaignStore, type TargetRow } from './campaign-store.ts';
import { SEARCH_JOBS } from './search-job.ts';
import type { CampaignSummary } from './summary.ts';

export interface CampaignParts {
  readonly database: Database;
  readonly vault: Pick<Vault, 'sealUnder' | 'openUnder'>;
  readonly clock: Clock;
  readonly random: RandomBytes;
}

export type Campaigns = ReturnType<typeof createCampaigns>;

export function createCampaigns({ database, vault, clock, random }: CampaignParts) {
  return {
    /** Writes the campaign, its targets and their first jobs; all of it or none. */
    begin(
      file: CampaignFile,
      { kind, sandboxProfile }: Pick<Campaign, 'kind' | 'sandboxProfile'>,
    ): Promise<CampaignId> {
      return database.transaction(async (tx) => {
        const store = createCampaignStore(tx, vault);
        const id = createId('campaign', random);
        await store.insert({ id, kind, file, sandboxProfile, startedAt: clock.now() });
        for (const [position, { target }] of file.targets.entries()) {
          const targetId = createId('target', random);
          await store.insertTarget({ id: targetId, campaignId: id, position, target });
          await addJob(tx, SEARCH_JOBS.scan, { targetId }, { key: `scan ${targetId}`, of: id });
        }
        return id;
      });
    },

    find: (id: CampaignId): Promise<Campaign | undefined> => createCampaignStore(database, vault).find(id),
    findLatest: (kind: Campaign['kind']): Promise<Campaign | undefined> =>
      createCampaignStore(database, vault).findLatest(kind),
    listTargets: (id: CampaignId): Promise<TargetRow[]> => createCampaignStore(database, vault).listTargets(id),
    /** False where it was finished before. */
    finish: (id: CampaignId, summary: CampaignSummary): Promise<boolean> =>
      createCampaignStore(database, vault).finish(id, summary, clock.now()),
  };
}
