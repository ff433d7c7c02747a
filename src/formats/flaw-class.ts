/** The classes of flaw the npm lane looks for, with their CWE. */
export const FLAW_CLASSES = {
  'prototype-pollution': { cwe: 'CWE-1321', title: 'Prototype pollution' },
  'path-traversal': { cwe: 'CWE-22', title: 'Path traversal' },
  'command-injection': { cwe: 'CWE-78', title: 'OS command injection' },
  'code-injection': { cwe: 'CWE-94', title: 'Code injection' },
  redos: { cwe: 'CWE-1333', title: 'Inefficient regular expression complexity' },
} as const;

export type FlawClass = keyof typeof FLAW_CLASSES;

export const isFlawClass = (text: string): text is FlawClass => Object.hasOwn(FLAW_CLASSES, text);
