/**
 * Is it real? One run is judged by the verdict of the script, by what the observer saw inside and by what could be
 * seen from outside; a finding by all of its runs and controls together. Pure, and refuses unless everything holds.
 *
 *   3 of 3 runs fire ─▶ silent without the target ─▶ silent on a stub ─▶ (commands) the shell alone does it ─▶ confirmed
 */

import type { FlawClass } from '../formats/flaw-class.ts';
import { WORK_INSIDE } from '../lib/inside.ts';
import { ok, type Result, refuse } from '../lib/result.ts';
import type { ReproducerVerdict } from '../probe/index.ts';
import type { SandboxEnd } from '../sandbox/index.ts';
import type { Rejection, RejectionReason } from './finding.ts';
import { exponentOf, type GrowthPoint, growsFast } from './growth.ts';
import { type CauseOptions, causeOf, type Position, type TargetCause, type WitnessEvent } from './witness.ts';

/** What is known of one run after its end. */
export interface ObservedRun {
  readonly canary: string;
  readonly end: SandboxEnd;
  readonly exitCode: number;
  readonly verdict: ReproducerVerdict | undefined;
  readonly events: readonly WitnessEvent[];
  /** CPU milliseconds of the whole sandbox, as the kernel counted them. */
  readonly cpuMs: number;
  /** A file with the canary in its name was collected from the working directory. */
  readonly leftFile: boolean;
  readonly recordSha256: string;
}

export interface JudgeOptions {
  readonly flaw: FlawClass;
  /** The script is exactly what our renderer makes of its plan. */
  readonly ownScript: boolean;
}

/** What the target gave to a shell, to be run again by a shell alone. */
export interface ShellCommand {
  readonly command: string;
  readonly directory: string;
  /** The canary lies in the arguments of a program that was started through a shell, not in its name or a whole line. */
  readonly inArguments: boolean;
}

export type Judgement =
  | {
      readonly fired: true;
      readonly position: Position;
      readonly frames: readonly string[];
      readonly command: ShellCommand | null;
    }
  | { readonly fired: false; readonly reason: RejectionReason; readonly detail: string };

const no = (reason: RejectionReason, detail: string): Judgement => ({ fired: false, reason, detail });

/** Whether the flaw showed in this run, and if not, why it does not count. */
export function judgeRun(run: ObservedRun, options: JudgeOptions): Judgement {
  if (run.events.some(({ bent }) => bent)) return no('meddled', 'the two records of the stack disagree');
  if (run.end !== 'exited') return no('no-verdict', `the run was ended: ${run.end}`);
  if (run.verdict === undefined) return no('no-verdict', `no verdict for the fresh canary (exit ${run.exitCode})`);
  if (!run.events.some(({ kind }) => kind === 'start')) return no('meddled', 'the observer was not heard');
  const own = ownDeed(run, options);
  if (own) return no('self-inflicted', own);
  if (!run.verdict.reached || run.exitCode === 2) return no('not-reached', 'the call was not reached');
  if (!run.verdict.fired || run.exitCode !== 0) return no('silent', 'the call was reached and nothing happened');
  return witnessed(run, options);
}

/** The sentence that convicts the script of doing the deed itself, or undefined. */
function ownDeed(run: ObservedRun, options: JudgeOptions): string | undefined {
  const causeOptions = causeOptionsOf(run, options);
  for (const event of run.events) {
    const { by, evaluated } = causeOf(event, causeOptions);
    if (by !== 'reproducer') continue;
    switch (event.kind) {
      case 'pollute':
        return 'the script itself writes to Object.prototype';
      case 'evaluate':
        return evaluated ? 'the script itself evaluates the text' : 'the script itself sets the marker';
      case 'compile':
        return 'the script itself compiles the text, or under a name of the target';
      case 'start-program':
        return `the script itself starts ${event.detail.program ?? 'a program'}`;
      case 'touch-file':
        if (options.flaw === 'command-injection' && !isReader(event)) return 'the script itself creates the file';
        break;
      default:
        break;
    }
  }
  return undefined;
}

const READERS = new Set([
  'open',
  'openSync',
  'readFile',
  'readFileSync',
  'createReadStream',
  'copyFile',
  'copyFileSync',
]);
const isReader = (event: WitnessEvent) => READERS.has(event.detail.call ?? '');

/** What the target was seen to compile and to write bears on whose deed later code is. */
function causeOptionsOf(run: ObservedRun, { ownScript }: JudgeOptions): CauseOptions {
  const written = new Map<string, TargetCause>();
  let compiledByTarget = false;
  for (const event of run.events) {
    const cause = causeOf(event, { ownScript, compiledByTarget: false });
    if (cause.by !== 'target') continue;
    if (event.kind === 'compile' && event.detail.canary === 'yes') compiledByTarget = true;
    if (event.kind === 'touch-file' && /^write/.test(event.detail.call ?? '')) {
      written.set(event.detail.path ?? '', cause);
    }
  }
  return { ownScript, compiledByTarget, written };
}

function witnessed(run: ObservedRun, options: JudgeOptions): Judgement {
  const causeOptions = causeOptionsOf(run, options);
  const causes = run.events.flatMap((event) => {
    const cause = causeOf(event, causeOptions);
    return cause.by === 'target' ? [{ event, cause }] : [];
  });
  const yes = (cause: TargetCause, command: ShellCommand | null = null): Judgement => ({
    fired: true,
    position: cause.position,
    frames: cause.frames,
    command,
  });
  const found = (kind: WitnessEvent['kind'], holds: (event: WitnessEvent, cause: TargetCause) => boolean) =>
    causes.find(({ event, cause }) => event.kind === kind && holds(event, cause))?.cause;
  switch (options.flaw) {
    case 'prototype-pollution': {
      const cause = found('pollute', () => true);
      return cause ? yes(cause) : no('unwitnessed', 'no code of the target wrote to Object.prototype');
    }
    case 'code-injection': {
      const cause = found('evaluate', (_event, { evaluated }) => evaluated);
      return cause ? yes(cause) : no('unwitnessed', 'no text evaluated by the target set the marker');
    }
    case 'path-traversal': {
      const cause = found('touch-file', isReader);
      return cause ? yes(cause) : no('unwitnessed', 'no code of the target opened the file with the canary');
    }
    case 'command-injection': {
      const hit = causes.find(({ event }) => commandOf(event, run.canary) !== undefined);
      const command = hit && commandOf(hit.event, run.canary);
      if (!hit || !command) return no('unwitnessed', 'the target gave no text with the canary to a shell');
      // Only the working directory can be looked at afterwards; the shell alone is asked in every case.
      const visible = command.directory === WORK_INSIDE || command.directory.startsWith(`${WORK_INSIDE}/`);
      if (visible && !run.leftFile) return no('unwitnessed', 'no file with the name of the canary was left behind');
      return yes(hit.cause, command);
    }
    case 'redos':
      return slowExpression(run, causes, yes);
  }
}

/** The text that reached a shell with the canary in it. */
function commandOf(event: WitnessEvent, canary: string): ShellCommand | undefined {
  if (event.kind !== 'start-program') return undefined;
  const { program = '', arguments: list = '', shell, directory = WORK_INSIDE } = event.detail;
  const args = list === '' ? [] : list.split('\u001f');
  const isShell = /(^|\/)(ba|da|z|k)?sh$/.test(program) && /^-\w*c$/.test(args[0] ?? '');
  const command = isShell ? (args[1] ?? '') : [program, ...args].join(' ');
  if (!isShell && shell !== 'yes') return undefined;
  const inArguments = !isShell && args.length > 0 && !program.includes(canary);
  return command.includes(canary) ? { command, directory, inArguments } : undefined;
}

function slowExpression(
  run: ObservedRun,
  causes: readonly { readonly event: WitnessEvent; readonly cause: TargetCause }[],
  yes: (cause: TargetCause) => Judgement,
): Judgement {
  const groups = new Map<string, { readonly cause: TargetCause; readonly longest: Map<number, number> }>();
  for (const { event, cause } of causes) {
    if (event.kind !== 'expression') continue;
    const key = `${cause.position.file}:${cause.position.line}:${event.detail.source}`;
    const group = groups.get(key) ?? { cause, longest: new Map<number, number>() };
    groups.set(key, group);
    const milliseconds = Number(event.detail.microseconds) / 1_000;
    const size = Number(event.detail.length);
    group.longest.set(size, Math.max(milliseconds, group.longest.get(size) ?? 0));
  }
  const total = [...groups.values()].flatMap(({ longest }) => [...longest.values()]).reduce((sum, ms) => sum + ms, 0);
  // Times come from inside; the kernel's own count bounds them.
  if (total > run.cpuMs * 1.25 + 100) return no('meddled', `${total} ms told, ${run.cpuMs} ms used by the whole run`);
  const reported = reportedPoints(run.verdict);
  for (const { cause, longest } of groups.values()) {
    const points = [...longest].map(([size, milliseconds]) => ({ size, milliseconds }));
    const spent = points.reduce((sum, { milliseconds }) => sum + milliseconds, 0);
    const told = reported.reduce((sum, { milliseconds }) => sum + milliseconds, 0);
    // Many short runs of one expression have no slope of their own: then the whole call's slope counts, if this is its cause.
    if (growsFast(points) || (growsFast(reported) && told > 0 && spent >= told / 2)) return yes(cause);
  }
  return no('unwitnessed', 'no regular expression of the target took time that grows faster than its input');
}

/** Where the harmless input was timed at each size, only what the slow one took above it. */
function reportedPoints(verdict: ReproducerVerdict | undefined): GrowthPoint[] {
  const { sizes, cpuMs, controlMs } = verdict?.growth ?? { sizes: [], cpuMs: [], controlMs: [] };
  if (!Array.isArray(sizes) || !Array.isArray(cpuMs)) return [];
  const price = Array.isArray(controlMs) && controlMs.length === cpuMs.length ? controlMs : cpuMs.map(() => 0);
  return sizes
    .map((size, index) => ({ size: Number(size), milliseconds: Number(cpuMs[index]) - Number(price[index]) }))
    .filter(({ size, milliseconds }) => Number.isFinite(size) && Number.isFinite(milliseconds));
}

export const RUNS = 3;

export interface Evidence {
  readonly runs: readonly ObservedRun[];
  /** The same script where `node_modules` holds nothing. */
  readonly withoutTarget: ObservedRun;
  /** The same script where the target is a package of the same shape that does nothing. */
  readonly onStub: ObservedRun;
  /** The command of the first run given to a shell alone: whether the file appeared. Absent for other classes. */
  readonly shellAlone?: boolean;
}

export interface Confirmation {
  readonly position: Position;
  readonly frames: readonly string[];
  readonly oracle: string;
  /** For redos: the power by which time grows; undefined where it grows faster than any measured power could tell. */
  readonly exponent: number | undefined;
}

export function confirm(evidence: Evidence, options: JudgeOptions): Result<Confirmation, Rejection> {
  const reject = (reason: RejectionReason, detail: string) => refuse({ kind: 'rejected' as const, reason, detail });
  const judged = judgeRuns(evidence.runs, options);
  if (!judged.ok) return judged;
  // A control that a limit cut off was not seen to be silent: it proves nothing.
  const cut = [evidence.withoutTarget, evidence.onStub].find(({ end }) => end !== 'exited');
  if (cut) return reject('no-verdict', `a control run did not come to its end: ${cut.end}`);
  if (showsAnything(evidence.withoutTarget))
    return reject('fires-without-target', 'the script fires without the target');
  if (showsAnything(evidence.onStub)) return reject('fires-on-stub', 'the script fires on a target that does nothing');
  if (options.flaw === 'command-injection' && evidence.shellAlone !== true) {
    return reject('unwitnessed', 'the command, given to a shell alone, does not create the file');
  }
  return judged;
}

/** Three of three, all from the same statement of the target. */
export function judgeRuns(runs: readonly ObservedRun[], options: JudgeOptions): Result<Confirmation, Rejection> {
  const reject = (reason: RejectionReason, detail: string) => refuse({ kind: 'rejected' as const, reason, detail });
  const judgements = runs.map((run) => judgeRun(run, options));
  const grave = judgements.find((one) => !one.fired && (one.reason === 'self-inflicted' || one.reason === 'meddled'));
  if (grave && !grave.fired) return reject(grave.reason, grave.detail);
  const fired = judgements.filter((one) => one.fired);
  const failed = judgements.find((one) => !one.fired);
  if (runs.length < RUNS) return reject('no-verdict', `${runs.length} runs are not ${RUNS}`);
  if (failed && !failed.fired) {
    return fired.length > 0
      ? reject('flaky', `fired in ${fired.length} of ${runs.length} runs; otherwise ${failed.detail}`)
      : reject(failed.reason, failed.detail);
  }
  const [first] = fired;
  if (!first) return reject('no-verdict', 'there was no run');
  return ok({
    position: first.position,
    frames: first.frames,
    oracle: runs[0]?.verdict?.oracle ?? '',
    exponent: options.flaw === 'redos' ? exponentOf(reportedPoints(runs[0]?.verdict)) : undefined,
  });
}

/** In a control run any sign of the effect counts, whoever caused it. */
function showsAnything(run: ObservedRun): boolean {
  return run.verdict?.fired === true || run.leftFile;
}

export type RunOutcome =
  | { readonly outcome: 'fires' }
  | { readonly outcome: 'silent' }
  | { readonly outcome: 'not-comparable'; readonly reason: string };

/** For comparing versions: silent only where the same call was reached and the run came to its end. */
export function outcomeOf(run: ObservedRun, options: JudgeOptions): RunOutcome {
  const judgement = judgeRun(run, options);
  if (judgement.fired) return { outcome: 'fires' };
  if (judgement.reason === 'silent') return { outcome: 'silent' };
  return { outcome: 'not-comparable', reason: `${judgement.reason}: ${judgement.detail}` };
}
