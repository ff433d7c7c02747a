/** A gate on a real database with two organisations, two persons, models of both protocols and a fake provider behind it. */
import assert from 'node:assert/strict';
import { mkdir, rm } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createGateway, createUpstreams, type Gateway, type GatewayParts } from '../../src/gateway/index.ts';
import { createAdmittedReader, openJournal, openReceiptKey } from '../../src/journal/index.ts';
import { createLedger, createMeter, type LimitId } from '../../src/ledger/index.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { createId, systemRandom } from '../../src/lib/id.ts';
import { toSecret } from '../../src/lib/secret.ts';
import { createPresenceStore } from '../../src/program/index.ts';
import { makeTestDirectory } from '../../src/store/test-directory.ts';
import { type CallFacts, createMetrics } from '../../src/telemetry/index.ts';
import { type FakeModelServer, startFakeModelServer } from '../fakes/fake-model-server.ts';
import { ACTOR, createWorld, okOf, until } from './programme.ts';

export const PRICES = {
  input: 10_000_000,
  output: 50_000_000,
  cacheWrite5m: 12_500_000,
  cacheWrite1h: 20_000_000,
  cacheRead: 1_000_000,
};
export const UPSTREAM_KEY = 'sk-upstream-not-for-clients';

export type Gate = Awaited<ReturnType<typeof createGate>>;

export interface RunningGateway extends Gateway {
  readonly url: string;
  readonly facts: CallFacts[];
  readonly troubles: Error[];
  readonly authority: GatewayParts['authority'];
  stop(): Promise<void>;
}

export async function createGate() {
  const world = await createWorld();
  const home = makeTestDirectory('headstart-gate-');
  await mkdir(join(home, 'public'));
  await mkdir(join(home, 'keys'));
  const signer = await openReceiptKey(home);
  const provider = await startFakeModelServer();
  const ledger = createLedger({ database: world.database, clock: systemClock });
  const gateways: RunningGateway[] = [];
  const gate = {
    world,
    home,
    signer,
    provider,
    ledger,
    async model(id: string, protocol: 'anthropic' | 'openai', more: object = {}) {
      const input = { id, protocol, url: provider.url, apiKeyEnv: 'UPSTREAM_KEY', prices: PRICES, ...more };
      okOf(await world.membership.addModel(input, { actor: ACTOR }));
    },
    async organisation(name: string, dollars: number) {
      const id = await world.organisation(name);
      okOf(await ledger.grantCredit(id, dollars * 1e6, 'test'));
      return id;
    },
    async key(
      organisation: string,
      person: string,
      models: readonly string[],
      more: object = {},
    ): Promise<{ id: string; key: string }> {
      const made = okOf(await world.keys.createKey({ organisation, person, models, ...more }, ACTOR));
      await until(() => gateways.every(({ authority }) => authority.findCaller(made.key) !== undefined));
      return made;
    },
    async gateway(more: Partial<GatewayParts> = {}): Promise<RunningGateway> {
      const running = await startGateway(gate, more);
      gateways.push(running);
      return running;
    },
    async spentMicro(organisation: string): Promise<number> {
      return (await ledger.showCredit(organisation)).spentMicro;
    },
    async postings(organisation: string): Promise<number> {
      const { rows } = await world.database.query<{ count: number }>(
        'select count(*)::int as count from ledger.postings where $1 = any (limits)',
        [`organisation:${organisation}`],
      );
      return rows[0]?.count ?? 0;
    },
    async close(): Promise<void> {
      for (const each of gateways) await each.stop();
      await provider.close();
      await world.close();
      await rm(home, { recursive: true, force: true });
    },
  };
  return gate;
}

interface GateParts {
  readonly world: Awaited<ReturnType<typeof createWorld>>;
  readonly home: string;
  readonly signer: Awaited<ReturnType<typeof openReceiptKey>>;
  readonly provider: FakeModelServer;
  readonly ledger: ReturnType<typeof createLedger>;
}

async function startGateway(
  { world, home, signer, ledger }: GateParts,
  more: Partial<GatewayParts>,
): Promise<RunningGateway> {
  const gateway = createId('gateway', systemRandom);
  const troubles: Error[] = [];
  const facts: CallFacts[] = [];
  const onTrouble = (error: Error): void => void troubles.push(error);
  const authority = await world.authority();
  const journal = await openJournal({ home, gateway, clock: systemClock, signer, onTrouble });
  const meter = await createMeter({
    ...{ database: world.database, gateway, random: systemRandom, onTrouble },
    monotonicMs: () => performance.now(),
    wallMs: Date.now,
    readAdmitted: createAdmittedReader<LimitId>(home),
  });
  const metrics = createMetrics();
  const upstreams = createUpstreams();
  const running = createGateway({
    ...{ gateway, authority, meter, journal, upstreams, guards: [], onTrouble },
    presence: createPresenceStore(world.database),
    findPosting: (call) => ledger.findPosting(call),
    apiKey: (name) => (name === 'UPSTREAM_KEY' ? toSecret(UPSTREAM_KEY) : undefined),
    clock: systemClock,
    monotonicMs: () => performance.now(),
    random: systemRandom,
    onEnd: (fact) => {
      facts.push(fact);
      metrics.observe(fact);
    },
    onRefusal: metrics.refused,
    metrics: metrics.text,
    drainMs: 200,
    ...more,
  });
  await new Promise<void>((resolve) => running.server.listen(0, '127.0.0.1', resolve));
  const { port } = running.server.address() as AddressInfo;
  let isStopped = false;
  return {
    ...running,
    ...{ url: `http://127.0.0.1:${port}`, facts, troubles, authority },
    async stop() {
      if (isStopped) return;
      isStopped = true;
      await running.close();
      await meter.close();
      await journal.close();
      await upstreams.close();
      assert.deepEqual(troubles, []);
    },
  };
}
