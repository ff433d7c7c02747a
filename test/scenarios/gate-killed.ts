/**
 * Gateways killed with -9 at random moments under load. The provider writes down every call that reaches it; the journal of
 * the dead gateway must hold a record of each. Afterwards every recorded call is posted, once.
 */
import assert from 'node:assert/strict';
import { closeSync, openSync, readSync, statSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { checkReceipt, openReceiptKey, verifyJournal } from '../../src/journal/index.ts';
import { readJournal } from '../../src/journal/read-service.ts';
import { sha256Hex } from '../../src/lib/hash.ts';
import { createSeededRandom, type SeededRandom } from '../../src/lib/seeded-random.ts';
import { startFakeModelServer } from '../fakes/fake-model-server.ts';
import { createGates, type GateProcess, type Gates } from '../support/gates.ts';

const SLOTS = 3;
const LANES = 16;
const EARLY_SHARE = 0.1;
/** A kill comes so long at most after its gateway's first call reached the provider. */
const KILL_WITHIN_MS = 1_500;
/** Until what a dead process had sent has been read. */
const SETTLE_MS = 300;
/** A lease lives 10 s and is looked for every 2. */
const RECOVERED_WITHIN_MS = 60_000;

export interface KilledGates {
  readonly kills: number;
  readonly seed: number;
}

export interface KilledGatesTally {
  readonly kills: readonly Kill[];
  readonly upstreamCalls: number;
  /** Calls that the provider saw and their gateway's journal does not hold. */
  readonly unrecorded: readonly string[];
  /** Calls whose record was not yet in the journal's file when the provider had them. */
  readonly early: readonly string[];
  readonly admitted: number;
  readonly posted: number;
  readonly recovered: number;
  readonly recoveredAfterMs: number;
}

export interface Kill {
  readonly requests: number;
  /** Requests that their clients were waiting for. */
  readonly underWay: number;
  readonly admitted: number;
  readonly seenUpstream: number;
  readonly tornBytes: number;
}

interface Traffic {
  readonly provider: Awaited<ReturnType<typeof startFakeModelServer>>;
  readonly key: string;
  readonly random: SeededRandom;
  /** By the hash of the body: into which journal the call was sent. */
  readonly sentTo: Map<string, string>;
}

export async function killGates({ kills: total, seed }: KilledGates): Promise<KilledGatesTally> {
  const random = createSeededRandom(seed);
  const sentTo = new Map<string, string>();
  const early: string[] = [];
  const isOnDisk = createJournalWatch();
  const provider = await startFakeModelServer(({ text }) => {
    const sha = sha256Hex(text);
    if (!isOnDisk(sentTo.get(sha) ?? '', sha)) early.push(sha);
  });
  const gates = await createGates();
  try {
    provider.always({ paceMs: 2 });
    await gates.model('m1', 'anthropic', provider.url);
    const organisation = await gates.organisation('Acme', 1_000_000_000_000);
    const { key } = await gates.holder(organisation, ['m1']);
    const traffic: Traffic = { provider, key, random, sentTo };
    const kills: Kill[] = [];
    let begun = 0;
    const slot = async (): Promise<void> => {
      while (begun < total) {
        begun += 1;
        kills.push(await liveAndDie(gates, traffic));
      }
    };
    await Promise.all(Array.from({ length: SLOTS }, slot));
    const survivor = await gates.start();
    const from = performance.now();
    const recoveredAfterMs = (await untilRecovered(gates, basename(survivor.journal))) - from;
    await survivor.stop();
    return { ...(await judge(gates, traffic, kills, recoveredAfterMs)), early };
  } finally {
    await provider.close();
    await gates.close();
  }
}

/** Whether a call's record stands in the file at this very moment; reads only what was added since it last looked. */
function createJournalWatch(): (directory: string, sha: string) => boolean {
  const known = new Map<string, { bytes: number; text: string }>();
  return (directory, sha) => {
    const file = join(directory, '000001.journal');
    const { bytes, text } = known.get(file) ?? { bytes: 0, text: '' };
    const size = statSync(file).size;
    const added = Buffer.alloc(size - bytes);
    const handle = openSync(file, 'r');
    readSync(handle, added, 0, added.length, bytes);
    closeSync(handle);
    const whole = text + added.toString('latin1');
    known.set(file, { bytes: size, text: whole });
    return whole.includes(sha);
  };
}

/** One gateway from its start to its death. */
async function liveAndDie(gates: Gates, traffic: Traffic): Promise<Kill> {
  const gate = await gates.start();
  const agent = new Agent({ keepAlive: true, maxSockets: LANES });
  let [requests, underWay, isDead] = [0, 0, false];
  const lane = async (): Promise<void> => {
    while (!isDead) {
      requests += 1;
      underWay += 1;
      await call(agent, gate, traffic);
      underWay -= 1;
    }
  };
  const lanes = Promise.all(Array.from({ length: LANES }, lane));
  // Some die before they have served anything, most in the middle of it.
  const isEarly = traffic.random.next() < EARLY_SHARE;
  while (!isEarly && seenAt(traffic, gate.journal).length === 0) await sleep(20);
  await sleep(traffic.random.next() * KILL_WITHIN_MS);
  const underWayThen = underWay;
  const killed = gate.kill();
  isDead = true;
  await Promise.all([killed, lanes]);
  agent.destroy();
  await sleep(SETTLE_MS);
  const { admitted, tornBytes } = await readAdmits(gate.journal);
  const seenUpstream = seenAt(traffic, gate.journal).length;
  return { requests, underWay: underWayThen, admitted: admitted.size, seenUpstream, tornBytes };
}

/** Never rejects: whatever the end, the client goes on. */
function call(agent: Agent, { url, journal }: GateProcess, { key, random, sentTo }: Traffic): Promise<void> {
  const body = JSON.stringify({
    ...{ model: 'm1', max_tokens: 64, stream: random.next() < 0.5 },
    messages: [{ role: 'user', content: `${basename(journal)} ${sentTo.size} ${random.next()}` }],
  });
  sentTo.set(sha256Hex(body), journal);
  return new Promise((resolve) => {
    const sent = request(`${url}/v1/messages`, { method: 'POST', agent, headers: { 'x-api-key': key } }, (response) => {
      response.on('error', () => {}).on('close', resolve);
      response.resume();
    });
    sent.on('error', () => resolve());
    sent.end(body);
  });
}

const seenAt = ({ provider, sentTo }: Traffic, journal: string): string[] =>
  provider.seen.map(({ text }) => sha256Hex(text)).filter((sha) => sentTo.get(sha) === journal);

async function readAdmits(directory: string): Promise<{ admitted: Set<string>; calls: string[]; tornBytes: number }> {
  const admitted = new Set<string>();
  const calls: string[] = [];
  const reading = readJournal(directory);
  for (;;) {
    const step = await reading.next();
    if (step.done) return { admitted, calls, tornBytes: step.value.tornBytes };
    for (const line of step.value.lines) {
      const { type, requestSha256, call: id } = JSON.parse(line) as Record<string, string>;
      if (type !== 'admit') continue;
      admitted.add(requestSha256 ?? '');
      calls.push(id ?? '');
    }
  }
}

async function untilRecovered({ database }: Gates, survivor: string): Promise<number> {
  const end = performance.now() + RECOVERED_WITHIN_MS;
  for (;;) {
    const { rows } = await database.query<{ open: number }>(
      'select count(*)::int as open from ledger.leases where closed_at is null and gateway <> $1',
      [survivor],
    );
    if (rows[0]?.open === 0) return performance.now();
    assert.ok(performance.now() < end, 'a lease of a killed gateway is still open');
    await sleep(200);
  }
}

async function judge(
  { database, ledger, installation }: Gates,
  traffic: Traffic,
  kills: readonly Kill[],
  recoveredAfterMs: number,
): Promise<Omit<KilledGatesTally, 'early'>> {
  const { provider, sentTo } = traffic;
  const [admitted, unrecorded]: [string[], string[]] = [[], []];
  const { publicKey } = await openReceiptKey(installation.home);
  for (const directory of new Set(sentTo.values())) {
    const report = await verifyJournal(directory, publicKey);
    assert.ok(report.ok, JSON.stringify(report));
    const read = await readAdmits(directory);
    admitted.push(...read.calls);
    unrecorded.push(...seenAt(traffic, directory).filter((sha) => !read.admitted.has(sha)));
  }
  const { rows } = await database.query<{ call_id: string; how: string; cost: string; receipt: string }>(
    'select call_id, how, cost, receipt from ledger.postings',
  );
  // The primary key is the call, so that two postings of one cannot be.
  assert.deepEqual(new Set(rows.map(({ call_id }) => call_id)), new Set(admitted), 'posted is what was admitted');
  assert.deepEqual(await ledger.audit(), []);
  for (const { call_id, cost, receipt } of rows) {
    const checked = checkReceipt(receipt, publicKey);
    assert.ok(checked.ok, `${call_id}: ${JSON.stringify(checked)}`);
    assert.deepEqual([checked.value.call, checked.value.costMicro], [call_id, Number(cost)]);
  }
  return {
    ...{ kills, unrecorded, recoveredAfterMs },
    upstreamCalls: provider.seen.length,
    admitted: admitted.length,
    posted: rows.length,
    recovered: rows.filter(({ how }) => how === 'recovered').length,
  };
}
