/**
 * Campaigns: begins one, takes it up again after a stop, says when it is done and what came of it.
 *
 * All work is jobs in the database; this process is one of those that run them.
 */
import type { Candidate } from '../finder/index.ts';
import type { Clock } from '../lib/clock.ts';
import { createId, type RandomBytes } from '../lib/id.ts';
import type { Database, Transaction } from '../store/database.ts';
import { addJob } from '../store/jobs.ts';
import type { Vault } from '../store/vault.ts';
import type { CampaignFile } from './campaign-file.ts';
import { type Campaign, type CampaignId, createCampaignStore, type TargetRow } from './campaign-store.ts';
import { openCandidate } from './candidate-seal.ts';
import { type CandidateId, createCandidateStore } from './candidate-store.ts';
import { SEARCH_JOBS } from './search-job.ts';
import type { CampaignSummary } from './summary.ts';

export interface CampaignParts {
  readonly database: Database;
  readonly vault: Pick<Vault, 'sealUnder' | 'openUnder'>;
  readonly clock: Clock;
  readonly random: RandomBytes;
}

/** Looked through for a second look at once. */
const MOST_CANDIDATES = 100_000;

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
    /** Ids of candidates that were rejected, of those that are drawn; no other is opened. */
    async rejectedCandidates(isDrawn: (id: string) => boolean): Promise<readonly string[]> {
      const store = createCandidateStore(database, vault);
      const rejected: string[] = [];
      for (const id of (await store.listSettled(MOST_CANDIDATES)).filter(isDrawn)) {
        if ((await store.find(id))?.outcome?.state === 'rejected') rejected.push(id);
      }
      return rejected;
    },

    /** What a rejected candidate claims and why it was rejected, for a person. */
    async readCandidate(id: string): Promise<{ readonly candidate: Candidate; readonly reason: string } | undefined> {
      const row = await createCandidateStore(database, vault).find(id as CandidateId);
      if (row?.outcome?.state !== 'rejected') return undefined;
      return { candidate: openCandidate(vault, row), reason: row.outcome.reason };
    },

    /** Verified once more, as if nothing had been said of it. False where it does not stand as rejected. */
    async verifyAgainIn(tx: Transaction, id: string): Promise<boolean> {
      const store = createCandidateStore(tx, vault);
      const row = await store.find(id as CandidateId);
      const target = row && (await createCampaignStore(tx, vault).findTarget(row.targetId));
      if (!target || row.outcome?.state !== 'rejected' || !(await store.reopen(row.id))) return false;
      await addJob(tx, SEARCH_JOBS.verify, { candidateId: row.id }, { key: `verify ${row.id}`, of: target.campaignId });
      return true;
    },

    /** False where it was finished before. */
    finish: (id: CampaignId, summary: CampaignSummary): Promise<boolean> =>
      createCampaignStore(database, vault).finish(id, summary, clock.now()),
  };
}
