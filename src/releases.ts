/** Release, joined: decisions, their evidence, and the stages that gateways obey. Needs no sandbox and no server. */
import { toHex } from './lib/bytes.ts';
import { ok, type Result } from './lib/result.ts';
import type { Parts } from './parts.ts';
import type { ReportedFinding } from './policy/index.ts';
import { createAdoptions, createIncidents, createRelease, createRollouts, openEvidence } from './release/index.ts';
import type { Services } from './services.ts';
import { formatVerifierKey, type VerifyRefusal, verifyLog } from './tlog/index.ts';

export async function openRelease({ database, log, clock, random, home, onClose }: Parts) {
  const [opened, db, { evidence: folder }] = await Promise.all([log(), database(), home()]);
  // What this command promised to the log becomes leaves before it ends, where no worker did it.
  onClose(() => opened.sequence());
  const evidence = openEvidence(folder);
  const parts = { database: db, clock, random, log: opened };
  const release = createRelease({ ...parts, evidence });
  return {
    release,
    evidence,
    adoptions: createAdoptions({ ...parts, evidence }),
    incidents: createIncidents({ ...parts, release }),
    rollouts: createRollouts({ ...parts, release }),
  };
}

export interface SealedFindings {
  readonly findings: readonly ReportedFinding[];
  /** Cases that do not count: their commitment is not in the log, or is another one there. */
  readonly uncommitted: readonly string[];
  /** Commitments in the log that no case stands behind. */
  readonly withoutCase: readonly string[];
}

/**
 * What the cases say, held against the verified log: since when a project knows, since when there is a fix, how bad it is as a
 * reviewer found it or, where nobody looked, as it was proposed.
 */
export async function readFindings(
  { disclosure, triage, log }: Pick<Services, 'disclosure' | 'triage' | 'log'>,
  kind: 'real' | 'demonstration',
): Promise<Result<SealedFindings, VerifyRefusal>> {
  await log.sequence();
  const verified = await verifyLog(log.directory, { key: formatVerifierKey(log.logKey) });
  if (!verified.ok) return verified;
  const roots = new Map<string, string>(verified.value.commitments.map(({ id, root }) => [id, toHex(root)]));
  const findings: ReportedFinding[] = [];
  const uncommitted: string[] = [];
  const seen = new Set<string>();
  for (const summary of await disclosure.list()) {
    const opened = await disclosure.find(summary.id);
    if (!opened) continue;
    const { commitment, finding, case: it } = opened;
    seen.add(commitment.id);
    if (summary.kind !== kind) continue;
    if (roots.get(commitment.id) !== commitment.root) {
      uncommitted.push(summary.id);
      continue;
    }
    const { V: reportedAt, F: fixedAt } = it.facts;
    const reviewed = await triage.reviewedSeverity(summary.id);
    const severity = reviewed ?? finding.severity.severity;
    findings.push({ reportedAt, fixedAt, severity, severityBy: reviewed ? 'review' : 'proposal' });
  }
  return ok({ findings, uncommitted, withoutCase: [...roots.keys()].filter((id) => !seen.has(id)) });
}
