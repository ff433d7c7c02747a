/** What a value shows of itself, so that two versions can be compared: kinds and content, and nothing that is nobody's contract. */
import childProcess from 'node:child_process';
import { EventEmitter } from 'node:events';
import net from 'node:net';
import process from 'node:process';

const DEPTH = 7;
const NODES = 400;
/** Characters of one text. */
export const TEXT = 600;
const OF_NODE = [net.Server, childProcess.ChildProcess, process.getBuiltinModule('node:stream')];

/** A value as JSON that shows kinds and content, not identity; cycles and depth are cut. */
export function image(value: unknown, depth = DEPTH, budget = { left: NODES }): unknown {
  if (budget.left-- <= 0) return '…';
  if (value === null || typeof value === 'boolean') return value;
  if (typeof value === 'number')
    return Number.isFinite(value) && !Object.is(value, -0) ? value : `number ${String(value)}`;
  if (typeof value === 'string') return `text ${value.slice(0, TEXT)}`;
  if (typeof value === 'function') return 'function';
  if (typeof value !== 'object') return `${typeof value} ${String(value)}`;
  try {
    return objectImage(value, depth, budget);
  } catch {
    return 'unreadable';
  }
}

function objectImage(value: object, depth: number, budget: { left: number }): unknown {
  const prototype = Object.getPrototypeOf(value) as { constructor?: { name?: unknown } } | null;
  // An object without a prototype holds the same; it is what many a true fix puts in the place of `{}`.
  const kind = prototype === null ? 'Object' : prototype.constructor?.name;
  if (value instanceof Error || kind === 'Error') return { error: '' };
  if (Buffer.isBuffer(value)) return `bytes ${value.subarray(0, 200).toString('hex')}`;
  if (value instanceof Date) return 'date';
  if (value instanceof RegExp) return `expression ${String(value)}`;
  if (value instanceof Promise) return 'promise';
  if (OF_NODE.some((one) => value instanceof one)) return `emitter ${String(kind)}`;
  if (depth === 0) return '…';
  if (Array.isArray(value)) return value.slice(0, 50).map((item) => image(item, depth - 1, budget));
  if (value instanceof Map || value instanceof Set) return { kind, items: image([...value], depth - 1, budget) };
  // What an emitter keeps for itself is nobody's contract, and a member without a value reads like none.
  const isShown = (name: string) =>
    !(value instanceof EventEmitter && name.startsWith('_')) && Reflect.get(value, name) !== undefined;
  const members = Object.keys(value).filter(isShown).sort().slice(0, 60);
  return {
    kind: String(kind),
    members: members.map((name) => [name, image((value as Record<string, unknown>)[name], depth - 1, budget)]),
  };
}
