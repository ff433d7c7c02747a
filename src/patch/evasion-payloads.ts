/**
 * Payloads that become dangerous by a wrong defence: the strip that joins what it leaves, the quotes that are closed from
 * within. Against the unpatched version most do nothing; on a patched one they must be as silent as every variant.
 */
import type { FlawClass } from '../formats/flaw-class.ts';
import type { ProbePlan } from '../probe/index.ts';
import { CLIMB, otherRoutes, STATEMENT } from './variant-payloads.ts';

const EVASIONS: Readonly<Record<FlawClass, (payload: string) => readonly string[]>> = {
  'prototype-pollution': (payload) => [...[payload, ...otherRoutes(payload)].map(aroundItself), ...deeper(payload)],
  'command-injection': (payload) => {
    const beginning = /^[\w@.:/-]*/.exec(payload)?.[0] ?? '';
    return SHELL_FORMS.map((form) => beginning + form);
  },
  'code-injection': () => CODE_FORMS.map(([before, after]) => before + STATEMENT + after),
  'path-traversal': (payload) =>
    payload.search(CLIMB) < 0 ? [] : CLIMBS.map((form) => payload.replace(CLIMB, () => form)),
  // A bound holds for every input, or the variants show that it does not.
  redos: () => [],
};

export const evasionPayloadsOf = ({ flaw, payload }: ProbePlan): readonly string[] => EVASIONS[flaw](payload);

/** Whoever takes the word out of the middle, once, makes it whole. */
function aroundItself(payload: string): string {
  return payload.replace(/__proto__|constructor|prototype/g, (word) => {
    const middle = Math.floor(word.length / 2);
    return word.slice(0, middle) + word + word.slice(middle);
  });
}

/** Where a list among keys is the attack: a list of one holds as text what it holds, however deep it lies. */
function deeper(payload: string): string[] {
  if (!/^\s*\[.*\[\s*"/s.test(payload)) return [];
  const keys = readList(payload);
  const [first, last] = [keys.slice(0, -1), keys.slice(-1)];
  const wrapped = (some: readonly unknown[]) => some.map((key) => [key]);
  return keys.length < 2
    ? []
    : [
        [...first, ...wrapped(last)],
        [...wrapped(first), ...last],
        [...wrapped(first), ...wrapped(last)],
      ].map((list) => JSON.stringify(list));
}

function readList(text: string): readonly unknown[] {
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) ? value : [];
  } catch {
    // Not a list, but text with brackets in it.
    return [];
  }
}

const SHELL_FORMS = [
  ...["'", '"'].flatMap((quote) => [
    `${quote};touch {{canary}};${quote}`,
    `${quote};touch {{canary}} #`,
    `\\${quote};touch {{canary}} #`,
  ]),
  '||touch {{canary}}',
  '&&touch {{canary}}',
  '\n\ntouch {{canary}}\n',
];

const CODE_FORMS = [
  ["';", ";'"],
  ['";', ';"'],
  ['`;', ';`'],
  ["'+(", ")+'"],
  ['"+(', ')+"'],
  ["\\';", ';//'],
  ['\\";', ';//'],
  ['${', '}'],
  ['\n', '\n'],
] as const;

const CLIMBS = ['....//', '..././', '....\\/', '..%2f', '%2e%2e%2f', '%252e%252e%252f'];
