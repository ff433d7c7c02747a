/** A readable name for the way a plan starts a server. */
import { argumentLiterals, quoted, reachExpression } from './literal.ts';
import type { PlanReach, PlanValue, ProbePlan } from './plan.ts';

/** Any port will do, since what is asked for is replaced. A number, because a server may refuse zero. */
const PORT: PlanValue = { kind: 'json', value: 8080 };

function spellPort(value: PlanValue): PlanValue {
  if (value.kind === 'port') return PORT;
  if (value.kind === 'array') return { ...value, items: value.items.map(spellPort) };
  if (value.kind === 'object')
    return { ...value, members: value.members.map(([name, member]) => [name, spellPort(member)] as const) };
  if (value.kind === 'returns' || value.kind === 'any-property') return { ...value, value: spellPort(value.value) };
  return value;
}

export const spellPorts = (values: readonly PlanValue[]): readonly PlanValue[] => values.map(spellPort);

export const spellReach = (reach: readonly PlanReach[]): readonly PlanReach[] =>
  reach.map((step) => ('args' in step ? { ...step, args: spellPorts(step.args) } : step));

/** `require('name').start(8080)`, `node name/bin/cli.js process.cwd()`. */
export function describeStart(name: string, plan: ProbePlan): string {
  const { drive } = plan;
  const args = argumentLiterals(spellPorts(drive.args));
  if (drive.kind === 'bin') return `node ${name}/${drive.bin} ${args.replaceAll(',', '')}`.trim();
  const module = quoted(plan.file === '' ? name : `${name}/${plan.file}`);
  const loaded = plan.format === 'esm' ? `(await import(${module}))` : `require(${module})`;
  if (drive.kind === 'http' && drive.start === 'load') return loaded;
  const reached = reachExpression(loaded, spellReach(plan.reach));
  if (drive.kind === 'handler' && drive.shape === 'self') return `${reached}(request, response)`;
  return drive.kind === 'http' && drive.start === 'construct' ? `new (${reached})(${args})` : `${reached}(${args})`;
}
