/**
 * Runs a reproducer once against one version, in a fresh sandbox with a fresh canary, and tells which functions of the
 * target were entered; or many variants of it, each in a fresh process and directory of one sandbox: starting a sandbox
 * costs as much as the attack.
 */

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RandomBytes } from '../lib/id.ts';
import { PACKAGES_INSIDE, toPlainScript, WORK_INSIDE } from '../lib/inside.ts';
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

/** Whether an attack mostly waits or mostly computes; `brief` stops computing at the first size that takes long. */
export type Pace = 'waiting' | 'busy' | 'brief';

export type AttackEnd = Pick<Attack, 'end' | 'verdict'>;

const NO_END: AttackEnd = { end: 'signal', verdict: undefined };

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
const SCRIPT = new URL('./attack-inside.ts', import.meta.url);
/**
 * Attacks in one sandbox, and of these side by side. What one can do to the others, a patch can do by looking at its own
 * canary. Mostly they wait for an effect; slow expressions use the processor, and are measured by the time they had of it.
 */
const TOGETHER: Readonly<Record<Pace, { readonly inSandbox: number; readonly atOnce: number }>> = {
  waiting: { inSandbox: 48, atOnce: 16 },
  busy: { inSandbox: 24, atOnce: 6 },
  brief: { inSandbox: 24, atOnce: 6 },
};
/**
 * For a reproducer of a slow expression: the least length of a text, the milliseconds that are enough to tell, and the
 * greatest length. A square of that takes seconds; the finding's own reproducer goes on to four times as much.
 */
const WORDS: Readonly<Record<Pace, readonly string[]>> = {
  waiting: [],
  busy: ['16000', '150', '64000'],
  brief: ['0', '60', '64000'],
};
/** For one of them. */
const SECONDS_TOGETHER = 120;
/** A busy machine may take many times the processor's own time; what counts is `cpuSeconds`. */
const TOGETHER_LIMITS = {
  seconds: 900,
  cpuSeconds: 200,
  memoryMiB: 2_048,
  pids: 512,
  diskMiB: 256,
  outputBytes: 16 * 1024 * 1024,
};

export const mountsOf = ({ directory, patched }: Version) => [
  { host: join(directory, 'node_modules'), inside: PACKAGES_INSIDE },
  ...(patched ? [{ host: patched.host, inside: `${WORK_INSIDE}/${patched.packagePath}` }] : []),
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
    ...(withCoverage ? { environment: { NODE_V8_COVERAGE: `${WORK_INSIDE}/${COVERAGE}` }, collect: true } : {}),
  });
  if (!answer.ok) throw new SandboxRefused(answer.refusal);
  const { stdout, end, outputs, recordSha256 } = answer.value;
  const reports = [...outputs].flatMap(([path, bytes]) =>
    path.startsWith(`${COVERAGE}/`) ? [bytes.toString('utf8')] : [],
  );
  return { end, verdict: readVerdict(stdout.toString('utf8'), canary), coverage: readCoverage(reports), recordSha256 };
}

/** A sandbox has the time of one processor: many attacks are spread over as many as the smallest machine has. */
const SIDE_BY_SIDE = 2;
/** Fewer are not worth a sandbox of their own; what computes is worth one at once. */
const LEAST_IN_SANDBOX: Readonly<Record<Pace, number>> = { waiting: 8, busy: 1, brief: 1 };

/** One end for each reproducer, in their order. What printed no end, or was stopped, has no verdict. */
export async function attackTogether(
  run: RunInSandbox,
  random: RandomBytes,
  version: Version,
  reproducers: readonly Reproducer[],
  pace: Pace,
): Promise<AttackEnd[]> {
  const ends: AttackEnd[] = [];
  const { inSandbox } = TOGETHER[pace];
  for (let from = 0; from < reproducers.length; from += inSandbox * SIDE_BY_SIDE) {
    const some = reproducers.slice(from, from + inSandbox * SIDE_BY_SIDE);
    const sides = Math.min(SIDE_BY_SIDE, Math.ceil(some.length / LEAST_IN_SANDBOX[pace]));
    // Dealt out like cards: neighbours are alike, and the slow ones should not all lie on one side.
    const hands = Array.from({ length: sides }, (_, side) => some.filter((_one, at) => at % sides === side));
    const seen = await Promise.all(hands.map((hand) => attackOnce(run, random, version, hand, pace)));
    ends.push(...some.map((_one, at) => seen[at % sides]?.[Math.floor(at / sides)] ?? NO_END));
  }
  return ends;
}

async function attackOnce(
  run: RunInSandbox,
  random: RandomBytes,
  version: Version,
  reproducers: readonly Reproducer[],
  pace: Pace,
): Promise<AttackEnd[]> {
  const hex = (bytes: number) => Buffer.from(random(bytes)).toString('hex');
  const attacks = reproducers.map(({ file, text }) => ({ file, text, canary: `hs${hex(8)}` }));
  const token = `t${hex(12)}`;
  const { cpuSeconds } = LIMITS;
  const job = {
    token,
    attacks: attacks.map(({ canary, file }) => ({ canary, file })),
    words: WORDS[pace],
    atOnce: TOGETHER[pace].atOnce,
    seconds: SECONDS_TOGETHER,
    cpuSeconds,
  };
  const answer = await run({
    command: ['node', '--no-warnings', 'attack-inside.mjs', 'job.json'],
    readOnly: mountsOf(version),
    files: [
      { path: 'attack-inside.mjs', content: toPlainScript(await readFile(SCRIPT, 'utf8')) },
      { path: 'job.json', content: JSON.stringify(job) },
      ...attacks.map(({ canary, file, text }) => ({ path: `${canary}.${file}`, content: text })),
    ],
    limits: TOGETHER_LIMITS,
  });
  if (!answer.ok) throw new SandboxRefused(answer.refusal);
  const said = readEnds(answer.value.stdout.toString('utf8'), token);
  return attacks.map(({ canary }) => {
    const { end, stdout } = said.get(canary) ?? {};
    return end === 'exited' && typeof stdout === 'string' ? { end, verdict: readVerdict(stdout, canary) } : NO_END;
  });
}

interface SaidEnd {
  readonly canary?: unknown;
  readonly end?: unknown;
  readonly stdout?: unknown;
}

function readEnds(stdout: string, token: string): Map<string, SaidEnd> {
  const ends = new Map<string, SaidEnd>();
  for (const line of stdout.split('\n')) {
    if (!line.startsWith(`${token} `)) continue;
    try {
      const said = JSON.parse(line.slice(token.length + 1)) as SaidEnd | null;
      if (typeof said?.canary === 'string') ends.set(said.canary, said);
    } catch {
      // Not a line of ours.
    }
  }
  return ends;
}
