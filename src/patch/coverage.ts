/** Which functions of the target ran, read from what V8 wrote in the sandbox. Hostile input. */
export interface Coverage {
  readonly entered: readonly EnteredFunction[];
  /** Files of the target that were loaded, below the outer `node_modules`. */
  readonly loaded: readonly string[];
}

export interface EnteredFunction {
  /** Below the outer `node_modules`. */
  readonly file: string;
  /** Empty where it has none. */
  readonly name: string;
  /** Character offsets in the file. */
  readonly start: number;
  readonly end: number;
}

const BELOW = /\/node_modules\/(.+)$/;
const FUNCTIONS = 50_000;

interface Report {
  readonly result?: readonly {
    readonly url?: unknown;
    readonly functions?: readonly {
      readonly functionName?: unknown;
      readonly ranges?: readonly {
        readonly startOffset?: unknown;
        readonly endOffset?: unknown;
        readonly count?: unknown;
      }[];
    }[];
  }[];
}

/** The module's own top level counts as no function: loading a file is not calling it. */
export function readCoverage(reports: readonly string[]): Coverage {
  const entered: EnteredFunction[] = [];
  const loaded = new Set<string>();
  for (const text of reports) {
    for (const { url, functions } of readReport(text).result ?? []) {
      const [, file] = BELOW.exec(typeof url === 'string' ? url : '') ?? [];
      if (file === undefined || !Array.isArray(functions)) continue;
      if (loaded.size < FUNCTIONS) loaded.add(file);
      for (const one of functions) {
        const range = one?.ranges?.[0];
        const { startOffset: start, endOffset: end, count } = range ?? {};
        if (typeof start !== 'number' || typeof end !== 'number' || typeof count !== 'number' || count === 0) continue;
        if (start === 0 || entered.length >= FUNCTIONS) continue;
        entered.push({ file, name: typeof one.functionName === 'string' ? one.functionName : '', start, end });
      }
    }
  }
  return { entered, loaded: [...loaded].sort() };
}

/** The functions that stand at these places, `path:line`: the way an effect was reached. */
export function waysAt(
  frames: readonly string[],
  entered: readonly EnteredFunction[],
  textOf: (file: string) => string | undefined,
): EnteredFunction[] {
  const ways = new Set<EnteredFunction>();
  for (const frame of frames) {
    const [, file = '', line = ''] = /^(.+):(\d+)$/.exec(frame) ?? [];
    const text = textOf(file);
    if (text === undefined) continue;
    const lines = text.split('\n');
    const from = lines.slice(0, Number(line) - 1).reduce((sum, one) => sum + one.length + 1, 0);
    const to = from + (lines[Number(line) - 1]?.length ?? 0);
    const around = entered.filter((one) => one.file === file && one.start <= to && one.end >= from);
    const [innermost] = around.sort((left, right) => left.end - left.start - (right.end - right.start));
    if (innermost) ways.add(innermost);
  }
  return [...ways];
}

/**
 * By name, because a patch moves the offsets; where there is no name, any function of that file counts, and where the
 * file is no longer loaded, a function of that name in another file of the same package.
 */
export function isEnteredAgain(way: readonly EnteredFunction[], { entered, loaded }: Coverage): boolean {
  const isSameFile = (file: string, other: string) =>
    file === other || (!loaded.includes(file) && packageNameOf(file) === packageNameOf(other));
  return way.some(({ file, name }) =>
    entered.some((one) => (name === '' ? one.file === file : one.name === name && isSameFile(file, one.file))),
  );
}

const packageNameOf = (file: string) => /^(?:@[^/]+\/)?[^/]+/.exec(file)?.[0];

function readReport(text: string): Report {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && Array.isArray((value as Report).result)
      ? (value as Report)
      : {};
  } catch {
    return {};
  }
}
