/**
 * Reads a reproducer that is not exactly what our renderer makes of its plan, and refuses it where it could bring the
 * effect about by itself or reach the observer: it may load the target, call it with data and look; nothing else.
 *
 * An allow-list over the syntax tree. Names of the world outside the script may only be called, and only those listed;
 * none may be handed to the target as a value (a target that calls a given `eval` is no flaw of the target).
 */
import { type Node, parse } from 'acorn';
import { ok, type Result, refuse } from '../lib/result.ts';

export interface ScreenRefusal {
  /** One sentence with the line. */
  readonly detail: string;
}

const MAX_CHARACTERS = 200_000;

/** What may be called of the world, by dotted name. */
const CALLABLE = new Set([
  'require',
  'setTimeout',
  'setInterval',
  'setImmediate',
  'clearTimeout',
  'clearInterval',
  'String',
  'Number',
  'Boolean',
  'Array',
  'Date',
  'Error',
  'Promise',
  'Map',
  'Set',
  'URL',
  'Buffer.from',
  'Buffer.alloc',
  'Buffer.concat',
  'JSON.parse',
  'JSON.stringify',
  'Object.keys',
  'Object.entries',
  'Object.values',
  'Object.fromEntries',
  'Array.from',
  'Array.isArray',
  'Date.now',
  'Math.max',
  'Math.min',
  'Math.log',
  'Math.log2',
  'Math.round',
  'Math.floor',
  'Number.isFinite',
  'Promise.resolve',
  'Promise.all',
  'Promise.race',
  'console.log',
  'console.error',
  'process.cpuUsage',
  'process.hrtime',
  'process.hrtime.bigint',
  'process.cwd',
  'process.exit',
  'process.on',
  'process.once',
  'process.nextTick',
  'process.stdout.write',
  'performance.now',
]);

/** What may be read of the world, by dotted name. */
const READABLE = new Set([
  'undefined',
  'NaN',
  'Infinity',
  'process.argv',
  'process.exitCode',
  'process.argv.length',
  '__dirname',
]);

/** Modules a reproducer may load beside the target, and what it may call of them. */
const MODULES: Readonly<Record<string, ReadonlySet<string>>> = {
  fs: new Set(['existsSync', 'readFileSync', 'writeFileSync', 'mkdirSync', 'writeSync', 'rmSync', 'readdirSync']),
  path: new Set(['join', 'resolve', 'dirname', 'basename']),
  crypto: new Set(['randomBytes', 'randomUUID']),
  http: new Set(['get', 'request']),
  net: new Set(['connect', 'createConnection']),
  'timers/promises': new Set(['setTimeout']),
  assert: new Set(['ok', 'equal', 'strictEqual']),
};

/** Ways from any value to the built-ins behind it. */
const FORBIDDEN_NAMES = new Set([
  'constructor',
  'prototype',
  '__proto__',
  '__defineGetter__',
  '__defineSetter__',
  '__lookupGetter__',
  '__lookupSetter__',
  'getPrototypeOf',
  'setPrototypeOf',
  'defineProperty',
  'defineProperties',
  'getOwnPropertyDescriptor',
  'getOwnPropertyDescriptors',
  'caller',
  'callee',
  'arguments',
  'mainModule',
  'children',
  'parent',
  'cache',
  'binding',
  '_linkedBinding',
  'prepareStackTrace',
  'captureStackTrace',
  'stackTraceLimit',
  'call',
  'apply',
  'bind',
]);

interface Script {
  readonly packageName: string;
  /** Names declared anywhere in the script. One declared name hides the world's in all of it, so those are refused. */
  readonly declared: ReadonlySet<string>;
  /** Variables that hold a listed module. */
  readonly modules: ReadonlyMap<string, string>;
  /** Variables that hold the canary as it was handed over, and nothing else. */
  readonly canaries: ReadonlySet<string>;
}

type Any = Node & { readonly [field: string]: unknown };
const asNode = (value: unknown) => value as Any;

export function screenReproducer(text: string, packageName: string): Result<null, ScreenRefusal> {
  if (text.length > MAX_CHARACTERS) return refuse({ detail: `longer than ${MAX_CHARACTERS} characters` });
  const tree = parseScript(text);
  if (!tree) return refuse({ detail: 'not JavaScript' });
  const script = readScript(tree, packageName);
  let problem: { readonly line: number; readonly what: string } | undefined;
  walk(tree, [], (node, parents) => {
    const what = problem ? undefined : objection(node, parents, script);
    if (what) problem = { line: node.loc?.start.line ?? 0, what };
  });
  return problem ? refuse({ detail: `line ${problem.line}: ${problem.what}` }) : ok(null);
}

function parseScript(text: string): Node | undefined {
  for (const sourceType of ['script', 'module'] as const) {
    try {
      return parse(text, {
        ecmaVersion: 'latest',
        sourceType,
        locations: true,
        allowHashBang: true,
        allowAwaitOutsideFunction: sourceType === 'module',
      });
    } catch {
      // Not this kind of source.
    }
  }
  return undefined;
}

function walk(node: Any | Node, parents: readonly Any[], visit: (node: Any, parents: readonly Any[]) => void): void {
  const it = asNode(node);
  visit(it, parents);
  for (const value of Object.values(it)) {
    for (const child of Array.isArray(value) ? value : [value]) {
      if (child && typeof (child as { type?: unknown }).type === 'string') walk(child as Node, [...parents, it], visit);
    }
  }
}

function readScript(tree: Node, packageName: string): Script {
  const declared = new Set<string>();
  const modules = new Map<string, string>();
  const canaries = new Set<string>();
  walk(tree, [], (node, parents) => {
    if (node.type === 'Identifier' && isBinding(node, parents)) declared.add(String(node.name));
    if (node.type === 'ImportDeclaration') {
      const [first] = node.specifiers as Any[];
      const name = builtinName(asNode(node.source).value);
      if (first?.type === 'ImportDefaultSpecifier' && name) modules.set(String(asNode(first.local).name), name);
    }
    if (node.type !== 'VariableDeclarator' || asNode(node.id).type !== 'Identifier') return;
    const name = String(asNode(node.id).name);
    const module = builtinName(requiredName(node.init as Any | null));
    if (module && parents.at(-1)?.kind === 'const') modules.set(name, module);
    if (isCanary(node.init as Any | null) && parents.at(-1)?.kind === 'const') canaries.add(name);
  });
  return { packageName, declared, modules, canaries };
}

/** `process.argv[2]`, or that with a fallback that is never needed here. */
function isCanary(init: Any | null): boolean {
  if (init?.type === 'LogicalExpression') return isCanary(init.left as Any);
  return (
    init?.type === 'MemberExpression' &&
    dotted(init.object as Any) === 'process.argv' &&
    asNode(init.property).value === 2
  );
}

function requiredName(init: Any | null): unknown {
  if (init?.type !== 'CallExpression' || dotted(init.callee as Any) !== 'require') return undefined;
  return (init.arguments as Any[])[0]?.value;
}

function builtinName(value: unknown): string | undefined {
  const name = typeof value === 'string' ? value.replace(/^node:/, '') : '';
  return Object.hasOwn(MODULES, name) ? name : undefined;
}

function isBinding(node: Any, parents: readonly Any[]): boolean {
  const parent = parents.at(-1);
  if (!parent) return false;
  switch (parent.type) {
    case 'VariableDeclarator':
    case 'ClassDeclaration':
      return parent.id === node;
    case 'FunctionDeclaration':
    case 'FunctionExpression':
    case 'ArrowFunctionExpression':
      return parent.id === node || (parent.params as unknown[]).includes(node);
    case 'ImportDefaultSpecifier':
    case 'ImportNamespaceSpecifier':
    case 'ImportSpecifier':
      return parent.local === node;
    case 'CatchClause':
      return parent.param === node;
    case 'Property':
      return parent.value === node && parents.some(({ type }) => type === 'ObjectPattern');
    case 'ArrayPattern':
    case 'RestElement':
      return true;
    case 'AssignmentPattern':
      return parent.left === node;
    default:
      return false;
  }
}

/** `process.stdout.write` for such a chain of plain names, otherwise undefined. */
function dotted(node: Any | undefined): string | undefined {
  if (node?.type === 'Identifier') return String(node.name);
  if (node?.type !== 'MemberExpression' || node.computed) return undefined;
  const left = dotted(node.object as Any);
  return left === undefined ? undefined : `${left}.${String(asNode(node.property).name)}`;
}

const REFUSED_KINDS: Readonly<Record<string, string>> = {
  ImportExpression: 'loads code by a computed name',
  MetaProperty: 'reaches behind the module',
  WithStatement: 'hides where names come from',
  TaggedTemplateExpression: 'calls through a template',
  PrivateIdentifier: 'has private state',
  ClassDeclaration: 'defines a class',
  ClassExpression: 'defines a class',
  ExportNamedDeclaration: 'exports something',
  ExportAllDeclaration: 'exports something',
  ExportDefaultDeclaration: 'exports something',
  ThisExpression: 'uses `this`, which leads to the global object',
  DebuggerStatement: 'calls a debugger',
};

/** Why this node may not be in a reproducer, or undefined. */
function objection(node: Any, parents: readonly Any[], script: Script): string | undefined {
  const refused = REFUSED_KINDS[node.type];
  if (refused) return refused;
  switch (node.type) {
    case 'Literal':
      return node.regex ? 'brings a regular expression of its own' : undefined;
    case 'ImportDeclaration': {
      const { value } = asNode(node.source);
      const isPlain = (node.specifiers as Any[]).every(({ type }) => type === 'ImportDefaultSpecifier');
      return builtinName(value) && !isPlain ? 'takes a module of Node apart' : loads(value, script);
    }
    case 'Identifier':
      return isReference(node, parents) && !script.declared.has(String(node.name))
        ? worldUse(node, parents, script)
        : moduleUse(node, parents, script);
    case 'MemberExpression':
      return memberUse(node, script);
    case 'Property':
      return parents.at(-1)?.type === 'ObjectPattern' ? keyProblem(node, script) : undefined;
    case 'AssignmentExpression':
    case 'UpdateExpression':
    case 'UnaryExpression':
      return writeProblem(node, script);
    default:
      return undefined;
  }
}

function loads(name: unknown, script: Script): string | undefined {
  if (typeof name !== 'string') return 'loads code by a computed name';
  if (name === script.packageName || name.startsWith(`${script.packageName}/`)) return undefined;
  return builtinName(name) ? undefined : `loads ${name}`;
}

function isReference(node: Any, parents: readonly Any[]): boolean {
  const parent = parents.at(-1);
  if (parent?.type === 'MemberExpression' && parent.property === node && !parent.computed) return false;
  if (parent?.type === 'Property' && parent.key === node && !parent.computed && parent.value !== node) return false;
  if (parent?.type === 'LabeledStatement' || parent?.type === 'BreakStatement') return false;
  return true;
}

/** A name from outside the script: the longest chain it begins must be called as listed, or read as listed. */
function worldUse(node: Any, parents: readonly Any[], script: Script): string | undefined {
  if (String(node.name) === 'globalThis') return globalUse(parents, script);
  if (String(node.name) === 'require') {
    const call = parents.at(-1);
    if (call?.type !== 'CallExpression' || call.callee !== node) return 'hands `require` on';
    const name = (call.arguments as Any[])[0]?.value;
    const holder = parents.at(-2);
    const isPlain = holder?.type === 'VariableDeclarator' && asNode(holder.id).type === 'Identifier';
    if (builtinName(name) && !(isPlain && parents.at(-3)?.kind === 'const')) return 'takes a module of Node apart';
    return loads(name, script);
  }
  let top = node;
  let depth = parents.length - 1;
  while (parents[depth]?.type === 'MemberExpression' && parents[depth]?.object === top && !parents[depth]?.computed) {
    top = parents[depth] as Any;
    depth -= 1;
    const name = dotted(top) ?? '';
    if (READABLE.has(name)) return undefined;
  }
  const name = dotted(top) ?? String(node.name);
  if (READABLE.has(name)) return undefined;
  const user = parents[depth];
  const called = (user?.type === 'CallExpression' || user?.type === 'NewExpression') && user.callee === top;
  return called && CALLABLE.has(name) ? undefined : `uses ${name}`;
}

/** Only to look whether the canary is there: `globalThis[canary]`, never written or called. */
function globalUse(parents: readonly Any[], script: Script): string | undefined {
  const member = parents.at(-1);
  const user = parents.at(-2);
  const looks =
    member?.type === 'MemberExpression' && member.computed && script.canaries.has(String(asNode(member.property).name));
  const harmless = user?.type !== 'AssignmentExpression' && user?.type !== 'CallExpression';
  return looks && harmless ? undefined : 'uses the global object';
}

/** A variable that holds a listed module may only be called at a listed member. */
function moduleUse(node: Any, parents: readonly Any[], script: Script): string | undefined {
  const module = script.modules.get(String(node.name));
  if (!module || !isReference(node, parents) || isBinding(node, parents)) return undefined;
  const member = parents.at(-1);
  const call = parents.at(-2);
  const name = member?.type === 'MemberExpression' && !member.computed ? String(asNode(member.property).name) : '';
  const called = call?.type === 'CallExpression' && call.callee === member;
  return called && MODULES[module]?.has(name) ? undefined : `uses ${module} otherwise than by calling it`;
}

function memberUse(node: Any, script: Script): string | undefined {
  const property = asNode(node.property);
  if (!node.computed)
    return FORBIDDEN_NAMES.has(String(property.name)) ? `reaches for ${String(property.name)}` : undefined;
  return computedProblem(property, script);
}

/** A computed name is a number, a harmless text, the canary, or something that can only be a number. */
function computedProblem(property: Any, script: Script): string | undefined {
  if (property.type === 'Literal') {
    return FORBIDDEN_NAMES.has(String(property.value)) ? `reaches for ${String(property.value)}` : undefined;
  }
  if (property.type === 'Identifier' && script.canaries.has(String(property.name))) return undefined;
  return 'computes a property name';
}

function keyProblem(node: Any, script: Script): string | undefined {
  const key = asNode(node.key);
  if (node.computed) return computedProblem(key, script);
  const name = String(key.name ?? key.value);
  return FORBIDDEN_NAMES.has(name) ? `reaches for ${name}` : undefined;
}

/** Only own variables may be written; writing into anything else could be the effect. */
function writeProblem(node: Any, script: Script): string | undefined {
  if (node.type === 'UnaryExpression' && node.operator !== 'delete') return undefined;
  const target = asNode(node.left ?? node.argument);
  if (target.type === 'Identifier' && script.declared.has(String(target.name))) return undefined;
  if (dotted(target) === 'process.exitCode') return undefined;
  return 'writes into something it did not make';
}
