/**
 * What a function is for is no flaw of it. Pure: says of a confirmed effect whether it is by contract, and why.
 *
 *   command     the shell got nothing but what was given: the function runs commands
 *   code        plain code where code is asked for by name, and no isolation is promised
 *   pollution   (a control run, see `withoutRoute`) it writes to the prototype without being led there
 */
import type { PlanReach, PlanValue, ProbePlan } from '../probe/index.ts';
import type { ShellCommand } from './confirm.ts';
import { filled, textsOf, wayToPayload } from './given-text.ts';

/** A sentence for people, or undefined where the effect is none of the function's purpose. */
export type ContractReason = string | undefined;

/**
 * A word of the target's own, or quotes it put around what it was given, make the rest a part of its command. Of a
 * program with arguments only the arguments are data, unless the shell itself was asked for.
 */
export function commandContract(command: ShellCommand, plan: ProbePlan, canary: string): ContractReason {
  if (command.inArguments && !asksForShell(plan)) return undefined;
  let rest = command.command;
  for (const text of textsOf(plan, canary).toSorted((left, right) => right.length - left.length)) {
    if (text.trim() !== '') rest = rest.replaceAll(text.trim(), ' ');
  }
  if (/[A-Za-z]{2}|["'`\\]/.test(rest)) return undefined;
  return 'the shell got nothing but what was given: the function runs the command it is handed';
}

const asksForShell = ({ drive, reach }: ProbePlan): boolean =>
  [...drive.args, ...reach.flatMap(argumentsOf)].some((value) => hasMember(value, 'shell'));

const argumentsOf = (step: PlanReach): readonly PlanValue[] =>
  step.kind === 'get' || step.kind === 'await' ? [] : step.args;

function hasMember(value: PlanValue, name: string): boolean {
  if (value.kind === 'object') return value.members.some(([key, member]) => key === name || hasMember(member, name));
  if (value.kind === 'any-property') return value.seen?.includes(name) ?? true;
  if (value.kind === 'array') return value.items.some((item) => hasMember(item, name));
  return false;
}

/** What is known of a function beside what it does. */
export interface Spoken {
  readonly packageName: string;
  /** Description and keywords of its manifest. */
  readonly description: string;
  /** Parameters of the outermost function of the target on the stack; empty where they could not be read. */
  readonly parameters: readonly string[];
  /** The text was compiled as it is by `node:vm`, so the language is JavaScript itself. */
  readonly nativeContext: boolean;
}

const CODE_WORDS = new Set(
  'code expr expression expressions template templates tpl tmpl script scripts js javascript eval evaluate evaluates evaluator compile compiles compiler interpret interpreter repl'.split(
    ' ',
  ),
);
const ISOLATION_WORDS = new Set(
  'safe safer safely safety sandbox sandboxed sandboxing secure securely security static statically untrusted restricted isolated isolate isolation censor censorship jail'.split(
    ' ',
  ),
);

const wordsOf = (text: string): readonly string[] =>
  text
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .toLowerCase()
    .split(/[^a-z]+/);

const says = (text: string, words: ReadonlySet<string>): boolean => wordsOf(text).some((word) => words.has(word));

/**
 * By contract where all hold: the entry, the parameter or the option that carries the payload is named as code; the
 * payload is plain code, breaking out of nothing; and the package does not promise to hold code in.
 */
export function codeContract(plan: ProbePlan, spoken: Spoken): ContractReason {
  if (says(`${spoken.packageName} ${spoken.description}`, ISOLATION_WORDS)) return undefined;
  const payload = filled(plan.payload, plan, 'canary').trim();
  if (breaksOut(payload)) return undefined;
  // A language of its own that does not reach the global object holds code in, until something climbs out of it.
  if (payload.includes('constructor') && !spoken.nativeContext) return undefined;
  const way = wayToPayload(plan);
  if (!way) return undefined;
  const names = plan.reach.flatMap((step) => (step.kind === 'get' ? [step.name] : []));
  const entry = names.findLast((name) => name !== 'default' && name !== 'prototype');
  const { packageName, description, parameters } = spoken;
  // An option says for itself what it is; a plain argument is named by its function and its parameter.
  const named =
    way.members.length > 0 ? way.members : [entry ?? `${packageName} ${description}`, parameters[way.argument] ?? ''];
  const asked = named.some((name) => says(name, CODE_WORDS));
  return asked ? 'the function is there to evaluate the code it is handed' : undefined;
}

/** It begins by ending what the target may have put before it. */
const breaksOut = (payload: string): boolean => /^(?:\w{0,2}\s*)['"`)\]}*]|^\w{0,2}\(\)\s*\{\}|^\w+\)/.test(payload);

const ROUTE = /__proto__|constructor|prototype/g;
const LEVELLED: Readonly<Record<string, string>> = {
  __proto__: 'level',
  constructor: 'levelone',
  prototype: 'leveltwo',
};

/** The same call with names that lead nowhere in the place of those that lead to the prototype. */
export function withoutRoute(plan: ProbePlan): ProbePlan {
  const level = <T>(part: T): T =>
    JSON.parse(JSON.stringify(part).replace(ROUTE, (name) => LEVELLED[name] ?? name)) as T;
  return {
    ...plan,
    payload: level(plan.payload),
    drive: { ...plan.drive, args: level(plan.drive.args) } as ProbePlan['drive'],
  };
}
