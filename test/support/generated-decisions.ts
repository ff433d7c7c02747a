/** Decisions of every kind from a seed: granted and refused, claimed and signed, under several frameworks and versions. */
import type { Json } from '../../src/lib/canonical-json.ts';
import { sha256Hex } from '../../src/lib/hash.ts';
import type { SeededRandom } from '../../src/lib/seeded-random.ts';
import {
  CURRENT_SEMANTICS,
  type DecisionDocuments,
  RELEASE_STAGES,
  SEMANTICS,
  type Semantics,
  shippedDocuments,
} from '../../src/policy/index.ts';
import { houseDocuments } from './release.ts';

const VALUES = ['crossed', 'not-crossed', 'cannot-rule-out', 'not-assessed'] as const;
const RESULTS = ['pass', 'pass', 'pass', 'fail', 'invalid', 'inconclusive'] as const;
const IDS = ['anthropic-rsp', 'openai-preparedness', 'google-fsf', 'house'] as const;

interface Shape {
  readonly id: string;
  readonly categories: readonly { readonly id: string; readonly levels: readonly { readonly id: string }[] }[];
  readonly safeguards?: readonly { readonly id: string }[];
  readonly artefacts?: readonly { readonly id: string }[];
}

const hashOf = (text: string): string => `sha256:${sha256Hex(text)}`;

/** One in five on signed evidence. `house` is the version of the house's rules in force. */
export function generateDecision(random: SeededRandom, at: number, house: Json): DecisionDocuments {
  const asked = {
    model: `model-${at}`,
    modelDigest: hashOf(`model ${at}`),
    asOf: new Date(Date.UTC(2026, 7, 1) + random.below(100) * 86_400_000).toISOString(),
    stage: random.pick(RELEASE_STAGES),
  };
  if (at % 5 === 0) {
    const drop = (claims: unknown[]): void => {
      if (random.below(2) === 0) claims.splice(random.below(claims.length), 1);
    };
    return houseDocuments(asked, drop, house);
  }
  const ids = IDS.filter(() => random.below(2) === 0);
  const documents = (ids.length > 0 ? ids : (['house'] as const)).map((id) =>
    id === 'house' ? house : (shippedDocuments.get(id) ?? null),
  );
  return { frameworks: documents, dossier: { ...asked, ...claimsOn(documents, random, at) }, find: () => undefined };
}

function claimsOn(documents: readonly Json[], random: SeededRandom, at: number): { readonly [name: string]: Json } {
  const shapes = documents as unknown as readonly Shape[];
  const evidence = [hashOf(`evidence ${at}`)];
  const keep = (): boolean => random.below(8) > 0;
  const determinations = shapes.flatMap(({ id, categories }) =>
    categories.flatMap((category) => {
      const [level = { id: '' }] = category.levels;
      return keep()
        ? [{ framework: id, category: category.id, level: level.id, value: random.pick(VALUES), evidence }]
        : [];
    }),
  );
  const names = new Set(shapes.flatMap(({ artefacts = [] }) => artefacts.map(({ id }) => id)));
  // A safety case is a document, which only signed evidence brings here.
  names.delete('safety-case');
  const results = [...names]
    .filter(keep)
    .map((name) => ({ name, value: random.pick(RESULTS), digest: hashOf(`${name} ${at}`) }));
  const guards = new Set(shapes.flatMap(({ safeguards = [] }) => safeguards.map(({ id }) => id)));
  const safeguards = [...guards].filter(keep).map((id) => ({ id, standing: keep(), evidence }));
  const interpretations = keep()
    ? [
        {
          framework: 'anthropic-rsp',
          term: 'publicly deploy',
          meaning: 'as named',
          stages: ['general'],
          signedBy: 'RSO',
        },
      ]
    : [];
  return { determinations, results, safeguards, interpretations };
}

/** The next version of the house's rules: something in it is another. */
export function nextHouse(house: Json, version: number): Json {
  const next = structuredClone(house) as unknown as {
    version: string;
    supersedes: string | null;
    gates: { requires: Json[] }[];
    artefacts: Json[];
  };
  next.supersedes = next.version;
  next.version = String(version);
  next.artefacts.push({ id: `review-${version}`, name: 'a review that this version asks for', loc: null });
  for (const gate of next.gates) gate.requires.push({ artefact: `review-${version}` });
  return next as unknown as Json;
}

/** Later semantics beside the present ones: each decides otherwise, so that a replay under the wrong one is caught. */
export function laterSemantics(count: number): Semantics {
  const current = SEMANTICS[CURRENT_SEMANTICS];
  if (!current) throw new Error('there are no semantics');
  const later = Array.from({ length: count }, (_, at) => {
    const decide: Semantics[number] = (...given) => ({
      ...current(...given),
      semantics: CURRENT_SEMANTICS + 1 + at,
      stage: 'closed',
      granted: false,
    });
    return [CURRENT_SEMANTICS + 1 + at, decide] as const;
  });
  return { ...SEMANTICS, ...Object.fromEntries(later) };
}
