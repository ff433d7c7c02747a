/**
 * Regular expression literals in JavaScript text of any dialect and age, minified included: a scanner, not a parser, so
 * that nothing stops it. Runs inside the sandbox over the package's own files.
 */
export interface FoundExpression {
  readonly source: string;
  readonly flags: string;
  /** 1-based. */
  readonly line: number;
}

const BEFORE_LITERAL =
  /(?:^|[=(,:;!&|?{}[\n+\-*%<>~^]|\b(?:return|typeof|case|in|of|delete|void|throw|new|else|do) ?)$/;
const LITERAL = /^\/((?:[^/\\[\n\r]|\\[^\n\r]|\[(?:[^\]\\\n\r]|\\[^\n\r])*\])+)\/([a-z]*)/;
const WINDOW = 4000;

/** Where the string, template or comment that begins at `at` ends. */
function skip(text: string, at: number): number {
  const quote = text[at] ?? '';
  if (quote === '/') {
    const end = text[at + 1] === '*' ? text.indexOf('*/', at + 2) : text.indexOf('\n', at);
    return end < 0 ? text.length : end + (text[at + 1] === '*' ? 2 : 0);
  }
  for (let index = at + 1; index < text.length; index++) {
    if (text[index] === '\\') index++;
    else if (text[index] === quote || (quote !== '`' && text[index] === '\n')) return index + 1;
  }
  return text.length;
}

export function scanExpressions(text: string, limit: number): FoundExpression[] {
  const found: FoundExpression[] = [];
  let line = 1;
  let counted = 0;
  let before = '';
  for (let at = 0; at < text.length && found.length < limit; ) {
    const character = text[at] ?? '';
    const next = text[at + 1];
    if (character === '"' || character === "'" || character === '`') {
      at = skip(text, at);
      before = '"';
    } else if (character === '/' && (next === '/' || next === '*')) {
      at = skip(text, at);
    } else if (character === '/' && BEFORE_LITERAL.test(before)) {
      const match = LITERAL.exec(text.slice(at, at + WINDOW));
      for (; counted < at; counted++) if (text[counted] === '\n') line++;
      if (match?.[1]) found.push({ source: match[1], flags: match[2] ?? '', line });
      at += match ? match[0].length : 1;
      before = match ? '/' : character;
    } else {
      if (!/\s/.test(character)) before = (before + character).slice(-8);
      else if (/\w$/.test(before)) before = `${before} `.slice(-8);
      if (before.endsWith(' ') && !/\s/.test(character)) before = character;
      at++;
    }
  }
  return found;
}
