/**
 * Tells which regular expressions receive which text, and from where. Runs inside the sandbox, before the target is
 * loaded. While it is on, expressions run slower: time is measured in a process without it.
 */
const { apply, defineProperty } = Reflect;

type AnyFunction = (...args: unknown[]) => unknown;

export interface RegexUse {
  readonly source: string;
  readonly flags: string;
  readonly subject: string;
  readonly operation: string;
  stack(): string;
}

const stackHere = (): string => {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 40;
  const stack = String(new Error().stack);
  Error.stackTraceLimit = limit;
  return stack;
};

/** Calls `told` for every use; never for uses that happen while it is told. */
export function watchExpressions(told: (use: RegexUse) => void): void {
  let depth = 0;
  const watch = (holder: object, name: string, expressionIn: (self: unknown, args: unknown[]) => unknown): void => {
    const original = (holder as Record<string, unknown>)[name] as AnyFunction;
    const replacement = function (this: unknown, ...args: unknown[]): unknown {
      if (depth > 0) return apply(original, this, args);
      const expression = expressionIn(this, args);
      const subject = this instanceof RegExp ? args[0] : this;
      depth++;
      try {
        if (expression instanceof RegExp && (typeof subject === 'string' || subject instanceof String))
          told({
            source: expression.source,
            flags: expression.flags,
            subject: String(subject),
            operation: name,
            stack: stackHere,
          });
      } finally {
        depth--;
      }
      // A replacement function of the target runs inside: what it does is seen too.
      return apply(original, this, args);
    };
    defineProperty(holder, name, { value: replacement, writable: true, configurable: true });
  };
  for (const name of ['match', 'matchAll', 'replace', 'replaceAll', 'search', 'split'])
    watch(String.prototype, name, (_self, args) => args[0]);
  for (const name of ['exec', 'test']) watch(RegExp.prototype, name, (self) => self);
}
