/**
 * Tries attacks on one expression alone: short ones first, so that nothing hangs. Which of them grow is a hint where to
 * look; only a call of the package's own interface decides. Runs inside the sandbox.
 */
import process from 'node:process';

export interface RegexAttack {
  readonly prefix: string;
  readonly pump: string;
  readonly suffix: string;
}

export interface TriedAttack extends RegexAttack {
  readonly growth: 'polynomial' | 'exponential';
  /** Repetitions at which it was first slow; fewer are steeper. */
  readonly count: number;
}

/** CPU milliseconds of this process: other load on the machine must not look like growth. A thread's own count is coarser. */
const usage = process.cpuUsage.bind(process);
export const cpuNow = (): number => {
  const { user, system } = usage();
  return (user + system) / 1000;
};
const now = cpuNow;
/** Repetitions tried, in order. The first ones only show what is worse than a power. */
const COUNTS = [
  ...[2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30, 34, 40, 48, 58, 70, 84, 100, 120, 160, 220, 320],
  ...[500, 800, 1300, 2100, 3400, 5500, 9000],
];
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
function tryAttack(expression: RegExp, attack: RegexAttack): TriedAttack | undefined {
  for (const count of COUNTS) {
    if (count * attack.pump.length > CHARACTERS) return undefined;
    const took = timeOf(expression, write(attack, count));
    if (took < SLOW_MILLISECONDS) continue;
    const again = timeOf(expression, write(attack, count));
    if (again < SLOW_MILLISECONDS) continue;
    if (count <= EXPONENTIAL_UNTIL) {
      const less = timeOf(expression, write(attack, count - 2));
      const ratio = again / Math.max(less, 0.02);
      return ratio > 1.7 ? { ...attack, growth: 'exponential', count } : undefined;
    }
    const half = Math.min(timeOf(expression, write(attack, count >> 1)), timeOf(expression, write(attack, count >> 1)));
    const ratio = again / Math.max(half, 0.02);
    if (ratio > 100) return { ...attack, growth: 'exponential', count };
    if (ratio > 2.6) return { ...attack, growth: 'polynomial', count };
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
    if (grown.length >= 8 || now() > until) break;
    const tried = tryAttack(expression, attack);
    if (tried) grown.push(tried);
  }
  return grown.sort((left, right) => left.count - right.count);
}
