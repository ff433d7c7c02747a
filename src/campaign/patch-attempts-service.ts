/**
 * Candidate patches for a finding, the likeliest first, each attacked until one mends: the upstream's own change cut
 * down to what matters, then the built-in repair templates.
 */
import type { RandomBytes } from '../lib/id.ts';
import { type Result, refuse } from '../lib/result.ts';
import {
  type Baseline,
  measureBaseline,
  openUpstream,
  type PatchParts,
  type RunInSandbox,
  repairPatch,
  upstreamPatch,
  verifyPatch,
} from '../patch/index.ts';
import type { PackageTree, Registry } from '../target/index.ts';
import type { ConfirmedFinding } from '../verify/index.ts';
import type { CaseJobParts, PatchAttempt } from './case-job.ts';
import { createOwnTests } from './own-tests-service.ts';

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
  return async (finding, tree, fixedVersion) => {
    const ownTests = createOwnTests(parts, finding.origin ?? finding.target);
    const compareTests: PatchParts['compareTests'] = (before, after) => ownTests.compare(tree, before, after);
    const patching = { run: parts.run, random: parts.random, scratch: parts.scratch, compareTests };
    try {
      return await attemptAll(parts, patching, { finding, tree, fixedVersion });
    } finally {
      await ownTests.dispose();
    }
  };
}

interface Sought {
  readonly finding: ConfirmedFinding;
  readonly tree: PackageTree;
  readonly fixedVersion: string | null;
}

async function attemptAll(
  parts: PatchAttemptParts,
  patching: PatchParts,
  { finding, tree, fixedVersion }: Sought,
): Promise<readonly PatchAttempt[]> {
  const baseline = await measureBaseline(patching, tree, finding.reproducer);
  const attempts: PatchAttempt[] = [];
  const attempt = async ({ source, text }: Candidate): Promise<boolean> => {
    const { verdict, reasons, checks } = await verifyPatch(patching, baseline, text);
    attempts.push({ source, text, verdict, reasons, ownTests: checks?.tests ?? null });
    return verdict === 'fixes';
  };
  if (fixedVersion) {
    const source = `upstream ${fixedVersion}`;
    const upstream = await upstreamText(parts, patching, baseline, fixedVersion);
    if (!upstream.ok) attempts.push(none(source, upstream.refusal));
    else if (await attempt({ source, text: upstream.value })) return attempts;
  }
  const repair = await repairPatch(patching, baseline);
  if (repair.ok) await attempt({ source: `built-in repair: ${repair.value.title}`, text: repair.value.patch });
  else attempts.push(none('built-in repairs', repair.refusal));
  return attempts;
}

const none = (source: string, reason: string): PatchAttempt => ({
  source,
  text: '',
  verdict: 'none',
  reasons: [reason],
  ownTests: null,
});

async function upstreamText(
  parts: PatchAttemptParts,
  patching: PatchParts,
  baseline: Baseline,
  fixedVersion: string,
): Promise<Result<string, string>> {
  const upstream = await openUpstream(parts, baseline.tree, fixedVersion);
  if (!upstream.ok) return refuse(upstream.refusal.reason);
  try {
    return await upstreamPatch(patching, baseline, upstream.value);
  } finally {
    await upstream.value.dispose();
  }
}
