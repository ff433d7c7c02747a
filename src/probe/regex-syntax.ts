/**
 * A tolerant reader of regular expressions, for one purpose: to know what repeats, what stands before it and what text
 * it takes. What it does not understand it takes for something that matches nothing in particular.
 */
export type RegexNode =
  /** One character of a set, written as an expression for one character. */
  | { readonly kind: 'set'; readonly source: string }
  | { readonly kind: 'sequence'; readonly items: readonly RegexNode[] }
  | { readonly kind: 'choice'; readonly options: readonly RegexNode[] }
  | { readonly kind: 'repeat'; readonly min: number; readonly max: number; readonly body: RegexNode }
  | { readonly kind: 'empty' };

const NODES = 2000;
const DEPTH = 60;

export function parseRegex(source: string): RegexNode {
  let at = 0;
  let nodes = 0;

  const choice = (depth: number): RegexNode => {
    const options = [sequence(depth)];
    while (source[at] === '|') {
      at++;
      options.push(sequence(depth));
    }
    const [only] = options;
    return options.length === 1 && only ? only : { kind: 'choice', options };
  };

  const sequence = (depth: number): RegexNode => {
    const items: RegexNode[] = [];
    while (at < source.length && source[at] !== '|' && source[at] !== ')' && nodes++ < NODES) {
      const item = quantified(atom(depth));
      if (item.kind !== 'empty') items.push(item);
    }
    return { kind: 'sequence', items };
  };

  const atom = (depth: number): RegexNode => {
    const character = source[at++] ?? '';
    if (character === '^' || character === '$') return { kind: 'empty' };
    if (character === '(' && depth < DEPTH) return group(depth);
    if (character === '[') return bracket();
    if (character === '\\') return escaped();
    return { kind: 'set', source: character === '.' ? '.' : character.replace(/[()[\]{}*+?|/]/, '\\$&') };
  };

  const group = (depth: number): RegexNode => {
    const opening = /^\?(?:[:=!]|<[=!]|<[^>]*>|[a-z-]*:)/.exec(source.slice(at, at + 64))?.[0] ?? '';
    at += opening.length;
    const body = choice(depth + 1);
    if (source[at] === ')') at++;
    // What a negative look-around takes is what must not be there; a positive one takes nothing itself.
    return /^\?<?[=!]/.test(opening) ? { kind: 'empty' } : body;
  };

  const bracket = (): RegexNode => {
    const from = at - 1;
    if (source[at] === '^') at++;
    while (at < source.length && source[at] !== ']') at += source[at] === '\\' ? 2 : 1;
    at++;
    return { kind: 'set', source: source.slice(from, at) };
  };

  const escaped = (): RegexNode => {
    const from = at - 1;
    const rest = source.slice(at, at + 12);
    const length =
      /^(?:u\{[0-9a-f]+\}|u[0-9a-f]{4}|x[0-9a-f]{2}|c[a-z]|p\{[^}]*\}|k<[^>]*>|0)/i.exec(rest)?.[0].length ?? 1;
    at += length;
    return /^[bB1-9k]/.test(rest) ? { kind: 'empty' } : { kind: 'set', source: source.slice(from, at) };
  };

  const quantified = (body: RegexNode): RegexNode => {
    const match = /^(?:([*+?])|\{(\d+)(,?)(\d*)\})\??/.exec(source.slice(at, at + 24));
    if (!match) return body;
    at += match[0].length;
    const [, sign, low = '0', comma, high] = match;
    if (sign) return { kind: 'repeat', min: sign === '+' ? 1 : 0, max: sign === '?' ? 1 : Infinity, body };
    const min = Number(low);
    return { kind: 'repeat', min, max: high ? Number(high) : comma ? Infinity : min, body };
  };

  const tree = choice(0);
  return tree;
}

/** Characters to try a set with, those first that are most telling in an attack. */
const POOL = [...' a0\t-_.,;:/"\'<>=()[]{}\\#%&@!*+?|^$~`xA1\n', '\u001b', '\u009b', '\u00e9', '\u00a0', '\u3042'];

export class Alphabet {
  readonly #flags: string;
  readonly #kept = new Map<string, readonly string[]>();

  constructor(flags: string) {
    this.#flags = flags.replace(/[^isu]/g, '');
  }

  /** Characters of the pool and of the set's own text that it takes. */
  of(set: string): readonly string[] {
    const kept = this.#kept.get(set);
    if (kept) return kept;
    let taken: string[] = [];
    try {
      const expression = new RegExp(`^(?:${set})$`, this.#flags);
      taken = [...new Set([...POOL, ...set])].filter((character) => expression.test(character));
      const code = /^\\(?:u|x)([0-9a-f]{2,4})$/i.exec(set)?.[1];
      if (taken.length === 0 && code) taken.push(String.fromCharCode(Number.parseInt(code, 16)));
    } catch {
      taken = [];
    }
    this.#kept.set(set, taken);
    return taken;
  }

  /** A short text that the node takes: what may repeat does so as often as it must, and `least` times at least. */
  sample(node: RegexNode, depth = 0, least = 0): string {
    switch (node.kind) {
      case 'set': {
        const taken = this.of(node.source);
        return taken.find((character) => /[a0]/.test(character)) ?? taken[0] ?? '';
      }
      case 'sequence':
        return node.items
          .map((item) => this.sample(item, depth, least))
          .join('')
          .slice(0, 200);
      case 'choice':
        return node.options[0] ? this.sample(node.options[0], depth, least) : '';
      case 'repeat':
        return this.sample(node.body, depth, least)
          .repeat(Math.min(Math.max(node.min, Math.min(least, node.max)), 64))
          .slice(0, 200);
      default:
        return '';
    }
  }
}

/** Short texts that the whole expression is likely to take, with its optional parts left out and with each of them once. */
export function samplesOf(source: string, flags: string): readonly string[] {
  const [alphabet, root] = [new Alphabet(flags), parseRegex(source)];
  return [...new Set([0, 1].map((least) => alphabet.sample(root, 0, least)))];
}
