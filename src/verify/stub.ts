/**
 * A package of the same name, files and entry points that does nothing: what fires on it fires by itself.
 *
 * Every exported value is one and the same harmless thing: callable, constructible, with every property being itself.
 * It calls back the functions it is given, so that an effect hidden in a callback shows on the stub.
 */
import { parse } from 'acorn';
import { simple } from 'acorn-walk';

export interface StubFile {
  /** Below the package. */
  readonly path: string;
  readonly content: string;
}

const ANYTHING = `const anything = new Proxy(function () {}, {
  get(target, name) {
    if (typeof name === 'symbol') return name === Symbol.toPrimitive ? () => '' : undefined;
    if (name === 'then' || name === 'toJSON' || name === '__esModule') return undefined;
    if (name === 'prototype') return target.prototype;
    return anything;
  },
  apply(_target, _self, args) {
    for (const arg of args) if (typeof arg === 'function') arg(null, anything);
    return anything;
  },
  construct(_target, args) {
    for (const arg of args) if (typeof arg === 'function') arg(null, anything);
    return anything;
  },
  set: () => true,
  defineProperty: () => true,
});
`;

const KEPT_FIELDS = ['name', 'version', 'main', 'module', 'exports', 'imports', 'type', 'bin', 'browser'] as const;

/** `files` are all files of the package with the text of its scripts; others are ignored. */
export function stubOf(files: ReadonlyMap<string, string>): StubFile[] {
  const stubs: StubFile[] = [];
  for (const [path, text] of files) {
    if (path === 'package.json' || path.endsWith('/package.json')) stubs.push({ path, content: stubManifest(text) });
    else if (path.endsWith('.json')) stubs.push({ path, content: '{}' });
    else if (path.endsWith('.node') || /\.d\.[cm]?ts$/.test(path)) continue;
    else if (/\.[cm]?js$/.test(path) || /^#!.*\bnode\b/.test(text))
      stubs.push({ path, content: stubScript(path, text) });
  }
  return stubs;
}

function stubManifest(text: string): string {
  try {
    const manifest = JSON.parse(text) as Record<string, unknown>;
    return JSON.stringify(Object.fromEntries(KEPT_FIELDS.map((field) => [field, manifest[field]])));
  } catch {
    return '{}';
  }
}

function stubScript(path: string, text: string): string {
  const names = path.endsWith('.cjs') ? undefined : exportedNames(text);
  if (names === undefined) return `'use strict';\n${ANYTHING}module.exports = anything;\n`;
  const named = [...names].filter((name) => name !== 'default').map((name) => `anything as ${name}`);
  return `${ANYTHING}export { ${[...named, 'anything as default'].join(', ')} };\n`;
}

/** Names an ES module exports; undefined where the text is none. */
function exportedNames(text: string): Set<string> | undefined {
  try {
    const tree = parse(text, { ecmaVersion: 'latest', sourceType: 'module', allowHashBang: true });
    const names = new Set<string>();
    let isModule = false;
    simple(tree, {
      ImportDeclaration: () => {
        isModule = true;
      },
      ExportAllDeclaration: () => {
        isModule = true;
      },
      ExportDefaultDeclaration: () => {
        isModule = true;
      },
      ExportNamedDeclaration(node) {
        isModule = true;
        for (const { exported } of node.specifiers) if ('name' in exported) names.add(exported.name);
        const { declaration } = node;
        if (!declaration) return;
        if ('id' in declaration) names.add(declaration.id.name);
        else for (const { id } of declaration.declarations) if (id.type === 'Identifier') names.add(id.name);
      },
    });
    return isModule ? names : undefined;
  } catch {
    return undefined;
  }
}
