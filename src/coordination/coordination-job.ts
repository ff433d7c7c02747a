/** Background work of coordination. The handler may run twice: a claim that was checked is not checked again. */
import type { OpenedCase } from '../disclosure/index.ts';
import type { JobHandler } from '../store/job-worker.ts';
import type { Coordination } from './coordination.ts';
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

/** The version last called fixed, unless a check of it came after. */
function uncheckedVersion({ answers }: SharedCase, who: ParticipantId): string | undefined {
  const own = answers.filter((answer) => answer.who === who && (answer.kind === 'fixed-in' || answer.kind === 'check'));
  const last = own.at(-1);
  return last?.kind === 'fixed-in' ? last.text : undefined;
}
