/**
 * Budgets under pressure: three gateway processes on one Postgres, 500 clients a budget that try again when refused, and
 * processes killed with -9 at any moment. Run as a program, this file is one gateway with its share of the clients: it
 * tells each call that went upstream, and each that ended, at the moment it did.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { createAdmittedReader, openJournal, openReceiptKey, verifyJournal } from '../../src/journal/index.ts';
import { createLedger, createMeter, type LimitId } from '../../src/ledger/index.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { createId, systemRandom } from '../../src/lib/id.ts';
import { createSeededRandom, type SeededRandom } from '../../src/lib/seeded-random.ts';
import { type OpenDatabase, openDatabase } from '../../src/store/open-database.ts';
import { createTestDatabase } from '../../src/store/test-database.ts';

const GATEWAYS = 3;
const CLIENTS = 500;
const RESERVED_MICRO = 7_000;
const BUDGET_CALLS = 100;
const BUDGET_MICRO = BUDGET_CALLS * RESERVED_MICRO;
const KILLS = 4;
/** Clients of one budget begin within this time, and kills fall into it. */
const START_MS = 1_500;
const KILL_WITHIN_MS = 3_000;
const LONGEST_CALL_MS = 400;
/** What a killed process had in hand comes back within this. */
const PHANTOM_LIMIT_MS = 60_000;
/** After that, and so long without an admission, there is none to come: clients ask again within 2 s. */
const QUIET_MS = 5_000;
const EXPERIMENT_LIMIT_MS = 180_000;

export type Series = 'equal' | 'tenth';

export interface BudgetRun {
  readonly series: Series;
  /** Calls that went upstream. */
  readonly admitted: number;
  readonly postedMicro: number;
  /** What the upstream calls really cost, those of killed processes included. */
  readonly trueMicro: number;
  /** From the last kill until nothing was set aside for a killed process. */
  readonly recoveredMs: number;
}

interface Told {
  readonly organisation: string;
  readonly series: Series;
  readonly calls: Set<string>;
}

async function runGateway(url: string, home: string, budgets: readonly string[]): Promise<void> {
  const database = await openDatabase({ url, maxConnections: 4 });
  const gateway = createId('gateway', systemRandom);
  const trouble = (error: Error): void =>
    void process.stderr.write(`${gateway}: ${error.message} ${error.cause ?? ''}\n`);
  const journal = await openJournal({
    home,
    gateway,
    clock: systemClock,
    signer: await openReceiptKey(home),
    onTrouble: trouble,
  });
  const meter = await createMeter({
    database,
    gateway,
    random: systemRandom,
    monotonicMs: () => performance.now(),
    wallMs: Date.now,
    readAdmitted: createAdmittedReader<LimitId>(home),
    onTrouble: trouble,
  });
  let isEnding = false;
  const input = createInterface({ input: process.stdin });
  writeSync(1, `ready ${gateway}\n`);
  await once(input, 'line');
  input.once('line', () => {
    isEnding = true;
  });

  async function client(organisation: string, series: Series): Promise<void> {
    const limits: LimitId[] = [`organisation:${organisation}`];
    await sleep(Math.random() * START_MS);
    while (!isEnding) {
      const call = createId('call', systemRandom);
      // Postgres that does not answer in time is a refusal like any other.
      const reserved = await Promise.resolve(meter.reserve(call, limits, RESERVED_MICRO)).catch(() => undefined);
      if (!reserved?.ok) {
        await sleep(500 + Math.random() * 1_000);
        continue;
      }
      const who = { organisation, person: 'p', grant: 'g', scope: undefined, requestSha256: '' };
      const admitted = await journal.admit({ ...reserved.value, ...who, key: 'k', model: 'm' });
      const stands = meter.stands(reserved.value);
      if (stands) tell(`${organisation} ${call}\n`);
      if (stands) await sleep(Math.random() * LONGEST_CALL_MS);
      const costMicro = stands ? costOf(series) : 0;
      const receipt = await journal.settle({
        ...who,
        call,
        gateway,
        at: '',
        tier: '',
        asked: 'm',
        served: 'm',
        why: '',
        verdicts: [],
        tokens: { input: 0, output: 0, cacheWrite5m: 0, cacheWrite1h: 0, cacheRead: 0 },
        costMicro,
        reservedMicro: RESERVED_MICRO,
        outcome: 'ended',
        admitted,
      });
      meter.post(reserved.value, costMicro, receipt);
    }
  }
  const share = Math.ceil(CLIENTS / GATEWAYS);
  await Promise.all(
    budgets.flatMap((budget) => {
      const [organisation = '', series] = budget.split('=');
      return Array.from({ length: share }, () => client(organisation, series as Series));
    }),
  );
  await meter.close();
  await journal.close();
  await database.close();
  process.exit(0);
}

/** Returns when the kernel has it: a kill cannot take it back. */
function tell(line: string): void {
  for (;;) {
    try {
      writeSync(1, line);
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
    }
  }
}

const costOf = (series: Series): number => (series === 'equal' ? RESERVED_MICRO : RESERVED_MICRO / 10);

/** One experiment: so many budgets of each series at once, under the same kills. Asserts everything that must hold. */
export async function spendBudgets(each: number, seed: number): Promise<readonly BudgetRun[]> {
  const { database, url, drop } = await createTestDatabase();
  const home = await mkdtemp(join(tmpdir(), 'headstart-budget-'));
  const ledger = createLedger({ database, clock: systemClock });
  const budgets: Told[] = [];
  for (const series of ['equal', 'tenth'] as const) {
    for (let index = 0; index < each; index++) {
      const organisation = createId('organisation', systemRandom);
      assert.ok((await ledger.grantCredit(organisation, BUDGET_MICRO, 'test')).ok);
      budgets.push({ organisation, series, calls: new Set() });
    }
  }
  await prepareHome(home);
  try {
    const recoveredMs = await runExperiment({ database, url, home, budgets, random: createSeededRandom(seed) });
    assert.deepEqual(await ledger.audit(), []);
    const signer = await openReceiptKey(home);
    for (const name of await readdir(join(home, 'journal'))) {
      const report = await verifyJournal(join(home, 'journal', name), signer.publicKey);
      // One that was killed before its first record is empty.
      assert.ok(report.ok, JSON.stringify(report));
    }
    return await Promise.all(budgets.map(async (budget) => ({ ...(await judge(budget, database)), recoveredMs })));
  } finally {
    await rm(home, { recursive: true, force: true });
    await drop();
  }
}

async function prepareHome(home: string): Promise<void> {
  await mkdir(join(home, 'public'));
  await openReceiptKey(home);
}

async function judge(
  { organisation, series, calls }: Told,
  database: OpenDatabase,
): Promise<Omit<BudgetRun, 'recoveredMs'>> {
  const credit = await createLedger({ database, clock: systemClock }).showCredit(organisation);
  const { rows } = await database.query<{ call_id: string; cost: string }>(
    `select call_id, cost from ledger.postings where limits @> array[$1]`,
    [`organisation:${organisation}`],
  );
  const posted = new Set(rows.map(({ call_id }) => call_id));
  for (const call of calls) assert.ok(posted.has(call), `${call} went upstream and is not posted`);
  const trueMicro = calls.size * costOf(series);
  assert.equal(credit.reservedMicro, 0, 'no reservation survives');
  assert.ok(credit.spentMicro <= BUDGET_MICRO, 'no more is posted than granted');
  assert.ok(trueMicro <= credit.spentMicro, 'no call costs more than is posted');
  if (series === 'equal')
    assert.ok(calls.size <= BUDGET_CALLS, `${calls.size} admitted on a budget for ${BUDGET_CALLS}`);
  assert.ok(credit.spentMicro >= 0.95 * BUDGET_MICRO, `only ${credit.spentMicro} of ${BUDGET_MICRO} could be spent`);
  return { series, admitted: calls.size, postedMicro: credit.spentMicro, trueMicro };
}

interface Experiment {
  readonly database: OpenDatabase;
  readonly url: string;
  readonly home: string;
  readonly budgets: readonly Told[];
  readonly random: SeededRandom;
}

async function runExperiment({ database, url, home, budgets, random }: Experiment): Promise<number> {
  const byName = new Map(budgets.map((budget) => [budget.organisation, budget]));
  let lastAdmission = performance.now();
  const start = (): Gateway =>
    startGateway([url, home, ...budgets.map(({ organisation, series }) => `${organisation}=${series}`)], (line) => {
      const [organisation = '', call = ''] = line.split(' ');
      byName.get(organisation)?.calls.add(call);
      lastAdmission = performance.now();
    });
  const gateways = Array.from({ length: GATEWAYS }, start);
  try {
    await Promise.all(gateways.map(({ ready }) => ready));
    for (const { say } of gateways) say('go');
    const kills = Array.from({ length: KILLS }, () => random.below(KILL_WITHIN_MS)).toSorted((a, b) => a - b);
    const killed: Promise<string>[] = [];
    let now = 0;
    for (const kill of kills) {
      await sleep(kill - now);
      now = kill;
      const place = random.below(GATEWAYS);
      const victim = gateways[place];
      // One that was killed before it had a lease has no id.
      if (victim) killed.push(victim.ready.catch(() => ''));
      await victim?.kill();
      const fresh = start();
      gateways[place] = fresh;
      fresh.ready.then(
        () => fresh.say('go'),
        () => {},
      );
    }
    const recoveredMs = await untilRecovered(database, await Promise.all(killed));
    const since = performance.now();
    const isQuiet = (): boolean => performance.now() - Math.max(lastAdmission, since) > QUIET_MS;
    while (!isQuiet() && performance.now() - since < EXPERIMENT_LIMIT_MS) await sleep(100);
    assert.ok(isQuiet(), 'clients are still admitted');
    await Promise.all(gateways.map(({ end }) => end()));
    return recoveredMs;
  } finally {
    for (const { kill } of gateways) await kill();
  }
}

/** Milliseconds until nothing is set aside any more for those that were killed. */
async function untilRecovered(database: OpenDatabase, killed: readonly string[]): Promise<number> {
  const start = performance.now();
  for (;;) {
    const { rows } = await database.query<{ open: number }>(
      'select count(*)::int as open from ledger.leases where gateway = any ($1) and closed_at is null',
      [killed],
    );
    const elapsed = performance.now() - start;
    if (rows[0]?.open === 0) return elapsed;
    assert.ok(elapsed < PHANTOM_LIMIT_MS, `${rows[0]?.open} leases of killed processes outlived them by ${elapsed} ms`);
    await sleep(200);
  }
}

interface Gateway {
  /** Its id. */
  readonly ready: Promise<string>;
  say(line: string): void;
  kill(): Promise<void>;
  end(): Promise<void>;
}

function startGateway(args: readonly string[], onCall: (line: string) => void): Gateway {
  const child: ChildProcess = spawn(process.execPath, [import.meta.filename, ...args], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  child.stdin?.on('error', () => {});
  const ended = once(child, 'close');
  let rest = '';
  const ready = new Promise<string>((resolve, reject) => {
    child.stdout?.on('data', (chunk: Buffer) => {
      // The last line of a killed process may be cut in two; then it was not sent.
      const lines = `${rest}${chunk}`.split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines)
        if (line.startsWith('ready ')) resolve(line.slice('ready '.length));
        else onCall(line);
    });
    ended.then(() => reject(new Error('the gateway ended')), reject);
  });
  ready.catch(() => {});
  const say = (line: string): void => void child.stdin?.write(`${line}\n`);
  return {
    ready,
    say,
    async kill() {
      child.kill('SIGKILL');
      await ended;
    },
    async end() {
      say('end');
      await ended;
      assert.equal(child.exitCode, 0, 'a gateway ends in order');
    },
  };
}

if (import.meta.main) await runGateway(process.argv[2] ?? '', process.argv[3] ?? '', process.argv.slice(4));
