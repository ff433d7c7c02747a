/** Release, joined: decisions, their evidence, and the stages that gateways obey. Needs no sandbox and no server. */
import type { Disclosure } from './disclosure/index.ts';
import type { Parts } from './parts.ts';
import type { ReportedFinding } from './policy/index.ts';
import { createAdoptions, createIncidents, createRelease, createRollouts, openEvidence } from './release/index.ts';

export async function openRelease({ database, log, clock, random, home, onClose }: Parts) {
  const [opened, db, { evidence: folder }] = await Promise.all([log(), database(), home()]);
  // What this command promised to the log becomes leaves before it ends, where no worker did it.
  onClose(() => opened.sequence());
  const evidence = openEvidence(folder);
  const parts = { database: db, clock, random, log: opened };
  const release = createRelease({ ...parts, evidence });
  return {
    release,
    adoptions: createAdoptions({ ...parts, evidence }),
    incidents: createIncidents({ ...parts, release }),
    rollouts: createRollouts({ ...parts, release }),
  };
}

/** What the cases say: since when a project knows, since when there is a fix. */
export async function readFindings(
  disclosure: Pick<Disclosure, 'list' | 'find'>,
  kind: 'real' | 'demonstration',
): Promise<readonly ReportedFinding[]> {
  const found: ReportedFinding[] = [];
  for (const summary of await disclosure.list()) {
    const opened = summary.kind === kind ? await disclosure.find(summary.id) : undefined;
    if (!opened) continue;
    const { V: reportedAt, F: fixedAt } = opened.case.facts;
    found.push({ reportedAt, fixedAt, severity: opened.finding.severity.severity });
  }
  return found;
}
