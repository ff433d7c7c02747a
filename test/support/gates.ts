/** Gateways as processes on one data directory, and beside them the hands that grant, revoke and stop. */
import assert from 'node:assert/strict';
import { readdirSync, readlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { readConfig } from '../../src/config.ts';
import { createParts } from '../../src/parts.ts';
import { createNoticeStore } from '../../src/program/index.ts';
import { openProgramme } from '../../src/programme.ts';
import { openRelease } from '../../src/releases.ts';
import { createServices } from '../../src/services.ts';
import { createInstallation } from './installation.ts';
import { ACTOR, okOf } from './programme.ts';

export const GATES_PRICES = {
  input: 10_000_000,
  output: 50_000_000,
  cacheWrite5m: 12_500_000,
  cacheWrite1h: 20_000_000,
  cacheRead: 1_000_000,
};
/** Above what any bench asks for, shared by as many gateways as there are. */
const RATE = { perSecond: 1_000_000, burst: 1_000_000 };

export type Gates = Awaited<ReturnType<typeof createGates>>;

export interface GateProcess {
  readonly url: string;
  readonly pid: number;
  /** The directory of its journal, which outlives it. */
  readonly journal: string;
  /** What it said on standard error and output. */
  readonly output: () => string;
  kill(): Promise<void>;
  /** Told to stop; ends in order or this throws. */
  stop(): Promise<void>;
}

export interface Holder {
  readonly person: string;
  readonly keyId: string;
  readonly key: string;
}

export async function createGates() {
  const installation = await createInstallation({ environment: { PROVIDER_KEY: 'sk-provider' } });
  const parts = createParts(readConfig({ ...process.env, HEADSTART_HOME: installation.home, HEADSTART_NO_APT: '1' }), {
    json() {},
    data() {},
    say: (line) => void process.stderr.write(`${line}\n`),
  });
  const programme = await openProgramme(parts);
  const database = await parts.database();
  const { membership, keys, stops, ledger } = programme;
  const running = new Set<GateProcess>();
  return {
    installation,
    programme,
    database,
    ledger,
    stops,
    keys,
    membership,
    releases: () => openRelease(parts, () => createServices(parts)),
    async model(id: string, protocol: 'anthropic' | 'openai', url: string, more: object = {}): Promise<void> {
      const input = { id, protocol, url, apiKeyEnv: 'PROVIDER_KEY', prices: GATES_PRICES, ...more };
      okOf(await membership.addModel(input, { actor: ACTOR }));
    },
    /** Approved, with credit, and with no rate that a bench could meet. */
    async organisation(name: string, micro: number, country?: string): Promise<string> {
      const id = okOf(await membership.addOrganisation({ name, country }, ACTOR));
      okOf(await membership.approveAsOperator(id, 'partner', ACTOR));
      okOf(await ledger.grantCredit(id, micro, 'bench'));
      await database.transaction((tx) => createNoticeStore(tx).setRate(id, RATE));
      return id;
    },
    async holder(
      organisation: string,
      models: readonly string[],
      more: { email?: string; country?: string } = {},
    ): Promise<Holder> {
      const { email = `p${Math.random().toString(36).slice(2)}@bench.test`, country } = more;
      const person = okOf(await membership.addPerson({ organisation, email, country }, ACTOR));
      const { id, key } = okOf(await keys.createKey({ organisation, person, models }, ACTOR));
      await database.transaction(async (tx) => {
        for (const subject of [person, id]) await createNoticeStore(tx).setRate(subject, RATE);
      });
      return { person, keyId: id, key };
    },
    async start(): Promise<GateProcess> {
      const { child, said, ended, output } = installation.start('serve', '--role', 'gateway', '--port', '0');
      const { gateway: url } = JSON.parse(await said(/"gateway":"http/)) as { gateway: string };
      const { pid } = child;
      assert.ok(pid);
      const journal = journalOf(pid);
      const started: GateProcess = {
        ...{ url, pid, journal, output },
        async kill() {
          running.delete(started);
          child.kill('SIGKILL');
          await ended;
        },
        async stop() {
          running.delete(started);
          child.kill('SIGTERM');
          const { code, stderr } = await ended;
          assert.equal(code, 0, stderr);
        },
      };
      running.add(started);
      return started;
    },
    async close(): Promise<void> {
      for (const each of running) await each.kill();
      await parts.close();
      await installation.close();
    },
  };
}

/** Where the process has the only journal open that it writes. */
function journalOf(pid: number): string {
  const folder = `/proc/${pid}/fd`;
  for (const name of readdirSync(folder)) {
    try {
      const target = readlinkSync(join(folder, name));
      if (target.endsWith('.journal')) return dirname(target);
    } catch {
      // A descriptor that was closed meanwhile.
    }
  }
  throw new Error(`process ${pid} writes no journal`);
}

/** Nanoseconds of a clock that all processes of this machine share, as milliseconds. */
export const sharedMs = (): number => Number(process.hrtime.bigint()) / 1e6;
