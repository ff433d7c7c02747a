/**
 * What users can do until there is a fix, as a draft by the class of the flaw: it says what to keep away from the package
 * and what to restrict, never how the flaw is reached. A person accepts or rewrites it before anybody reads it. Pure.
 */
import type { FlawClass } from '../formats/flaw-class.ts';

const DRAFTS: Readonly<Record<FlawClass, (name: string) => readonly string[]>> = {
  'prototype-pollution': (name) => [
    `Do not hand ${name} keys or paths that come from outside; refuse those that name __proto__, constructor or prototype before they reach it.`,
    'Where the application allows it, run Node with --disable-proto=delete, and freeze Object.prototype at start.',
    'Keep what comes from outside in objects without a prototype (Object.create(null)) or in a Map.',
  ],
  'path-traversal': (name) => [
    `Do not let names of files that come from outside reach ${name}: resolve them first, and refuse what lies outside the folder that is meant.`,
    'Run the process as a user, or in a container, that can read nothing but that folder.',
    'Where it serves files, put a server before it that refuses paths with parent folders, encoded ones among them.',
  ],
  'command-injection': (name) => [
    `Do not hand ${name} text that comes from outside; where it must be, allow letters, digits and a few harmless marks, and refuse the rest.`,
    'Run the process as a user without rights to what matters, and without a shell where the container allows it.',
  ],
  'code-injection': (name) => [
    `Do not hand ${name} expressions, templates or names that come from outside; choose among those known before.`,
    'Where the application allows it, run Node with --disallow-code-generation-from-strings.',
  ],
  redos: (name) => [
    `Bound the length of what comes from outside before ${name} reads it; how long is harmless can be measured.`,
    'Do that work in a process or worker of its own that is ended after a time limit.',
  ],
};

/** Longest mitigation that is taken, characters. */
export const MAX_MITIGATION = 2_000;

export function draftMitigation(flaw: FlawClass, packageName: string): string {
  return DRAFTS[flaw](packageName).join(' ');
}
