/** Makes patches that only seem to mend a flaw, from the flawed files themselves. For `bench/patches.ts`. */
import { type AnyNode, parse } from 'acorn';
import { ancestor } from 'acorn-walk';
import { applyToFiles, type FilePatch, type FileTexts, readPatch, writePatch } from '../src/patch/index.ts';

export const BAD_KINDS = [
  'no-op',
  'wrong file',
  'blocks one payload',
  'catches and hides',
  'deletes the function',
  'always throws',
  'always returns',
  'incomplete upstream fix',
] as const;
export type BadKind = (typeof BAD_KINDS)[number];

export interface Flawed {
  /** The scripts of the package. */
  readonly texts: FileTexts;
  /** Where the effect happens: file below the package and 1-based line. */
  readonly file: string;
  readonly line: number;
  readonly payload: string;
  readonly loaded: ReadonlySet<string>;
  /** The smallest true fix. */
  readonly fix: string;
}

interface Body {
  /** Offsets just inside the braces. */
  readonly from: number;
  readonly to: number;
}

/** Undefined where this kind cannot be made of this package. */
export function makeBadPatch(kind: BadKind, flawed: Flawed): string | undefined {
  const { texts, file } = flawed;
  const text = texts.get(file);
  if (text === undefined) return undefined;
  if (kind === 'incomplete upstream fix') return withoutOneHunk(flawed);
  if (kind === 'wrong file') return inAnotherFile(flawed);
  const body = functionAround(text, flawed.line);
  if (!body) return undefined;
  const inside = text.slice(body.from, body.to);
  const bodies: Readonly<Record<Exclude<BadKind, 'incomplete upstream fix' | 'wrong file'>, string>> = {
    'no-op': `\n  // Checked: the input is validated by the caller.\n  void 0;${inside}`,
    'blocks one payload': `\n  ${blockOf(flawed.payload)}${inside}`,
    'catches and hides': `\n  try {${inside}\n  } catch (error) {}\n`,
    'deletes the function': '\n',
    'always throws': `\n  throw new Error('refused for security');${inside}`,
    'always returns': `\n  return undefined;${inside}`,
  };
  const after = text.slice(0, body.from) + bodies[kind] + text.slice(body.to);
  return parses(after) ? writePatch(texts, new Map(texts).set(file, after)) : undefined;
}

/** Refuses the very words of the payload and nothing else. */
function blockOf(payload: string): string {
  const words = payload
    .split(/\{\{\w+\}\}/)
    .reduce((longest, part) => (part.length > longest.length ? part : longest), '');
  const literal = JSON.stringify(words.trim() || payload);
  return `for (var shown = 0; shown < arguments.length; shown++) { var told = arguments[shown]; try { if ((typeof told === 'string' ? told : JSON.stringify(told)).indexOf(${literal}) === 0) return; } catch (error) {} }`;
}

function withoutOneHunk({ texts, fix }: Flawed): string | undefined {
  const read = readPatch(fix);
  if (!read.ok) return undefined;
  const places = read.value.flatMap((patch) => patch.diff.hunks.map((hunk) => ({ patch, hunk })));
  const [, ...rest] = places;
  if (rest.length === 0) return undefined;
  const after = new Map(texts);
  for (const { patch } of rest) {
    const hunks = rest.filter((one) => one.patch === patch).map(({ hunk }) => hunk);
    const text = applied(texts, { ...patch, diff: { ...patch.diff, hunks } });
    if (text === undefined) return undefined;
    after.set(patch.path, text);
  }
  return [...after.values()].every(parses) ? writePatch(texts, after) : undefined;
}

function applied(texts: FileTexts, patch: FilePatch): string | undefined {
  const after = applyToFiles(texts, [patch]);
  return after.ok ? after.value.get(patch.path) : undefined;
}

function inAnotherFile({ texts, loaded }: Flawed): string | undefined {
  const other = [...texts.keys()].sort().find((path) => path.endsWith('.js') && !loaded.has(path));
  const path = other ?? 'guard.js';
  const guard = "\nfunction isUnsafe(key) {\n  return key === '__proto__' || key === 'constructor';\n}\n";
  const after = (texts.get(path) ?? '') + guard;
  return parses(after) ? writePatch(texts, new Map(texts).set(path, after)) : undefined;
}

function functionAround(text: string, line: number): Body | undefined {
  const program = tryParse(text);
  if (!program) return undefined;
  const from =
    text
      .split('\n')
      .slice(0, line - 1)
      .join('\n').length + (line > 1 ? 1 : 0);
  const to = from + (text.split('\n')[line - 1]?.length ?? 0);
  let best: Body | undefined;
  ancestor(program, {
    Function(node) {
      const { body } = node as AnyNode & { body: AnyNode };
      const isAround = node.start <= to && node.end >= from && body.type === 'BlockStatement';
      const found = { from: body.start + 1, to: body.end - 1 };
      if (isAround && (!best || found.to - found.from < best.to - best.from)) best = found;
    },
  });
  return best;
}

const parses = (text: string) => tryParse(text) !== undefined || isJson(text);

function tryParse(text: string) {
  for (const sourceType of ['script', 'module'] as const) {
    try {
      return parse(text, { ecmaVersion: 'latest', sourceType, allowHashBang: true, allowReturnOutsideFunction: true });
    } catch {
      // Tried as the other kind of source.
    }
  }
  return undefined;
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
