/** Brings a release here and runs a finding's reproducer on it: from the registry, or from the tag of a local mirror. */
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { packageOf } from '../disclosure/index.ts';
import { type Result, refuse } from '../lib/result.ts';
import { openTarget, type PackageTree, type Registry, type TargetRefusal } from '../target/index.ts';
import type { ConfirmedFinding, ReleaseTrial, RunOutcome, Verification } from '../verify/index.ts';
import type { SeenRelease } from './followed.ts';
import { HEAD, packTag } from './git-client.ts';
import type { ReleaseWorkshop } from './trial-service.ts';

export interface ReleaseWorkshopParts {
  readonly verification: Pick<Verification, 'tryRelease' | 'confirmClaim'>;
  readonly scratch: string;
  readonly registry: Registry;
}

/** It may be there later: the job is to run again. */
export class ReleaseNotAtHand extends Error {
  override readonly name = 'ReleaseNotAtHand';
}

const FOR_THE_MOMENT: ReadonlySet<TargetRefusal['kind']> = new Set(['registry-unavailable']);

/** What a trial is called where versions are compared. */
const AS_VERSION = { 'still-there': 'fires', fixed: 'silent', unclear: 'not-comparable' } as const;

export function createReleaseWorkshop(parts: ReleaseWorkshopParts) {
  const { verification } = parts;
  const workshop: ReleaseWorkshop = {
    tryRelease: (finding, release) =>
      withTree<ReleaseTrial>(parts, finding, release, {
        use: (tree) => verification.tryRelease(finding, tree),
        without: (reason) => ({ outcome: 'unclear', reason, fired: 0, of: 0 }),
      }),
    confirmIn: (finding, release) =>
      withTree<Awaited<ReturnType<ReleaseWorkshop['confirmIn']>>>(parts, finding, release, {
        use: async (tree) => {
          const confirmed = await verification.confirmClaim(finding, tree);
          if (!confirmed.ok) return { trouble: `${confirmed.refusal.reason}: ${confirmed.refusal.detail}` };
          const { confirmation, reproduction, controls } = confirmed.value;
          const { file, line } = confirmation.position;
          const { origin: _, ...rest } = finding;
          return {
            finding: {
              ...rest,
              ...{ target: tree.purl, otherEntries: [], sink: { file, line }, oracle: confirmation.oracle },
              ...{ reproduction, controls, frames: confirmation.frames, affected: null },
              rootCause: { ...finding.rootCause, backIn: tree.version },
            },
          };
        },
        without: (trouble) => ({ trouble }),
      }),
  };
  const outcomeOn = async (finding: ConfirmedFinding, release: SeenRelease): Promise<ReleaseTrial['outcome']> => {
    try {
      return (await workshop.tryRelease(finding, release)).outcome;
    } catch (error) {
      if (error instanceof ReleaseNotAtHand) return 'unclear';
      throw error;
    }
  };
  return {
    ...workshop,
    /** A published version that somebody calls fixed, or the newest. */
    async tryVersion(finding: ConfirmedFinding, version: string): Promise<RunOutcome['outcome']> {
      return AS_VERSION[await outcomeOn(finding, { source: 'npm', version, label: version })];
    },

    /** What lies in a local mirror now, released or not. */
    async tryHead(finding: ConfirmedFinding, repository: string): Promise<RunOutcome['outcome']> {
      return AS_VERSION[await outcomeOn(finding, { source: 'git', version: HEAD, label: HEAD, repository })];
    },
  };
}

interface Use<T> {
  readonly use: (tree: PackageTree) => Promise<T>;
  readonly without: (reason: string) => T;
}

async function withTree<T>(
  parts: ReleaseWorkshopParts,
  finding: ConfirmedFinding,
  release: SeenRelease,
  { use, without }: Use<T>,
): Promise<T> {
  const directory = await mkdtemp(join(parts.scratch, 'release-'));
  try {
    const opened = await open(parts, packageOf(finding).name, release, directory);
    if (!opened.ok) {
      const { kind, reason } = opened.refusal;
      if (FOR_THE_MOMENT.has(kind)) throw new ReleaseNotAtHand(`${kind}: ${reason}`);
      return without(`not run: ${reason}`);
    }
    try {
      return await use(opened.value);
    } finally {
      await opened.value.dispose();
    }
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function open(
  { scratch, registry }: ReleaseWorkshopParts,
  name: string,
  { source, version, label, repository }: SeenRelease,
  directory: string,
): Promise<Result<PackageTree, Pick<TargetRefusal, 'kind' | 'reason'>>> {
  switch (source) {
    case 'npm':
      return await openTarget({ target: `pkg:npm/${name}@${version}`, scratch, registry });
    case 'git': {
      const archive = join(directory, 'tag.tar');
      const packed = await packTag(repository ?? '', label, archive);
      if (!packed.ok) return refuse({ kind: 'not-found', reason: packed.refusal });
      const opened = await openTarget({ target: archive, scratch, registry });
      if (!opened.ok || opened.value.name === name) return opened;
      await opened.value.dispose();
      return refuse({ kind: 'not-found', reason: 'the tag holds another package at its top' });
    }
    case 'debian':
      return refuse({ kind: 'not-found', reason: 'packages of Debian are seen and not run here' });
  }
}
