/** Whether a framework hangs together: everything that a clause names is there, once, and no clause requires itself. */
import type { Condition, Framework, Gate, Requirement } from './framework.ts';

export interface BrokenReference {
  readonly place: string;
  readonly why: string;
  readonly isRepeated: boolean;
}

export function findBrokenReference(framework: Framework): BrokenReference | undefined {
  return findRepeated(framework) ?? findUnknown(framework);
}

/** The gates of a ring, the first again at its end. */
export function findCycle({ gates }: Framework): readonly string[] | undefined {
  const requires = new Map(gates.map((gate) => [gate.id, gate.requires.flatMap(clausesIn)]));
  const done = new Set<string>();
  const visit = (id: string, path: readonly string[]): readonly string[] | undefined => {
    if (path.includes(id)) return [...path.slice(path.indexOf(id)), id];
    if (done.has(id)) return undefined;
    for (const next of requires.get(id) ?? []) {
      const ring = visit(next, [...path, id]);
      if (ring) return ring;
    }
    done.add(id);
    return undefined;
  };
  for (const { id } of gates) {
    const ring = visit(id, []);
    if (ring) return ring;
  }
  return undefined;
}

function clausesIn(requirement: Requirement): string[] {
  if ('clause' in requirement) return [requirement.clause];
  if ('all' in requirement) return requirement.all.flatMap(clausesIn);
  return 'any' in requirement ? requirement.any.flatMap(clausesIn) : [];
}

function findRepeated(framework: Framework): BrokenReference | undefined {
  const lists: readonly [string, readonly { readonly id: string }[]][] = [
    ['terms', framework.terms],
    ['categories', framework.categories],
    ...framework.categories.map(({ id, levels }): [string, typeof levels] => [`categories/${id}/levels`, levels]),
    ['safeguards', framework.safeguards],
    ['artefacts', framework.artefacts],
    ['metrics', framework.metrics],
    ['flags', framework.flags],
    ['vectors', framework.vectors],
    // Decisions name them alike.
    ['gates', [...framework.gates, ...framework.duties]],
    ['quorums', framework.quorums],
    ['deviations', framework.deviations],
    ['clocks', framework.clocks],
  ];
  for (const [name, list] of lists) {
    const twice = list.find(({ id }, at) => list.findIndex((other) => other.id === id) !== at);
    if (twice) return { place: `/${name}/${twice.id}`, why: 'the id is given twice', isRepeated: true };
  }
  return undefined;
}

function findUnknown(framework: Framework): BrokenReference | undefined {
  const { gates, duties, vectors, quorums, deviations, categories } = framework;
  const unknown = (place: string, what: string, id: string): BrokenReference => ({
    place,
    why: `there is no ${what} ${id}`,
    isRepeated: false,
  });
  const has = (list: readonly { readonly id: string }[], id: string): boolean => list.some((each) => each.id === id);
  for (const { id, term } of [...gates, ...duties]) {
    if (term !== undefined && !has(framework.terms, term)) return unknown(`/gates/${id}/term`, 'term', term);
  }
  for (const { id, claims } of vectors) {
    const missing = claims.find((claim) => !has(framework.safeguards, claim));
    if (missing !== undefined) return unknown(`/vectors/${id}`, 'safeguard', missing);
  }
  for (const { id, lifts, requires, raises } of deviations) {
    const gate = lifts.find((each) => !has(gates, each));
    if (gate !== undefined) return unknown(`/deviations/${id}/lifts`, 'gate', gate);
    const artefact = requires.find((each) => !has(framework.artefacts, each));
    if (artefact !== undefined) return unknown(`/deviations/${id}/requires`, 'artefact', artefact);
    const flag = raises.find((each) => !has(framework.flags, each));
    if (flag !== undefined) return unknown(`/deviations/${id}/raises`, 'flag', flag);
  }
  for (const { id, levels } of categories) {
    const unreachable = levels.find(({ tests }) => tests && tests.passes > tests.names.length);
    if (unreachable) return unknown(`/categories/${id}`, 'way to pass so many tests of', unreachable.id);
  }
  for (const { id, when } of [...gates, ...quorums]) {
    const missing = unknownIn(when, framework);
    if (missing) return unknown(`/${id}/when`, ...missing);
  }
  for (const gate of gates) {
    for (const requirement of gate.requires) {
      const missing = unknownOf(requirement, framework, gate);
      if (missing) return unknown(`/gates/${gate.id}/requires`, ...missing);
    }
  }
  return undefined;
}

type Missing = [what: string, id: string];

function unknownIn(condition: Condition, framework: Framework): Missing | undefined {
  if ('always' in condition) return undefined;
  if ('flag' in condition) {
    return framework.flags.some(({ id }) => id === condition.flag) ? undefined : ['flag', condition.flag];
  }
  if ('category' in condition) {
    const category = framework.categories.find(({ id }) => id === condition.category);
    if (!category) return ['category', condition.category];
    return category.levels.some(({ id }) => id === condition.level) ? undefined : ['level', condition.level];
  }
  const parts = 'all' in condition ? condition.all : condition.any;
  return firstOf(parts, (part) => unknownIn(part, framework));
}

function unknownOf(requirement: Requirement, framework: Framework, gate: Gate): Missing | undefined {
  if ('all' in requirement) return firstOf(requirement.all, (part) => unknownOf(part, framework, gate));
  if ('any' in requirement) return firstOf(requirement.any, (part) => unknownOf(part, framework, gate));
  const { list, what, id } = namedBy(requirement, framework);
  return list.some((each) => each.id === id) ? undefined : [what, id];
}

type Leaf = Exclude<Requirement, { readonly all: unknown } | { readonly any: unknown }>;

function namedBy(requirement: Leaf, framework: Framework) {
  if ('safeguard' in requirement) return { list: framework.safeguards, what: 'safeguard', id: requirement.safeguard };
  if ('artefact' in requirement) return { list: framework.artefacts, what: 'artefact', id: requirement.artefact };
  if ('vector' in requirement) return { list: framework.vectors, what: 'vector', id: requirement.vector };
  if ('metric' in requirement) return { list: framework.metrics, what: 'metric', id: requirement.metric };
  return { list: framework.gates, what: 'clause', id: requirement.clause };
}

function firstOf<T, Found>(list: readonly T[], find: (each: T) => Found | undefined): Found | undefined {
  for (const each of list) {
    const found = find(each);
    if (found !== undefined) return found;
  }
  return undefined;
}
