/**
 * `framework-encoding/0`, the first form in which frameworks were written down, as a framework. What it leaves open is read
 * the strictest way: a modality that was not recorded is MUST, a gate that names no level of harm asks for every claim's way
 * of harm to be covered, a gap in the published text is a document that must first exist.
 */
import type { Json } from '../lib/canonical-json.ts';
import { ok, type Result, refuse } from '../lib/result.ts';
import type {
  Category,
  Deviation,
  Duty,
  Force,
  Framework,
  Gate,
  Modality,
  Quorum,
  Requirement,
  Scope,
  Term,
  Vector,
} from './framework.ts';
import type { FrameworkRefusal } from './read-framework.ts';

type Loose = { readonly [name: string]: Json };

/** The level of a category that the encoding gives none. */
export const ONLY_LEVEL = 'threshold';

/** From the lowest to the highest. */
const LEVEL_ORDER = ['low', 'medium', 'moderate', 'tcl', 'high', 'ccl', 'critical'];

const KNOWN = new Set(
  `schema id issuer title version effective supersedes source force legally_designated_document paraphrased categories not_covered
   obligations decisions deviations severe_harm research_categories scope_triggers evidence determination gates safeguard_claims`.split(
    /\s+/,
  ),
);

class Unread extends Error {
  readonly place: string;

  constructor(place: string, why: string) {
    super(why);
    this.place = place;
  }
}

export function fromEncodingZero(document: Loose, digest: string): Result<Framework, FrameworkRefusal> {
  try {
    return ok(convert(document, digest));
  } catch (error) {
    if (!(error instanceof Unread)) throw error;
    return refuse({ kind: kindAt(error.place), place: error.place, why: error.message });
  }
}

const kindAt = (place: string): FrameworkRefusal['kind'] => {
  if (place.startsWith('/decisions')) return 'missing-quorum';
  return place.startsWith('/gates') || /^\/[a-z_]+\?$/.test(place) ? 'unknown-clause' : 'not-a-framework';
};

function convert(document: Loose, digest: string): Framework {
  const unknown = Object.keys(document).find((name) => !KNOWN.has(name));
  if (unknown !== undefined) throw new Unread(`/${unknown}?`, `there is no clause of the kind ${unknown}`);
  const force = forceOf(document.force);
  const terms: Term[] = [];
  const categories = listOf(document, 'categories').map(toCategory);
  const own = listOf(document, 'categories').flatMap((category, at) => safeguardGate(category, at, force));
  const vectors = vectorsOf(document.safeguard_claims);
  const artefacts = new Map<string, string>();
  const claimed = vectors.flatMap(({ claims }) => claims);
  const stated = listOf(document, 'gates').flatMap((gate, at) =>
    statedGates(gate, at, { categories, vectors, force, artefacts }),
  );
  const duties = listOf(document, 'obligations').map((each, at) => toDuty(each, at, force, terms));
  const gates = [...own.map(({ gate }) => gate), ...stated.map(({ gate }) => gate)];
  const safeguardNames = [...own, ...stated].flatMap(({ safeguards }) => safeguards);
  const supersedes = document.supersedes === undefined ? undefined : (document.supersedes as Loose);
  const source = (document.source ?? {}) as Loose;
  const quorums = quorumsOf(listOf(document, 'decisions'));
  return {
    id: textOf(document, 'id'),
    issuer: textOf(document, 'issuer'),
    title: textOf(document, 'title'),
    version: textOf(document, 'version'),
    effective: typeof document.effective === 'string' ? document.effective : null,
    supersedes: typeof supersedes?.version === 'string' ? supersedes.version : null,
    source: {
      url: typeof source.url === 'string' ? source.url : null,
      sha256: null,
      sha256Prefix: typeof source.sha256_prefix === 'string' ? source.sha256_prefix : null,
      variants: Array.isArray(source.variants_same_label) ? source.variants_same_label : [],
    },
    force,
    terms,
    categories,
    safeguards: unique([...safeguardNames, ...claimed.map((id) => ({ id, name: id, loc: null }))]),
    artefacts: [...artefacts].map(([id, name]) => ({ id, name, loc: null })),
    metrics: [],
    flags: quorums.flatMap(({ when, for: name }) => ('flag' in when ? [{ id: when.flag, name, loc: null }] : [])),
    vectors,
    gates,
    duties,
    quorums,
    deviations: listOf(document, 'deviations').map(toDeviation),
    clocks: [],
    notCovered: Array.isArray(document.not_covered) ? document.not_covered.map(String) : [],
    digest,
  };
}

function toCategory(category: Loose, at: number): Category {
  const place = `/categories/${at}`;
  const id = textOf(category, 'id', place);
  const { levels } = category;
  if (levels !== undefined && !isObject(levels)) throw new Unread(`${place}/levels`, 'levels are an object');
  const named = levels === undefined ? [[ONLY_LEVEL, category.threshold ?? null] as const] : Object.entries(levels);
  if (named.length === 0) throw new Unread(`${place}/levels`, 'there is no level');
  // Members of an object have no order that a hash would see, so the order is by what they are called.
  const rank = ([level]: readonly [string, unknown]): number => LEVEL_ORDER.indexOf(level.toLowerCase());
  const unranked = named.find((each) => named.length > 1 && rank(each) < 0);
  if (unranked) throw new Unread(`${place}/levels`, `how high ${unranked[0]} is among the others is not known`);
  return {
    id,
    name: typeof category.name === 'string' ? category.name : id,
    levels: named
      .toSorted((left, right) => rank(left) - rank(right))
      .map(([level, threshold]) => ({ id: level, threshold: threshold as Json })),
    loc: locOf(category),
  };
}

interface GateWithSafeguards {
  readonly gate: Gate;
  readonly safeguards: readonly { readonly id: string; readonly name: string; readonly loc: null }[];
}

/** A category that names its safeguards itself: crossed, they all stand, wherever the model is used. */
function safeguardGate(category: Loose, at: number, force: Force): GateWithSafeguards[] {
  const { safeguards } = category;
  if (safeguards === undefined) return [];
  if (!Array.isArray(safeguards) || safeguards.length === 0 || safeguards.some((each) => typeof each !== 'string')) {
    throw new Unread(`/categories/${at}/safeguards`, 'safeguards are a list of texts');
  }
  const id = textOf(category, 'id');
  const named = safeguards.map((name) => ({ id: slug(String(name)), name: String(name), loc: null }));
  const gate: Gate = {
    id: `${id}-safeguards`,
    text: `Where ${id} is crossed: ${safeguards.join('; ')}`,
    when: { category: id, level: ONLY_LEVEL },
    blocks: ['internal'],
    requires: named.map(({ id: safeguard }) => ({ safeguard })),
    modality: modalityOf(category.modality),
    force,
    loc: locOf(category),
  };
  return [{ gate, safeguards: named }];
}

const SCOPE_OF: Readonly<Record<string, Scope>> = {
  development: 'development',
  'further development': 'development',
  internal: 'internal',
  'internal deployment': 'internal',
  'internal use': 'internal',
  'high-risk internal': 'high-risk-internal',
  external: 'external',
  'external deployment': 'external',
};

interface GateContext {
  readonly categories: readonly Category[];
  readonly vectors: readonly Vector[];
  readonly force: Force;
  readonly artefacts: Map<string, string>;
}

/** One for each category that has the level. */
function statedGates(gate: Loose, at: number, context: GateContext): GateWithSafeguards[] {
  const place = `/gates/${at}`;
  const { categories, vectors, force, artefacts } = context;
  const level = textOf(gate, 'level', place);
  const concerned = categories.filter(({ levels }) => levels.some(({ id }) => id === level));
  if (concerned.length === 0) throw new Unread(`${place}/level`, `no category has a level ${level}`);
  if (!Array.isArray(gate.blocks) || gate.blocks.length === 0) throw new Unread(`${place}/blocks`, 'it blocks nothing');
  const blocks = gate.blocks.map((word) => {
    const scope = Object.hasOwn(SCOPE_OF, String(word)) ? SCOPE_OF[String(word)] : undefined;
    if (!scope) throw new Unread(`${place}/blocks`, `nothing is known to be called ${String(word)}`);
    return scope;
  });
  const requires: Requirement[] = vectors.map(({ id }) => ({ vector: id }));
  const also = typeof gate.also === 'string' ? [{ id: slug(gate.also), name: gate.also, loc: null }] : [];
  for (const { id } of also) requires.push({ safeguard: id });
  // What the text waits for and nobody has published; and where it names no claims, the proof that it is met.
  if (gate.gap !== undefined || requires.length === 0) {
    const id = gate.gap === undefined ? `${slug(level)}-safeguards-sufficient` : `${slug(level)}-standard`;
    artefacts.set(id, String(gate.gap ?? gate.until ?? id));
    requires.push({ artefact: id });
  }
  return concerned.map(({ id }) => ({
    gate: {
      id: `${id}-${level}`,
      text: `${level} in ${id} blocks ${gate.blocks} until ${String(gate.until ?? 'it is lifted')}`,
      when: { category: id, level },
      blocks,
      requires,
      modality: modalityOf(gate.modality),
      force,
      loc: locOf(gate),
    },
    safeguards: also,
  }));
}

function vectorsOf(claims: Json | undefined): Vector[] {
  if (claims === undefined) return [];
  if (!isObject(claims)) throw new Unread('/safeguard_claims', 'claims are an object');
  return Object.entries(claims).flatMap(([name, list]) => {
    if (name === 'rule' || name === 'loc') return [];
    if (!Array.isArray(list) || list.length === 0) throw new Unread(`/safeguard_claims/${name}`, 'there is no claim');
    return [{ id: slug(name), name, claims: list.map((claim) => slug(String(claim))), loc: locOf(claims) }];
  });
}

function toDuty(duty: Loose, at: number, force: Force, terms: Term[]): Duty {
  const place = `/obligations/${at}`;
  const ambiguity = isObject(duty.ambiguity) ? duty.ambiguity : undefined;
  if (duty.ambiguity !== undefined && !ambiguity) throw new Unread(`${place}/ambiguity`, 'an ambiguity names its term');
  const term = ambiguity && textOf(ambiguity, 'term', `${place}/ambiguity`);
  const id = term === undefined ? undefined : slug(term);
  if (term !== undefined && id !== undefined && !terms.some((each) => each.id === id)) {
    terms.push({ id, term, status: 'undefined', loc: locOf(duty) });
  }
  const { do: what, trigger, every, within, by } = duty;
  return {
    id: textOf(duty, 'id', place),
    text: String(what ?? textOf(duty, 'do', place)),
    when: trigger === undefined ? null : asText(trigger),
    by: asText(by ?? within ?? every ?? null) || null,
    ...(id !== undefined && { term: id }),
    modality: modalityOf(duty.modality),
    force,
    loc: locOf(duty),
  };
}

/** Either who approves, or steps of bodies of which one recommends, one has the final word, one may reverse. */
function quorumsOf(decisions: readonly Loose[]): Quorum[] {
  const direct = decisions.flatMap((each, at) => directQuorum(each, at));
  const steps = decisions.filter((each) => each.body !== undefined);
  const who = (isMeant: (each: Loose) => boolean) => steps.filter(isMeant).map((each) => String(each.body));
  const says = (each: Loose, word: RegExp): boolean =>
    word.test(`${asText(each.power ?? '')} ${asText(each.outcomes ?? '')}`);
  const approve = who((each) => says(each, /\bfinal\b/));
  const recommend = who((each) => says(each, /\brecommend/));
  const reverse = who((each) => says(each, /\breverse\b/));
  const mayActWithoutRecommendation = steps.some((each) => says(each, /without/));
  const stepped: Quorum[] =
    approve.length === 0
      ? []
      : [
          {
            id: 'decision',
            for: 'development and deployment',
            when: { always: true },
            approve: { all: approve },
            ...(recommend.length > 0 && { recommend, mayActWithoutRecommendation }),
            ...(reverse.length > 0 && { reverse }),
            loc: null,
          },
        ];
  const unread = decisions.findIndex((each) => each.approve === undefined && each.body === undefined);
  if (unread >= 0) throw new Unread(`/decisions/${unread}`, 'it names neither who approves nor a body');
  return [...direct, ...stepped];
}

function directQuorum({ approve, for: what, notify, loc }: Loose, at: number): Quorum[] {
  if (approve === undefined) return [];
  const all = isObject(approve) ? approve.all : undefined;
  if (!Array.isArray(all) || all.length === 0) throw new Unread(`/decisions/${at}/approve`, 'nobody approves');
  return [
    {
      id: `decision-${at + 1}`,
      for: String(what ?? ''),
      // A special case is no rule for all decisions; the encoding says in words only when it applies, so it is raised by hand.
      when: at === 0 ? { always: true } : { flag: slug(String(what ?? at)) },
      approve: { all: all.map(String) },
      ...(Array.isArray(notify) && notify.length > 0 && { notify: notify.map(String) }),
      loc: typeof loc === 'string' ? loc : null,
    },
  ];
}

/** The encoding does not say which gate it lifts, so it lifts none. */
const toDeviation = (deviation: Loose, at: number): Deviation => ({
  id: slug(String(deviation.kind ?? at)),
  text: asText(deviation),
  lifts: [],
  requires: [],
  raises: [],
  loc: locOf(deviation),
});

/** Letters and digits in lower case, all else a hyphen. */
export const slug = (text: string): string =>
  text
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '')
    .slice(0, 100);

const isObject = (value: Json | undefined): value is Loose =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const asText = (value: Json): string =>
  typeof value === 'string' ? value : value === null ? '' : JSON.stringify(value);
const locOf = ({ loc }: Loose): string | null => (typeof loc === 'string' ? loc : null);
const modalityOf = (value: Json | undefined): Modality => (value === 'EXPECT' || value === 'MAY' ? value : 'MUST');

function forceOf(value: Json | undefined): Force {
  if (value === undefined || value === null || value === 'self') return 'self';
  if (value === 'self-discretionary' || value === 'law' || value === 'contract') return value;
  if (value === 'commit') return 'contract';
  throw new Unread('/force', `there is no force ${asText(value)}`);
}

function textOf(value: Loose, name: string, place = ''): string {
  const text = value[name];
  if (typeof text !== 'string' || text.trim() === '') throw new Unread(`${place}/${name}`, 'a text is missing');
  return text;
}

function listOf(value: Loose, name: string): readonly Loose[] {
  const list = value[name] ?? [];
  if (!Array.isArray(list) || !list.every(isObject)) throw new Unread(`/${name}`, 'it is not a list of objects');
  return list as unknown as readonly Loose[];
}

const unique = <T extends { readonly id: string }>(list: readonly T[]): T[] => [
  ...new Map(list.map((each) => [each.id, each])).values(),
];
