/** The labelled pairs that the score of duplicates is learnt from and measured on, and how it is learnt. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Census, takeCensus } from '../../src/duplicates/census.ts';
import { CRASH_FEATURES, crashFeatures } from '../../src/duplicates/crash-features.ts';
import { readDuplicateRecord } from '../../src/duplicates/duplicate-record.ts';
import type { Score } from '../../src/duplicates/score.ts';
import { type Signature, signatureOf } from '../../src/duplicates/signature.ts';
import { type FitOptions, fitTrees } from './boosted-trees.ts';

interface LabelledRecord {
  readonly id: number;
  readonly seen: { readonly project: string; readonly reported: number };
  /** For learning and measuring only: no feature reads it. */
  readonly label: { readonly group: string; readonly fixed: number };
}

export interface LabelledPair {
  readonly project: string;
  readonly a: Signature;
  readonly b: Signature;
  readonly features: readonly number[];
  readonly isDuplicate: boolean;
}

export interface LabelledStock {
  readonly signatures: readonly Signature[];
  readonly census: Census;
  /** Pairs of one project that were open at the same time. */
  readonly pairs: readonly LabelledPair[];
}

/** More of these can only speak for a duplicate, or only against; of all others either may be. */
const FOR =
  'topSame sharedFrames rarestShared frameLikeness topInOther scopeSame scopesShared topWords allWords prefix rarestWord crossWords kindSame familySame accessSame bytesSame kindRarity windowSame fuzzTargetSame fuzzWords';
const AGAINST = 'windowShare windowLength lagLeast lagMost apart';

const FIT: FitOptions = {
  trees: 250,
  depth: 3,
  rate: 0.05,
  leastCurvature: 10,
  penalty: 10,
  bins: 24,
  columns: 0.3,
  seed: 7,
  directions: CRASH_FEATURES.map((name) => {
    if (FOR.split(' ').includes(name)) return 1;
    return AGAINST.split(' ').includes(name) ? -1 : 0;
  }),
};

/** A project with n pairs weighs as n to this power less than one: no project alone teaches what duplicates are. */
const PROJECT_POWER = 0.4;

export function learn(pairs: readonly LabelledPair[]): Score {
  const sizes = Map.groupBy(pairs, ({ project }) => project);
  const weights = pairs.map(({ project }) => (sizes.get(project)?.length ?? 1) ** -PROJECT_POWER);
  const mean = weights.reduce((sum, weight) => sum + weight, 0) / weights.length;
  const rows = pairs.map(({ features, isDuplicate }, at) => ({
    features,
    answer: isDuplicate,
    weight: (weights[at] ?? 0) / mean,
  }));
  return fitTrees(rows, FIT);
}

export function readLabelledStock(): LabelledStock {
  const shared = process.env.HEADSTART_SHARED ?? join(import.meta.dirname, '..', '..', '..', 'shared');
  const { rows } = JSON.parse(readFileSync(join(shared, 'vectors', 'arvo', 'dedupe.json'), 'utf8')) as {
    rows: readonly LabelledRecord[];
  };
  const records = rows.map(({ id, seen, label }) => {
    const record = readDuplicateRecord({ id, ...seen });
    if (!record) throw new Error(`record ${id} cannot be read`);
    return { ...label, reported: seen.reported, project: seen.project, signature: signatureOf(record) };
  });
  const signatures = records.map(({ signature }) => signature);
  const census = takeCensus(signatures);
  const pairs: LabelledPair[] = [];
  for (const [project, members] of Map.groupBy(records, (record) => record.project)) {
    members.forEach((a, at) => {
      for (const b of members.slice(0, at)) {
        if (a.reported >= b.fixed || b.reported >= a.fixed) continue;
        const features = crashFeatures(a.signature, b.signature, census);
        pairs.push({ project, a: a.signature, b: b.signature, features, isDuplicate: a.group === b.group });
      }
    });
  }
  return { signatures, census, pairs };
}
