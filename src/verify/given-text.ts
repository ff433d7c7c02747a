/** The texts that a plan hands to the target, and where among its arguments the payload stands. */
import type { PlanReach, PlanValue, ProbePlan } from '../probe/index.ts';

export function filled(text: string, plan: ProbePlan, canary: string): string {
  return text.replaceAll('{{payload}}', () => plan.payload).replaceAll('{{canary}}', () => canary);
}

/** Every text in the arguments of a plan, the payload itself included. */
export function textsOf(plan: ProbePlan, canary: string): readonly string[] {
  const texts = new Set([filled(plan.payload, plan, canary)]);
  const steps = 'after' in plan.drive ? plan.drive.after : [];
  for (const value of [...plan.drive.args, ...[...plan.reach, ...steps].flatMap(argumentsOf)])
    for (const text of textsIn(value, (inner) => filled(inner, plan, canary))) texts.add(text);
  return [...texts];
}

const argumentsOf = (step: PlanReach): readonly PlanValue[] =>
  step.kind === 'get' || step.kind === 'await' ? [] : step.args;

function textsIn(value: PlanValue, fill: (text: string) => string): readonly string[] {
  switch (value.kind) {
    case 'json':
      return textsOfJson(value.value);
    case 'text':
    case 'named-function':
      return [fill(value.text)];
    case 'parse':
      return textsOfParsed(fill(value.text));
    case 'array':
      return value.items.flatMap((item) => textsIn(item, fill));
    case 'object':
      return value.members.flatMap(([name, member]) => [fill(name), ...textsIn(member, fill)]);
    case 'buffer':
      return textsIn(value.of, fill);
    case 'returns':
    case 'any-property':
      return textsIn(value.value, fill);
    default:
      return [];
  }
}

function textsOfParsed(text: string): readonly string[] {
  try {
    return textsOfJson(JSON.parse(text));
  } catch {
    return [text];
  }
}

function textsOfJson(value: unknown): readonly string[] {
  if (typeof value === 'string') return [value];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, member]) => [
    ...(Array.isArray(value) ? [] : [name]),
    ...textsOfJson(member),
  ]);
}

export interface Way {
  /** Which argument of the call that is driven. */
  readonly argument: number;
  /** Names of the properties that lead to the payload inside it. */
  readonly members: readonly string[];
}

/** The first argument that is, or holds, the payload as a value; undefined where it is only a part of another text. */
export function wayToPayload({ drive }: ProbePlan): Way | undefined {
  for (const [argument, value] of drive.args.entries()) {
    const members = membersTo(value);
    if (members) return { argument, members };
  }
  return undefined;
}

function membersTo(value: PlanValue): readonly string[] | undefined {
  if (value.kind === 'payload') return [];
  if (value.kind === 'text') return value.text === '{{payload}}' ? [] : undefined;
  if (value.kind === 'buffer') return membersTo(value.of);
  if (value.kind === 'array') return value.items.map(membersTo).find((found) => found !== undefined);
  // Whatever is read from it is the payload: no name was chosen yet.
  if (value.kind === 'any-property') return undefined;
  if (value.kind !== 'object') return undefined;
  for (const [name, member] of value.members) {
    const inner = membersTo(member);
    if (inner) return [name, ...inner];
  }
  return undefined;
}
