/**
 * Makes patches that only seem to mend a flaw, from the flawed files themselves. For `bench/patches.ts`. A defence that
 * is the right one for a class of flaw (a bound on the length, for a slow expression) is not made for that class.
 */
import { type AnyNode, parse } from 'acorn';
import { ancestor, full } from 'acorn-walk';
import type { FlawClass } from '../src/formats/flaw-class.ts';
import type { SeededRandom } from '../src/lib/seeded-random.ts';
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
  'length guard',
  'closable quotes',
  'single-pass strip',
] as const;
export type BadKind = (typeof BAD_KINDS)[number];

interface Place {
  /** Below the package. */
  readonly file: string;
  /** 1-based. */
  readonly line: number;
}

export interface Flawed {
  readonly flaw: FlawClass;
  /** The scripts of the package. */
  readonly texts: FileTexts;
  /** Where the effect happens and how it was reached, nearest the effect first. */
  readonly places: readonly Place[];
  readonly payload: string;
  readonly loaded: ReadonlySet<string>;
  /** The smallest true fix. */
  readonly fix: string;
}

/** A function around the line of the effect. */
interface Around {
  /** Offsets just inside the braces. */
  readonly from: number;
  readonly to: number;
  /** Parameters that are plain names. */
  readonly names: readonly string[];
}

/**
 * Empty where this kind cannot be made of this package. The first is made at the effect; the others on the way to it,
 * where a defence may seem to mend what it does not reach at the effect.
 */
export function makeBadPatches(kind: BadKind, flawed: Flawed, random: SeededRandom): string[] {
  if (kind === 'incomplete upstream fix') return [withoutOneHunk(flawed) ?? []].flat();
  if (kind === 'wrong file') return [inAnotherFile(flawed) ?? []].flat();
  const { texts, places } = flawed;
  const taste: Taste = {
    quote: JSON.stringify(random.pick(QUOTES)),
    length: random.pick(GUARD_LENGTHS),
    refusal: random.pick(REFUSALS),
  };
  const patches = (ON_THE_WAY.has(kind) ? places : places.slice(0, 1)).flatMap((place) => {
    const text = texts.get(place.file) ?? '';
    const after = rewritten(kind, text, place, flawed, taste);
    return after !== undefined && parses(after) ? [writePatch(texts, new Map(texts).set(place.file, after))] : [];
  });
  return [...new Set(patches)];
}

const ON_THE_WAY: ReadonlySet<BadKind> = new Set([
  'blocks one payload',
  'length guard',
  'closable quotes',
  'single-pass strip',
]);

/** What the seed decides. */
interface Taste {
  readonly quote: string;
  readonly length: number;
  readonly refusal: string;
}

type InPlace = Exclude<BadKind, 'incomplete upstream fix' | 'wrong file'>;

function rewritten(kind: InPlace, text: string, { line }: Place, flawed: Flawed, taste: Taste): string | undefined {
  const around = functionsAround(text, line);
  const [body] = around;
  if (!body) return undefined;
  const inside = text.slice(body.from, body.to);
  const withBody = (now: string) => text.slice(0, body.from) + now + text.slice(body.to);
  const taking = around.find(({ names }) => names.length > 0);
  const beginning = (line: string | undefined) =>
    taking && line ? `${text.slice(0, taking.from)}\n  ${line}${text.slice(taking.from)}` : undefined;
  const names = taking?.names ?? [];
  switch (kind) {
    case 'no-op':
      return withBody(`\n  // Checked: the input is validated by the caller.\n  void 0;${inside}`);
    case 'blocks one payload':
      return beginning(blockOf(names, flawed.payload));
    case 'catches and hides':
      return withBody(`\n  try {${inside}\n  } catch (error) {}\n`);
    case 'deletes the function':
      return withBody('\n');
    case 'always throws':
      return withBody(`\n  throw new Error('refused for security');${inside}`);
    case 'always returns':
      return withBody(`\n  return undefined;${inside}`);
    case 'length guard':
      return beginning(lengthGuardOf(names, flawed, taste));
    case 'closable quotes':
      return quoted(text, line, flawed, taste) ?? beginning(quotesOf(names, flawed, taste));
    case 'single-pass strip':
      return beginning(stripOf(names, flawed));
  }
}

/** For each of the function's arguments, as text: what it is, the address it was asked for, or what it holds. */
const eachText = (names: readonly string[], check: string) =>
  `[${names.join(', ')}].map(function (given) { try { return String(typeof given === 'string' ? given : given.url || JSON.stringify(given)); } catch (error) { return ''; } }).some(function (text) { return ${check}; })`;

/** Refuses the very words of the payload and nothing else. */
function blockOf(names: readonly string[], payload: string): string {
  const words = payload
    .split(/\{\{\w+\}\}/)
    .reduce((longest, part) => (part.length > longest.length ? part : longest), '');
  return `if (${eachText(names, `text.indexOf(${JSON.stringify(words.trim() || payload)}) === 0`)}) return;`;
}

/** Just long enough for the canary alone not to pass, which no variant can be without. */
const GUARD_LENGTHS = [16, 20, 24];
const REFUSALS = ['return;', 'return null;', "throw new Error('input too long');"];

function lengthGuardOf(names: readonly string[], { flaw }: Flawed, { length, refusal }: Taste): string | undefined {
  // A bound on the length is what mends a slow expression.
  if (flaw === 'redos') return undefined;
  return `if (${eachText(names, `text.length > ${length}`)}) ${refusal}`;
}

const QUOTES = ["'", '"'];
const isSpoken = (flaw: FlawClass) => flaw === 'command-injection' || flaw === 'code-injection';

/** Around every argument that is a text. */
function quotesOf(names: readonly string[], { flaw }: Flawed, { quote }: Taste): string | undefined {
  if (!isSpoken(flaw)) return undefined;
  return names.map((name) => `if (typeof ${name} === 'string') ${name} = ${quote} + ${name} + ${quote};`).join(' ');
}

/** Around every part that is put into the text at the line of the effect. */
function quoted(text: string, line: number, { flaw }: Flawed, { quote }: Taste): string | undefined {
  const program = isSpoken(flaw) ? tryParse(text) : undefined;
  if (!program) return undefined;
  const [from, to] = lineAt(text, line);
  const parts = new Set<AnyNode>();
  full(program, (node) => {
    const one = node as AnyNode;
    if (one.start > to || one.end < from || one.start < from) return;
    if (one.type === 'TemplateLiteral') for (const part of one.expressions) parts.add(part);
    if (one.type !== 'BinaryExpression' || one.operator !== '+') return;
    const sides = [one.left as AnyNode, one.right as AnyNode];
    if (!sides.some((side) => side.type === 'Literal' && typeof side.value === 'string')) return;
    for (const side of sides) if (side.type === 'Identifier' || side.type === 'MemberExpression') parts.add(side);
  });
  const isWithin = (one: AnyNode, other: AnyNode) => other !== one && other.start <= one.start && other.end >= one.end;
  const outermost = [...parts].filter((one) => ![...parts].some((other) => isWithin(one, other)));
  if (outermost.length === 0) return undefined;
  const wrap = (now: string, { start, end }: AnyNode) =>
    `${now.slice(0, start)}(${quote} + (${now.slice(start, end)}) + ${quote})${now.slice(end)}`;
  return outermost.sort((left, right) => right.start - left.start).reduce(wrap, text);
}

/** What is taken out once, so that what is left may be whole again, or another word does the same. */
const STRIPPED: Readonly<Record<FlawClass, string | undefined>> = {
  'prototype-pollution': '/__proto__|constructor|prototype/g',
  'command-injection': '/[;&|]/g',
  'code-injection': '/globalThis|process|require/g',
  'path-traversal': '/\\.\\.\\//g',
  redos: undefined,
};

function stripOf(names: readonly string[], { flaw, payload }: Flawed): string | undefined {
  const words = STRIPPED[flaw];
  // Of what was parsed before, no text is left to strip.
  if (words === undefined || /^\s*[{[]\s*["{[]/.test(payload)) return undefined;
  const strip = (at: string) => `if (typeof ${at} === 'string') ${at} = ${at}.replace(${words}, '');`;
  return names
    .map((name) => `${strip(name)}${flaw === 'path-traversal' ? ` else if (${name}) ${strip(`${name}.url`)}` : ''}`)
    .join(' ');
}

function withoutOneHunk({ texts, fix }: Flawed): string | undefined {
  const read = readPatch(fix);
  if (!read.ok) return undefined;
  const places = read.value.flatMap((patch) => patch.diff.hunks.map((hunk) => ({ patch, hunk })));
  // What a hunk only takes away may be of no use any more; without what it adds, a fix is not whole.
  const left = places.findIndex(({ hunk }) => hunk.lines.some((line) => line.startsWith('+')));
  const rest = places.toSpliced(left, 1);
  if (left < 0 || rest.length === 0) return undefined;
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

function lineAt(text: string, line: number): readonly [from: number, to: number] {
  const lines = text.split('\n');
  const from = lines.slice(0, line - 1).reduce((sum, one) => sum + one.length + 1, 0);
  return [from, from + (lines[line - 1]?.length ?? 0)];
}

/** The innermost first. */
function functionsAround(text: string, line: number): Around[] {
  const program = tryParse(text);
  if (!program) return [];
  const [from, to] = lineAt(text, line);
  const found: Around[] = [];
  ancestor(program, {
    Function(node) {
      const { body, params } = node as AnyNode & { body: AnyNode; params: AnyNode[] };
      if (node.start > to || node.end < from || body.type !== 'BlockStatement') return;
      const names = params.flatMap((param) => (param.type === 'Identifier' ? [param.name] : []));
      found.push({ from: body.start + 1, to: body.end - 1, names });
    },
  });
  return found.sort((left, right) => left.to - left.from - (right.to - right.from));
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
