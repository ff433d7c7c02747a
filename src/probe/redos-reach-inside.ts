/**
 * First round: which regular expressions a text reaches, and by which call. A short marker is handed to everything that
 * can be called, in every place; the expressions that receive it tell the way. Runs inside the sandbox.
 *
 *   node redos-reach-inside.mjs <job file>     prints `<token> <json>` lines, see ReachLine
 */

import type { Subject } from './enumerate-inside.ts';
import type { PlanReach, PlanValue } from './plan.ts';
import type { Arrival } from './promised-inside.ts';
import { afterFor, argumentsFor, type Call, carried, carriersFor, perform } from './redos-calls-inside.ts';
import { breathe, Session, type SessionJob } from './redos-session-inside.ts';
import { type RegexUse, watchExpressions } from './regex-hooks-inside.ts';
import { cpuNow } from './regex-trial-inside.ts';

export interface ReachLine {
  readonly kind: 'reach';
  readonly source: string;
  readonly flags: string;
  readonly call: Call;
  /** The expression received the marker and nothing else. */
  readonly whole: boolean;
}

const MARK = 'zqmrk';
const CALLS_PER_EXPRESSION = 6;
const EXPRESSIONS = 600;

const session = new Session<SessionJob>();
const kept = new Map<string, { count: number; wholes: number; functions: Set<string> }>();
let current: Call | undefined;
let functionKey = '';
let touched = 0;

function told(use: RegexUse): void {
  if (!current || use.subject.length > 4000 || !use.subject.includes(MARK)) return;
  touched++;
  const key = `${use.source}/${use.flags}`;
  let seen = kept.get(key);
  if (!seen) {
    if (kept.size >= EXPRESSIONS) return;
    seen = { count: 0, wholes: 0, functions: new Set() };
    kept.set(key, seen);
  }
  const whole = use.subject === MARK;
  // More than the first few calls are kept only where they bring the text alone, or by another function.
  const isNews = !seen.functions.has(functionKey) || (whole && seen.wholes === 0);
  if (seen.count >= CALLS_PER_EXPRESSION * 2 || (seen.count >= CALLS_PER_EXPRESSION && !isNews)) return;
  if (seen.functions.has(functionKey) && seen.count >= 3 && !isNews) return;
  seen.count++;
  if (whole) seen.wholes++;
  seen.functions.add(functionKey);
  session.say({ kind: 'reach', source: use.source, flags: use.flags, call: current, whole });
}

/** Calls once; true where an expression received the marker. */
async function tryCall(from: Arrival, call: Call): Promise<{ reached: boolean; result: unknown }> {
  const before = touched;
  current = call;
  let result: unknown;
  try {
    result = perform(from, call, MARK);
    if (result instanceof Promise) await Promise.race([result.catch(() => undefined), breathe().then(breathe)]);
  } catch {
    // Refused; what it looked at first counts.
  }
  return { reached: touched > before, result };
}

async function trySubject(subject: Subject, number: number): Promise<void> {
  const { file, format, reach } = subject;
  const from = await session.arrive(file, reach);
  if (!from) return;
  const kind = subject.constructs ? 'construct' : 'call';
  functionKey = `${file} ${number}`;
  const until = cpuNow() + 700;
  const make = (args: readonly PlanValue[], after: readonly PlanReach[] = []): Call => ({
    file,
    format,
    reach,
    kind,
    args,
    after,
  });
  let reaching: readonly PlanValue[] | undefined;
  let count = 0;
  const followed = new Set<string>();
  for (const args of argumentsFor(subject, session.job.examples)) {
    if (cpuNow() > until) break;
    const { reached, result } = await tryCall(from, make(args));
    if (reached) reaching ??= args.some((arg) => arg.kind === 'payload') ? args : undefined;
    for (const after of afterFor(result)) {
      const key = JSON.stringify([after, args.length]);
      if (followed.has(key) || followed.size > 6) continue;
      followed.add(key);
      await tryCall(from, make(args, after));
    }
    if (++count % 20 === 0) await breathe();
  }
  const base: readonly PlanValue[] = reaching ?? [{ kind: 'payload' }];
  for (const args of carried(base, carriersFor(subject.source, 24))) {
    if (cpuNow() > until + 300) break;
    await tryCall(from, make(args));
  }
  await breathe();
}

async function main(): Promise<void> {
  for (const file of session.job.files) {
    const loaded = await session.load(file);
    if (!loaded) continue;
    const subjects = await session.subjects(file, 200);
    watchOnce();
    for (const [number, subject] of subjects.entries()) {
      if (session.over) return;
      if (session.at(`${file} ${number} ${subject.name}`)) await trySubject(subject, number);
    }
    current = undefined;
  }
}

let watching = false;
function watchOnce(): void {
  if (!watching) watchExpressions(told);
  watching = true;
}

await main();
await breathe();
session.end();
