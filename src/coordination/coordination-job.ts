/** Background work of coordination. The handler may run twice: a claim that was checked is not checked again. */
import { type OpenedCase, SILENCE_JOB } from '../disclosure/index.ts';
import type { Database } from '../store/database.ts';
import type { JobHandler } from '../store/job-worker.ts';
import { addJob } from '../store/jobs.ts';
import type { Coordination } from './coordination.ts';
import type { Escalations } from './escalation-service.ts';
import { CHECK_FIX_JOB } from './maintainer-service.ts';
import type { ParticipantId } from './participant.ts';
import type { SharedCase } from './shared-case.ts';

interface CoordinationJobParts {
  readonly coordination: Pick<Coordination, 'find' | 'change'>;
  /** What the finding's reproducer does on another published version of its package. */
  readonly tryVersion: (
    finding: OpenedCase['finding'],
    version: string,
  ) => Promise<'fires' | 'silent' | 'not-comparable'>;
}

const MACHINE = 'machine';
const WORDS = {
  silent: 'the reproducer stays silent on it',
  fires: 'the reproducer still shows the flaw on it',
  'not-comparable': 'it could not be fetched or run: not checked',
} as const;

export function createCoordinationJobs(parts: CoordinationJobParts): Readonly<Record<string, JobHandler>> {
  return {
    [CHECK_FIX_JOB]: async (payload) => {
      const { case: id, party } = payload as { readonly case?: unknown; readonly party?: unknown };
      if (typeof id !== 'string' || typeof party !== 'string') throw new TypeError(`${CHECK_FIX_JOB} names no answer`);
      const shared = await parts.coordination.find(id);
      const who = party as ParticipantId;
      const version = shared && uncheckedVersion(shared.it, who);
      if (!version) return;
      const outcome = await parts.tryVersion(shared.opened.finding, version);
      const text = `${version}: ${WORDS[outcome]}`;
      await parts.coordination.change(id, { kind: 'answered', who, what: 'check', text }, MACHINE);
      if (outcome === 'silent' && shared.it.participants.get(who)?.standing !== 'fixed') {
        await parts.coordination.change(id, { kind: 'standing', who, standing: 'fixed' }, MACHINE);
      }
    },
  };
}

interface EscalationJobParts {
  readonly database: Database;
  readonly escalations: Pick<Escalations, 'escalate'>;
}

/** Until what a silence waits for is looked for again. */
const WAITS_MS = 3_600_000;

export function createEscalationJobs({
  database,
  escalations,
}: EscalationJobParts): Readonly<Record<string, JobHandler>> {
  return {
    [SILENCE_JOB]: async (payload) => {
      const { case: id } = payload as { readonly case?: unknown };
      if (typeof id !== 'string') throw new TypeError(`${SILENCE_JOB} names no case`);
      const { kind } = await escalations.escalate(id);
      if (kind !== 'waits') return;
      const { rows } = await database.query<{ at: Date }>("select now() + $1 * interval '1 millisecond' as at", [
        WAITS_MS,
      ]);
      const runAt = rows[0]?.at;
      if (runAt) await addJob(database, SILENCE_JOB, { case: id }, { key: `silence ${id}`, runAt });
    },
  };
}

/** The version last called fixed, unless a check of it came after. */
function uncheckedVersion({ answers }: SharedCase, who: ParticipantId): string | undefined {
  const own = answers.filter((answer) => answer.who === who && (answer.kind === 'fixed-in' || answer.kind === 'check'));
  const last = own.at(-1);
  return last?.kind === 'fixed-in' ? last.text : undefined;
}
