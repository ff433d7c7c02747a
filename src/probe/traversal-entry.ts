/** A readable name for the way a plan starts a server. */
import type { PlanReach, PlanValue, ProbePlan } from './plan.ts';

/** A plan value as a reader of code would write it. */
export function writeValue(value: PlanValue): string {
  switch (value.kind) {
    case 'json':
      return JSON.stringify(value.value);
    case 'undefined':
      return 'undefined';
    case 'array':
      return `[${value.items.map(writeValue).join(', ')}]`;
    case 'object':
      return `{ ${value.members.map(([name, member]) => `${JSON.stringify(name)}: ${writeValue(member)}`).join(', ')} }`;
    case 'callback':
      return '() => {}';
    case 'root':
    case 'port':
    case 'payload':
      return value.kind;
    default:
      return '…';
  }
}

const list = (values: readonly PlanValue[]): string => values.map(writeValue).join(', ');

/** Steps as code after the expression that loads the module. */
export function writeReach(start: string, reach: readonly PlanReach[]): string {
  let text = start;
  for (const step of reach) {
    if (step.kind === 'get') text += /^[\w$]+$/.test(step.name) ? `.${step.name}` : `[${JSON.stringify(step.name)}]`;
    else if (step.kind === 'construct') text = `new (${text})(${list(step.args)})`;
    else if (step.kind === 'call') text += `(${list(step.args)})`;
    else text = `(await ${text})`;
  }
  return text;
}

export function describeStart(name: string, plan: ProbePlan): string {
  const module = plan.file === '' ? name : `${name}/${plan.file}`;
  const { drive } = plan;
  const loaded = `require('${module}')`;
  if (drive.kind === 'bin') return `node ${name}/${drive.bin} ${drive.args.map(writeValue).join(' ')}`.trim();
  const reached = writeReach(loaded, plan.reach);
  if (drive.kind === 'http' && drive.start === 'load') return loaded;
  if (drive.kind === 'handler' && drive.shape === 'self') return `${reached} as (request, response)`;
  if (drive.kind === 'construct' || (drive.kind === 'http' && drive.start === 'construct'))
    return `new (${reached})(${list(drive.args)})`;
  return `${reached}(${list(drive.args)})`;
}
