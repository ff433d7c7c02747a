/**
 * Budgets at gateways, over HTTP: three processes on one Postgres, clients of each budget that try again when
 * refused, and processes killed with -9 at any moment. What was admitted is what the provider saw. Run as a program, this file is one
 * process of clients.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { createSeededRandom, type SeededRandom } from '../../src/lib/seeded-random.ts';
import { fakeAnswer } from '../fakes/fake-answers.ts';
import { type FakeModelServer, startFakeModelServer } from '../fakes/fake-model-server.ts';
import { createGates, type GateProcess, type Gates } from '../support/gates.ts';

const GATEWAYS = 3;
const CLIENT_PROCESSES = 2;
/** Only output has a price, so that a call's reservation is what it asks for at most, and its cost what it is given. */
const PRICES = { input: 0, output: 50_000_000, cacheWrite5m: 0, cacheWrite1h: 0, cacheRead: 0 };
const MAX_TOKENS = 140;
const RESERVED_MICRO = 7_000;
const BUDGET_CALLS = 100;
export const BUDGET_MICRO = BUDGET_CALLS * RESERVED_MICRO;
const KILLS = 4;
const KILL_WITHIN_MS = 5_000;
const CALL_MS = 200;
/** A lease of a killed process lives 10 s and is looked for every 2: after this without an admission there is none to come. */
const QUIET_MS = 15_000;
const LIMIT_MS = 240_000;
const PHANTOM_LIMIT_MS = 60_000;
const SERIES = { equal: MAX_TOKENS, tenth: MAX_TOKENS / 10 } as const;

export type GateSeries = keyof typeof SERIES;

export interface GateBudgetRun {
  readonly series: GateSeries;
  /** Calls that the provider saw. */
  readonly admitted: number;
  readonly postedMicro: number;
  /** What the provider bills for them, whatever became of their gateway. */
  readonly billedMicro: number;
}

interface Budget {
  readonly organisation: string;
  readonly series: GateSeries;
  readonly key: string;
}

export interface GateBudgets {
  /** Budgets of each series. */
  readonly each: number;
  /** Of each budget. */
  readonly clients: number;
  readonly seed: number;
}

/** One experiment: so many budgets of each series at once, under the same kills. Asserts all that must hold. */
export async function spendAtGates({ each, clients: perBudget, seed }: GateBudgets): Promise<readonly GateBudgetRun[]> {
  const random = createSeededRandom(seed);
  const gates = await createGates();
  const providers: Partial<Record<GateSeries, FakeModelServer>> = {};
  const clients: ChildProcess[] = [];
  try {
    const budgets: Budget[] = [];
    for (const series of ['equal', 'tenth'] as const) {
      const provider = await startFakeModelServer();
      providers[series] = provider;
      const usage = { input: 10, cacheRead: 0, cacheWrite5m: 0, cacheWrite1h: 0, output: SERIES[series] };
      provider.always({ paceMs: CALL_MS, answer: fakeAnswer({ usage, model: series }) });
      await gates.model(series, 'anthropic', provider.url, { prices: PRICES });
      for (let count = 0; count < each; count += 1) {
        const organisation = await gates.organisation(`${series} ${count}`, BUDGET_MICRO);
        budgets.push({ organisation, series, key: (await gates.holder(organisation, [series])).key });
      }
    }
    const seen = (): number => Object.values(providers).reduce((sum, provider) => sum + provider.seen.length, 0);
    for (let count = 0; count < CLIENT_PROCESSES; count += 1) {
      clients.push(fork(import.meta.filename, [], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] }));
    }
    await Promise.all(clients.map((client) => once(client, 'message')));
    const share = Math.ceil(perBudget / clients.length);
    await runExperiment({ gates, clients, share, budgets, seen, random });
    assert.deepEqual(await gates.ledger.audit(), []);
    return await Promise.all(budgets.map((budget) => judge(gates, budget, providers[budget.series])));
  } finally {
    for (const client of clients) client.kill('SIGKILL');
    for (const provider of Object.values(providers)) await provider.close();
    await gates.close();
  }
}

interface Experiment {
  readonly gates: Gates;
  readonly clients: readonly ChildProcess[];
  /** Of each budget's clients, for one process. */
  readonly share: number;
  readonly budgets: readonly Budget[];
  readonly seen: () => number;
  readonly random: SeededRandom;
}

async function runExperiment({ gates, clients, share, budgets, seen, random }: Experiment): Promise<void> {
  const running: GateProcess[] = await Promise.all(Array.from({ length: GATEWAYS }, () => gates.start()));
  const tell = (): void => {
    for (const client of clients) client.send({ urls: running.map(({ url }) => url) });
  };
  tell();
  for (const client of clients) client.send({ budgets, share });
  while (seen() === 0) await sleep(10);
  const kills = Array.from({ length: KILLS }, () => random.below(KILL_WITHIN_MS)).toSorted((a, b) => a - b);
  const restarts: Promise<void>[] = [];
  let now = 0;
  for (const kill of kills) {
    await sleep(kill - now);
    now = kill;
    const victim = running[random.below(running.length)];
    // Where the last one is gone, the next is on its way.
    if (!victim) continue;
    running.splice(running.indexOf(victim), 1);
    await victim.kill();
    restarts.push(
      gates.start().then((fresh) => {
        running.push(fresh);
        tell();
      }),
    );
  }
  await Promise.all(restarts);
  const lastKill = performance.now();
  await untilQuiet(seen);
  for (const client of clients) client.kill('SIGKILL');
  await Promise.all(running.map((gate) => gate.stop()));
  const { rows } = await gates.database.query<{ open: number }>(
    'select count(*)::int as open from ledger.leases where closed_at is null',
  );
  assert.equal(rows[0]?.open, 0, 'the gateways recovered the leases of the dead');
  assert.ok(performance.now() - lastKill < LIMIT_MS + PHANTOM_LIMIT_MS);
}

async function untilQuiet(seen: () => number): Promise<void> {
  const from = performance.now();
  let [last, at] = [seen(), performance.now()];
  while (performance.now() - at < QUIET_MS) {
    await sleep(200);
    if (seen() !== last) [last, at] = [seen(), performance.now()];
    assert.ok(performance.now() - from < LIMIT_MS, 'clients are still admitted');
  }
}

async function judge({ database, ledger }: Gates, budget: Budget, provider?: FakeModelServer): Promise<GateBudgetRun> {
  const { organisation, series } = budget;
  const { spentMicro, reservedMicro } = await ledger.showCredit(organisation);
  const { rows } = await database.query<{ calls: number }>(
    'select count(*)::int as calls from ledger.postings where limits @> array[$1]',
    [`organisation:${organisation}`],
  );
  const admitted = provider?.seen.filter(({ text }) => text.includes(organisation)).length ?? 0;
  const billedMicro = admitted * (RESERVED_MICRO / MAX_TOKENS) * SERIES[series];
  assert.equal(reservedMicro, 0, 'no reservation survives');
  assert.ok(spentMicro <= BUDGET_MICRO, 'no more is posted than granted');
  assert.ok(billedMicro <= spentMicro, `${billedMicro} is billed and ${spentMicro} posted`);
  assert.ok((rows[0]?.calls ?? 0) >= admitted, 'a call that the provider saw is not posted');
  if (series === 'equal') assert.ok(admitted <= BUDGET_CALLS, `${admitted} calls on a budget for ${BUDGET_CALLS}`);
  assert.ok(spentMicro >= 0.95 * BUDGET_MICRO, `only ${spentMicro} of ${BUDGET_MICRO} could be spent`);
  return { series, admitted, postedMicro: spentMicro, billedMicro };
}

type Order = { readonly urls: readonly string[] } | { readonly budgets: readonly Budget[]; readonly share: number };

const START_WITHIN_MS = 2_000;
const RETRY_MS = 2_000;

async function client(agent: Agent, urls: () => readonly string[], { organisation, series, key }: Budget) {
  const body = JSON.stringify({
    ...{ model: series, max_tokens: MAX_TOKENS },
    messages: [{ role: 'user', content: organisation }],
  });
  await sleep(Math.random() * START_WITHIN_MS);
  for (;;) {
    const known = urls();
    const url = known[Math.floor(Math.random() * known.length)] ?? '';
    const isServed = await new Promise<boolean>((resolve) => {
      const sent = request(
        `${url}/v1/messages`,
        { method: 'POST', agent, headers: { 'x-api-key': key } },
        (response) => {
          response.on('error', () => {}).on('close', () => resolve(response.statusCode === 200));
          response.resume();
        },
      );
      sent.on('error', () => resolve(false));
      sent.end(body);
    });
    if (!isServed) await sleep(RETRY_MS / 2 + Math.random() * RETRY_MS);
  }
}

if (import.meta.main) {
  let urls: readonly string[] = [];
  const agent = new Agent({ keepAlive: true, maxSockets: Number.POSITIVE_INFINITY });
  process.on('message', (order: Order) => {
    if ('urls' in order) urls = order.urls;
    else {
      for (const budget of order.budgets) {
        for (let count = 0; count < order.share; count += 1) void client(agent, () => urls, budget);
      }
    }
  });
  process.on('disconnect', () => process.exit());
  process.send?.('ready');
}
