/**
 * The built-ins as they were before the target was loaded. A target may bend them, by accident or on purpose, and the
 * search would then see nothing: what was bent is put back between calls. What was added stays.
 */
const { getOwnPropertyDescriptor, defineProperty, ownKeys } = Reflect;

const HOLDERS: readonly object[] = [
  Array,
  Array.prototype,
  String.prototype,
  RegExp.prototype,
  Object,
  Function.prototype,
  Map.prototype,
  Set.prototype,
  WeakMap.prototype,
  Promise,
  Promise.prototype,
  Number,
  JSON,
  Reflect,
  Math,
  Object.getPrototypeOf([][Symbol.iterator]()) as object,
  Object.getPrototypeOf(''.matchAll(/x/g)) as object,
];

interface Kept {
  readonly holder: object;
  readonly key: PropertyKey;
  readonly descriptor: PropertyDescriptor;
}

/** Call it once before the target is loaded; what it returns puts everything back. */
export function keepIntrinsics(): () => void {
  const kept: Kept[] = [];
  for (const holder of HOLDERS) {
    for (const key of ownKeys(holder)) {
      const descriptor = getOwnPropertyDescriptor(holder, key);
      if (descriptor?.configurable && 'value' in descriptor) kept[kept.length] = { holder, key, descriptor };
    }
  }
  return () => {
    // By index: iteration itself may be what was bent.
    for (let at = 0; at < kept.length; at++) {
      const one = kept[at];
      if (one && getOwnPropertyDescriptor(one.holder, one.key)?.value !== one.descriptor.value)
        defineProperty(one.holder, one.key, one.descriptor);
    }
  };
}
