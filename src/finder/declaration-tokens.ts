/** The tokens of a `.d.ts` file. The text is hostile: bounded, and no character is read twice. */
const TEXT_CHARACTERS = 300_000;
const TOKENS = 60_000;

/** What is left open (a comment, a text) goes to its end at once, so that no character is read twice. */
const TOKEN =
  /(?:\s+|\/\/[^\n]*|\/\*(?:[\s\S]*?\*\/|[\s\S]*))|("(?:[^"\\\n]|\\.)*"?|'(?:[^'\\\n]|\\.)*'?|`[^`]*`?)|(-?\d[\w.]*)|([A-Za-z_$][\w$]*)|(=>|\.\.\.|[\s\S])/g;

export interface Token {
  readonly kind: 'text' | 'number' | 'name' | 'sign';
  readonly text: string;
}

export function tokensOf(source: string): Token[] {
  const tokens: Token[] = [];
  for (const [, text, number, name, sign] of source.slice(0, TEXT_CHARACTERS).matchAll(TOKEN)) {
    if (tokens.length >= TOKENS) break;
    if (text !== undefined) tokens.push({ kind: 'text', text: text.slice(1, -1) });
    else if (number !== undefined) tokens.push({ kind: 'number', text: number });
    else if (name !== undefined) tokens.push({ kind: 'name', text: name });
    else if (sign !== undefined) tokens.push({ kind: 'sign', text: sign });
  }
  return tokens;
}

/** By the place of an opening sign, the place of its closing one. */
export function pairsOf(tokens: readonly Token[]): ReadonlyMap<number, number> {
  const pairs = new Map<number, number>();
  const open: number[] = [];
  tokens.forEach(({ kind, text }, at) => {
    if (kind !== 'sign') return;
    if ('([{'.includes(text)) open.push(at);
    else if (')]}'.includes(text)) {
      const from = open.pop();
      if (from !== undefined) pairs.set(from, at);
    }
  });
  return pairs;
}
