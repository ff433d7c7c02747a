/** Helpers of node:util that Node had when many packages were written, and has no more. Without them they only throw. */
import util from 'node:util';

const GONE: Readonly<Record<string, (...args: never[]) => unknown>> = {
  isBoolean: (value: unknown) => typeof value === 'boolean',
  isNumber: (value: unknown) => typeof value === 'number',
  isString: (value: unknown) => typeof value === 'string',
  isFunction: (value: unknown) => typeof value === 'function',
  isSymbol: (value: unknown) => typeof value === 'symbol',
  isUndefined: (value: unknown) => value === undefined,
  isNull: (value: unknown) => value === null,
  isNullOrUndefined: (value: unknown) => value === null || value === undefined,
  isObject: (value: unknown) => value !== null && typeof value === 'object',
  isPrimitive: (value: unknown) => Object(value) !== value,
  isRegExp: (value: unknown) => value instanceof RegExp,
  isDate: (value: unknown) => value instanceof Date,
  isError: (value: unknown) => value instanceof Error,
  isBuffer: (value: unknown) => Buffer.isBuffer(value),
  _extend: (into: object, from: object | null) => Object.assign(into, from),
};

/** Puts them back where they are missing; what it returns says whether the target asked for one. */
export function standInForOldHelpers(): () => boolean {
  let isUsed = false;
  for (const [name, helper] of Object.entries(GONE)) {
    if (name in util) continue;
    Object.defineProperty(util, name, {
      configurable: true,
      enumerable: false,
      get() {
        isUsed = true;
        return helper;
      },
    });
  }
  return () => isUsed;
}
