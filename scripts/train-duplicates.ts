/**
 * Learns the score of duplicates from the labelled crash reports and writes its parameters. The reports themselves stay
 * where they are: they have no licence and are not part of this repository.
 *
 *   HEADSTART_SHARED=… node scripts/train-duplicates.ts
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { learn, readLabelledStock } from '../bench/report/duplicate-pairs.ts';
import { CRASH_FEATURES } from '../src/duplicates/crash-features.ts';
import { writeScore } from '../src/duplicates/score.ts';

/** As `bench/duplicates.ts` measured it by leaving out one project at a time: four of five pairs above it are duplicates. */
const MERGE_AT = 0.65;

const { pairs, signatures } = readLabelledStock();
const projects = new Set(signatures.map(({ project }) => project)).size;
const parameters = {
  about: `learnt by scripts/train-duplicates.ts from ${pairs.length} labelled pairs of ${projects} projects`,
  mergeAt: MERGE_AT,
  score: writeScore(learn(pairs), CRASH_FEATURES),
};
const path = join(import.meta.dirname, '..', 'src', 'duplicates', 'crash-parameters.json');
writeFileSync(path, `${JSON.stringify(parameters, undefined, 2)}\n`);
process.stderr.write(`${path}: ${parameters.score.trees.length} trees\n`);
