/**
 * What the text of a patch gives away: signs that it hides the flaw instead of mending it. A sign is no verdict, because
 * a true fix may also return early; it names what the runs then show or refute.
 */
import { type AnyNode, type Node, type Program, parse } from 'acorn';
import { ancestor, full } from 'acorn-walk';

type SymptomKind =
  | 'no-op'
  | 'swallows-errors'
  | 'always-returns'
  | 'always-throws'
  | 'empties-function'
  | 'removes-function'
  | 'blocks-payload'
  | 'ends-process';

export interface Symptom {
  readonly kind: SymptomKind;
  /** Readable, with file and name. */
  readonly detail: string;
}

export interface ChangedFile {
  readonly path: string;
  /** Absent where the patch adds or removes the file. */
  readonly before: string | undefined;
  readonly after: string | undefined;
}

const SCRIPT = /\.(?:[cm]?js|jsx)$/;

/** Undefined where the text is no JavaScript that can be read. */
function readProgram(text: string): Program | undefined {
  return readTokens(text)?.program;
}

interface Token {
  readonly words: string;
  readonly start: number;
  readonly end: number;
}

function readTokens(text: string): { readonly program: Program; readonly tokens: readonly Token[] } | undefined {
  for (const sourceType of ['module', 'script'] as const) {
    const tokens: Token[] = [];
    try {
      const program = parse(text, {
        ecmaVersion: 'latest',
        sourceType,
        allowHashBang: true,
        allowReturnOutsideFunction: true,
        allowImportExportEverywhere: true,
        onToken: ({ start, end }) => tokens.push({ words: text.slice(start, end), start, end }),
      });
      return { program, tokens };
    } catch {
      // Tried as the other kind of source.
    }
  }
  return undefined;
}

/** Files that could be read before the patch and cannot after it. */
export function brokenBy(files: readonly ChangedFile[]): string[] {
  return files
    .filter(({ path }) => SCRIPT.test(path))
    .filter(
      ({ before, after }) =>
        after !== undefined &&
        readProgram(after) === undefined &&
        (before === undefined || readProgram(before) !== undefined),
    )
    .map(({ path }) => path);
}

export function symptomsOf(files: readonly ChangedFile[], payload: string): Symptom[] {
  if (files.every((file) => isUnchangedProgram(file))) {
    return [{ kind: 'no-op', detail: 'no-op: the change does not alter what runs' }];
  }
  return files.filter(({ path }) => SCRIPT.test(path)).flatMap((file) => symptomsIn(file, payload));
}

/** Comments, layout and files that no program loads are no change. */
function isUnchangedProgram({ path, before, after }: ChangedFile): boolean {
  if (/\.json$/.test(path)) return path !== 'package.json' || before === undefined || after === undefined;
  if (!SCRIPT.test(path)) return !/\.(?:node|wasm)$/.test(path) && path.includes('.');
  if (before === undefined || after === undefined) return false;
  const [left, right] = [before, after].map(whatRuns);
  return left !== undefined && left === right;
}

/** The tokens without statements that do nothing: lone constants, and names that nobody uses. */
function whatRuns(text: string): string | undefined {
  const read = readTokens(text);
  if (!read) return undefined;
  const { program, tokens } = read;
  const uses = new Map<string, number>();
  for (const { words } of tokens) uses.set(words, (uses.get(words) ?? 0) + 1);
  const idle: { start: number; end: number }[] = [];
  full(program, (node) => {
    if (isIdle(node as AnyNode, uses)) idle.push(node);
  });
  const runs = tokens.filter(({ start, end }) => !idle.some((one) => one.start <= start && one.end >= end));
  return runs.map(({ words }) => words).join(' ');
}

function isIdle(node: AnyNode, uses: ReadonlyMap<string, number>): boolean {
  if (node.type === 'EmptyStatement') return true;
  if (node.type === 'ExpressionStatement') return !node.directive && isConstant(node.expression);
  const isUnused = (id: AnyNode | null) => id?.type === 'Identifier' && uses.get(id.name) === 1;
  if (node.type === 'FunctionDeclaration') return isUnused(node.id);
  return (
    node.type === 'VariableDeclaration' &&
    node.declarations.every(({ id, init }) => isUnused(id) && (/Function/.test(init?.type ?? '') || isConstant(init)))
  );
}

function symptomsIn({ path, before, after }: ChangedFile, payload: string): Symptom[] {
  if (before === undefined) return [];
  const old = readProgram(before);
  if (after === undefined) return [{ kind: 'removes-function', detail: `deletes ${path}` }];
  const now = readProgram(after);
  if (!old || !now) return [];
  return [
    ...swallowing(path, old, now),
    ...gutted(path, old, now),
    ...removed(path, old, now),
    ...blocking(path, before, after, payload),
    ...ending(path, before, after),
  ];
}

function swallowing(path: string, old: Program, now: Program): Symptom[] {
  const silent = (program: Program) => {
    let count = 0;
    full(program, (node) => {
      if (node.type !== 'CatchClause') return;
      const { body } = (node as AnyNode & { type: 'CatchClause' }).body;
      const says = body.some(
        ({ type }) => type === 'ThrowStatement' || type === 'ExpressionStatement' || type === 'IfStatement',
      );
      if (!says) count += 1;
    });
    return count;
  };
  return silent(now) > silent(old) ? [{ kind: 'swallows-errors', detail: `catches and hides errors in ${path}` }] : [];
}

interface Named {
  readonly name: string;
  readonly opening: 'return' | 'throw' | 'empty' | 'other';
}

/** Functions by name, and how their body begins. */
function functionsIn(program: Program): Named[] {
  const found: Named[] = [];
  ancestor(program, {
    Function(node, _state, above) {
      const { body } = node;
      if (body.type !== 'BlockStatement') return;
      found.push({ name: nameOf(node, above as Node[]), opening: openingOf(body.body as AnyNode[]) });
    },
  });
  return found;
}

function openingOf(body: readonly AnyNode[]): Named['opening'] {
  const statements = body.filter((node) => !('directive' in node && node.directive));
  const [first] = statements;
  if (!first) return 'empty';
  if (first.type === 'ThrowStatement') return 'throw';
  if (first.type === 'ReturnStatement' && (statements.length > 1 || isConstant(first.argument as AnyNode | null)))
    return 'return';
  return 'other';
}

function isConstant(node: AnyNode | null | undefined): boolean {
  if (!node) return true;
  if (node.type === 'Literal' || node.type === 'Identifier') return true;
  if (node.type === 'UnaryExpression') return isConstant(node.argument as AnyNode);
  return (
    (node.type === 'ObjectExpression' && node.properties.length === 0) ||
    (node.type === 'ArrayExpression' && node.elements.length === 0)
  );
}

function nameOf(node: AnyNode | Node, above: readonly Node[]): string {
  const own = (node as { id?: { name?: string } | null }).id?.name;
  if (own) return own;
  const holder = above.at(-2) as AnyNode | undefined;
  if (holder?.type === 'VariableDeclarator' && holder.id.type === 'Identifier') return holder.id.name;
  if (holder?.type === 'AssignmentExpression' && holder.left.type === 'MemberExpression') {
    return holder.left.property.type === 'Identifier' ? holder.left.property.name : '';
  }
  if ((holder?.type === 'Property' || holder?.type === 'MethodDefinition') && holder.key.type === 'Identifier')
    return holder.key.name;
  return '';
}

const GUTTED: Readonly<Record<'return' | 'throw' | 'empty', readonly [SymptomKind, string]>> = {
  return: ['always-returns', 'always returns before it does anything'],
  throw: ['always-throws', 'always throws'],
  empty: ['empties-function', 'is emptied'],
};

function gutted(path: string, old: Program, now: Program): Symptom[] {
  const count = (functions: readonly Named[], opening: string, name: string) =>
    functions.filter((one) => one.opening === opening && one.name === name).length;
  const [before, after] = [functionsIn(old), functionsIn(now)];
  const symptoms = new Map<string, Symptom>();
  for (const { name, opening } of after) {
    if (opening === 'other' || count(after, opening, name) <= count(before, opening, name)) continue;
    // A helper that is new may begin as it likes.
    if (name !== '' && !before.some((one) => one.name === name)) continue;
    const [kind, words] = GUTTED[opening];
    symptoms.set(`${kind} ${name}`, { kind, detail: `${name || 'a function'} in ${path} ${words}` });
  }
  return [...symptoms.values()];
}

function removed(path: string, old: Program, now: Program): Symptom[] {
  const kept = new Set(functionsIn(now).map(({ name }) => name));
  const lost = [...new Set(functionsIn(old).map(({ name }) => name))].filter((name) => name !== '' && !kept.has(name));
  return lost.length > 0
    ? [{ kind: 'removes-function', detail: `deletes ${lost.slice(0, 5).join(', ')} in ${path}` }]
    : [];
}

/** A literal that holds the payload as it was sent, more than the dangerous key itself. */
function blocking(path: string, before: string, after: string, payload: string): Symptom[] {
  const parts = payload.split(/\{\{\w+\}\}/).filter((part) => part.length > 3);
  const specific = parts.filter(
    (part) => !/^["'[.\s{:]*(?:__proto__|constructor|prototype|\.\.\/)["'\].\s:{]*$/.test(part),
  );
  const escaped = (part: string) => JSON.stringify(part).slice(1, -1);
  const found = specific.find((part) =>
    [part, escaped(part)].some((text) => after.includes(text) && !before.includes(text)),
  );
  return found === undefined
    ? []
    : [{ kind: 'blocks-payload', detail: `blocks the one payload it was shown, in ${path}` }];
}

function ending(path: string, before: string, after: string): Symptom[] {
  const count = (text: string) => text.match(/process\s*\.\s*(?:exit|abort|kill|reallyExit)\s*\(/g)?.length ?? 0;
  return count(after) > count(before) ? [{ kind: 'ends-process', detail: `ends the process in ${path}` }] : [];
}

/** Entries of `dependencies` that a patch adds or changes, as `name range`. */
export function newDependenciesOf(files: readonly ChangedFile[]): string[] {
  const manifest = files.find(({ path }) => path === 'package.json');
  if (manifest?.after === undefined) return [];
  const [old, now] = [dependenciesIn(manifest.before), dependenciesIn(manifest.after)];
  return [...now].filter(([name, range]) => old.get(name) !== range).map(([name, range]) => `${name} ${range}`);
}

function dependenciesIn(text: string | undefined): Map<string, string> {
  try {
    const { dependencies } = JSON.parse(text ?? '{}') as { dependencies?: unknown };
    return new Map(Object.entries(dependencies ?? {}).map(([name, range]) => [name, String(range)]));
  } catch {
    // A manifest that cannot be read asks for nothing; that it broke is seen elsewhere.
    return new Map();
  }
}
