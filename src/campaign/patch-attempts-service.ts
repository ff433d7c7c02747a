/**
 * Candidate patches for a finding, the likeliest first, each attacked until one mends: the upstream's own change cut
 * down to what matters, then the built-in repair templates.
 */
import { packageOf } from '../disclosure/index.ts';
import type { RandomBytes } from '../lib/id.ts';
import { measureBaseline, type PatchParts, type RunInSandbox, upstreamPatch, verifyPatch } from '../patch/index.ts';
import { openPackageSource, type PackageTree, type Registry } from '../target/index.ts';
import type { ConfirmedFinding } from '../verify/index.ts';
import type { CaseJobParts, PatchAttempt } from './case-job.ts';

export interface PatchAttemptParts {
  readonly run: RunInSandbox;
  readonly random: RandomBytes;
  readonly scratch: string;
  readonly registry: Registry;
}

interface Candidate {
  readonly source: string;
  readonly text: string;
}

export function createPatchAttempts(parts: PatchAttemptParts): CaseJobParts['attemptPatches'] {
  const patching: PatchParts = { run: parts.run, random: parts.random, scratch: parts.scratch };
  return async (finding, tree, fixedVersion) => {
    const baseline = await measureBaseline(patching, tree, finding.reproducer);
    const attempts: PatchAttempt[] = [];
    const attempt = async ({ source, text }: Candidate): Promise<boolean> => {
      const { verdict, reasons } = await verifyPatch(patching, baseline, text);
      attempts.push({ source, text, verdict, reasons });
      return verdict === 'fixes';
    };
    if (fixedVersion) {
      const upstream = await upstreamCandidate(parts, patching, baseline, finding, fixedVersion);
      if (upstream && (await attempt(upstream))) return attempts;
    }
    for (const candidate of templateCandidates(finding, tree)) {
      if (await attempt(candidate)) break;
    }
    return attempts;
  };
}

async function upstreamCandidate(
  { scratch, registry }: PatchAttemptParts,
  patching: PatchParts,
  baseline: Awaited<ReturnType<typeof measureBaseline>>,
  finding: ConfirmedFinding,
  fixedVersion: string,
): Promise<Candidate | undefined> {
  const target = `pkg:npm/${packageOf(finding).name}@${fixedVersion}`;
  const fixed = await openPackageSource({ target, scratch, registry });
  if (!fixed.ok) return undefined;
  try {
    const patch = await upstreamPatch(patching, baseline, fixed.value);
    return patch.ok ? { source: `upstream ${fixedVersion}`, text: patch.value } : undefined;
  } finally {
    await fixed.value.dispose();
  }
}

function templateCandidates(_finding: ConfirmedFinding, _tree: PackageTree): readonly Candidate[] {
  return [];
}
