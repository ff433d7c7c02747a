/**
 * Decisions replayed from the log and the evidence alone, after three upgrades of the rules: `node bench/policy-replay.ts
 * [--report] [--runs N] [--seed N]`. Each replay must give the same bytes, or this ends with an error.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Json } from '../src/lib/canonical-json.ts';
import { createSeededRandom } from '../src/lib/seeded-random.ts';
import { decisionBytes, shippedDocuments } from '../src/policy/index.ts';
import { createRelease, findLogged, openEvidence, openReplayLog, replay } from '../src/release/index.ts';
import { generateDecision, laterSemantics, nextHouse } from '../test/support/generated-decisions.ts';
import { createWorld, okOf } from '../test/support/programme.ts';
import { openReport, quantile } from './report/dated.ts';

const UPGRADES = 3;

const { values } = parseArgs({
  options: {
    report: { type: 'boolean', default: false },
    runs: { type: 'string', default: '1000' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
  },
});
const [runs, seed] = [Number(values.runs), Number(values.seed)];

const frame = openReport('policy-replay', 'Decisions replayed by a stranger', values.report);
const world = await createWorld();
const folder = await mkdtemp(join(tmpdir(), 'headstart-bench-replay-'));
const evidence = openEvidence(folder);
const release = createRelease({ ...world.parts, evidence });
const random = createSeededRandom(seed);
const made = new Map<string, Buffer>();
const stages = new Map<string, number>();

let house: Json = shippedDocuments.get('house') ?? null;
for (let at = 0; at < runs; at++) {
  const { decision, sha256 } = okOf(await release.record(generateDecision(random, at, house)));
  made.set(sha256, decisionBytes(decision));
  stages.set(decision.stage, (stages.get(decision.stage) ?? 0) + 1);
  if ((at + 1) % Math.ceil(runs / (UPGRADES + 1)) === 0)
    house = nextHouse(house, Number((house as { version: string }).version) + 1);
}
await world.log.sequence();

const cpuMs = (): number => process.cpuUsage().user / 1000 + process.cpuUsage().system / 1000;

const openedCpu = cpuMs();
const opened = performance.now();
const log = okOf(await openReplayLog(world.log.directory, {}));
const openedMs = performance.now() - opened;
const openedCpuMs = cpuMs() - openedCpu;
const semantics = laterSemantics(UPGRADES);
const spentMs: number[] = [];
const spentCpuMs: number[] = [];
const alone: { readonly ms: number[]; readonly cpuMs: number[] } = { ms: [], cpuMs: [] };
let [same, provenSame] = [0, 0];
for (const sha256 of made.keys()) {
  const [started, startedCpu] = [performance.now(), cpuMs()];
  const logged = okOf(await findLogged(world.log.directory, {}, sha256));
  const again = logged && (await replay(logged, evidence, semantics));
  alone.ms.push(performance.now() - started);
  alone.cpuMs.push(cpuMs() - startedCpu);
  if (again?.ok && made.get(sha256)?.equals(again.value.bytes)) provenSame += 1;
}
for (const logged of log.all) {
  const [started, startedCpu] = [performance.now(), cpuMs()];
  const again = await replay(logged, evidence, semantics);
  spentMs.push(performance.now() - started);
  spentCpuMs.push(cpuMs() - startedCpu);
  if (again.ok && made.get(logged.sha256)?.equals(again.value.bytes)) same += 1;
}
for (const list of [spentMs, spentCpuMs, alone.ms, alone.cpuMs]) list.sort((left, right) => left - right);
const signed = Math.ceil(runs / 5);
await world.close();
await rm(folder, { recursive: true, force: true });

const ms = (value: number): string => `${value.toFixed(1)} ms`;
frame.end(
  [
    frame.conditions(`Seed ${seed}.`),
    '',
    `${made.size} generated decisions (${signed} of them on signed evidence; ${[...stages].map(([stage, count]) => `${count} ${stage}`).join(', ')}), made under four versions of the house's rules and replayed beside ${UPGRADES} later semantics that decide otherwise.`,
    '',
    '| | on the clock | of a processor |',
    '|---|---|---|',
    `| Replayed to the same bytes | **${same} of ${made.size}** | |`,
    `| The log verified from its first entry, once (${log.all.length} decisions) | ${ms(openedMs)} | ${ms(openedCpuMs)} |`,
    `| One replay, p50 / p99 / slowest | ${ms(quantile(spentMs, 0.5))} / ${ms(quantile(spentMs, 0.99))} / ${ms(spentMs.at(-1) ?? Number.NaN)} | ${ms(quantile(spentCpuMs, 0.5))} / ${ms(quantile(spentCpuMs, 0.99))} / ${ms(spentCpuMs.at(-1) ?? Number.NaN)} |`,
    `| Found in the log, proven to be in it and replayed to the same bytes, one by one | **${provenSame} of ${made.size}** | |`,
    `| Such a replay, p50 / p99 / slowest (target < 1 s) | ${ms(quantile(alone.ms, 0.5))} / ${ms(quantile(alone.ms, 0.99))} / ${ms(alone.ms.at(-1) ?? Number.NaN)} | ${ms(quantile(alone.cpuMs, 0.5))} / ${ms(quantile(alone.cpuMs, 0.99))} / ${ms(alone.cpuMs.at(-1) ?? Number.NaN)} |`,
  ],
  same === made.size && provenSame === made.size && made.size === runs && (alone.ms.at(-1) ?? Number.NaN) < 1000,
);
