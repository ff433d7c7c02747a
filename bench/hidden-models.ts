/**
 * Whether bytes and times of a gateway's answers tell models of others, or models whose rollout has not come to the caller, from
 * models that do not exist. `./headstart bench hidden-models [--hidden foreign|outside] [--probes N] [--names N] [--seed N]
 * [--report]`, both where none is named; exit 1 where the 95 % interval of the classifier's accuracy leaves 50 % out.
 */
import { parseArgs } from 'node:util';
import { createSeededRandom } from '../src/lib/seeded-random.ts';
import { HIDDEN_BY, type HiddenBy, probeModels } from '../test/scenarios/hidden-models.ts';
import { type Distinguished, distinguish, type Probe } from '../test/support/distinguisher.ts';
import { openReport, quantile } from './report/dated.ts';

/** Added to the answers about hidden models, to see what would be found. */
const PLANTED_MICROS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000];

const { values } = parseArgs({
  options: {
    hidden: { type: 'string' },
    probes: { type: 'string', default: '10000' },
    names: { type: 'string', default: '100' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    report: { type: 'boolean', default: false },
  },
});

const report = openReport('hidden-models', 'Hidden models and models that do not exist', values.report);
const seed = Number(values.seed);
const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;
const judge = (of: readonly Probe[]): Distinguished => distinguish(of, createSeededRandom(seed + 1));

const CASES: Readonly<Record<HiddenBy, { readonly title: string; readonly row: string; readonly what: string }>> = {
  foreign: {
    title: 'Models of others',
    row: 'models of others',
    what: "models that exist and are not the caller's, half of them another organisation's, half nobody's yet",
  },
  outside: {
    title: 'Models whose rollout has not come to the caller',
    row: 'models outside the step',
    what: 'models that the caller has a grant and a key for, half of them closed to them by the share of the step, half by its countries',
  },
};

async function measure(hiddenBy: HiddenBy): Promise<{ readonly lines: readonly string[]; readonly isHeld: boolean }> {
  const probes = await probeModels({ hiddenBy, probes: Number(values.probes), names: Number(values.names), seed });
  const found = judge(probes);
  const isHeld = found.low <= 0.5 && found.high >= 0.5;
  const { title, row, what } = CASES[hiddenBy];
  return {
    isHeld: isHeld && found.texts === 5,
    lines: [
      `## ${title}`,
      '',
      `**Accuracy ${percent(found.accuracy)}, 95 % interval ${percent(found.low)} to ${percent(found.high)}**, on ${found.tested} answers that it was not trained on; ${isHeld ? 'it contains' : 'it does NOT contain'} 50 %.`,
      '',
      `${probes.length} probes in random order over one connection to a gateway process: ${values.names} names of ${what},`,
      'and as many of the same make that do not exist, on five routes of both protocols. Half to train on, half to judge; of three',
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
      `| ${row} | ${timesOf(probes, true)} |`,
      `| models that do not exist | ${timesOf(probes, false)} |`,
      '',
      plantedIn(probes, found),
    ],
  };
}

function timesOf(probes: readonly Probe[], isHidden: boolean): string {
  const sorted = probes
    .filter((probe) => probe.isHidden === isHidden)
    .map(({ firstByteMicros }) => firstByteMicros)
    .toSorted((one, other) => one - other);
  return [0.1, 0.5, 0.9, 0.99].map((share) => quantile(sorted, share).toFixed(0)).join(' / ');
}

/** What would have been found. */
function plantedIn(probes: readonly Probe[], found: Distinguished): string {
  const detected = PLANTED_MICROS.find((micros) => {
    const late = probes.map((probe) => ({
      ...probe,
      firstByteMicros: probe.firstByteMicros + (probe.isHidden ? micros : 0),
      lastByteMicros: probe.lastByteMicros + (probe.isHidden ? micros : 0),
    }));
    return judge(late).low > found.high;
  });
  return detected === undefined
    ? `Planted in the same probes, a delay of up to ${PLANTED_MICROS.at(-1)} µs is not found: the machine was too busy to say much about times.`
    : `Planted in the same probes, a delay of ${detected} µs for hidden models is found with certainty (its interval lies above the one here); half of that is not.`;
}

const asked = values.hidden === undefined ? HIDDEN_BY : HIDDEN_BY.filter((each) => each === values.hidden);
if (asked.length === 0) throw new RangeError(`--hidden is ${HIDDEN_BY.join(' or ')}`);
const measured = [];
for (const hiddenBy of asked) measured.push(await measure(hiddenBy));
report.end(
  [report.conditions(`Seed ${seed}.`), ...measured.flatMap(({ lines }) => ['', ...lines])],
  measured.every(({ isHeld }) => isHeld),
);
