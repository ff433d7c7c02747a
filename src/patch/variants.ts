/**
 * Other ways to say the same attack: a patch that only knows the one payload it was shown falls to them. Each variant
 * is a plan of its own; many do nothing against a given target, so all are tried on the unpatched version first.
 */
import type { PlanReach, PlanValue, ProbePlan } from '../probe/index.ts';
import { evasionPayloadsOf } from './evasion-payloads.ts';
import { KEY_LISTS, payloadsOf } from './variant-payloads.ts';

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

const VARIANTS_TRIED = 96;
const OTHER_ENTRIES = 12;
const ONE_CLIMB = /(?:\.\.|%2e%2e|\.%2e|%2e\.)(?:\/|%2f|\\|%5c)+/i;
/** Coprime to every number of variants that is used, so that a walk with it meets each once. */
const STRIDES = [37, 41, 43, 47, 53];

/**
 * `exports` are the ways to functions of the plan's file, as `['set']` or `['lib', 'set']`; `respelled` are plans that
 * say the same in the grammar of the search. The order is fixed and goes
 * through all kinds early: who stops when enough of them fire has seen something of each.
 */
export function variantsOf(
  plan: ProbePlan,
  exports: readonly (readonly string[])[],
  respelled: readonly ProbePlan[],
): Variant[] {
  const own = [
    ...payloadsOf(plan).map((payload) => withPayload(plan, payload)),
    ...companions(plan),
    ...typeConfusions(plan),
    ...otherEntries(plan, exports),
  ];
  const others = respelled.map(
    (variant): Variant => ({ ...withPayload(plan, variant.payload), label: labelOf(variant), plan: variant }),
  );
  return stride(fresh([...own, ...others], [plan]).slice(0, VARIANTS_TRIED));
}

const REQUEST_ENDS = ['?', '?x=1', '#x'];
const FURTHER_STEPS = [2, 3, 5];

/** More behind the path, or more steps up: above the root there is nothing, so any number leads there. */
function otherRequests(payload: string): string[] {
  const deeper = FURTHER_STEPS.map((times) => payload.replace(ONE_CLIMB, (step) => step.repeat(times)));
  return [...REQUEST_ENDS.map((end) => payload + end), ...deeper];
}

/**
 * Where too few fire: what fired, beside other harmless arguments. Less is new about these than about another payload,
 * so they come last.
 */
export function crossingsOf(plan: ProbePlan, fired: readonly Variant[]): Variant[] {
  const crossed = fired.flatMap((variant) => [
    ...companions(variant.plan).map((companion) => ({
      ...variant,
      label: `${variant.label}, ${companion.label}`,
      plan: companion.plan,
    })),
    ...(plan.flaw === 'path-traversal' ? otherRequests(variant.plan.payload) : []).map((payload) => ({
      ...variant,
      ...withPayload(variant.plan, payload),
    })),
  ]);
  return stride(fresh(crossed, [plan, ...fired.map((variant) => variant.plan)])).slice(0, VARIANTS_TRIED);
}

/** For a patched version alone, where each must be silent; none of them need fire before the patch. */
export const evasionsOf = (plan: ProbePlan): Variant[] =>
  fresh(
    evasionPayloadsOf(plan).map((payload) => withPayload(plan, payload)),
    [plan],
  );

const labelOf = ({ payload, pump }: ProbePlan) =>
  `payload ${JSON.stringify(payload)}${pump === undefined ? '' : ` repeating ${JSON.stringify(pump)}`}`;

function withPayload(plan: ProbePlan, payload: string): Variant {
  const isBeyond = isNested(payload) && !isNested(plan.payload);
  return { label: labelOf({ ...plan, payload }), plan: { ...plan, payload }, ...(isBeyond ? { isBeyond } : {}) };
}

function fresh(variants: readonly Variant[], known: readonly ProbePlan[]): Variant[] {
  const seen = new Set(known.map((plan) => JSON.stringify(plan)));
  return variants.filter(({ plan }) => {
    const key = JSON.stringify(plan);
    return !seen.has(key) && seen.add(key);
  });
}

/** The same variants in another, fixed order that leaps through the list. */
function stride(variants: readonly Variant[]): Variant[] {
  const step = STRIDES.find((one) => variants.length % one !== 0) ?? 1;
  return variants.map((_, at) => variants[(at * step) % variants.length] as Variant);
}

/** The same payload beside other harmless arguments. */
function companions(plan: ProbePlan): Variant[] {
  const { drive } = plan;
  // The words of a command line are texts; nothing else can stand beside them.
  if (!('args' in drive) || drive.kind === 'bin') return [];
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
