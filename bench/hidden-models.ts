/**
 * Whether bytes and times of a gateway's answers tell models of others from models that do not exist.
 * `./headstart bench hidden-models [--probes N] [--names N] [--seed N] [--report]`; exit 1 where the 95 % interval of the
 * classifier's accuracy leaves 50 % out.
 */
import { parseArgs } from 'node:util';
import { createSeededRandom } from '../src/lib/seeded-random.ts';
import { probeModels } from '../test/scenarios/hidden-models.ts';
import { type Distinguished, distinguish, type Probe } from '../test/support/distinguisher.ts';
import { openReport, quantile } from './report/dated.ts';

/** Added to the answers about models of others, to see what would be found. */
const PLANTED_MICROS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000];

const { values } = parseArgs({
  options: {
    probes: { type: 'string', default: '10000' },
    names: { type: 'string', default: '100' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    report: { type: 'boolean', default: false },
  },
});

const report = openReport('hidden-models', 'Models of others and models that do not exist', values.report);
const seed = Number(values.seed);
const probes = await probeModels({ probes: Number(values.probes), names: Number(values.names), seed });
const judge = (of: readonly Probe[]): Distinguished => distinguish(of, createSeededRandom(seed + 1));
const found = judge(probes);
const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;
const isHeld = found.low <= 0.5 && found.high >= 0.5;
const detected = PLANTED_MICROS.find((micros) => {
  const late = probes.map((probe) => ({
    ...probe,
    firstByteMicros: probe.firstByteMicros + (probe.isHidden ? micros : 0),
    lastByteMicros: probe.lastByteMicros + (probe.isHidden ? micros : 0),
  }));
  return judge(late).low > found.high;
});
const times = (isHidden: boolean): string => {
  const sorted = probes
    .filter((probe) => probe.isHidden === isHidden)
    .map(({ firstByteMicros }) => firstByteMicros)
    .toSorted((one, other) => one - other);
  return [0.1, 0.5, 0.9, 0.99].map((share) => quantile(sorted, share).toFixed(0)).join(' / ');
};
report.end(
  [
    report.conditions(`Seed ${seed}.`),
    '',
    `**Accuracy ${percent(found.accuracy)}, 95 % interval ${percent(found.low)} to ${percent(found.high)}**, on ${found.tested} answers that it was not trained on; ${isHeld ? 'it contains' : 'it does NOT contain'} 50 %.`,
    '',
    `${probes.length} probes in random order over one connection to a gateway process: ${values.names} names of models that exist and are not the`,
    `caller's, as many of the same make that do not exist, on five routes of both protocols. Half to train on, half to judge; of three`,
    `methods the one that did best within the training half counts (${found.method}).`,
    '',
    '| Method | Accuracy on the other half |',
    '|---|---|',
    ...Object.entries(found.byMethod).map(([method, accuracy]) => `| ${method} | ${percent(accuracy)} |`),
    '',
    `Different answers, request id and date set to one value: ${found.texts} (one a route). Features: the whole answer, its length, the`,
    'length, digits and outer characters of the request id, time to the first byte (also against the probes just before), time to the last.',
    '',
    '| First byte, µs, 10 / 50 / 90 / 99 % | |',
    '|---|---|',
    `| models of others | ${times(true)} |`,
    `| models that do not exist | ${times(false)} |`,
    '',
    detected === undefined
      ? `Planted in the same probes, a delay of up to ${PLANTED_MICROS.at(-1)} µs is not found: the machine was too busy to say much about times.`
      : `Planted in the same probes, a delay of ${detected} µs for models of others is found with certainty (its interval lies above the one here); half of that is not.`,
  ],
  isHeld && found.texts === 5,
);
