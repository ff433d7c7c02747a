/**
 * Third round: the time of one call of the package's own interface over growing inputs, beside a harmless input of the
 * same length. CPU time of this process, which does nothing else. Runs inside the sandbox.
 *
 *   node redos-measure-inside.mjs <job file>     prints one `<token> <json>` line, see MeasureLine
 */
import process from 'node:process';
import type { Arrival } from './promised-inside.ts';
import { type Call, perform } from './redos-calls-inside.ts';
import { Session, type SessionJob } from './redos-session-inside.ts';
import type { TriedAttack } from './regex-trial-inside.ts';

export interface MeasureJob extends SessionJob {
  readonly call: Call;
  readonly attack: TriedAttack;
  /** Texts to put in the pump's place for the harmless input. */
  readonly controls: readonly string[];
}

export interface MeasureLine {
  readonly kind: 'measured';
  readonly sizes: readonly number[];
  readonly cpuMs: readonly number[];
  readonly controlMs: readonly number[];
  readonly controlPump: string;
  readonly exponent: number;
  readonly grows: boolean;
  /** The target asked for the network interfaces. */
  readonly loopback: boolean;
}

const LONG_MILLISECONDS = 40;
/** Fourfold input, more than eightfold time. */
const LEAST_EXPONENT = 1.6;
const ENOUGH_MILLISECONDS = 150;
/** A next step that would take this long is not taken. */
const TOO_LONG_MILLISECONDS = 3000;
/** Growth must go on up to this length: a target that refuses longer texts than it can bear is no find. */
const BOUND_CHARACTERS = 16_000;
const cpuUsage = process.cpuUsage.bind(process);

const session = new Session<MeasureJob>();
const { call, attack, controls } = session.job;

async function settle(made: unknown): Promise<void> {
  if (made instanceof Promise) {
    const limit = new Promise((resolve) => setTimeout(resolve, 1500).unref());
    await Promise.race([made.catch(() => undefined), limit]);
  } else if (call.after.length > 0) await new Promise((resolve) => setImmediate(resolve));
}

const text = (count: number, pump = attack.pump): string => attack.prefix + pump.repeat(count) + attack.suffix;

async function timeOf(from: Arrival, pump: string, count: number): Promise<number> {
  const input = text(count, pump);
  const before = cpuUsage();
  try {
    await settle(perform(from, call, input));
  } catch {
    // A refusal after the work is still work.
  }
  const { user, system } = cpuUsage(before);
  return (user + system) / 1000;
}

/** Slope of log time over log size, by least squares over what is longer than noise. */
function exponentOf(sizes: readonly number[], times: readonly number[]): number {
  const points = sizes.map((size, at) => [Math.log(size), times[at] ?? 0] as const).filter(([, time]) => time >= 1);
  if (points.length < 2) return 0;
  const xs = points.map(([x]) => x);
  const ys = points.map(([, time]) => Math.log(time));
  const mean = (values: number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [mx, my] = [mean(xs), mean(ys)];
  const above = xs.reduce((sum, x, at) => sum + (x - mx) * ((ys[at] ?? 0) - my), 0);
  const below = xs.reduce((sum, x) => sum + (x - mx) ** 2, 0);
  return below === 0 ? 0 : above / below;
}

function* counts(): Generator<number> {
  if (attack.growth === 'exponential') for (let count = 1; count <= 60; count++) yield count;
  else for (let size = 64; size <= 256_000; size *= 2) yield Math.max(8, Math.ceil(size / attack.pump.length));
}

/** A text as long as the pump that the expression does not repeat over. */
async function quietest(from: Arrival, count: number): Promise<{ pump: string; ms: number }> {
  let best = { pump: controls[0] ?? 'x', ms: Infinity };
  for (const control of controls) {
    const pump = control.repeat(attack.pump.length).slice(0, attack.pump.length);
    if (pump === attack.pump) continue;
    const ms = await timeOf(from, pump, count);
    if (ms < best.ms) best = { pump, ms };
    if (ms < 3) break;
  }
  return best;
}

async function main(): Promise<void> {
  const from = await session.arrive(call.file, call.reach);
  if (!from) return;
  for (let warm = 0; warm < 3; warm++) await timeOf(from, attack.pump, 4);
  const sizes: number[] = [];
  const cpuMs: number[] = [];
  for (const count of counts()) {
    session.at(`${count}`);
    const ms = await timeOf(from, attack.pump, count);
    sizes.push(count * attack.pump.length);
    cpuMs.push(ms);
    const before = cpuMs.at(-2) ?? ms;
    if (ms > LONG_MILLISECONDS && ms * (ms / before) > TOO_LONG_MILLISECONDS) break;
    if (ms > ENOUGH_MILLISECONDS && (attack.growth === 'exponential' || text(count).length >= BOUND_CHARACTERS)) break;
  }
  const longest = cpuMs.at(-1) ?? 0;
  const exponent = exponentOf(sizes.slice(-4), cpuMs.slice(-4));
  const tellable = longest >= LONG_MILLISECONDS && exponent >= LEAST_EXPONENT && sizes.length >= 3;
  const last = Math.round((sizes.at(-1) ?? 0) / attack.pump.length);
  const control = tellable ? await quietest(from, last) : { pump: '', ms: 0 };
  const grows = tellable && control.ms * 5 < longest;
  const controlMs = [control.ms];
  session.say({
    kind: 'measured',
    sizes,
    cpuMs,
    controlMs,
    controlPump: control.pump,
    exponent,
    grows,
    loopback: session.asksNetwork(),
  } satisfies MeasureLine);
}

await main();
session.end();
