/** Writes the values and steps of a plan as JavaScript that a person can read. */
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the texts are code that is written out.
import { canonicalJson, type Json } from '../lib/canonical-json.ts';
import type { PlanReach, PlanValue } from './plan.ts';

/** A single-quoted string, or a template where `payload` or `canary` go in. */
export function textLiteral(text: string): string {
  const parts = text.split(/(\{\{payload\}\}|\{\{canary\}\})/);
  if (parts.length === 1) return quoted(text);
  const body = parts
    .map((part) => {
      if (part === '{{payload}}') return '${payload}';
      if (part === '{{canary}}') return '${canary}';
      return escapeControls(part.replace(/[\\`]/g, '\\$&').replace(/\$\{/g, '\\${'));
    })
    .join('');
  if (body === '${payload}') return 'payload';
  if (body === '${canary}') return 'canary';
  return `\`${body}\``;
}

export function quoted(text: string): string {
  return `'${escapeControls(text.replace(/[\\']/g, '\\$&'))}'`;
}

function escapeControls(text: string): string {
  return text
    .replace(/\n/g, '\\n')
    .replace(/\r/g, '\\r')
    .replace(/\t/g, '\\t')
    .replace(/[^\x20-\x7e]/g, (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`);
}

function hasPrototypeKey(value: Json): boolean {
  return canonicalJson(value).includes('"__proto__"');
}

function jsonLiteral(value: Json): string {
  if (typeof value === 'string') return quoted(value);
  if (value !== null && typeof value === 'object' && hasPrototypeKey(value))
    return `JSON.parse(${quoted(JSON.stringify(value))})`;
  return JSON.stringify(value);
}

function parseLiteral(text: string): string {
  if (text === '{{payload}}') return 'JSON.parse(payload)';
  const escaped = textLiteral(text).replace('${payload}', '${JSON.stringify(payload).slice(1, -1)}');
  return `JSON.parse(${escaped === 'payload' ? 'payload' : escaped})`;
}

function memberName(name: string): string {
  if (name !== '__proto__' && /^[A-Za-z_$][\w$]*$/.test(name)) return name;
  const literal = textLiteral(name);
  return literal.startsWith("'") && name !== '__proto__' ? literal : `[${literal}]`;
}

export function valueLiteral(value: PlanValue): string {
  switch (value.kind) {
    case 'json':
      return jsonLiteral(value.value);
    case 'undefined':
      return 'undefined';
    case 'payload':
      return 'payload';
    case 'text':
      return textLiteral(value.text);
    case 'parse':
      return parseLiteral(value.text);
    case 'array':
      return `[${value.items.map(valueLiteral).join(', ')}]`;
    case 'object':
      return value.members.length === 0
        ? '{}'
        : `{ ${value.members.map(([name, member]) => `${memberName(name)}: ${valueLiteral(member)}`).join(', ')} }`;
    case 'buffer':
      return `Buffer.from(${valueLiteral(value.of)})`;
    case 'root':
      return 'process.cwd()';
    case 'port':
      return '0';
    case 'callback':
      return 'function callback() {}';
    case 'returns':
      return `() => (${valueLiteral(value.value)})`;
    case 'named-function':
      return `Object.defineProperty(function () {}, 'name', { value: ${textLiteral(value.text)} })`;
    case 'any-property':
      return `anyProperty(() => (${valueLiteral(value.value)})${value.deep ? ', true' : ''})`;
  }
}

export function argumentLiterals(args: readonly PlanValue[]): string {
  return args.map(valueLiteral).join(', ');
}

export function memberAccess(name: string): string {
  return /^[A-Za-z_$][\w$]*$/.test(name) ? `.${name}` : `[${quoted(name)}]`;
}

/** The steps as one expression: `new (target.Thing)({}).run`. */
export function reachExpression(start: string, reach: readonly PlanReach[]): string {
  let text = start;
  for (const step of reach) {
    if (step.kind === 'get') text += memberAccess(step.name);
    else if (step.kind === 'tap') text += `${memberAccess(step.name)}(${argumentLiterals(step.args)})`;
    else if (step.kind === 'call') text += `(${argumentLiterals(step.args)})`;
    else if (step.kind === 'construct') text = `new (${text})(${argumentLiterals(step.args)})`;
    else text = `(await ${text})`;
  }
  return text;
}

function usesAnyProperty(value: PlanValue): boolean {
  if (value.kind === 'any-property') return true;
  if (value.kind === 'array') return value.items.some(usesAnyProperty);
  if (value.kind === 'object') return value.members.some(([, member]) => usesAnyProperty(member));
  return value.kind === 'returns' && usesAnyProperty(value.value);
}

export function needsAnyProperty(args: readonly PlanValue[], steps: readonly PlanReach[]): boolean {
  return [...args, ...steps.flatMap((step) => ('args' in step ? step.args : []))].some(usesAnyProperty);
}
