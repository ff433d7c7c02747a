/**
 * Reads a framework file: our own schema, or `framework-encoding/0`. A file that is not understood in every part is refused
 * as a whole: a clause that nobody evaluates would be a clause that never binds.
 */
import { Ajv2020 } from 'ajv/dist/2020.js';
import { canonicalJson, type Json } from '../lib/canonical-json.ts';
import { sha256Hex } from '../lib/hash.ts';
import { ok, type Result, refuse } from '../lib/result.ts';
import { fromEncodingZero } from './encoding-zero.ts';
import type { ClockRule, Framework } from './framework.ts';
import { findBrokenReference, findCycle } from './framework-references.ts';
import schema from './frameworks/framework.schema.json' with { type: 'json' };

export interface FrameworkRefusal {
  readonly kind: 'not-a-framework' | 'unknown-clause' | 'cycle' | 'missing-quorum' | 'empty' | 'repeated';
  /** JSON pointer, or the clauses concerned. */
  readonly place: string;
  readonly why: string;
}

type Loose = { readonly [name: string]: Json };

/** Of a file. */
export const MAX_FRAMEWORK_BYTES = 1_000_000;
const MAX_DEPTH = 40;

export function readFramework(text: string): Result<Framework, FrameworkRefusal> {
  if (Buffer.byteLength(text) > MAX_FRAMEWORK_BYTES)
    return wrong('not-a-framework', '', `longer than ${MAX_FRAMEWORK_BYTES} bytes`);
  let value: Json;
  try {
    value = JSON.parse(text);
  } catch {
    return wrong('not-a-framework', '', 'it is not JSON');
  }
  return readFrameworkValue(value);
}

export function readFrameworkValue(value: Json): Result<Framework, FrameworkRefusal> {
  if (depthOf(value) > MAX_DEPTH) return wrong('not-a-framework', '', `nested deeper than ${MAX_DEPTH} levels`);
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return wrong('not-a-framework', '', 'it is not a JSON object');
  const document = value as Loose;
  const digest = sha256Hex(canonicalJson(document));
  let shaped: Result<Framework, FrameworkRefusal>;
  if (document.schema === 'headstart-framework/1') shaped = fromOwnSchema(document, digest);
  else if (document.schema === 'framework-encoding/0') shaped = fromEncodingZero(document, digest);
  else return wrong('not-a-framework', '/schema', 'it is neither headstart-framework/1 nor framework-encoding/0');
  if (!shaped.ok) return shaped;
  const broken = checkSense(shaped.value);
  return broken ? refuse(broken) : shaped;
}

/** Frameworks judged together: no two of one id, and none that supersedes another in a ring. */
export function checkTogether(frameworks: readonly Framework[]): FrameworkRefusal | undefined {
  if (frameworks.length === 0) return { kind: 'empty', place: '', why: 'no framework is given: nothing could bind' };
  const supersedes = new Map(frameworks.map((each) => [`${each.id}@${each.version}`, each]));
  if (supersedes.size < frameworks.length) return { kind: 'repeated', place: '', why: 'one framework is given twice' };
  for (const start of frameworks) {
    const seen = [start.version];
    let at: Framework | undefined = start;
    while (at?.supersedes) {
      const next: string = at.supersedes;
      if (seen.includes(next)) {
        return { kind: 'cycle', place: start.id, why: `versions supersede each other: ${[...seen, next].join(' → ')}` };
      }
      seen.push(next);
      at = supersedes.get(`${start.id}@${next}`);
    }
  }
  const ids = frameworks.map(({ id }) => id);
  const twice = ids.find((id, at) => ids.indexOf(id) !== at);
  if (twice === undefined) return undefined;
  return {
    kind: 'repeated',
    place: twice,
    why: 'two versions of one framework are given: name the one that is in force',
  };
}

const validate = lazily(() => new Ajv2020({ allErrors: false, strict: false }).compile<unknown>(schema));

function fromOwnSchema(document: Loose, digest: string): Result<Framework, FrameworkRefusal> {
  const check = validate();
  if (!check(document)) {
    const [first] = check.errors ?? [];
    const extra = first?.params && 'additionalProperty' in first.params ? `: ${first.params.additionalProperty}` : '';
    return wrong('not-a-framework', first?.instancePath ?? '', `${first?.message ?? 'it breaks the schema'}${extra}`);
  }
  const { schema: _schema, paraphrased: _paraphrased, reviewedByLawyer: _reviewed, ...rest } = document;
  const lists = Object.fromEntries(LISTS.map((name) => [name, (document[name] as readonly Json[] | undefined) ?? []]));
  const { variants = [] } = document.source as Loose;
  const clocks = (lists.clocks as unknown as ClockRule[]).map((clock) => ({ ...CLOCK_DEFAULTS, ...clock }));
  const source = { ...(document.source as Loose), variants };
  return ok({ ...rest, ...lists, clocks, source, digest } as unknown as Framework);
}

const LISTS = [
  'terms',
  'categories',
  'safeguards',
  'artefacts',
  'metrics',
  'flags',
  'vectors',
  'gates',
  'duties',
  'quorums',
  'deviations',
  'clocks',
  'notCovered',
] as const;

const CLOCK_DEFAULTS = { unless: [], otherwise: null, after: null, earlyEnd: null, every: null, inForceFrom: null };

function checkSense(framework: Framework): FrameworkRefusal | undefined {
  const { gates, duties, clocks, categories, quorums, supersedes, version, source } = framework;
  if (gates.length + duties.length + clocks.length === 0)
    return { kind: 'empty', place: '', why: 'it has no gate, no duty and no clock: it says nothing' };
  if (supersedes === version)
    return { kind: 'cycle', place: '/supersedes', why: `version ${version} supersedes itself` };
  if (source.sha256 !== null && source.sha256Prefix !== null && !source.sha256.startsWith(source.sha256Prefix))
    return { kind: 'not-a-framework', place: '/source', why: 'the hash does not begin with its prefix' };
  const broken = findBrokenReference(framework);
  if (broken) return { kind: broken.isRepeated ? 'repeated' : 'unknown-clause', place: broken.place, why: broken.why };
  const cycle = findCycle(framework);
  if (cycle)
    return { kind: 'cycle', place: `/gates/${cycle[0]}`, why: `clauses require each other: ${cycle.join(' → ')}` };
  const isDecided = gates.length > 0 || categories.length > 0;
  if (isDecided && !quorums.some(({ when }) => 'always' in when))
    return {
      kind: 'missing-quorum',
      place: '/quorums',
      why: 'it does not say who decides: no decision could be signed',
    };
  return undefined;
}

function depthOf(value: Json, depth = 0): number {
  if (typeof value !== 'object' || value === null || depth > MAX_DEPTH) return depth;
  return Math.max(depth, ...Object.values(value).map((member) => depthOf(member as Json, depth + 1)));
}

function wrong(kind: FrameworkRefusal['kind'], place: string, why: string): Result<never, FrameworkRefusal> {
  return refuse({ kind, place, why });
}

function lazily<T>(make: () => T): () => T {
  let made: T | undefined;
  return () => {
    made ??= make();
    return made;
  };
}
