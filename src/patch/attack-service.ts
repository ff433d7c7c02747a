/**
 * Runs a reproducer, or one of its variants, once against one version, each time in a fresh sandbox with a fresh
 * canary, and tells which functions of the target were entered.
 */
import { join } from 'node:path';
import type { RandomBytes } from '../lib/id.ts';
import type { Result } from '../lib/result.ts';
import { type ReproducerVerdict, readVerdict } from '../probe/index.ts';
import type { SandboxEnd, SandboxRefusal, SandboxRequest, SandboxRun } from '../sandbox/index.ts';
import { type Coverage, readCoverage } from './coverage.ts';

export type RunInSandbox = (request: SandboxRequest) => Promise<Result<SandboxRun, SandboxRefusal>>;

/** A tree on disk, and where it is patched another directory in the place of the package itself. */
export interface Version {
  /** Host directory that holds `node_modules`. */
  readonly directory: string;
  readonly patched?: { readonly packagePath: string; readonly host: string };
}

export interface Reproducer {
  readonly file: 'reproduce.cjs' | 'reproduce.mjs';
  readonly text: string;
}

export interface Attack {
  readonly end: SandboxEnd;
  /** Undefined where the run printed none. */
  readonly verdict: ReproducerVerdict | undefined;
  /** Empty unless asked for. */
  readonly coverage: Coverage;
  readonly recordSha256: string;
}

export class SandboxRefused extends Error {
  override readonly name = 'SandboxRefused';
  readonly refusal: SandboxRefusal;

  constructor(refusal: SandboxRefusal) {
    super(`the sandbox refuses (${refusal.layer}): ${refusal.reason}`);
    this.refusal = refusal;
  }
}

const LIMITS = { seconds: 30, cpuSeconds: 25, memoryMiB: 768, pids: 64, diskMiB: 128, outputBytes: 4 * 1024 * 1024 };
const COVERAGE = 'coverage';

export const mountsOf = ({ directory, patched }: Version) => [
  { host: join(directory, 'node_modules'), inside: '/work/node_modules' },
  ...(patched ? [{ host: patched.host, inside: `/work/${patched.packagePath}` }] : []),
];

export async function attack(
  run: RunInSandbox,
  random: RandomBytes,
  version: Version,
  { file, text }: Reproducer,
  withCoverage = false,
): Promise<Attack> {
  const canary = `hs${Buffer.from(random(8)).toString('hex')}`;
  const answer = await run({
    command: ['node', file, canary],
    readOnly: mountsOf(version),
    files: [{ path: file, content: text }],
    limits: LIMITS,
    ...(withCoverage ? { environment: { NODE_V8_COVERAGE: `/work/${COVERAGE}` }, collect: true } : {}),
  });
  if (!answer.ok) throw new SandboxRefused(answer.refusal);
  const { stdout, end, outputs, recordSha256 } = answer.value;
  const reports = [...outputs].flatMap(([path, bytes]) =>
    path.startsWith(`${COVERAGE}/`) ? [bytes.toString('utf8')] : [],
  );
  return { end, verdict: readVerdict(stdout.toString('utf8'), canary), coverage: readCoverage(reports), recordSha256 };
}
