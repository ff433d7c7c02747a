/** Puts on record that an open stage is over, on the database's clock. May run twice. */
import type { JobHandler } from '../store/job-worker.ts';
import type { Release } from './release.ts';
import { STAGE_END_JOB } from './stage-service.ts';

export function createStageEndJobs({
  release,
}: {
  readonly release: Pick<Release, 'end'>;
}): Readonly<Record<string, JobHandler>> {
  return {
    [STAGE_END_JOB]: async (payload) => {
      const { model } = payload as { readonly model: string };
      const ended = await release.end(model);
      if (!ended.ok) throw new Error(`the stage of ${model} was not ended: ${ended.refusal.kind}`);
    },
  };
}
