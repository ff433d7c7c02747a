/**
 * Calls that grow by what they open: one that enters a block no call had entered is kept, and the next ones are made from
 * it, with the names and values that stand before the blocks it passed by.
 */
import type { FlawClass } from '../formats/flaw-class.ts';
import type { BlockCoverage } from './coverage-inside.ts';
import type { PlanValue } from './plan.ts';
import type { Draw } from './random-inside.ts';
import { type Attempt, CODE_PAYLOADS, COMMAND_PAYLOADS, type FunctionHints } from './shapes-inside.ts';

export interface GuidedLimits {
  /** Calls of one function. */
  readonly calls: number;
  /** Calls kept to go on from. */
  readonly kept: number;
  /** Calls made from one that opened something, and from one that only begins. */
  readonly perKept: number;
  readonly perBeginning: number;
}

export const GUIDED_LIMITS: GuidedLimits = { calls: 260, kept: 14, perKept: 72, perBeginning: 24 };

/** One way to say the class's payload. */
interface Flavour {
  readonly payload: string;
  readonly value: PlanValue;
}

type Arguments = readonly PlanValue[];

interface Kept {
  readonly args: Arguments;
  readonly passedBy: readonly string[];
  readonly reads: readonly string[];
  /** Characters of the target that it was the first to enter. */
  readonly opened: number;
}

export interface GuidedCalls {
  /** Makes the call, lets it come to its end, and gives the names that were read from its objects and not found. */
  readonly call: (attempt: Attempt) => Promise<readonly string[]>;
  readonly isOver: () => boolean;
}

const P: PlanValue = { kind: 'payload' };
const PARSED: PlanValue = { kind: 'parse', text: '{{payload}}' };
const EMPTY: PlanValue = { kind: 'object', members: [] };
const CALLBACK: PlanValue = { kind: 'callback' };
const TRUE: PlanValue = { kind: 'json', value: true };
const ONE: PlanValue = { kind: 'json', value: 1 };

const FLAVOURS: Partial<Record<FlawClass, readonly Flavour[]>> = {
  'prototype-pollution': [
    { payload: '{"__proto__":{"{{canary}}":"1"}}', value: PARSED },
    { payload: '__proto__.{{canary}}', value: P },
  ],
  'command-injection': [{ payload: '$(touch {{canary}})', value: P }],
  'code-injection': [{ payload: '(globalThis.{{canary}}=1)', value: P }],
};

/** Tried with every call that was kept. */
const OTHERS: Partial<Record<FlawClass, readonly string[]>> = {
  'command-injection': COMMAND_PAYLOADS,
  'code-injection': CODE_PAYLOADS.slice(0, 22),
};

export async function guide(
  flaw: FlawClass,
  hints: FunctionHints,
  coverage: BlockCoverage,
  draw: Draw,
  calls: GuidedCalls,
  limits: GuidedLimits = GUIDED_LIMITS,
): Promise<void> {
  for (const flavour of FLAVOURS[flaw] ?? []) {
    const grown = new Growth(flavour, coverage, calls, limits);
    await grown.run(beginnings(flavour.value, hints), draw);
    for (const args of grown.best())
      for (const payload of OTHERS[flaw] ?? []) if (!calls.isOver()) await calls.call({ payload, args });
  }
}

class Growth {
  readonly #flavour: Flavour;
  readonly #coverage: BlockCoverage;
  readonly #calls: GuidedCalls;
  readonly #limits: GuidedLimits;
  readonly #tried = new Set<string>();
  readonly #kept: Kept[] = [];
  #count = 0;

  constructor(flavour: Flavour, coverage: BlockCoverage, calls: GuidedCalls, limits: GuidedLimits) {
    this.#flavour = flavour;
    this.#coverage = coverage;
    this.#calls = calls;
    this.#limits = limits;
  }

  async run(first: readonly Arguments[], draw: Draw): Promise<void> {
    for (const args of first) await this.#try(args, true);
    // What opened something last is gone on from first: it lies deepest.
    const left = this.#kept.toReversed();
    for (let expanded = 0; expanded < this.#limits.kept; expanded++) {
      const kept = left.pop();
      if (!kept) return;
      const before = this.#kept.length;
      const blind = draw.shuffled(fromReads(kept, this.#flavour.value));
      const made = [...fromConditions(kept, this.#flavour.value, draw), ...blind];
      const most = kept.opened > 0 ? this.#limits.perKept : this.#limits.perBeginning;
      for (const args of made.slice(0, most)) await this.#try(args);
      left.push(...this.#kept.slice(before));
    }
  }

  /** Those that got furthest first. */
  best(): readonly Arguments[] {
    return this.#kept
      .slice(-4)
      .reverse()
      .map(({ args }) => args);
  }

  async #try(args: Arguments, isBeginning = false): Promise<void> {
    const key = JSON.stringify(args);
    if (this.#calls.isOver() || this.#count >= this.#limits.calls || this.#tried.has(key)) return;
    this.#tried.add(key);
    this.#count++;
    const reads = await this.#calls.call({ payload: this.#flavour.payload, args });
    const { opened, passedBy } = this.#coverage.take();
    if (opened > 0 || isBeginning) this.#kept.push({ args, passedBy, reads, opened });
  }
}

/** Where it starts: what types and parameters say, and the plainest shapes. */
function beginnings(value: PlanValue, { parameters, signatures, examples }: FunctionHints): readonly Arguments[] {
  const plain = parameters.map((name): PlanValue => {
    if (/^(?:cb|callback|done|next|fn)$/i.test(name)) return CALLBACK;
    return /opt|conf|setting|param|spec|obj/i.test(name) ? EMPTY : value;
  });
  return [
    ...signatures.slice(0, 2),
    ...examples.slice(0, 2),
    ...(plain.length > 0 ? [plain] : []),
    [EMPTY, CALLBACK],
    [value, CALLBACK],
    [value, EMPTY, CALLBACK],
    [EMPTY, value],
  ];
}

const NAMES = 5;
const CONSTANTS = 6;

interface Condition {
  readonly names: readonly string[];
  readonly constants: readonly PlanValue[];
}

/** Names that are read and values that are compared in the text before a block, the nearest first. */
export function conditionIn(text: string): Condition {
  const names = [...text.matchAll(/(?:\.|\[['"]|[{,(]\s*)([A-Za-z_$][\w$]{0,30})/g)].map(([, name = '']) => name);
  const texts = [...text.matchAll(/(['"`])([^'"`\\\n]{1,40})\1/g)].map(([, , value = '']) => value);
  const numbers = [...text.matchAll(/(?:[=<>]=?|case)\s*(\d{1,9})\b/g)].map(([, value = '']) => Number(value));
  const last = <T>(values: readonly T[], count: number): T[] => [...new Set(values.toReversed())].slice(0, count);
  return {
    names: last(names, NAMES),
    constants: [
      ...last(texts, CONSTANTS).map((value): PlanValue => ({ kind: 'json', value })),
      ...last(numbers, 2).flatMap((value): PlanValue[] =>
        [value, value + 1].map((one) => ({ kind: 'json', value: one })),
      ),
    ],
  };
}

/** The call with one of the arguments changed: a member of an object set, or the argument itself. */
function withMember(args: Arguments, name: string, value: PlanValue): Arguments[] {
  return args.flatMap((arg, at) => {
    if (arg.kind === 'json' && isEmptyObject(arg.value)) return [replaced(args, at, objectOf([[name, value]]))];
    if (arg.kind !== 'object') return [];
    return [replaced(args, at, objectOf([...arg.members.filter(([other]) => other !== name), [name, value]]))];
  });
}

const objectOf = (members: readonly (readonly [string, PlanValue])[]): PlanValue => ({ kind: 'object', members });
const replaced = (args: Arguments, at: number, value: PlanValue): Arguments =>
  args.map((other, index) => (index === at ? value : other));
const isEmptyObject = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && Object.keys(value).length === 0;

/** For every block passed by, the nearest name with the nearest value first; the blocks take turns. */
function fromConditions({ args, passedBy, reads }: Kept, payload: PlanValue, draw: Draw): Arguments[] {
  const lists = draw.shuffled([...new Set(passedBy)]).map((text) => {
    const { names: near, constants } = conditionIn(text);
    // A name that was asked for in vain is the one to give.
    const names = near.toSorted((left, right) => Number(reads.includes(right)) - Number(reads.includes(left)));
    const pairs = names.flatMap((name, first) =>
      constants.map((value, second) => ({ name, value, rank: first + second })),
    );
    return [
      ...pairs
        .toSorted((left, right) => left.rank - right.rank)
        .flatMap(({ name, value }) => withMember(args, name, value)),
      ...names.slice(0, 2).flatMap((name) => [payload, TRUE, ONE].flatMap((value) => withMember(args, name, value))),
      ...args.flatMap((arg, at) =>
        arg.kind === 'callback' ? [] : constants.slice(0, 4).map((value) => replaced(args, at, value)),
      ),
    ];
  });
  const longest = Math.max(0, ...lists.map((list) => list.length));
  return Array.from({ length: longest }, (_, rank) => lists.flatMap((list) => list.slice(rank, rank + 1))).flat();
}

function fromReads({ args, reads }: Kept, payload: PlanValue): Arguments[] {
  const values: readonly PlanValue[] = [payload, TRUE, ONE, { kind: 'array', items: [payload] }, EMPTY];
  return [
    ...reads.slice(0, 8).flatMap((name) => values.flatMap((value) => withMember(args, name, value))),
    ...args.flatMap((arg, at) =>
      arg.kind === 'callback' ? [] : [EMPTY, payload, ONE].map((value) => replaced(args, at, value)),
    ),
    [...args, CALLBACK],
    [...args, payload],
  ];
}
