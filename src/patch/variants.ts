/**
 * Other ways to say the same attack: a patch that only knows the one payload it was shown falls to them. Each variant
 * is a plan of its own; many do nothing against a given target, so all are tried on the unpatched version first.
 */
import type { FlawClass } from '../formats/flaw-class.ts';
import type { PlanReach, PlanValue, ProbePlan } from '../probe/index.ts';

export interface Variant {
  /** What is different, for the report. */
  readonly label: string;
  readonly plan: ProbePlan;
  /**
   * Input of another type than the finding's own (a list in the place of a text inside a key list). Practice treats a
   * bypass by it as a flaw of its own: it is told, and does not count against a patch for this finding.
   */
  readonly isBeyond?: boolean;
}

const VARIANTS_TRIED = 40;
const OTHER_ENTRIES = 12;

/** `exports` are the ways to functions of the plan's file, as `['set']` or `['lib', 'set']`. Order is fixed. */
export function variantsOf(plan: ProbePlan, exports: readonly (readonly string[])[]): Variant[] {
  const variants = [
    ...payloadsOf(plan).map((payload) => ({
      label: `payload ${JSON.stringify(payload)}`,
      plan: { ...plan, payload },
      ...(isNested(payload) && !isNested(plan.payload) ? { isBeyond: true } : {}),
    })),
    ...companions(plan),
    ...typeConfusions(plan),
    ...otherEntries(plan, exports),
  ];
  const known = new Set([JSON.stringify(plan)]);
  const fresh = variants.filter((variant) => {
    const key = JSON.stringify(variant.plan);
    return !known.has(key) && known.add(key);
  });
  return spread(fresh, VARIANTS_TRIED);
}

/** Keeps the whole range where there are too many: payloads are sorted by kind, so the tail matters as much. */
function spread(variants: readonly Variant[], most: number): Variant[] {
  if (variants.length <= most) return [...variants];
  return Array.from({ length: most }, (_, index) => variants[Math.floor((index * variants.length) / most)]).filter(
    (variant) => variant !== undefined,
  );
}

const PAYLOADS: Readonly<Record<FlawClass, (plan: ProbePlan) => string[]>> = {
  'prototype-pollution': ({ payload }) => pollutionPayloads(payload),
  'command-injection': ({ payload }) => commandPayloads(payload),
  'code-injection': ({ payload }) => codePayloads(payload),
  'path-traversal': ({ payload }) => traversalPayloads(payload),
  redos: ({ payload }) => redosPayloads(payload),
};

const payloadsOf = (plan: ProbePlan) => [...new Set(PAYLOADS[plan.flaw](plan))].filter((text) => text !== plan.payload);

const CANARY_MARK = '\u0001';
const LEAVES = ['1', 'true', 'null', '""', '{"x":1}', '["x"]'];

function pollutionPayloads(payload: string): string[] {
  if (/^\s*\{/.test(payload)) return objectPayloads(payload);
  if (/^\s*\[\s*["[]/.test(payload) && payload.endsWith(']') && !payload.startsWith('["__proto__"].')) {
    return [...otherRoutes(payload), ...KEY_LISTS];
  }
  return [...otherRoutes(payload), ...PATHS, ...TEXTS];
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
function otherRoutes(text: string): string[] {
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

const KEY_LISTS = [
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

const STATEMENT = 'globalThis.{{canary}}=1';
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
];

function traversalPayloads(payload: string): string[] {
  const climb = /(?:\.\.|%2e%2e|\.%2e|%2e\.)(?:\/|%2f|\\|%5c)+/gi;
  const steps = payload.match(climb)?.length ?? 0;
  if (steps === 0) return [];
  const same = CLIMBS.map((form) => payload.replace(climb, () => form));
  const more = ['/static/', '/public/', '/x/', '//', '/./'].map((prefix) => prefix + payload.replace(/^\//, ''));
  return [...same, ...more, `${payload}?x=1`, `${payload}#x`];
}

function redosPayloads(payload: string): string[] {
  if (!payload.includes('{{repeat}}')) return [];
  const ends = ['', '!', '\n', '\0', '\u2028', ' ', 'x', '!x', '\t!', '@', '<', '"', '\n\n'];
  const starts = ['', 'x', ' ', 'a ', '\n', '0', '<', '"', 'x '];
  return [
    ...ends.map((end) => payload + end),
    ...starts.map((start) => start + payload),
    payload.replace('{{repeat}}', '{{repeat}}{{repeat}}'),
  ];
}

/** The same payload beside other harmless arguments. */
function companions(plan: ProbePlan): Variant[] {
  const { drive } = plan;
  if (!('args' in drive)) return [];
  const replacements: readonly [string, (value: PlanValue) => PlanValue | undefined][] = [
    ['value 2', (value) => (isJson(value, '1') ? { kind: 'json', value: 2 } : undefined)],
    ['value true', (value) => (isJson(value, '1') ? { kind: 'json', value: true } : undefined)],
    ['value {}', (value) => (isJson(value, '1') ? { kind: 'json', value: {} } : undefined)],
    ['value []', (value) => (isJson(value, '1') ? { kind: 'json', value: ['x'] } : undefined)],
    ['object with a member', (value) => (isEmptyObject(value) ? { kind: 'json', value: { a: {} } } : undefined)],
    ['array as object', (value) => (isEmptyObject(value) ? { kind: 'json', value: [] } : undefined)],
    ['function as object', (value) => (isEmptyObject(value) ? { kind: 'callback' } : undefined)],
    ['text y', (value) => (isJson(value, 'x') ? { kind: 'json', value: 'y' } : undefined)],
  ];
  const more: readonly PlanValue[] = [{ kind: 'json', value: true }, { kind: 'callback' }, { kind: 'json', value: {} }];
  return [
    ...replacements.flatMap(([label, replace]) => {
      const args = drive.args.map((value) => replace(value) ?? value);
      return args.every((value, index) => value === drive.args[index]) ? [] : [{ label, plan: withArgs(plan, args) }];
    }),
    ...more.map((value, index) => ({
      label: `further argument ${index + 1}`,
      plan: withArgs(plan, [...drive.args, value]),
    })),
  ];
}

/** A text given as a list, a list given as a text: checks that compare with `===` miss these. */
function typeConfusions(plan: ProbePlan): Variant[] {
  const { drive } = plan;
  if (!('args' in drive)) return [];
  const lists =
    plan.flaw === 'prototype-pollution' && !/^\s*\{/.test(plan.payload)
      ? KEY_LISTS
      : plan.flaw === 'prototype-pollution'
        ? []
        : ['["{{payload}}"]', '[["{{payload}}"]]'];
  return lists.flatMap((text) => {
    const list: PlanValue = { kind: 'parse', text };
    const args = drive.args.map((value): PlanValue => (value.kind === 'payload' ? list : value));
    return args.every((value, index) => value === drive.args[index])
      ? []
      : [
          {
            label: `list ${text}`,
            plan: withArgs(plan, args),
            ...(plan.flaw !== 'prototype-pollution' || isNested(text) ? { isBeyond: true } : {}),
          },
        ];
  });
}

/** Other functions of the same file, called with the same arguments: another way to the same sink. */
function otherEntries(plan: ProbePlan, exports: readonly (readonly string[])[]): Variant[] {
  const own = plan.reach.every(({ kind }) => kind === 'get')
    ? JSON.stringify(plan.reach.map((step) => ('name' in step ? step.name : '')))
    : undefined;
  if (own === undefined) return [];
  return exports
    .filter((names) => JSON.stringify(names) !== own)
    .slice(0, OTHER_ENTRIES)
    .map((names) => ({
      label: `entry ${names.join('.') || '(the module itself)'}`,
      plan: { ...plan, reach: names.map((name): PlanReach => ({ kind: 'get', name })) },
    }));
}

function withArgs(plan: ProbePlan, args: readonly PlanValue[]): ProbePlan {
  return { ...plan, drive: { ...plan.drive, args } };
}

/** A key list with a list among its keys. */
const isNested = (text: string) => /^\[.*\[/s.test(text) && !text.includes('{"');
const isJson = (value: PlanValue, text: string) => value.kind === 'json' && value.value === text;
const isEmptyObject = (value: PlanValue) => value.kind === 'json' && JSON.stringify(value.value) === '{}';
