/** Funding, joined: which projects may be named in public follows from their cases. */
import { type Disclosure, isClosed } from './disclosure/index.ts';
import { createFunding, type Funding } from './funding/index.ts';
import { projectOf } from './pacing/index.ts';
import type { Parts } from './parts.ts';
import { openProgramme } from './programme.ts';
import { createPublicTree } from './publish/index.ts';

export async function openFunding(parts: Parts, disclosure: Pick<Disclosure, 'realCases' | 'find'>): Promise<Funding> {
  const [database, vault, { path: home }] = await Promise.all([parts.database(), parts.vault(), parts.home()]);
  const { clock, random } = parts;
  const tree = createPublicTree(home, random);
  const { ledger } = await openProgramme(parts);
  return createFunding({
    ...{ database, vault, clock, random, ledger },
    nameable: () => nameableProjects(disclosure),
    writePublic: (path, text) => tree.write(path, text),
  });
}

async function nameableProjects(disclosure: Pick<Disclosure, 'realCases' | 'find'>): Promise<ReadonlySet<string>> {
  const [published, open] = [new Set<string>(), new Set<string>()];
  for (const { id } of await disclosure.realCases()) {
    const opened = await disclosure.find(id);
    const project = opened && projectOf(opened.finding.target);
    if (!opened || project === undefined) continue;
    if (!isClosed(opened.case)) open.add(project);
    else if (opened.case.stage === 'disclosed') published.add(project);
  }
  return published.difference(open);
}
