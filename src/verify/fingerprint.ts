/**
 * When two findings are one: same package, class, file, enclosing function and statement at the sink. Line numbers,
 * layout, comments and build directories do not count, so the same root cause is recognised in other versions and
 * from other entry points.
 */
import { createHmac } from 'node:crypto';
import { type Node, parse, tokenizer } from 'acorn';
import { ancestor } from 'acorn-walk';
import type { FlawClass } from '../formats/flaw-class.ts';
import { canonicalJson } from '../lib/canonical-json.ts';

export interface RootCause {
  /** The package the sink lies in: the target, or one of its dependencies. */
  readonly package: string;
  readonly flaw: FlawClass;
  /** Below the package, without build directories, `.min` and extension. */
  readonly file: string;
  /** Empty at the top level of a file and where the function has no name. */
  readonly functionName: string;
  /** Tokens of the statement, one space between. */
  readonly statement: string;
  /** Of a flaw that a release had mended: the later release in which it is back. That is a flaw of its own. */
  readonly backIn?: string;
}

export interface SinkSource {
  readonly flaw: FlawClass;
  /** Path below the outer `node_modules`: `name/lib/index.js`, `name/node_modules/dep/x.js`. */
  readonly file: string;
  /** 1-based; column 0 where unknown. */
  readonly line: number;
  readonly column: number;
  /** Text of the file. */
  readonly source: string;
}

const MAX_STATEMENT_CHARACTERS = 2_000;
const BUILD_DIRECTORIES = new Set([
  'dist',
  'build',
  'lib',
  'libs',
  'src',
  'source',
  'cjs',
  'esm',
  'es',
  'es5',
  'es6',
  'umd',
  'commonjs',
  'module',
  'out',
  'release',
  'node',
]);

export function rootCauseOf(sink: SinkSource): RootCause {
  const { package: owner, path } = ownerOf(sink.file);
  const place = placeOf(sink);
  return { package: owner, flaw: sink.flaw, file: withoutBuildParts(path), ...place };
}

/** Keyed, because an unkeyed hash of a guessable root cause would tell the world which flaw is being held back. */
export function fingerprintOf(cause: RootCause, key: Uint8Array): string {
  return createHmac('sha256', key)
    .update(canonicalJson({ ...cause }))
    .digest('hex');
}

/** The innermost package of a path below `node_modules`, and the path inside it. */
export function ownerOf(file: string): { readonly package: string; readonly path: string } {
  const inner = file.split('node_modules/').at(-1) ?? file;
  const parts = inner.split('/');
  const length = inner.startsWith('@') ? 2 : 1;
  return { package: parts.slice(0, length).join('/'), path: parts.slice(length).join('/') };
}

function withoutBuildParts(path: string): string {
  const parts = path.split('/').filter((part) => !BUILD_DIRECTORIES.has(part) && !/^v?\d+(\.\d+)*$/.test(part));
  const last = parts.pop() ?? '';
  return [...parts, last.replace(/(\.(min|prod|production|development|bundle))*\.[cm]?[jt]sx?$/, '')].join('/');
}

type Place = Pick<RootCause, 'functionName' | 'statement'>;

function placeOf(sink: SinkSource): Place {
  const lineText = sink.source.split(/\r\n|[\n\r\u2028\u2029]/)[sink.line - 1] ?? '';
  const tree = parseLeniently(sink.source);
  if (!tree) return { functionName: '', statement: tokensOf(lineText) };
  const offset = offsetOf(sink, lineText);
  let statement: Node | undefined;
  let functionName = '';
  ancestor(tree, {
    Statement(node, _state, ancestors) {
      if (!contains(node, offset) || (statement && sizeOf(statement) <= sizeOf(node))) return;
      statement = node;
      functionName = enclosingName(ancestors as NamedNode[]);
    },
  });
  if (!statement) return { functionName: '', statement: tokensOf(lineText) };
  return { functionName, statement: tokensOf(sink.source.slice(statement.start, statement.end)) };
}

/** Names of the parameters of the innermost function around a line; a pattern has an empty name. */
export function parametersAt(source: string, line: number): readonly string[] {
  const tree = parseLeniently(source);
  if (!tree) return [];
  const lineText = source.split(/\r\n|[\n\r\u2028\u2029]/)[line - 1] ?? '';
  const offset = offsetOf({ source, line, column: 0 }, lineText);
  let innermost: FunctionNode | undefined;
  ancestor(tree, {
    Function(node) {
      if (contains(node, offset) && (!innermost || sizeOf(node) < sizeOf(innermost))) innermost = node as FunctionNode;
    },
  });
  return innermost?.params.map((parameter) => nameOf(parameter.left ?? parameter)) ?? [];
}

type FunctionNode = Node & { readonly params: readonly NamedNode[] };

const contains = (node: Node, offset: number) => node.start <= offset && offset < node.end;
const sizeOf = (node: Node) => node.end - node.start;

/** Index of the sink in the source; without a column, the first token of its line. */
function offsetOf({ source, line, column }: Pick<SinkSource, 'source' | 'line' | 'column'>, lineText: string): number {
  let offset = 0;
  for (let passed = 1; passed < line; passed += 1) {
    const next = source.slice(offset).search(/\r\n|[\n\r\u2028\u2029]/);
    if (next < 0) break;
    offset += next + (source.startsWith('\r\n', offset + next) ? 2 : 1);
  }
  return offset + (column > 0 ? column - 1 : lineText.length - lineText.trimStart().length);
}

function parseLeniently(source: string): Node | undefined {
  const common = { ecmaVersion: 'latest', allowHashBang: true, allowReturnOutsideFunction: true } as const;
  for (const sourceType of ['module', 'script'] as const) {
    try {
      return parse(source, { ...common, sourceType });
    } catch {
      // Not this kind of source; TypeScript and JSX are neither, and fall back to the text of the line.
    }
  }
  return undefined;
}

type NamedNode = Node & {
  readonly id?: NamedNode | null;
  readonly key?: NamedNode;
  readonly left?: NamedNode;
  readonly property?: NamedNode;
  readonly name?: unknown;
  readonly value?: unknown;
};

/** The name of the innermost function around a node: its own, or that of the variable, property or member it is put in. */
function enclosingName(ancestors: readonly NamedNode[]): string {
  for (let index = ancestors.length - 1; index >= 0; index -= 1) {
    const node = ancestors[index];
    if (!node || !/Function/.test(node.type)) continue;
    const holder = ancestors[index - 1];
    return (
      nameOf(node.id) ||
      nameOf(holder?.id) ||
      nameOf(holder?.key) ||
      nameOf(holder?.left?.property) ||
      nameOf(holder?.left)
    );
  }
  return '';
}

function nameOf(node: NamedNode | null | undefined): string {
  if (typeof node?.name === 'string') return node.name;
  return typeof node?.value === 'string' ? node.value : '';
}

/** Spelling without layout: tokens joined by one space, all string quotes alike. */
function tokensOf(text: string): string {
  const parts: string[] = [];
  try {
    for (const token of tokenizer(text, { ecmaVersion: 'latest' })) {
      const spelled = text.slice(token.start, token.end);
      parts.push(/^['"]/.test(spelled) ? `"${spelled.slice(1, -1)}"` : spelled);
    }
  } catch {
    return text.trim().replace(/\s+/g, ' ').slice(0, MAX_STATEMENT_CHARACTERS);
  }
  if (parts.at(-1) === ';') parts.pop();
  return parts.join(' ').slice(0, MAX_STATEMENT_CHARACTERS);
}
