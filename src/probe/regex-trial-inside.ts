/**
 * Tries attacks on one expression alone: short ones first, so that nothing hangs. Which of them grow is a hint where to
 * look; only a call of the package's own interface decides. Runs inside the sandbox.
 */
import { performance } from 'node:perf_hooks';

export interface RegexAttack {
  readonly prefix: string;
  readonly pump: string;
  readonly suffix: string;
}

export interface TriedAttack extends RegexAttack {
  readonly growth: 'polynomial' | 'exponential';
  /** Ratio of times for a doubled pump; higher is steeper. */
  readonly ratio: number;
}

const now = performance.now.bind(performance);
/** Repetitions tried, in order. The first ones only show what is worse than a power. */
const COUNTS = [10, 14, 18, 22, 26, 30, 120, 500, 1500, 4000, 9000];
const EXPONENTIAL_UNTIL = 30;
const SLOW_MILLISECONDS = 1.5;
const CHARACTERS = 20_000;

export function compile(source: string, flags: string): RegExp | undefined {
  try {
    return new RegExp(source, flags.replace(/[^dgimsuvy]/g, ''));
  } catch {
    return undefined;
  }
}

function timeOf(expression: RegExp, text: string): number {
  expression.lastIndex = 0;
  const from = now();
  if (expression.global) text.replace(expression, '');
  else expression.exec(text);
  return now() - from;
}

const write = (attack: RegexAttack, count: number): string => attack.prefix + attack.pump.repeat(count) + attack.suffix;

/** The growth of one attack, or undefined where the expression stays quick. */
export function tryAttack(expression: RegExp, attack: RegexAttack): TriedAttack | undefined {
  for (const count of COUNTS) {
    if (count * attack.pump.length > CHARACTERS) return undefined;
    const took = timeOf(expression, write(attack, count));
    if (took < SLOW_MILLISECONDS) continue;
    const again = timeOf(expression, write(attack, count));
    if (again < SLOW_MILLISECONDS) continue;
    if (count <= EXPONENTIAL_UNTIL) {
      const less = timeOf(expression, write(attack, count - 4));
      const ratio = again / Math.max(less, 0.001);
      return ratio > 3 ? { ...attack, growth: 'exponential', ratio } : undefined;
    }
    const half = Math.min(timeOf(expression, write(attack, count >> 1)), timeOf(expression, write(attack, count >> 1)));
    const ratio = again / Math.max(half, 0.001);
    if (ratio > 2.6) return { ...attack, growth: 'polynomial', ratio };
    if (took > 30) return undefined;
  }
  return undefined;
}

/** The attacks that grow, steepest first, one for each pump. */
export function tryAttacks(
  source: string,
  flags: string,
  attacks: readonly RegexAttack[],
  until: number,
): TriedAttack[] {
  const expression = compile(source, flags);
  if (!expression) return [];
  timeOf(expression, 'warm');
  const grown: TriedAttack[] = [];
  for (const attack of attacks) {
    if (grown.length >= 8 || Date.now() > until) break;
    const tried = tryAttack(expression, attack);
    if (tried) grown.push(tried);
  }
  const rank = (attack: TriedAttack): number => (attack.growth === 'exponential' ? 1000 : attack.ratio);
  return grown.sort((left, right) => rank(right) - rank(left));
}
