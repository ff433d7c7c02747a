/** The oracle of each class as text of a reproducer: `look()`, and the sentences `SHOWN` and `NOT_SHOWN`. */
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the texts are code that is written out.
import { quoted } from './literal.ts';
import type { ProbePlan } from './plan.ts';

const TRAP = (holder: string): string[] => [
  'const { defineProperty, deleteProperty } = Reflect;',
  `defineProperty(${holder}, canary, {`,
  '  configurable: true,',
  '  get: () => undefined,',
  '  set(value) {',
  `    if (this === ${holder} || this === undefined) saw(framesHere());`,
  '    else if (Object(this) === this) defineProperty(this, canary, { value, writable: true, enumerable: true, configurable: true });',
  '  },',
  '});',
];

const POLLUTION = [
  `const SHOWN = \`Object.prototype received the fresh key \${canary}\`;`,
  `const NOT_SHOWN = \`Object.prototype did not receive the fresh key \${canary}\`;`,
  '// A trap under the fresh key: it sees who writes to Object.prototype, and lets every other write through.',
  ...TRAP('Object.prototype'),
  'for (const holder of [Object, Reflect]) {',
  '  const original = holder.defineProperty;',
  '  holder.defineProperty = function (object, key, descriptor) {',
  '    const done = original(object, key, descriptor);',
  '    if (object === Object.prototype && key === canary) saw(framesHere());',
  '    return done;',
  '  };',
  '}',
  'function look() {',
  '  // Nothing to poll: the trap speaks for itself.',
  '}',
  '',
];

const CODE = [
  `const SHOWN = \`evaluated text assigned the fresh global \${canary}\`;`,
  `const NOT_SHOWN = \`no evaluated text assigned the fresh global \${canary}\`;`,
  '// A trap under the fresh global: only text that is evaluated can assign it.',
  ...TRAP('globalThis'),
  'function look() {',
  '  // Nothing to poll: the trap speaks for itself.',
  '}',
  '',
];

function standInText(programs: readonly string[]): string[] {
  if (programs.length === 0) return [];
  return [
    '// Programs that the package starts and that may be missing here: stood in for by ones that do nothing.',
    'const standIns = `${process.cwd()}/stand-ins`;',
    'fs.mkdirSync(standIns, { recursive: true });',
    `for (const program of [${programs.map(quoted).join(', ')}])`,
    "  fs.writeFileSync(`${standIns}/${program}`, '#!/bin/sh\\nexit 0\\n', { mode: 0o755 });",
    'process.env.PATH = `${process.env.PATH}:${standIns}`;',
  ];
}

function command(plan: ProbePlan): string[] {
  return [
    `const SHOWN = \`a command created the file \${canary}\`;`,
    `const NOT_SHOWN = \`no command created the file \${canary}\`;`,
    ...standInText(plan.programs ?? []),
    '// Who starts a command that bears the canary, and where.',
    'let starter = [];',
    'let isStarted = false;',
    'const directories = new Set([process.cwd()]);',
    "for (const name of ['exec', 'execSync', 'spawn', 'spawnSync', 'execFile', 'execFileSync']) {",
    '  const original = childProcess[name];',
    '  const hook = function (...args) {',
    '    isStarted = true;',
    '    const stack = framesHere();',
    '    const bearsCanary = args.flat().some((arg) => String(arg).includes(canary));',
    '    if (stack.length > 0 && (bearsCanary || starter.length === 0)) starter = stack;',
    "    for (const arg of args) if (typeof arg?.cwd === 'string') directories.add(arg.cwd);",
    '    return Reflect.apply(original, this, args);',
    '  };',
    '  // promisify(exec) has to pass the hook as well.',
    "  hook[Symbol.for('nodejs.util.promisify.custom')] = (...args) =>",
    '    new Promise((resolve, reject) => {',
    '      hook(...args, (error, stdout, stderr) => (error ? reject(error) : resolve({ stdout, stderr })));',
    '    });',
    '  childProcess[name] = hook;',
    '}',
    'syncBuiltinESMExports();',
    'function look() {',
    '  for (const directory of directories) if (fs.existsSync(`${directory}/${canary}`)) saw(starter);',
    '}',
    '',
  ];
}

export function oracleText(plan: ProbePlan): string[] {
  if (plan.flaw === 'prototype-pollution') return POLLUTION;
  if (plan.flaw === 'code-injection') return CODE;
  if (plan.flaw === 'command-injection') return command(plan);
  throw new Error(`the oracle of ${plan.flaw} is written elsewhere`);
}
