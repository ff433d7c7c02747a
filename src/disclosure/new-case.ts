/** A case as it comes into being, and what of it is committed to. Pure. */
import { createId, type RandomBytes } from '../lib/id.ts';
import type { ConfirmedFinding, FindingId } from '../verify/index.ts';
import type { Case, CaseId, CaseKind } from './case.ts';
import type { PolicyName } from './clock-policy.ts';
import { type Contact, packageOf } from './finding.ts';

export interface NewCase {
  readonly findingId: FindingId;
  readonly finding: ConfirmedFinding;
  readonly policy: PolicyName;
  readonly vendor: Contact & { readonly simulated: boolean };
  /** Public ids the finding matches; a demonstration needs at least one. */
  readonly knownAs: readonly string[];
}

export function newCase(
  { random, time }: { readonly random: RandomBytes; readonly time: Case['time'] },
  fresh: NewCase,
  kind: CaseKind,
  now: Date,
): Case {
  return {
    id: createId('case', random),
    version: 1,
    kind,
    time,
    policy: fresh.policy,
    openedAt: now,
    facts: {},
    stage: 'received',
    embargo: 'none',
    parties: [
      { id: createId('party', random), role: 'coordinator', simulated: false, report: 'received' },
      { id: createId('party', random), role: 'vendor', simulated: fresh.vendor.simulated, report: 'start' },
    ],
  };
}

/** The fields of the commitment's template (`tlog/template.ts`). */
export function commitmentValues(id: CaseId, finding: ConfirmedFinding, reporter: string, now: Date) {
  const named = packageOf(finding);
  return {
    caseId: id,
    class: finding.flaw,
    reportDate: toDay(now),
    reporter,
    reproducerSha256: finding.reproducer.sha256,
    severity: finding.severity.vector,
    target: named.purl,
    version: named.version,
  };
}

export const toDay = (at: Date): string => at.toISOString().slice(0, 10);
