/**
 * Past advisories looked at again: the version that each calls fixed is searched for the same class of flaw. What is found
 * there may be what the fix left out, or another flaw of its class: a candidate, for a person to say. Pure.
 */
import { FLAW_CLASSES, type FlawClass } from '../formats/flaw-class.ts';
import type { PastAdvisory } from '../formats/past-advisory.ts';

export interface Reaudit {
  readonly version: string;
  /** Advisories that call it fixed, by the class they are about. */
  readonly about: readonly { readonly flaw: FlawClass; readonly ids: readonly string[] }[];
}

export interface ReauditPlan {
  readonly versions: readonly Reaudit[];
  /** Advisories about what the finder does not look for, or that do not say what they are about. */
  readonly notCovered: readonly string[];
}

/** Versions searched of one package, the latest fix of the list first. */
export const MAX_REAUDITED = 20;

/** CWEs that stand for the same class: a child, a parent or a neighbour that advisories use. */
const MEANT: Readonly<Record<string, FlawClass>> = {
  ...Object.fromEntries((Object.keys(FLAW_CLASSES) as FlawClass[]).map((flaw) => [FLAW_CLASSES[flaw].cwe, flaw])),
  'CWE-915': 'prototype-pollution',
  'CWE-23': 'path-traversal',
  'CWE-24': 'path-traversal',
  'CWE-36': 'path-traversal',
  'CWE-73': 'path-traversal',
  'CWE-77': 'command-injection',
  'CWE-88': 'command-injection',
  'CWE-95': 'code-injection',
  'CWE-400': 'redos',
  'CWE-730': 'redos',
};

export function planReaudit(advisories: readonly PastAdvisory[]): ReauditPlan {
  const byVersion = new Map<string, Map<FlawClass, Set<string>>>();
  const notCovered: string[] = [];
  for (const { id, aliases, cwes, fixed } of advisories) {
    const flaws = new Set(cwes.flatMap((cwe) => MEANT[cwe] ?? []));
    if (flaws.size === 0) notCovered.push(id);
    for (const version of fixed) {
      const about = byVersion.get(version) ?? new Map<FlawClass, Set<string>>();
      for (const flaw of flaws) about.set(flaw, new Set([...(about.get(flaw) ?? []), id, ...aliases]));
      if (flaws.size > 0) byVersion.set(version, about);
    }
  }
  const versions = [...byVersion].map(([version, about]) => ({
    version,
    about: [...about].map(([flaw, ids]) => ({ flaw, ids: [...ids].sort() })),
  }));
  return { versions: versions.reverse().slice(0, MAX_REAUDITED), notCovered };
}

/** Advisories whose fix a finding of this class in this version may show to be incomplete. */
export function leftUnfixedBy(plan: ReauditPlan, version: string, flaw: FlawClass): readonly string[] {
  const same = plan.versions.find((each) => each.version === version);
  return same?.about.find((each) => each.flaw === flaw)?.ids ?? [];
}
