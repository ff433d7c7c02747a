/**
 * Argument lists of calls in a package's own documentation and tests, by the name of the function called. The text is
 * hostile and often not even JavaScript: what does not parse is left out.
 */
import { parse } from 'acorn';
import { simple } from 'acorn-walk';
import type { PlanValue } from '../probe/index.ts';

const LISTS_PER_NAME = 8;
const NAMES = 200;
const TEXT_CHARACTERS = 200_000;
const DEPTH = 5;

interface SyntaxNode {
  readonly type: string;
  readonly [member: string]: unknown;
}

/** The JavaScript in a Markdown text: fenced blocks, else indented ones. */
export function codeBlocks(markdown: string): readonly string[] {
  const text = markdown.slice(0, TEXT_CHARACTERS);
  const fenced = [...text.matchAll(/^ {0,3}```[ \t]*([\w-]*)[^\n]*\n([\s\S]*?)^ {0,3}```/gm)]
    .filter(([, language = '']) => /^(?:js|javascript|jsx|ts|typescript|node|es6|mjs|)$/i.test(language))
    .map(([, , body = '']) => body);
  const indented = [...text.matchAll(/(?:^(?: {4}|\t)[^\n]*\n|^[ \t]*\n(?=(?: {4}|\t)))+/gm)].map(([body]) =>
    body.replace(/^(?: {4}|\t)/gm, ''),
  );
  return [...fenced, ...indented].slice(0, 80);
}

function literal(
  node: SyntaxNode | null | undefined,
  known: ReadonlyMap<string, SyntaxNode>,
  depth: number,
): PlanValue {
  if (!node || depth > DEPTH) return { kind: 'payload' };
  const again = (next: unknown): PlanValue => literal(next as SyntaxNode, known, depth + 1);
  switch (node.type) {
    case 'Literal': {
      const { value } = node;
      const isPlain = value === null || ['string', 'number', 'boolean'].includes(typeof value);
      return isPlain && !('regex' in node) ? { kind: 'json', value: value as string } : { kind: 'payload' };
    }
    case 'TemplateLiteral':
      return { kind: 'json', value: (node.quasis as { value: { cooked: string } }[])[0]?.value.cooked ?? '' };
    case 'ArrayExpression':
      return { kind: 'array', items: (node.elements as unknown[]).slice(0, 20).map(again) };
    case 'ObjectExpression':
      return {
        kind: 'object',
        members: (node.properties as SyntaxNode[]).slice(0, 20).flatMap((property) => {
          const key = property.key as SyntaxNode | undefined;
          const name = key?.name ?? key?.value;
          if (property.type !== 'Property' || property.computed === true || name === undefined) return [];
          return [[String(name), again(property.value)] as const];
        }),
      };
    case 'FunctionExpression':
    case 'ArrowFunctionExpression':
      return { kind: 'callback' };
    case 'Identifier': {
      const bound = known.get(String(node.name));
      return bound && depth < DEPTH ? again(bound) : { kind: 'payload' };
    }
    default:
      return { kind: 'payload' };
  }
}

function calleeName(callee: SyntaxNode | undefined): string | undefined {
  if (callee?.type === 'Identifier') return String(callee.name);
  const property = callee?.property as SyntaxNode | undefined;
  return callee?.type === 'MemberExpression' && property?.type === 'Identifier' ? String(property.name) : undefined;
}

/** Parses one text; a text with a stray line is tried again without its last part. */
function parsed(code: string): SyntaxNode | undefined {
  for (const sourceType of ['module', 'script'] as const) {
    try {
      const options = { ecmaVersion: 'latest', sourceType, allowReturnOutsideFunction: true } as const;
      return parse(code.replace(/^#!/, '//'), options) as unknown as SyntaxNode;
    } catch {
      // Prose, a shell session, a fragment.
    }
  }
  return undefined;
}

function isTelling(args: readonly PlanValue[]): boolean {
  return args.length > 0 && args.length <= 8;
}

/** Whether an expression is `require` of the package, by its name or by the way its own tests go. */
function isOwn(init: SyntaxNode, packageName: string): boolean {
  const [source] = (init.arguments as SyntaxNode[] | undefined) ?? [];
  if (init.type !== 'CallExpression' || calleeName(init.callee as SyntaxNode) !== 'require') return false;
  const from = String(source?.value ?? '');
  return from === packageName || /^\.{1,2}(?:\/(?:index|lib|src|dist)?(?:\/index)?(?:\.js)?)?$/.test(from);
}

/** Adds the calls of one text; those of the package itself under the name `main` too. */
export function collectExamples(code: string, packageName: string, into: Map<string, (readonly PlanValue[])[]>): void {
  const tree = parsed(code.slice(0, TEXT_CHARACTERS));
  if (!tree) return;
  const known = new Map<string, SyntaxNode>();
  const own = new Set<string>();
  const add = (node: SyntaxNode): void => {
    const name = calleeName(node.callee as SyntaxNode);
    if (!name || name === 'require') return;
    const args = (node.arguments as SyntaxNode[]).map((arg) => literal(arg, known, 0));
    keep(name, args);
    if (own.has(name) && (node.callee as SyntaxNode).type === 'Identifier') keep('main', args);
  };
  const keep = (name: string, args: readonly PlanValue[]): void => {
    const lists = into.get(name) ?? [];
    if (!isTelling(args) || lists.length >= LISTS_PER_NAME || into.size >= NAMES) return;
    if (lists.some((other) => JSON.stringify(other) === JSON.stringify(args))) return;
    into.set(name, [...lists, args]);
  };
  simple(tree as unknown as Parameters<typeof simple>[0], {
    VariableDeclarator(node) {
      const { id, init } = node as unknown as { id: SyntaxNode; init?: SyntaxNode };
      if (id.type !== 'Identifier' || !init) return;
      if (known.size < 500) known.set(String(id.name), init);
      if (isOwn(init, packageName)) own.add(String(id.name));
    },
    ImportDeclaration(node) {
      const { source, specifiers } = node as unknown as { source: SyntaxNode; specifiers: SyntaxNode[] };
      if (source.value !== packageName) return;
      for (const { type, local } of specifiers)
        if (type === 'ImportDefaultSpecifier') own.add(String((local as SyntaxNode).name));
    },
  });
  simple(tree as unknown as Parameters<typeof simple>[0], {
    CallExpression: (node) => add(node as unknown as SyntaxNode),
    NewExpression: (node) => add(node as unknown as SyntaxNode),
  });
}
