/**
 * Which claims of a dossier may count. Each that may not is named with its place and its reason; a claim that closes
 * something (an order) counts even where it is refused, because closing is the safe direction.
 */
import { canonicalJson, type Json } from '../lib/canonical-json.ts';
import type { Claim, ClaimKind, Claims, DeterminationClaim, Dossier } from './dossier.ts';
import { slug } from './encoding-zero.ts';

export interface RefusedClaim {
  readonly place: string;
  readonly kind:
    | 'another-model'
    | 'expired'
    | 'from-the-future'
    | 'simulated'
    | 'unsigned'
    | 'wrongly-signed'
    | 'duplicated'
    | 'contradictory'
    | 'unknown-clause'
    | 'not-found'
    | 'incomplete';
  readonly why: string;
}

export interface Sifted {
  readonly claims: Claims;
  readonly refused: readonly RefusedClaim[];
}

/** These say how a rule is to be read or set aside; nobody's word is not enough. */
const ALWAYS_SIGNED: ReadonlySet<ClaimKind> = new Set(['interpretations', 'deviations']);

export function sift(dossier: Dossier): Sifted {
  const refused: RefusedClaim[] = [];
  const keep = <Kind extends ClaimKind>(kind: Kind): Claims[Kind] => {
    const list = dossier[kind] as readonly unknown[] as readonly (Claim & Json)[];
    const clean = list.flatMap((claim, at) => {
      const trouble = troubleOf(kind, claim, dossier);
      if (trouble) refused.push({ place: `/${kind}/${at}`, ...trouble });
      return trouble && kind !== 'orders' ? [] : [{ claim, at }];
    });
    return onlyOnce(kind, clean, refused) as unknown as Claims[Kind];
  };
  const claims: Claims = {
    determinations: keep('determinations'),
    results: keep('results'),
    safeguards: keep('safeguards'),
    interpretations: keep('interpretations'),
    deviations: keep('deviations'),
    orders: keep('orders'),
    metrics: keep('metrics'),
    flags: keep('flags'),
  };
  return { claims, refused };
}

type Trouble = Pick<RefusedClaim, 'kind' | 'why'>;

function troubleOf(kind: ClaimKind, claim: Claim, dossier: Dossier): Trouble | undefined {
  const now = Date.parse(dossier.asOf);
  const { at, validUntil, nature, modelDigest, signedBy } = claim;
  if (modelDigest !== undefined && modelDigest !== dossier.modelDigest)
    return { kind: 'another-model', why: `it is about ${modelDigest}, not about ${dossier.modelDigest}` };
  if (at !== undefined && Date.parse(at) > now)
    return { kind: 'from-the-future', why: `it says ${at}, and is used as of ${dossier.asOf}` };
  if (validUntil !== undefined && Date.parse(validUntil) < now)
    return { kind: 'expired', why: `it was valid until ${validUntil}` };
  if (nature === 'simulated' && !dossier.demonstration)
    return { kind: 'simulated', why: `${dossier.model} is not marked as a demonstration` };
  if (ALWAYS_SIGNED.has(kind) && !signedBy?.trim()) return { kind: 'unsigned', why: 'nobody has signed it' };
  return undefined;
}

interface Placed {
  readonly claim: Claim & Json;
  readonly at: number;
}

/** Said twice, it is refused once; said in two ways, nothing of it counts. */
function onlyOnce(kind: ClaimKind, list: readonly Placed[], refused: RefusedClaim[]): readonly Json[] {
  const groups = Map.groupBy(list, ({ claim }) => subjectOf(kind, claim as unknown as Record<string, Json>));
  const out = new Set<number>();
  for (const same of groups.values()) {
    const [first, ...others] = same;
    if (!first || others.length === 0) continue;
    const isSame = others.every(({ claim }) => substance(claim) === substance(first.claim));
    // Two runs of one evaluation that agree are two results.
    const repeats = kind === 'results' ? [] : others;
    for (const { at } of isSame ? repeats : same) {
      if (kind !== 'orders') out.add(at);
      const place = `/${kind}/${at}`;
      const whose = `/${kind}/${isSame || at !== first.at ? first.at : others[0]?.at}`;
      refused.push(
        isSame
          ? { place, kind: 'duplicated', why: `${whose} says the same already` }
          : { place, kind: 'contradictory', why: `${whose} says otherwise` },
      );
    }
  }
  if (kind === 'results') refuseRepeatedDigests(list, refused, out);
  return list.flatMap(({ claim, at }) => (out.has(at) ? [] : [claim]));
}

/** One piece of evidence is one result, whatever it is called. */
function refuseRepeatedDigests(list: readonly Placed[], refused: RefusedClaim[], out: Set<number>): void {
  const digestOf = ({ claim }: Placed): string => (claim as unknown as { readonly digest: string }).digest;
  for (const [first, ...repeats] of Map.groupBy(list, digestOf).values()) {
    for (const { at } of repeats) {
      out.add(at);
      refused.push({ place: `/results/${at}`, kind: 'duplicated', why: `/results/${first?.at} is the same evidence` });
    }
  }
}

/** What a claim is about. */
function subjectOf(kind: ClaimKind, claim: Readonly<Record<string, Json>>): string {
  const text = (name: string): string => slug(String(claim[name] ?? ''));
  switch (kind) {
    case 'determinations':
      return [text('framework'), text('category'), text('level')].join('/');
    case 'results':
    case 'metrics':
      return text('name');
    case 'safeguards':
      return [text('framework'), text('id')].join('/');
    case 'interpretations':
      return [text('framework'), text('term')].join('/');
    case 'deviations':
      return [text('framework'), text('deviation')].join('/');
    case 'flags':
      return [text('framework'), text('flag')].join('/');
    case 'orders':
      return text('id');
  }
}

/** What a claim says: two that differ only in evidence or date do not contradict each other. */
function substance(claim: Claim & Json): string {
  const { value, standing, meaning, stages, until } = claim as unknown as Record<string, Json>;
  return canonicalJson([value ?? null, standing ?? null, meaning ?? null, stages ?? null, until ?? null]);
}

/** Two determinations that cannot both be: above a higher level and below a lower one. */
export function contradictionBetween(
  claims: readonly { readonly claim: DeterminationClaim; readonly level: number }[],
): readonly [low: DeterminationClaim, high: DeterminationClaim] | undefined {
  for (const low of claims) {
    if (low.claim.value !== 'not-crossed') continue;
    const high = claims.find(
      ({ claim, level }) => level > low.level && (claim.value === 'crossed' || claim.value === 'cannot-rule-out'),
    );
    if (high) return [low.claim, high.claim];
  }
  return undefined;
}
