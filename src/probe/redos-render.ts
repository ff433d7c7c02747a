/**
 * Writes a plan for a slow regular expression out as a reproducer: one call, made with inputs of growing size and with
 * a harmless input of equal length, told apart by the CPU time of the process.
 */
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the texts are code that is written out.
import { FLAW_CLASSES } from '../formats/flaw-class.ts';
import { argumentLiterals, needsAnyProperty, quoted } from './literal.ts';
import type { ProbePlan } from './plan.ts';
import { walkText } from './traversal-render.ts';
import { VERDICT_PREFIX } from './verdict.ts';
import { CANARY_LINE, loopbackText } from './world-text.ts';

export interface RedosRenderOptions {
  readonly packageName: string;
  readonly fileName: string;
  /** Text of `anyProperty`, where the plan needs it. */
  readonly anyProperty: readonly string[];
}

/** The text of the reproducer without the line that holds the plan. */
export function renderRedos(plan: ProbePlan, options: RedosRenderOptions): string[] {
  const { drive } = plan;
  if (drive.kind !== 'call' && drive.kind !== 'construct')
    throw new Error(`no call to render in a ${drive.kind} drive`);
  const needsAny = needsAnyProperty(drive.args, [...plan.reach, ...drive.after]);
  return [
    ...head(plan, options),
    ...loopbackText(plan),
    ...(needsAny ? options.anyProperty : []),
    ...inputText(plan),
    ...callText(plan, options.packageName),
    ...framesText(plan),
    ...growthText(plan),
    ...tail(),
  ];
}

function head(plan: ProbePlan, { packageName, fileName }: RedosRenderOptions): string[] {
  const flaw = FLAW_CLASSES.redos;
  return [
    `// ${flaw.title} (${flaw.cwe}) in ${packageName}, shown by how the CPU time of one call grows.`,
    `// Run it where node_modules/${packageName} lies: node ${fileName} [canary [length [enough [most]]]]`,
    '// A text shorter than `length` (16000 unless given) is never long enough, so that a bound on it counts as a repair;',
    '// a call that takes more than `enough` milliseconds (150 unless given) is slow enough; none is longer than `most`.',
    '// Exit status: 0 the flaw showed, 1 it did not, 2 the target could not be loaded or the call not reached.',
    ...(plan.format === 'esm' ? ["import fs from 'node:fs';"] : ["'use strict';", "const fs = require('node:fs');"]),
    '',
    CANARY_LINE,
    'const length = Number(process.argv[3] ?? 16000);',
    'const enough = Number(process.argv[4] ?? 150);',
    'const most = Number(process.argv[5] ?? 256000);',
    'const exit = process.exit;',
    'process.stdout.write = () => true;',
    'process.stderr.write = () => true;',
    "process.on('uncaughtException', () => {});",
    "process.on('unhandledRejection', () => {});",
    '',
  ];
}

function inputText(plan: ProbePlan): string[] {
  const [prefix = '', suffix = ''] = plan.payload.split('{{repeat}}');
  const pieces = [prefix ? quoted(prefix) : '', 'part.repeat(count)', suffix ? quoted(suffix) : ''];
  return [
    '// What repeats in the input, and what stands there in a harmless input of the same length.',
    `const pump = ${quoted(plan.pump ?? '')};`,
    `const harmless = ${quoted(plan.controlPump ?? '')};`,
    `const input = (part, count) => ${pieces.filter(Boolean).join(' + ')};`,
    '',
  ];
}

function callText(plan: ProbePlan, packageName: string): string[] {
  const { drive } = plan;
  if (drive.kind !== 'call' && drive.kind !== 'construct') return [];
  const args = argumentLiterals(drive.args);
  const from =
    plan.file === ''
      ? quoted(packageName)
      : `${plan.format === 'esm' ? "'file://' + " : ''}process.cwd() + ${quoted(`/node_modules/${packageName}/${plan.file}`)}`;
  const lines: string[] = [];
  const { at } = walkText('target', plan.reach, lines, '    ');
  const call = drive.kind === 'construct' ? `new (${at})(${args})` : `${at}(${args})`;
  const work = [`    const result = ${call};`];
  const { at: end } = walkText('result', drive.after, work, '    ');
  return [
    'let target;',
    'let reached = false;',
    'async function load() {',
    `  target = ${plan.format === 'esm' ? `await import(${from})` : `require(${from})`};`,
    '}',
    'async function call(payload) {',
    '  try {',
    ...lines,
    `    if (typeof ${at} !== 'function') return;`,
    '    reached = true;',
    ...work,
    `    await ${end};`,
    '  } catch {',
    '    // A refusal after the work is still work.',
    '  }',
    '}',
    '',
  ];
}

/** The statement that runs the expression: asked once, on a short input, apart from the times. */
function framesText(plan: ProbePlan): string[] {
  const { source = '', flags = '' } = plan.expression ?? {};
  return [
    '// Who runs the expression: lines of the stack that lie in the target or its dependencies.',
    `const expression = { source: ${quoted(source)}, flags: ${quoted(flags)} };`,
    'let frames = [];',
    'async function findFrames() {',
    '  const undo = [];',
    '  const watch = (holder, name, find) => {',
    '    const original = holder[name];',
    '    holder[name] = function (...args) {',
    '      const found = find(this, args);',
    '      if (found instanceof RegExp && found.source === expression.source && found.flags === expression.flags) note();',
    '      return Reflect.apply(original, this, args);',
    '    };',
    '    undo.push(() => (holder[name] = original));',
    '  };',
    "  for (const name of ['match', 'matchAll', 'replace', 'replaceAll', 'search', 'split'])",
    '    watch(String.prototype, name, (self, args) => args[0]);',
    "  for (const name of ['exec', 'test']) watch(RegExp.prototype, name, (self) => self);",
    '  await call(input(pump, 8));',
    '  undo.forEach((restore) => restore());',
    '}',
    'function note() {',
    '  Error.stackTraceLimit = 40;',
    '  const found = String(new Error().stack).matchAll(/node_modules\\/((?:@[^\\/\\s]+\\/)?[^\\s()]+?):(\\d+):\\d+/g);',
    "  const stack = [...found].map(([, file, line]) => `${file.replace(/^.*node_modules\\//, '')}:${line}`).slice(0, 24);",
    '  if (stack.length > 0) frames = stack;',
    '}',
    '',
  ];
}

function growthText(plan: ProbePlan): string[] {
  const isExponential = plan.growth === 'exponential';
  return [
    'async function cpuMilliseconds(payload) {',
    '  const before = process.cpuUsage();',
    '  await call(payload);',
    '  const used = process.cpuUsage(before);',
    '  return (used.user + used.system) / 1000;',
    '}',
    ...(isExponential
      ? ['// A little more each time: it grows faster than any power.', 'const next = (count) => count + 1;']
      : [
          '// Twice as much each time; four times, once it is slow, if that is soon enough over and leads no further than needed.',
          'const next = (count, last = 0, before = last) => {',
          '  const leaps = last > 40 && last * (last / before) ** 2 <= 3000 && input(pump, count * 2).length < length;',
          '  return leaps ? count * 4 : count * 2;',
          '};',
        ]),
    'const growth = { sizes: [], cpuMs: [], exponent: 0, controlMs: [] };',
    'async function measure() {',
    '  for (let warm = 0; warm < 3; warm++) await call(input(pump, 4));',
    `  const start = ${isExponential ? '1' : 'Math.max(8, Math.ceil(64 / pump.length))'};`,
    `  const end = ${isExponential ? '60' : 'most / pump.length'};`,
    '  let count = start;',
    '  for (;;) {',
    '    growth.sizes.push(input(pump, count).length);',
    '    growth.cpuMs.push(await cpuMilliseconds(input(pump, count)));',
    '    growth.controlMs.push(await cpuMilliseconds(input(harmless, count)));',
    '    const [before = 0, last = before] = growth.cpuMs.slice(-2);',
    `    const isLong = last > enough${isExponential ? ';' : ' && growth.sizes.at(-1) >= length;'}`,
    '    if (isLong || (last > 40 && last * (last / before) > 3000) || next(count) > end) break;',
    '    count = next(count, last, before);',
    '  }',
    '  // What the harmless input of the same length takes is the price of the call, not of the expression.',
    '  const above = growth.cpuMs.map((used, at) => used - growth.controlMs[at]);',
    '  growth.exponent = slope(growth.sizes.slice(-3), above.slice(-3));',
    '}',
    '// Slope of log time over log size, by least squares over what is longer than noise.',
    'function slope(sizes, times) {',
    '  const points = sizes.map((size, at) => [Math.log(size), Math.log(Math.max(0, times[at]))]).filter(([, time]) => time >= 0);',
    '  if (points.length < 2) return 0;',
    '  const mean = (at) => points.reduce((sum, point) => sum + point[at], 0) / points.length;',
    '  const [x, y] = [mean(0), mean(1)];',
    '  const above = points.reduce((sum, point) => sum + (point[0] - x) * (point[1] - y), 0);',
    '  return above / points.reduce((sum, point) => sum + (point[0] - x) ** 2, 0);',
    '}',
    '',
  ];
}

function tail(): string[] {
  return [
    'async function attack() {',
    '  await load();',
    '  await findFrames();',
    '  // Where the target never runs the expression, how long its calls take says nothing of it.',
    '  if (reached && frames.length > 0) await measure();',
    '}',
    'attack()',
    '  .catch(() => {})',
    '  .finally(() => {',
    '    const longest = growth.cpuMs.at(-1) ?? 0;',
    '    const grows = growth.sizes.length >= 3 && longest >= 40 && growth.exponent >= 1.6;',
    '    const fired = grows && growth.controlMs.at(-1) * 5 < longest && frames.length > 0;',
    "    const grown = `CPU time ${fired ? 'grows' : 'does not grow'} faster than the input: exponent ${growth.exponent.toFixed(2)}, ${Math.round(longest)} ms for ${growth.sizes.at(-1) ?? 0} characters`;",
    "    const oracle = frames.length > 0 ? grown : 'the target does not run the expression';",
    `    fs.writeSync(1, \`\\n${VERDICT_PREFIX} \${canary} \${JSON.stringify({ fired, reached, oracle, frames, growth })}\\n\`);`,
    '    exit.call(process, fired ? 0 : reached ? 1 : 2);',
    '  });',
  ];
}
