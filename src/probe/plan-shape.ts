/** Whether a value from anywhere has the shape of a plan. A plan comes from beside hostile code, or out of a script. */
import { FLAW_CLASSES } from '../formats/flaw-class.ts';
import type { ProbePlan } from './plan.ts';

type Fields = Readonly<Record<string, unknown>>;

const DEPTH = 24;
const LIST = 64;
const TEXT = 20_000;

const isRecord = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isText = (value: unknown): value is string => typeof value === 'string' && value.length <= TEXT;
const isListOf = (value: unknown, each: (item: unknown) => boolean): boolean =>
  Array.isArray(value) && value.length <= LIST && value.every(each);
const isAbsentOr = (value: unknown, check: (value: unknown) => boolean): boolean => value === undefined || check(value);

function isValue(value: unknown, depth = 0): boolean {
  if (!isRecord(value) || depth > DEPTH) return false;
  const inner = (next: unknown): boolean => isValue(next, depth + 1);
  switch (value.kind) {
    case 'json':
      return value.value !== undefined;
    case 'undefined':
    case 'payload':
    case 'root':
    case 'port':
    case 'callback':
      return true;
    case 'text':
    case 'parse':
    case 'named-function':
      return isText(value.text);
    case 'array':
      return isListOf(value.items, inner);
    case 'object':
      return isListOf(value.members, (member) => Array.isArray(member) && isText(member[0]) && inner(member[1]));
    case 'buffer':
      return inner(value.of);
    case 'returns':
      return inner(value.value);
    case 'any-property':
      return (
        inner(value.value) &&
        isAbsentOr(value.deep, (deep) => typeof deep === 'boolean') &&
        isAbsentOr(value.seen, (seen) => Array.isArray(seen) && seen.every(isText))
      );
    default:
      return false;
  }
}

const isValues = (value: unknown): boolean => isListOf(value, (item) => isValue(item));

function isStep(step: unknown): boolean {
  if (!isRecord(step)) return false;
  if (step.kind === 'await') return true;
  if (step.kind === 'get') return isText(step.name);
  if (step.kind === 'tap') return isText(step.name) && isValues(step.args);
  return (step.kind === 'call' || step.kind === 'construct') && isValues(step.args);
}

function isDrive(drive: unknown): boolean {
  if (!isRecord(drive)) return false;
  const isRequested = isAbsentOr(drive.requestTarget, isText) && isAbsentOr(drive.control, isText);
  switch (drive.kind) {
    case 'call':
    case 'construct':
      return isValues(drive.args) && isListOf(drive.after, isStep);
    case 'http':
    case 'handler':
      return isValues(drive.args) && isText(drive.requestTarget) && isRequested;
    case 'bin':
      return isInside(drive.bin) && isValues(drive.args) && isRequested;
    default:
      return false;
  }
}

const isInside = (file: unknown): boolean =>
  isText(file) && !file.startsWith('/') && !file.includes('\\') && !file.split('/').includes('..');
const isProgram = (name: unknown): boolean => isText(name) && /^[A-Za-z][\w.+-]{0,60}$/.test(name);

export function isProbePlan(value: unknown): value is ProbePlan {
  return (
    isRecord(value) &&
    isText(value.flaw) &&
    Object.hasOwn(FLAW_CLASSES, value.flaw) &&
    isInside(value.file) &&
    (value.format === 'cjs' || value.format === 'esm') &&
    isListOf(value.reach, isStep) &&
    isDrive(value.drive) &&
    isText(value.payload) &&
    isAbsentOr(value.legacy, (legacy) => typeof legacy === 'boolean') &&
    isAbsentOr(value.loopback, (loopback) => typeof loopback === 'boolean') &&
    isAbsentOr(value.pump, isText) &&
    isAbsentOr(value.controlPump, isText) &&
    isAbsentOr(value.programs, (programs) => isListOf(programs, isProgram))
  );
}
