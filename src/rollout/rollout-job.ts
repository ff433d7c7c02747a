/** Analyses rollouts on the database's clock. Asks for itself again while one runs; may run twice. */
import { type Database, StaleWrite } from '../store/database.ts';
import type { JobHandler } from '../store/job-worker.ts';
import { planAnalysis, ROLLOUT_JOB, type RolloutParts, type Rollouts } from './rollout.ts';

interface RolloutJobParts extends Pick<RolloutParts, 'instants'> {
  readonly database: Database;
  readonly rollouts: Pick<Rollouts, 'analyse' | 'find'>;
}

export function createRolloutJobs(parts: RolloutJobParts): Readonly<Record<string, JobHandler>> {
  const { database, rollouts, instants } = parts;
  return {
    [ROLLOUT_JOB]: async (payload) => {
      const { model } = payload as { readonly model: string };
      try {
        // Refused while the model is closed, and looked at again.
        await rollouts.analyse(model);
      } catch (error) {
        if (!(error instanceof StaleWrite)) throw error;
      }
      const now = await rollouts.find(model);
      if (now?.state !== 'running') return;
      await database.transaction(async (tx) => planAnalysis(tx, now, (await instants.read(tx)).at));
    },
  };
}
