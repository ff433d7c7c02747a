/** Lines of a reproducer about the world it runs in: its canary, and what a target asks for and would not find there. */
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the texts are code that is written out.
import type { ProbePlan } from './plan.ts';

/** A reproducer that is given its canary does without the module. */
export const CANARY_LINE =
  "const canary = process.argv[2] ?? `hs${process.getBuiltinModule('node:crypto').randomBytes(8).toString('hex')}`;";

export function legacyText(plan: ProbePlan): string[] {
  if (!plan.legacy) return [];
  return [
    '// Helpers of node:util that the package asks for and newer versions of Node no longer have.',
    "const util = process.getBuiltinModule('node:util');",
    "for (const type of ['Boolean', 'Number', 'String', 'Function', 'Symbol', 'Undefined'])",
    '  util[`is${type}`] ??= (value) => typeof value === type.toLowerCase();',
    'util.isNull ??= (value) => value === null;',
    'util.isNullOrUndefined ??= (value) => value === null || value === undefined;',
    "util.isObject ??= (value) => value !== null && typeof value === 'object';",
    'util.isPrimitive ??= (value) => Object(value) !== value;',
    'util.isRegExp ??= (value) => value instanceof RegExp;',
    'util.isDate ??= (value) => value instanceof Date;',
    'util.isError ??= (value) => value instanceof Error;',
    'util.isBuffer ??= (value) => Buffer.isBuffer(value);',
    'util._extend ??= (into, from) => Object.assign(into, from);',
    '',
  ];
}

export function loopbackText(plan: ProbePlan): string[] {
  if (!plan.loopback) return [];
  const lo =
    "{ address: '127.0.0.1', netmask: '255.0.0.0', family: 'IPv4', mac: '00:00:00:00:00:00', internal: true, cidr: '127.0.0.1/8' }";
  return [
    '// The package asks for the network interfaces: it is told of loopback alone, as a sandbox has it.',
    `process.getBuiltinModule('node:os').networkInterfaces = () => ({ lo: [${lo}] });`,
    "process.getBuiltinModule('node:module').syncBuiltinESMExports();",
    '',
  ];
}
