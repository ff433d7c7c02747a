/** A report followed by machine where somebody asked for it from afar: the worker has the sandbox, the asker waits for no answer. */
import type { JobHandler } from '../store/job-worker.ts';

export const REPORT_CHECK_JOB = 'readiness.check';

export interface CheckJobParts {
  /** Follows the report of a case and keeps what came of it; the same again is kept again. */
  readonly check: (caseId: string) => Promise<unknown>;
}

export function createReadinessJobs({ check }: CheckJobParts): Readonly<Record<string, JobHandler>> {
  return {
    [REPORT_CHECK_JOB]: async (payload) => {
      const caseId = (payload as { readonly case?: unknown }).case;
      if (typeof caseId !== 'string') throw new Error(`the job ${REPORT_CHECK_JOB} names no case`);
      await check(caseId);
    },
  };
}
