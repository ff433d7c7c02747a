/** What the search judges by the look of things: which functions come first, what a result is good for. */
import type { FlawClass } from '../formats/flaw-class.ts';
import type { Subject } from './enumerate-inside.ts';
import type { PlanValue } from './plan.ts';

/** Methods that set going what a builder or a lazy task has been told to do. */
export const TRIGGERS = [
  'fork',
  'run',
  'exec',
  'execute',
  'start',
  'send',
  'end',
  'done',
  'process',
  'build',
  'go',
  'save',
  'render',
  'compile',
];

export function isEmitter(value: object): boolean {
  return (
    typeof (value as { on?: unknown }).on === 'function' && typeof (value as { emit?: unknown }).emit === 'function'
  );
}

const PROMISING: Partial<Record<FlawClass, RegExp>> = {
  'prototype-pollution':
    /\[[^\]'"\d]+\]\s*=[^=]|set|merge|extend|assign|default|deep|mix|path|put|flat|parse|clone|update|patch|copy|opt/i,
  'command-injection': /exec|spawn|shell|cmd|command|child/i,
  'code-injection': /eval|Function\s*\(|\bvm\b|runIn|compile|template|render|serialize/i,
};

/** Functions whose text looks like the class come first; otherwise as they were met. */
export function byPromise(subjects: readonly Subject[], flaw: FlawClass): readonly Subject[] {
  const telling = PROMISING[flaw];
  const score = (subject: Subject): number =>
    subject.stream || subject.events || telling?.test(subject.source) || telling?.test(subject.name) ? 0 : 1;
  return subjects.toSorted((left, right) => score(left) - score(right));
}

/** Writes the names that were read into every any-property value. */
export function noteSeen(values: readonly PlanValue[], seen: readonly string[]): readonly PlanValue[] {
  return values.map((value) => (value.kind === 'any-property' ? { ...value, seen } : value));
}
