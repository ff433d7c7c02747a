/**
 * The grammar of payloads: other ways to say what a plan says. A patch that only knows one spelling fails against the
 * others. And the other direction: plans that say the same with less, for the minimiser.
 *
 * A variant is an attempt, not a proof: which of them fire on the unpatched target is for the caller to find out.
 */
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: a shell's own spelling.
import type { FlawClass } from '../formats/flaw-class.ts';
import { createSeededRandom } from '../lib/seeded-random.ts';
import type { PlanReach, PlanValue, ProbePlan } from './plan.ts';
import { redosVariants } from './redos-payload.ts';
import { simplerStarts, traversalPayloads } from './traversal-payload.ts';

const KEY = '{{canary}}';

function nested(keys: readonly string[]): string {
  return keys.reduceRight((inner, key) => `{${JSON.stringify(key)}:${inner}}`, '"1"');
}

const ROUTES: readonly (readonly string[])[] = [
  ['__proto__'],
  ['constructor', 'prototype'],
  ['__proto__', '__proto__'],
  ['a', '__proto__'],
  ['a', 'constructor', 'prototype'],
  ['a', 'b', '__proto__'],
  ['a', 'b', 'constructor', 'prototype'],
  ['toString', 'constructor', 'prototype'],
  ['toString', '__proto__', '__proto__'],
  ['valueOf', '__proto__', '__proto__'],
  ['hasOwnProperty', '__proto__', '__proto__'],
  ['constructor', '__proto__', '__proto__'],
  ['0', '__proto__'],
  ['x', 'y', 'z', '__proto__'],
];

/** The same route written as the payload at hand writes it: object, list, or text with its separator. */
function respellRoutes(payload: string): string[] {
  if (/^\s*\[\s*(?:\[\s*)?"/.test(payload)) {
    return [
      ...ROUTES.map((route) => JSON.stringify([...route, KEY])),
      ...ROUTES.map((route) => JSON.stringify([...route.map((part) => [part]), KEY])),
      ...ROUTES.map((route) => JSON.stringify([route, KEY])),
    ];
  }
  if (/^\s*\{/.test(payload)) {
    const objects = ROUTES.map((route) => nested([...route, KEY]));
    return [
      ...objects,
      ...objects.map((object) => `{"x":1,${object.slice(1)}`),
      ...objects.map((object) => `{"x":{},${object.slice(1, -1)},"y":[]}`),
    ];
  }
  return respellText(payload);
}

const ROUTE_IN_TEXT = /(?:a(\W+))?(?:__proto__|constructor(\W+)prototype)(\W*)(?=\{\{canary\}\})/;

function respellText(payload: string): string[] {
  const match = ROUTE_IN_TEXT.exec(payload);
  const separators = match ? [match[3] ?? '.'] : [];
  if (match && /^[./:_|>,-]$/.test(match[3] ?? '')) separators.push('.', '/');
  const spelled = [...new Set(separators)].flatMap((separator) =>
    ROUTES.map((route) => payload.replace(ROUTE_IN_TEXT, () => [...route, ''].join(separator))),
  );
  // The route alone, where the key below it is an argument of its own.
  const alone = match
    ? []
    : ['.', '/'].flatMap((separator) =>
        ROUTES.map((route) => payload.replace(/__proto__|constructor\.prototype/, () => route.join(separator))),
      );
  const dotted = [
    payload.replaceAll('__proto__', '["__proto__"]'),
    payload.replaceAll('__proto__', "['__proto__']"),
    payload.replaceAll('__proto__', 'constructor.prototype'),
    payload.replaceAll('__proto__', 'constructor/prototype'),
    payload.replaceAll('__proto__', 'constructor][prototype'),
    payload.replaceAll('__proto__', '__pro__proto__to__'),
    payload.replaceAll('__proto__', 'a.__proto__'),
    payload.replaceAll('__proto__', 'x][__proto__'),
    payload.replaceAll('__proto__', '%5f%5fproto%5f%5f'),
    payload.replaceAll('__proto__', ' __proto__'),
    payload.replaceAll('constructor.prototype', '__proto__'),
    payload.replaceAll('constructor.prototype', 'a.constructor.prototype'),
    payload.replaceAll('constructor', 'toString.constructor'),
  ];
  return [...spelled, ...alone, ...dotted];
}

const COMMAND_FRAMES = [
  '$(TOUCH)',
  '`TOUCH`',
  ';TOUCH;',
  '; TOUCH #',
  '&TOUCH&',
  '&& TOUCH #',
  '&& TOUCH &&',
  '||TOUCH||',
  '|| TOUCH #',
  '|TOUCH',
  '| TOUCH #',
  '\nTOUCH\n',
  '\nTOUCH #',
  '"; TOUCH; "',
  '";TOUCH #',
  '"$(TOUCH)"',
  '"`TOUCH`"',
  '"&&TOUCH&&"',
  '"||TOUCH||"',
  "'; TOUCH; '",
  "';TOUCH #",
  "'$(TOUCH)'",
  "'`TOUCH`'",
  "'&&TOUCH&&'",
  "'|TOUCH|'",
  'x;TOUCH;',
  'x$(TOUCH)x',
  'x`TOUCH`x',
  '\\";TOUCH;\\"',
  ';{TOUCH,};',
];
const TOUCHES = [
  'touch {{canary}}',
  'touch${IFS}{{canary}}',
  '>{{canary}}',
  'echo x>{{canary}}',
  ': > {{canary}}',
  'touch\t{{canary}}',
  '/usr/bin/touch {{canary}}',
];

function commandVariants(payload: string): string[] {
  const [before = ''] = payload.split(/[;$`|&"'\n]/);
  const made = TOUCHES.flatMap((touch) => COMMAND_FRAMES.map((frame) => frame.replace('TOUCH', () => touch)));
  const kept = TOUCHES.map((touch) => payload.replace(/touch\s+\{\{canary\}\}/, () => touch));
  return [...kept, ...made, ...(before.trim() === '' ? [] : made.map((text) => `${before}${text}`))];
}

const STATEMENTS = [
  'globalThis.{{canary}}=1',
  'globalThis["{{canary}}"]=1',
  "globalThis['{{canary}}']=1",
  'global.{{canary}}=1',
  'Function("globalThis.{{canary}}=1")()',
  '(0,eval)("globalThis.{{canary}}=1")',
  'Object.assign(globalThis,{"{{canary}}":1})',
  'Reflect.set(globalThis,"{{canary}}",1)',
  '[].constructor.constructor("globalThis.{{canary}}=1")()',
  '(()=>{globalThis.{{canary}}=1})()',
  '(function(){globalThis.{{canary}}=1})()',
  'globalThis.{{canary}}=2',
  'globalThis?.["{{canary}}"]||(globalThis["{{canary}}"]=1)',
  'void(globalThis.{{canary}}=1)',
  '[globalThis.{{canary}}=1]',
  '({x:globalThis.{{canary}}=1})',
  'new Function("globalThis.{{canary}}=1")()',
  'globalThis.{{canary}}=Date.now()',
  'this.constructor.constructor("globalThis.{{canary}}=1")()',
  '1,globalThis.{{canary}}=1',
  'eval("globalThis.{{canary}}=1")',
  '(globalThis.{{canary}}=1)',
];

/** Only the statement changes: what breaks out of the text around it belongs to the target. */
function codeVariants(payload: string): string[] {
  const quote = /'[^']*globalThis\.\{\{canary\}\}=1[^']*'/.test(payload);
  return STATEMENTS.flatMap((statement) => {
    const plain = payload.replace('globalThis.{{canary}}=1', () =>
      quote ? statement.replaceAll("'", '"') : statement,
    );
    return [plain, payload.replace('globalThis.{{canary}}=1', () => ` ${statement} `)];
  });
}

function respelled(flaw: FlawClass, payload: string): string[] {
  if (flaw === 'prototype-pollution') return respellRoutes(payload);
  if (flaw === 'command-injection') return commandVariants(payload);
  if (flaw === 'code-injection') return codeVariants(payload);
  if (flaw === 'path-traversal') return [...traversalPayloads(payload)];
  return [];
}

/** At most `count` different plans, none of them the plan itself; the same seed gives the same ones. */
export function variantsOf(plan: ProbePlan, count: number, seed: number): readonly ProbePlan[] {
  if (plan.flaw === 'redos') return redosVariants(plan).slice(0, count);
  const random = createSeededRandom(seed);
  const payloads = [...new Set(respelled(plan.flaw, plan.payload))].filter((text) => text !== plan.payload);
  const [near, far] = [payloads.slice(0, Math.ceil(count / 2)), payloads.slice(Math.ceil(count / 2))];
  while (near.length < count && far.length > 0) near.push(...far.splice(random.below(far.length), 1));
  return near.map((payload) => ({ ...plan, payload }));
}

/** A value with less in it, one change each, the largest cut first. */
function simpler(value: PlanValue): PlanValue[] {
  switch (value.kind) {
    case 'any-property': {
      const names = [...new Set(value.seen ?? [])].slice(0, 24);
      const plain = names.map((name): PlanValue => ({ kind: 'object', members: [[name, value.value]] }));
      const all: PlanValue = { kind: 'object', members: names.map((name) => [name, value.value] as const) };
      return [{ kind: 'json', value: {} }, ...plain, ...(names.length > 1 ? [all] : []), value.value];
    }
    case 'object': {
      const dropped = value.members.map(
        (_, at): PlanValue => ({ kind: 'object', members: value.members.filter((__, other) => other !== at) }),
      );
      const inner = value.members.flatMap(([name, member], at) =>
        simpler(member).map(
          (less): PlanValue => ({
            kind: 'object',
            members: value.members.map((pair, other) => (other === at ? ([name, less] as const) : pair)),
          }),
        ),
      );
      return [...dropped, ...inner];
    }
    case 'array': {
      const dropped = value.items.map(
        (_, at): PlanValue => ({ kind: 'array', items: value.items.filter((__, other) => other !== at) }),
      );
      const inner = value.items.flatMap((item, at) =>
        simpler(item).map(
          (less): PlanValue => ({ kind: 'array', items: value.items.map((old, other) => (other === at ? less : old)) }),
        ),
      );
      return [...dropped, ...inner];
    }
    case 'returns':
      return [{ kind: 'callback' }];
    case 'json':
      return typeof value.value === 'string' && value.value.length > 3 ? [{ kind: 'json', value: 'x' }] : [];
    default:
      return [];
  }
}

function simplerLists(args: readonly PlanValue[]): (readonly PlanValue[])[] {
  const shorter = args.length > 0 ? [args.slice(0, -1)] : [];
  const plain = args.flatMap((arg, at) =>
    simpler(arg).map((less) => args.map((old, other) => (other === at ? less : old))),
  );
  return [...shorter, ...plain];
}

/** Plans one step simpler than this one. The caller keeps one that still fires and asks again, until none does. */
export function simplifications(plan: ProbePlan): readonly ProbePlan[] {
  const { drive } = plan;
  const made: ProbePlan[] = plan.flaw === 'path-traversal' ? [...simplerStarts(plan)] : [];
  if (plan.legacy) {
    const { legacy: _, ...without } = plan;
    made.push(without);
  }
  if (plan.loopback) {
    const { loopback: _, ...without } = plan;
    made.push(without);
  }
  if (plan.programs) {
    const { programs, ...without } = plan;
    made.push(without);
    if (programs.length > 1) for (const kept of programs.slice(0, 6)) made.push({ ...plan, programs: [kept] });
  }
  if (drive.kind === 'call' || drive.kind === 'construct') {
    if (drive.after.length > 0) made.push({ ...plan, drive: { ...drive, after: [] } });
    for (const args of simplerLists(drive.args)) made.push({ ...plan, drive: { ...drive, args } });
  }
  if (drive.kind === 'bin' && plan.flaw !== 'path-traversal')
    for (let at = 0; at < drive.args.length; at++)
      for (const words of [2, 1])
        made.push({ ...plan, drive: { ...drive, args: drive.args.filter((_, one) => one < at || one >= at + words) } });
  plan.reach.forEach((step, at) => {
    if (step.kind === 'tap') made.push({ ...plan, reach: plan.reach.filter((_, other) => other !== at) });
    if (step.kind === 'get' || step.kind === 'await') return;
    for (const args of simplerLists(step.args)) {
      const reach = plan.reach.map((old, other): PlanReach => (other === at ? { ...step, args } : old));
      made.push({ ...plan, reach });
    }
  });
  return made;
}
