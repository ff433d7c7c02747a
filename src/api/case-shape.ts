/** A case as the API tells it: everything but the reproducer and the way to the flaw, which are asked for by themselves. */
import { z } from 'zod';
import { type CaseSummary, type OpenedCase, packageOf, STEPS, titleOf } from '../disclosure/index.ts';
import { Instant, idOf, toText } from './shape.ts';

export const CasePath = z.object({ case: idOf('case') });

/** Publishing takes two signatures, and there is no other way to it: `disclose` is no step here. */
export const API_STEPS = STEPS.filter((step) => step !== 'disclose');

const MaybeInstant = Instant.nullable();

const Brief = {
  id: z.string(),
  kind: z.enum(['real', 'demonstration']),
  stage: z.string(),
  embargo: z.string(),
  title: z.string(),
  target: z.string(),
  openedAt: Instant,
  dueAt: MaybeInstant.describe('when its private time ends; null while no deadline runs'),
};

export const CaseBrief = z.object(Brief).meta({ id: 'CaseBrief' });

const MessageShape = z.object({
  id: z.string(),
  channel: z.string(),
  state: z.string(),
  attempts: z.int(),
  trouble: z.string().nullable(),
});

export const CaseShape = z
  .object({
    ...Brief,
    version: z.int(),
    policy: z.string(),
    time: z.string(),
    package: z.string(),
    class: z.string(),
    severity: z.object({ vector: z.string(), score: z.number(), severity: z.string() }),
    finding: z.string(),
    reproducerSha256: z.string(),
    knownAs: z.array(z.string()),
    fixedVersion: z.string().nullable(),
    hasPatch: z.boolean(),
    notifiedAt: MaybeInstant,
    detailsAt: MaybeInstant,
    closedAt: MaybeInstant,
    parties: z.array(
      z.object({
        id: z.string(),
        role: z.string(),
        simulated: z.boolean(),
        report: z.string().describe('its machine'),
      }),
    ),
    clocks: z.array(z.object({ kind: z.string(), dueAt: Instant, stoppedAt: MaybeInstant, reachedAt: MaybeInstant })),
    messages: z.array(MessageShape),
    commitment: z.object({ id: z.string(), root: z.string(), openedBy: z.string(), endedAt: MaybeInstant }),
    history: z.array(
      z.object({ event: z.string(), stage: z.string(), actor: z.string(), at: Instant, note: z.string() }),
    ),
  })
  .meta({ id: 'Case', description: 'under embargo unless its stage says otherwise' });

export const toBrief = ({ openedAt, dueAt, ...rest }: CaseSummary): z.input<typeof CaseBrief> => ({
  ...rest,
  openedAt: openedAt.toISOString(),
  dueAt: toText(dueAt ?? undefined),
});

export function toCase(opened: OpenedCase): z.input<typeof CaseShape> {
  const { case: it, finding, learnt, commitment } = opened;
  const at = (of: Date | null | undefined): string | null => toText(of ?? undefined);
  return {
    ...{ id: it.id, kind: it.kind, stage: it.stage, embargo: it.embargo, version: it.version },
    ...{ policy: it.policy, time: it.time, title: titleOf(finding), target: finding.target },
    package: packageOf(finding).name,
    class: finding.flaw,
    severity: finding.severity,
    finding: opened.findingId,
    reproducerSha256: finding.reproducer.sha256,
    knownAs: [...learnt.knownAs],
    fixedVersion: learnt.fixedVersion,
    hasPatch: learnt.patch !== null,
    openedAt: it.openedAt.toISOString(),
    dueAt: 'dueAt' in it ? at(it.dueAt) : null,
    notifiedAt: 'notifiedAt' in it ? at(it.notifiedAt) : null,
    detailsAt: 'detailsAt' in it ? at(it.detailsAt) : null,
    closedAt: 'closedAt' in it ? at(it.closedAt) : null,
    parties: it.parties.map(({ id, role, simulated, report }) => ({ id, role, simulated, report })),
    clocks: opened.clocks.map(({ kind, dueAt, stoppedAt, reachedAt }) => ({
      ...{ kind, dueAt: dueAt.toISOString(), stoppedAt: at(stoppedAt), reachedAt: at(reachedAt) },
    })),
    messages: opened.messages.map(({ id, channel, state, attempts, trouble }) => ({
      ...{ id, channel, state, attempts, trouble },
    })),
    commitment: {
      ...{ id: commitment.id, root: commitment.root, openedBy: commitment.openedBy, endedAt: at(commitment.endedAt) },
    },
    history: opened.history.map(({ event, stage, actor, at: when, note }) => ({
      ...{ event, stage, actor, note, at: when.toISOString() },
    })),
  };
}
