/**
 * Attacks on one regular expression: texts in which a part repeats. Proposed from what the expression repeats; the
 * analysis of `recheck` adds its own where it comes to an end in time. A proposal proves nothing.
 */
import { check } from 'recheck';
import { Alphabet, parseRegex, type RegexNode } from './regex-syntax.ts';

export interface RegexAttack {
  readonly prefix: string;
  readonly pump: string;
  readonly suffix: string;
}

const ATTACKS = 240;
const REPEATS = 24;
/** What makes a match fail late. */
const SUFFIXES = ['\u0000', '', '!', '\n\u0000', ' x'];
const PUMPS = 5;

interface Repeated {
  readonly body: RegexNode;
  readonly before: string;
}

/** Everything that repeats without a small bound, with the shortest text that leads to it. */
function repeatsIn(root: RegexNode, alphabet: Alphabet): Repeated[] {
  const found: Repeated[] = [];
  const visit = (node: RegexNode, before: string): void => {
    if (found.length >= REPEATS || before.length > 400) return;
    if (node.kind === 'repeat') {
      if (node.max >= 20) found.push({ body: node.body, before });
      visit(node.body, before);
    } else if (node.kind === 'choice') for (const option of node.options) visit(option, before);
    else if (node.kind === 'sequence') {
      let so = before;
      for (const item of node.items) {
        visit(item, so);
        so += alphabet.sample(item);
      }
    }
  };
  visit(root, '');
  return found;
}

function setsIn(node: RegexNode, into: string[]): string[] {
  if (into.length > 200) return into;
  if (node.kind === 'set') into.push(node.source);
  else if (node.kind === 'sequence') for (const item of node.items) setsIn(item, into);
  else if (node.kind === 'choice') for (const option of node.options) setsIn(option, into);
  else if (node.kind === 'repeat') setsIn(node.body, into);
  return into;
}

function pumpsOf({ body, before }: Repeated, repeated: readonly string[], alphabet: Alphabet): string[] {
  const pumps: string[] = [];
  const own = setsIn(body, []);
  const score = (character: string): number => repeated.filter((set) => alphabet.of(set).includes(character)).length;
  const taken = [...new Set(own.slice(0, 6).flatMap((set) => alphabet.of(set)))];
  const ranked = taken.map((character) => ({ character, score: score(character) })).sort((a, b) => b.score - a.score);
  pumps.push(...ranked.slice(0, PUMPS).map(({ character }) => character));
  if (body.kind !== 'set') pumps.push(alphabet.sample(body));
  if (body.kind === 'choice') pumps.push(...body.options.slice(0, 6).map((option) => alphabet.sample(option)));
  // A start that the repeated part takes too: every place is a start, and every start reads to the end.
  if (before.length > 0 && before.length <= 12) pumps.push(before, before + alphabet.sample(body));
  return [...new Set(pumps)].filter((pump) => pump.length > 0 && pump.length <= 24);
}

export function proposeAttacks(source: string, flags: string): RegexAttack[] {
  const alphabet = new Alphabet(flags);
  const tree = parseRegex(source);
  const repeats = repeatsIn(tree, alphabet);
  const repeated = repeats.flatMap(({ body }) => setsIn(body, []));
  const first = setsIn(tree, [])[0];
  const attacks: RegexAttack[] = [];
  const seen = new Set<string>();
  for (const suffix of SUFFIXES)
    for (const repeat of repeats)
      for (const pump of pumpsOf(repeat, first ? [...repeated, first] : repeated, alphabet))
        for (const prefix of new Set([repeat.before, suffix === '\u0000' ? 'x' : repeat.before])) {
          const attack = { prefix, pump, suffix };
          const key = JSON.stringify(attack);
          if (seen.has(key) || attacks.length >= ATTACKS) continue;
          seen.add(key);
          attacks.push(attack);
        }
  return attacks;
}

const UNBOUNDED = /[*+]|\{\d+,\d*\}/;
const LONGEST_SOURCE = 3000;

/** Whether it can grow at all: without a repeat it is linear. */
export const canGrow = (source: string): boolean => UNBOUNDED.test(source) && source.length <= LONGEST_SOURCE;

/** `unanswered`: the analysis neither ended nor gave up in twice its time; more of them would wait as long. */
export type Analysis = { readonly attack: RegexAttack | undefined } | 'unanswered';

/** What `recheck` finds within the time. The expression is hostile input: this neither throws nor hangs. */
export async function analyse(source: string, flags: string, milliseconds: number): Promise<Analysis> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<'unanswered'>((resolve) => {
    timer = setTimeout(() => resolve('unanswered'), milliseconds * 2);
  });
  try {
    return await Promise.race([late, readAnswer(source, flags, milliseconds)]);
  } catch {
    return { attack: undefined };
  } finally {
    clearTimeout(timer);
  }
}

async function readAnswer(source: string, flags: string, milliseconds: number): Promise<Analysis> {
  const answer = await check(source, flags, { timeout: milliseconds });
  const [pump, ...others] = answer.status === 'vulnerable' ? answer.attack.pumps : [];
  if (!pump || answer.status !== 'vulnerable') return { attack: undefined };
  const rest = others.map((other) => other.prefix + other.pump).join('');
  return { attack: { prefix: pump.prefix, pump: pump.pump, suffix: rest + answer.attack.suffix } };
}
