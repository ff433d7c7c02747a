/** A case as `case show` tells it. The reproducer and the way to the flaw are told only where they are asked for. */
import { type OpenedCase, packageOf, titleOf } from '../disclosure/index.ts';
import type { Json } from '../lib/canonical-json.ts';

export const text = (at: Date | null): string | null => at?.toISOString() ?? null;

export function toShown(opened: OpenedCase, reveal: boolean): { readonly [name: string]: Json } {
  const { case: it, finding, learnt, commitment } = opened;
  const named = packageOf(finding);
  return {
    id: it.id,
    version: it.version,
    kind: it.kind,
    time: it.time,
    policy: it.policy,
    stage: it.stage,
    embargo: it.embargo,
    title: titleOf(finding),
    target: finding.target,
    package: named.name,
    class: finding.flaw,
    severity: { ...finding.severity, reasons: { ...finding.severity.reasons } },
    reproducerSha256: finding.reproducer.sha256,
    findingId: opened.findingId,
    knownAs: learnt.knownAs,
    fixedVersion: learnt.fixedVersion,
    incompleteFixOf: learnt.incompleteFixOf ?? [],
    mitigation: learnt.mitigation ?? null,
    hasPatch: learnt.patch !== null,
    ownTests: learnt.ownTests ? { ...learnt.ownTests } : null,
    openedAt: text(it.openedAt),
    notifiedAt: 'notifiedAt' in it ? text(it.notifiedAt) : null,
    dueAt: 'dueAt' in it ? text(it.dueAt) : null,
    detailsAt: 'detailsAt' in it ? text(it.detailsAt) : null,
    closedAt: 'closedAt' in it ? text(it.closedAt) : null,
    facts: Object.fromEntries(Object.entries(it.facts).map(([event, at]) => [event, text(at)])),
    parties: it.parties.map(({ id, role, simulated, report }) => ({ id, role, simulated, report })),
    clocks: opened.clocks.map(({ kind, dueAt, stoppedAt, reachedAt }) => ({
      kind,
      dueAt: text(dueAt),
      stoppedAt: text(stoppedAt),
      reachedAt: text(reachedAt),
    })),
    messages: opened.messages.map(({ id, channel, state, attempts, trouble }) => ({
      id,
      channel,
      state,
      attempts,
      trouble,
    })),
    commitment: {
      id: commitment.id,
      root: commitment.root,
      openedBy: commitment.openedBy,
      endedAt: text(commitment.endedAt),
    },
    history: opened.history.map(({ version, event, stage, actor, at, note }) => ({
      version,
      event,
      stage,
      actor,
      at: text(at),
      note,
    })),
    ...(reveal
      ? { entry: finding.entry, oracle: finding.oracle, reproducer: finding.reproducer.text, patch: learnt.patch }
      : {}),
  };
}
