/** Runs a finding's reproducer on another published version of its package. */
import { join } from 'node:path';
import { packageOf } from '../disclosure/index.ts';
import type { Result } from '../lib/result.ts';
import type { PackageTree, TargetRefusal } from '../target/index.ts';
import type { ConfirmedFinding, RunOutcome, Verification } from '../verify/index.ts';

export interface VersionTrialParts {
  readonly verification: Pick<Verification, 'runAgainst'>;
  readonly openTarget: (target: string) => Promise<Result<PackageTree, TargetRefusal>>;
}

export function createVersionTrial({ verification, openTarget }: VersionTrialParts) {
  return async (finding: ConfirmedFinding, version: string): Promise<RunOutcome['outcome']> => {
    const { name } = packageOf(finding);
    const opened = await openTarget(`pkg:npm/${name}@${version}`);
    if (!opened.ok) return 'not-comparable';
    try {
      const nodeModules = join(opened.value.directory, 'node_modules');
      return (await verification.runAgainst(finding, name, nodeModules)).outcome;
    } finally {
      await opened.value.dispose();
    }
  };
}
