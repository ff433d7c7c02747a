/**
 * Writes a plan out as a reproducer: one readable file without dependencies that says at its end what it saw
 * (`verdict.ts`). Its last line holds the plan, so that the file alone is enough to vary, minimise and render again.
 */
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the texts are code that is written out.
import { FLAW_CLASSES, type FlawClass } from '../formats/flaw-class.ts';
import { programText } from './cli-render.ts';
import { argumentLiterals, memberAccess, needsAnyProperty, quoted, reachExpression, textLiteral } from './literal.ts';
import { oracleText } from './oracle-text.ts';
import type { PlanReach, PlanValue, ProbePlan } from './plan.ts';
import { isProbePlan } from './plan-shape.ts';
import { renderRedos } from './redos-render.ts';
import { describeStart } from './traversal-entry.ts';
import { renderTraversal } from './traversal-render.ts';
import { VERDICT_PREFIX } from './verdict.ts';
import { CANARY_LINE, legacyText, loopbackText } from './world-text.ts';

const PLAN_LINE = '// plan: ';

export function reproducerFileName(plan: ProbePlan): 'reproduce.cjs' | 'reproduce.mjs' {
  return plan.format === 'esm' ? 'reproduce.mjs' : 'reproduce.cjs';
}

/** The plan of a reproducer, or undefined where the text holds none. The text may come from anyone. */
export function readPlan(text: string): ProbePlan | undefined {
  const line = text
    .trimEnd()
    .split('\n')
    .findLast((candidate) => candidate.startsWith(PLAN_LINE));
  if (!line) return undefined;
  try {
    const plan: unknown = JSON.parse(line.slice(PLAN_LINE.length));
    return isProbePlan(plan) ? plan : undefined;
  } catch {
    return undefined;
  }
}

/** `require('name').set({}, payload, '1')`, for people. */
export function entryText(plan: ProbePlan, packageName: string): string {
  if (plan.flaw === 'path-traversal' || plan.drive.kind === 'bin') return describeStart(packageName, plan);
  const file = plan.file === '' ? packageName : `${packageName}/${plan.file}`;
  const start = plan.format === 'esm' ? `(await import(${quoted(file)}))` : `require(${quoted(file)})`;
  const at = reachExpression(start, plan.reach);
  const args = 'args' in plan.drive ? argumentLiterals(plan.drive.args) : '';
  return plan.drive.kind === 'construct' ? `new (${at})(${args})` : `${at}(${args})`;
}

const WAIT_MILLISECONDS: Partial<Record<FlawClass, number>> = {
  'prototype-pollution': 400,
  'code-injection': 400,
  'command-injection': 1500,
};

export interface RenderOptions {
  readonly packageName: string;
}

/** The whole reproducer. Throws on a plan whose class and drive do not go together. */
export function renderReproducer(plan: ProbePlan, options: RenderOptions): string {
  return [...reproducerLines(plan, options), `${PLAN_LINE}${planText(plan)}`, ''].join('\n');
}

function reproducerLines(plan: ProbePlan, options: RenderOptions): string[] {
  const fileName = reproducerFileName(plan);
  if (plan.flaw === 'path-traversal') return renderTraversal(plan, { ...options, fileName });
  if (plan.flaw === 'redos') return renderRedos(plan, { ...options, fileName, anyProperty: anyPropertyText(true) });
  return renderCall(plan, options);
}

/** On one line for JavaScript too, where U+2028 and U+2029 end a comment as a line feed does. */
function planText(plan: ProbePlan): string {
  return JSON.stringify(plan).replaceAll('\u2028', '\\u2028').replaceAll('\u2029', '\\u2029');
}

function renderCall(plan: ProbePlan, options: RenderOptions): string[] {
  const { drive } = plan;
  if (drive.kind !== 'call' && drive.kind !== 'construct' && drive.kind !== 'bin')
    throw new Error(`no call to render in a ${drive.kind} drive`);
  const flaw = FLAW_CLASSES[plan.flaw];
  const file = reproducerFileName(plan);
  return [
    `// ${flaw.title} (${flaw.cwe}) in ${options.packageName}, shown by a harmless canary.`,
    `// Run it where node_modules/${options.packageName} lies: node ${file} [canary]`,
    '// Exit status: 0 the flaw showed, 1 it did not, 2 the target could not be loaded or the call not reached.',
    ...head(plan),
    ...legacyText(plan),
    ...loopbackText(plan),
    ...oracleText(plan),
    ...(drive.kind === 'bin'
      ? programText({ ...plan, drive }, options.packageName)
      : [
          ...anyPropertyText(needsAnyProperty(drive.args, [...plan.reach, ...drive.after])),
          ...callText(plan, drive, options.packageName),
        ]),
    ...tail(plan),
  ];
}

function head(plan: ProbePlan): string[] {
  // A module that is not needed costs each of many runs more than the attack does.
  const isStarted = plan.flaw === 'command-injection';
  const imports =
    plan.format === 'esm'
      ? [
          "import fs from 'node:fs';",
          ...(isStarted
            ? ["import childProcess from 'node:child_process';", "import { syncBuiltinESMExports } from 'node:module';"]
            : []),
        ]
      : [
          "'use strict';",
          "const fs = require('node:fs');",
          ...(isStarted
            ? [
                "const childProcess = require('node:child_process');",
                "const { syncBuiltinESMExports } = require('node:module');",
              ]
            : []),
        ];
  return [
    ...imports,
    '',
    CANARY_LINE,
    `const payload = ${textLiteral(plan.payload)};`,
    '',
    'let fired = false;',
    'let reached = false;',
    'let frames = [];',
    '// Lines of the stack that lie in the target or its dependencies, nearest the effect first.',
    'function framesHere() {',
    '  Error.stackTraceLimit = 60;',
    '  Error.prepareStackTrace = undefined;',
    '  const found = String(new Error().stack).matchAll(/node_modules\\/((?:@[^\\/\\s]+\\/)?[^\\s()]+?):(\\d+):\\d+/g);',
    "  return [...found].map(([, path, line]) => `${path.replace(/^.*node_modules\\//, '')}:${line}`).slice(0, 24);",
    '}',
    'function saw(stack) {',
    '  // Only an effect that came through the code of the target counts.',
    '  if (stack.length === 0 || fired) return;',
    '  fired = true;',
    '  reached = true;',
    '  frames = stack;',
    '}',
    '',
  ];
}

function anyPropertyText(needed: boolean): string[] {
  if (!needed) return [];
  return [
    '// An object whose every unknown property is the value.',
    'function anyProperty(make, deep, budget = 12) {',
    '  const plain = new Set(["then", "toJSON", "inspect", "constructor", "hasOwnProperty", "isPrototypeOf", "length", "prototype", "__proto__", "nodeType", "asymmetricMatch"]);',
    '  const asText = () => String(make());',
    '  return new Proxy({}, {',
    '    get(target, name) {',
    '      if (name === Symbol.toPrimitive) return deep ? asText : undefined;',
    '      if (typeof name === "symbol" || plain.has(name)) return Reflect.get(target, name);',
    '      if (name === "toString" || name === "valueOf") return asText;',
    '      if (!(name in target)) target[name] = deep ? anyProperty(make, budget > 0, budget - 1) : make();',
    '      return target[name];',
    '    },',
    '    has: (target, name) => typeof name === "string" && !(plain.has(name) && !(name in target)),',
    '  });',
    '}',
    '',
  ];
}

function loadExpression(plan: ProbePlan, packageName: string): string {
  if (plan.file === '')
    return plan.format === 'esm' ? `await import(${quoted(packageName)})` : `require(${quoted(packageName)})`;
  const path = quoted(`${'/'}node_modules/${packageName}/${plan.file}`);
  return plan.format === 'esm'
    ? `await import('file://' + process.cwd() + ${path})`
    : `require(process.cwd() + ${path})`;
}

/** Splits the way so that the last object stays at hand as the `this` of the call. */
function callText(
  plan: ProbePlan,
  drive: {
    readonly kind: 'call' | 'construct';
    readonly args: readonly PlanValue[];
    readonly after: readonly PlanReach[];
  },
  packageName: string,
): string[] {
  const lines: string[] = ['async function attack() {', `  const target = ${loadExpression(plan, packageName)};`];
  let at = 'target';
  let count = 0;
  const name = (expression: string): void => {
    const made = `step${++count}`;
    lines.push(`  const ${made} = ${expression};`);
    at = made;
  };
  for (const step of plan.reach) {
    if (step.kind === 'get') at += memberAccess(step.name);
    else if (step.kind === 'tap') {
      if (at !== 'target' && !/^step\d+$/.test(at)) name(at);
      lines.push(`  ${at}${memberAccess(step.name)}(${argumentLiterals(step.args)});`);
    } else if (step.kind === 'await') name(`await ${at}`);
    else if (step.kind === 'construct') name(`new (${at})(${argumentLiterals(step.args)})`);
    else name(`${at}(${argumentLiterals(step.args)})`);
  }
  lines.push(`  if (typeof ${at} !== 'function') return;`, '  reached = true;');
  const call =
    drive.kind === 'construct'
      ? `new (${at})(${argumentLiterals(drive.args)})`
      : `${at}(${argumentLiterals(drive.args)})`;
  const isFollowed = drive.after.length > 0;
  lines.push(`  const result = ${call};`);
  if (isFollowed) lines.push(`  ${reachExpression('result', drive.after)};`);
  else lines.push('  await result;');
  lines.push('}', '');
  return lines;
}

function tail(plan: ProbePlan): string[] {
  const wait = WAIT_MILLISECONDS[plan.flaw] ?? 400;
  return [
    'let told = false;',
    'function tell() {',
    '  if (told) return;',
    '  told = true;',
    '  look();',
    '  process.exitCode = fired ? 0 : reached ? 1 : 2;',
    '  const verdict = { fired, reached, oracle: fired ? SHOWN : NOT_SHOWN, frames };',
    `  fs.writeSync(1, \`\\n${VERDICT_PREFIX} \${canary} \${JSON.stringify(verdict)}\\n\`);`,
    '}',
    "process.on('uncaughtException', () => {});",
    "process.on('unhandledRejection', () => {});",
    "process.on('exit', tell);",
    'const { exit, exitCode } = { exit: process.exit, exitCode: () => (fired ? 0 : reached ? 1 : 2) };',
    'attack().catch(() => {});',
    `const until = Date.now() + ${wait};`,
    'const timer = setInterval(() => {',
    '  look();',
    '  if (!fired && Date.now() < until) return;',
    '  clearInterval(timer);',
    '  tell();',
    '  exit.call(process, exitCode());',
    '}, 20);',
    '// Once nothing is under way any more nothing can happen: then the run ends by itself.',
    'timer.unref?.();',
    ...(plan.flaw === 'command-injection' ? UNTIL_PROGRAMS_END : []),
  ];
}

/** What a program leaves running in the background is given this long, once nothing that is waited for is under way. */
const LEFT_BEHIND_MILLISECONDS = 800;

const UNTIL_PROGRAMS_END = [
  '// But a program that was started may have left another one behind that is still at work.',
  'let idleSince = 0;',
  "process.on('beforeExit', () => {",
  '  idleSince ||= Date.now();',
  `  const isOver = Date.now() > Math.min(until, idleSince + ${LEFT_BEHIND_MILLISECONDS});`,
  '  if (isStarted && !fired && !isOver) setTimeout(() => {}, 20);',
  '});',
];
