/**
 * Second round: which attacks make an expression slow by itself, and which calls bring such a text to it. Nothing is
 * timed through the package here: short texts only, and the expressions tell whether they receive them.
 *
 *   node redos-attack-inside.mjs <job file>     prints `<token> <json>` lines, see AttackLine
 */
import type { Subject } from './enumerate-inside.ts';
import { argumentsFor, type Call, carried, carriersFor, perform, simplerCalls } from './redos-calls-inside.ts';
import { breathe, Session, type SessionJob } from './redos-session-inside.ts';
import { type RegexUse, watchExpressions } from './regex-hooks-inside.ts';
import { cpuNow, type RegexAttack, type TriedAttack, tryAttacks } from './regex-trial-inside.ts';

export interface AttackJob extends SessionJob {
  readonly expressions: readonly {
    readonly source: string;
    readonly flags: string;
    readonly attacks: readonly RegexAttack[];
    /** Calls that bring a text to it. */
    readonly calls: readonly Call[];
  }[];
}

export interface AttackLine {
  readonly kind: 'lead';
  readonly source: string;
  readonly flags: string;
  readonly attack: TriedAttack;
  readonly call: Call;
  readonly frames: readonly string[];
}

const SIMPLER_STEPS = 12;
const LEADS_PER_EXPRESSION = 5;
const LEADS_PER_ATTACK = 2;
const ATTACKS_PER_EXPRESSION = 4;
const TRIAL_MILLISECONDS = 400;
/** Of the time, what the trial of the expressions alone may take. */
const TRIAL_SHARE = 0.5;

interface Grown {
  readonly source: string;
  readonly flags: string;
  readonly attacks: readonly TriedAttack[];
  readonly calls: readonly Call[];
  leads: number;
}

const session = new Session<AttackJob>();
let watched: Grown | undefined;
let wanted = '';
let received: { stack: string } | undefined;

function told(use: RegexUse): void {
  if (!watched || received || use.source !== watched.source || use.flags !== watched.flags) return;
  if (use.subject.includes(wanted)) received = { stack: use.stack() };
}

function framesOf(stack: string): string[] {
  const found = stack.matchAll(/node_modules\/((?:@[^/\s]+\/)?[^\s()]+?):(\d+):\d+/g);
  return [...found].map(([, path = '', line]) => `${path.replace(/^.*node_modules\//, '')}:${line}`).slice(0, 24);
}

/** One attack of each first character first: they pass different gates. */
function spread(attacks: readonly TriedAttack[]): TriedAttack[] {
  const seen = new Set<string>();
  const fresh = attacks.filter(({ pump }) => !seen.has(pump) && seen.add(pump));
  return [...fresh, ...attacks.filter((attack) => !fresh.includes(attack))].slice(0, ATTACKS_PER_EXPRESSION);
}

/** Short enough to be harmless even where it grows fast. */
const shortCount = ({ growth, count, pump }: TriedAttack): number =>
  growth === 'exponential' ? Math.max(2, Math.min(10, count - 4)) : Math.min(count, Math.ceil(48 / pump.length));

/** The stack where the expression receives the attack by this call, or undefined. */
async function receives(
  grown: Grown,
  attack: TriedAttack,
  call: Call,
  seen: Set<string>,
): Promise<readonly string[] | undefined> {
  const from = await session.arrive(call.file, call.reach);
  if (!from) return undefined;
  const count = shortCount(attack);
  watched = grown;
  // Half of it: a target may take some away on the way.
  wanted = attack.pump.repeat(Math.ceil(count / 2));
  received = undefined;
  try {
    const result = perform(from, call, attack.prefix + attack.pump.repeat(count) + attack.suffix, seen);
    if (result instanceof Promise) await Promise.race([result.catch(() => undefined), breathe().then(breathe)]);
    else if (call.after.length > 0) await breathe();
  } catch {
    // What it looked at before it refused counts.
  }
  watched = undefined;
  const got = received as { stack: string } | undefined;
  const frames = got ? framesOf(got.stack) : [];
  return frames.length > 0 ? frames : undefined;
}

/** The simplest call found that still brings the attack to the expression, at the same statement. */
async function simplest(grown: Grown, attack: TriedAttack, call: Call, frames: readonly string[]): Promise<Call> {
  let at = call;
  const seen = new Set<string>();
  await receives(grown, attack, at, seen);
  const names = [...seen].slice(0, 16);
  for (let steps = 0, found = true; found && steps < SIMPLER_STEPS; steps++) {
    found = false;
    for (const simpler of simplerCalls(at, names)) {
      if (session.over) return at;
      const same = await receives(grown, attack, simpler, new Set());
      if (same?.[0] !== frames[0]) continue;
      at = simpler;
      found = true;
      break;
    }
  }
  return at;
}

async function reaches(grown: Grown, attack: TriedAttack, call: Call): Promise<boolean> {
  const frames = await receives(grown, attack, call, new Set());
  if (!frames) return false;
  grown.leads++;
  const { source, flags } = grown;
  const simple = await simplest(grown, attack, call, frames);
  session.say({ kind: 'lead', source, flags, attack, call: simple, frames } satisfies AttackLine);
  return true;
}

function trials(): Grown[] {
  const grown: Grown[] = [];
  const until = cpuNow() + session.job.milliseconds * TRIAL_SHARE;
  for (const { source, flags, attacks, calls } of session.job.expressions) {
    if (cpuNow() > until) break;
    if (!session.at(`alone ${source}/${flags}`)) continue;
    const tried = tryAttacks(source, flags, attacks, cpuNow() + TRIAL_MILLISECONDS);
    if (tried.length > 0) grown.push({ source, flags, attacks: spread(tried), calls, leads: 0 });
  }
  return grown;
}

async function byKnownCalls(grown: Grown): Promise<void> {
  for (const attack of grown.attacks) {
    let leads = 0;
    for (const [number, call] of grown.calls.entries()) {
      if (session.over || grown.leads >= LEADS_PER_EXPRESSION) return;
      if (leads >= LEADS_PER_ATTACK) break;
      const key = `known ${grown.source} ${attack.pump} ${number}`;
      if (session.at(key) && (await reaches(grown, attack, call))) leads++;
    }
  }
}

/** Expressions that no marker reached: the attack itself may pass the gate that the marker did not. */
async function bySearch(left: readonly Grown[]): Promise<void> {
  for (const file of session.job.files) {
    const subjects = await session.subjects(file, 200);
    for (const [number, subject] of subjects.entries())
      for (const grown of left) {
        if (session.over) return;
        if (grown.leads > 0 || !session.at(`search ${file} ${number} ${grown.source}`)) continue;
        await searchSubject(grown, subject);
      }
  }
}

async function searchSubject(grown: Grown, subject: Subject): Promise<void> {
  const { file, format, reach } = subject;
  const kind = subject.constructs ? 'construct' : 'call';
  const isOwn = subject.source.includes(grown.source);
  const until = cpuNow() + (isOwn ? 600 : 60);
  const attack = grown.attacks[0];
  if (!attack) return;
  for (const args of argumentsFor(subject, session.job.examples)) {
    if (cpuNow() > until) return;
    if (await reaches(grown, attack, { file, format, reach, kind, args, after: [] })) return;
  }
  for (const args of carried([{ kind: 'payload' }], carriersFor(subject.source, isOwn ? 40 : 8))) {
    if (cpuNow() > until) return;
    if (await reaches(grown, attack, { file, format, reach, kind, args, after: [] })) return;
  }
}

const grown = trials();
for (const one of grown)
  session.say({ kind: 'grown', source: one.source, flags: one.flags, pump: one.attacks[0]?.pump });
for (const file of session.job.files.slice(0, 1)) await session.load(file);
watchExpressions(told);
for (const one of grown) await byKnownCalls(one);
await bySearch(grown.filter((one) => one.leads === 0));
session.end();
