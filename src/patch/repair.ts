/**
 * Built-in repairs, one or more per class of flaw, written into the statement where the effect was seen. They are
 * proposals: whether one holds is decided by the same attack as for any patch. Pure; text in, texts out.
 */
import { type AnyNode, type Expression, type Node, type Program, parse } from 'acorn';
import { ancestor, base, full } from 'acorn-walk';
import type { FlawClass } from '../formats/flaw-class.ts';

export interface Repair {
  readonly title: string;
  /** The whole file after the repair. */
  readonly text: string;
}

export interface SinkPlace {
  readonly flaw: FlawClass;
  readonly text: string;
  /** 1-based. */
  readonly line: number;
}

interface Edit {
  readonly at: number;
  readonly remove: number;
  readonly insert: string;
}

interface Around {
  readonly program: Program;
  readonly text: string;
  /** The innermost statement at the line, and the function around it. */
  readonly statement: AnyNode;
  readonly scope: AnyNode;
}

/** The smallest repair first; empty where the place offers none. */
export function proposeRepairs({ flaw, text, line }: SinkPlace): Repair[] {
  const around = findPlace(text, line);
  if (!around) return [];
  const made = TEMPLATES[flaw](around);
  return made.flatMap(([title, edits]) => {
    const after = apply(text, edits);
    return edits.length > 0 && readScript(after) ? [{ title, text: after }] : [];
  });
}

/**
 * Guards every statement of a file that walks or writes by a key: for flaws where one function walks to the prototype
 * and another writes there, so that no single place shows both. The text itself where there is nothing to guard.
 */
export function guardEveryKey(text: string): string {
  const program = readScript(text);
  if (!program) return text;
  const edits = statementsIn(program).flatMap((place) => {
    const keys = movesByKey(place) ? keysIn(place, text) : [];
    return keys.length === 0
      ? []
      : inFront(text, program, place, keys.map((key) => guardOf(key, leaveOf(program, place))).join(' '));
  });
  const after = apply(text, edits);
  return readScript(after) ? after : text;
}

/** An assignment, inside a function, to a computed member or of one. */
function movesByKey(place: AnyNode): boolean {
  if (place.type === 'VariableDeclaration') return place.declarations.some(({ init }) => isComputed(init));
  if (place.type !== 'ExpressionStatement' || place.expression.type !== 'AssignmentExpression') return false;
  return isComputed(place.expression.left as AnyNode) || isComputed(place.expression.right);
}

const isComputed = (node: AnyNode | null | undefined) => node?.type === 'MemberExpression' && node.computed;

const guardOf = (key: string, leave: string) =>
  `if (['__proto__', 'constructor', 'prototype'].indexOf(String(${key})) !== -1) ${leave};`;

type Template = (around: Around) => (readonly [string, Edit[]])[];

const TEMPLATES: Readonly<Record<FlawClass, Template>> = {
  'prototype-pollution': guardKeys,
  'command-injection': (around) => [...splitCommand(around), ...refuseParts(around, SHELL_SIGNS, 'signs of the shell')],
  'code-injection': (around) => [...withoutEval(around), ...refuseParts(around, CODE_SIGNS, 'program text')],
  'path-traversal': containPath,
  redos: boundLength,
};

/** Signs that mean something to a shell; names, paths, options and versions have none of them. */
const SHELL_SIGNS = String.raw`/[^\w@%+=:,.\/ -]/`;
const CODE_SIGNS = String.raw`/[^\w$.\s-]/`;
const INPUT_CHARACTERS = 1_000;

function guardKeys({ text, statement, scope }: Around): (readonly [string, Edit[]])[] {
  const before = (place: AnyNode, isOnly: boolean): Edit[] => {
    const keys = keysIn(place, text);
    const found = isOnly ? keys.slice(0, 3) : keys;
    return found.length === 0
      ? []
      : inFront(text, scope, place, found.map((key) => guardOf(key, leaveOf(scope, place))).join(' '));
  };
  const all = statementsIn(scope).flatMap((place) => before(place, false));
  return [
    ['refuse keys that lead to a prototype, at the write', before(statement, true)],
    ['refuse keys that lead to a prototype, in the whole function', all],
  ];
}

/** Inside a loop the key is skipped; elsewhere the function is left. */
function leaveOf(scope: AnyNode, place: AnyNode): string {
  let isInLoop = false;
  ancestor(scope, {
    Statement(node, _state, above) {
      if (node.start !== place.start || node.end !== place.end) return;
      const chain = (above as Node[]).filter((one) => one !== scope);
      const lastFunction = chain.findLastIndex((one) => /Function/.test(one.type));
      isInLoop ||= chain.slice(lastFunction + 1).some(({ type }) => /^(?:For|While|DoWhile)/.test(type));
    },
  });
  return isInLoop ? 'continue' : 'return';
}

/** Texts of keys of computed members that can be evaluated once more without effect. */
function keysIn(place: AnyNode, text: string): string[] {
  const keys = new Set<string>();
  // Names of a function inside the statement are not there before it.
  full(
    place,
    (node) => {
      const member = node as AnyNode;
      if (member.type !== 'MemberExpression' || !member.computed) return;
      const key = member.property as Expression;
      if (isHarmless(key) && key.type !== 'Literal') keys.add(text.slice(key.start, key.end));
    },
    { ...base, Function: () => undefined },
  );
  return [...keys];
}

function isHarmless(node: AnyNode): boolean {
  if (node.type === 'Identifier' || node.type === 'Literal' || node.type === 'ThisExpression') return true;
  if (node.type === 'BinaryExpression') return isHarmless(node.left as AnyNode) && isHarmless(node.right);
  return node.type === 'MemberExpression' && isHarmless(node.object as AnyNode) && isHarmless(node.property as AnyNode);
}

function splitCommand({ text, statement }: Around): (readonly [string, Edit[]])[] {
  const edits: Edit[] = [];
  for (const call of callsIn(statement)) {
    const name = calleeName(call, text);
    const [command] = call.arguments as AnyNode[];
    if ((name !== 'exec' && name !== 'execSync') || !command) continue;
    const words = wordsOf(partsOf(command), text);
    const [program, ...rest] = words ?? [];
    if (!program) continue;
    const member = name === 'exec' ? 'execFile' : 'execFileSync';
    edits.push(replace(call.callee as AnyNode, `require('child_process').${member}`));
    edits.push(replace(command, `${program}, [${rest.join(', ')}]`));
  }
  return [['start the program with a list of arguments instead of a shell', edits]];
}

type Part = { readonly fixed: string } | { readonly dynamic: AnyNode };

function partsOf(node: AnyNode): Part[] {
  if (node.type === 'Literal' && typeof node.value === 'string') return [{ fixed: node.value }];
  if (node.type === 'BinaryExpression' && node.operator === '+')
    return [...partsOf(node.left as AnyNode), ...partsOf(node.right)];
  if (node.type === 'TemplateLiteral') {
    return node.quasis.flatMap((quasi, index) => {
      const expression = node.expressions[index];
      const fixed: Part = { fixed: quasi.value.cooked ?? '' };
      return expression ? [fixed, { dynamic: expression }] : [fixed];
    });
  }
  return [{ dynamic: node }];
}

/** Undefined where the fixed parts need a shell, or a dynamic part is not a word of its own. */
function wordsOf(parts: readonly Part[], text: string): string[] | undefined {
  const marked = parts.map((part, index) => ('fixed' in part ? part.fixed : `\u0001${index}\u0001`)).join('');
  if (/[|&;<>()$`*?\n\\]/.test(marked)) return undefined;
  const words = marked
    .trim()
    .split(/\s+/)
    .map((word) => word.replace(/^["'](.*)["']$/, '$1'));
  if (words.some((word) => /["']/.test(word)) || words[0]?.includes('\u0001')) return undefined;
  return words.map((word) =>
    word
      .split('\u0001')
      .map((piece, index) => {
        const part = index % 2 === 1 ? parts[Number(piece)] : undefined;
        return part && 'dynamic' in part
          ? `String(${text.slice(part.dynamic.start, part.dynamic.end)})`
          : JSON.stringify(piece);
      })
      .filter((piece) => piece !== '""')
      .join(' + '),
  );
}

/** Every dynamic part of what is run must be free of the signs. */
function refuseParts({ text, statement, scope }: Around, signs: string, what: string): (readonly [string, Edit[]])[] {
  const texts = new Set<string>();
  for (const call of callsIn(statement)) {
    for (const argument of call.arguments as AnyNode[]) collectDynamic(argument, scope, texts, text, 3);
  }
  const checks = [...texts].map(
    (one) => `if (typeof ${one} === 'string' && ${signs}.test(${one})) throw new TypeError('${what} refused');`,
  );
  return [
    [`refuse ${what} in what is put in`, checks.length === 0 ? [] : inFront(text, scope, statement, checks.join(' '))],
  ];
}

function collectDynamic(node: AnyNode, scope: AnyNode, texts: Set<string>, text: string, depth: number): void {
  for (const part of partsOf(node)) {
    if (!('dynamic' in part)) continue;
    const { dynamic } = part;
    const origin = dynamic.type === 'Identifier' && depth > 0 ? initialOf(scope, dynamic.name) : undefined;
    if (origin) collectDynamic(origin, scope, texts, text, depth - 1);
    else if (isHarmless(dynamic) && dynamic.type !== 'Literal' && dynamic.type !== 'ThisExpression') {
      texts.add(text.slice(dynamic.start, dynamic.end));
    }
  }
}

function initialOf(scope: AnyNode, name: string): AnyNode | undefined {
  let found: AnyNode | undefined;
  full(scope, (node) => {
    const one = node as AnyNode;
    if (one.type === 'VariableDeclarator' && one.id.type === 'Identifier' && one.id.name === name && one.init)
      found = one.init;
  });
  return found && partsOf(found).length > 1 ? found : undefined;
}

function withoutEval({ text, statement }: Around): (readonly [string, Edit[]])[] {
  const edits = callsIn(statement).flatMap((call) => {
    const [argument] = call.arguments as AnyNode[];
    const isEval = calleeName(call, text) === 'eval' && call.type === 'CallExpression';
    if (!isEval || !argument) return [];
    const dynamic = partsOf(argument).flatMap((part) => ('dynamic' in part ? [part.dynamic] : []));
    const [only, second] = dynamic;
    if (!only || second) return [];
    return [replace(call, `JSON.parse(${text.slice(only.start, only.end)})`)];
  });
  return [['read data with JSON.parse instead of evaluating it', edits]];
}

function containPath({ text, statement, scope }: Around): (readonly [string, Edit[]])[] {
  const edits: Edit[] = [];
  full(scope, (node) => {
    const call = node as AnyNode;
    if (call.type !== 'CallExpression' || !['join', 'resolve'].includes(calleeName(call, text))) return;
    const [root, ...rest] = call.arguments as AnyNode[];
    if (!root || rest.length === 0 || !isHarmless(root) || edits.length > 0) return;
    const base = text.slice(root.start, root.end);
    const inside = `(function (base, path) { if (path !== base && path.indexOf(base.replace(/\\/$/, '') + '/') !== 0) throw new Error('path outside the root'); return path; })`;
    edits.push(
      replace(
        call,
        `${inside}(require('path').resolve(${base}), require('path').resolve(${text.slice(call.start, call.end)}))`,
      ),
    );
  });
  return statement ? [['refuse a resolved path outside the root', edits]] : [];
}

function boundLength({ text, statement, scope }: Around): (readonly [string, Edit[]])[] {
  const subjects = new Set<string>();
  for (const call of callsIn(statement)) {
    const name = calleeName(call, text);
    const callee = call.callee as AnyNode;
    if (
      ['match', 'matchAll', 'replace', 'replaceAll', 'split', 'search'].includes(name) &&
      callee.type === 'MemberExpression'
    ) {
      if (isHarmless(callee.object as AnyNode)) subjects.add(text.slice(callee.object.start, callee.object.end));
    }
    const [argument] = call.arguments as AnyNode[];
    if (['test', 'exec'].includes(name) && argument && isHarmless(argument))
      subjects.add(text.slice(argument.start, argument.end));
  }
  const checks = [...subjects].map(
    (one) => `if (String(${one}).length > ${INPUT_CHARACTERS}) throw new RangeError('input too long');`,
  );
  return [
    ['bound the length of the input', checks.length === 0 ? [] : inFront(text, scope, statement, checks.join(' '))],
  ];
}

type Call = AnyNode & { readonly type: 'CallExpression' | 'NewExpression' };

function callsIn(place: AnyNode): Call[] {
  const calls: Call[] = [];
  full(place, (node) => {
    if (node.type === 'CallExpression' || node.type === 'NewExpression') calls.push(node as Call);
  });
  return calls;
}

function calleeName(call: Call, text: string): string {
  const callee = call.callee as AnyNode;
  const last = callee.type === 'MemberExpression' && !callee.computed ? (callee.property as AnyNode) : callee;
  return last.type === 'Identifier' ? last.name : text.slice(last.start, last.end);
}

const replace = (node: Node, insert: string): Edit => ({ at: node.start, remove: node.end - node.start, insert });

/** Before a statement; where it is the lone body of an `if` or a loop, braces are put around both. */
function inFront(text: string, scope: AnyNode, place: AnyNode, insert: string): Edit[] {
  const start = text.lastIndexOf('\n', place.start - 1) + 1;
  const indent = /^\s*/.exec(text.slice(start, place.start))?.[0] ?? '';
  if (isInBlock(scope, place)) return [{ at: place.start, remove: 0, insert: `${insert}\n${indent}` }];
  return [
    { at: place.start, remove: 0, insert: `{ ${insert} ` },
    { at: place.end, remove: 0, insert: ' }' },
  ];
}

function isInBlock(scope: AnyNode, place: AnyNode): boolean {
  let found = false;
  full(scope, (node) => {
    const body = (node as { body?: unknown; consequent?: unknown }).body;
    const cases = (node as { consequent?: unknown }).consequent;
    for (const list of [body, cases]) if (Array.isArray(list) && list.includes(place)) found = true;
  });
  return found;
}

const SIMPLE = /^(?:ExpressionStatement|VariableDeclaration|ReturnStatement)$/;

function statementsIn(scope: AnyNode): AnyNode[] {
  const found: AnyNode[] = [];
  full(scope, (node) => {
    if (SIMPLE.test(node.type)) found.push(node as AnyNode);
  });
  return found.filter(
    (one) => !found.some((other) => other !== one && other.start >= one.start && other.end <= one.end),
  );
}

function findPlace(text: string, line: number): Around | undefined {
  const program = readScript(text);
  if (!program) return undefined;
  const lines = text.split('\n');
  const from = lines.slice(0, line - 1).reduce((sum, one) => sum + one.length + 1, 0);
  const to = from + (lines[line - 1]?.length ?? 0);
  let statement: AnyNode | undefined;
  let scope: AnyNode = program;
  const isTighter = (node: Node, than: Node | undefined) => !than || node.end - node.start < than.end - than.start;
  full(program, (node) => {
    if (node.start > to || node.end < from) return;
    if (SIMPLE.test(node.type) && isTighter(node, statement)) statement = node as AnyNode;
  });
  full(program, (node) => {
    const isAround = statement && node.start <= statement.start && node.end >= statement.end;
    if (/Function/.test(node.type) && isAround && isTighter(node, scope)) scope = node as AnyNode;
  });
  return statement ? { program, text, statement, scope } : undefined;
}

function apply(text: string, edits: readonly Edit[]): string {
  const sorted = [...edits].sort((left, right) => right.at - left.at);
  return sorted.reduce((at, edit) => at.slice(0, edit.at) + edit.insert + at.slice(edit.at + edit.remove), text);
}

function readScript(text: string): Program | undefined {
  for (const sourceType of ['script', 'module'] as const) {
    try {
      return parse(text, { ecmaVersion: 'latest', sourceType, allowHashBang: true, allowReturnOutsideFunction: true });
    } catch {
      // Tried as the other kind of source.
    }
  }
  return undefined;
}
