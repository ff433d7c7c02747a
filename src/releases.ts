/** Release, joined: decisions, their evidence, and the stages that gateways obey. Needs no sandbox and no server. */
import { join } from 'node:path';
import type { Parts } from './parts.ts';
import { createIncidents, createRelease, openEvidence } from './release/index.ts';

export const evidenceFolder = (home: string): string => join(home, 'evidence');

export async function openRelease({ database, log, clock, random, home, onClose }: Parts) {
  const [opened, db, { path }] = await Promise.all([log(), database(), home()]);
  // What this command promised to the log becomes leaves before it ends, where no worker did it.
  onClose(() => opened.sequence());
  const evidence = openEvidence(evidenceFolder(path));
  const parts = { database: db, clock, random, log: opened };
  const release = createRelease({ ...parts, evidence });
  return { release, incidents: createIncidents({ ...parts, release }) };
}
