/** A programme on a real database, with one approved organisation, one person and one model. */
import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { type Clock, systemClock } from '../../src/lib/clock.ts';
import { systemRandom } from '../../src/lib/id.ts';
import type { Result } from '../../src/lib/result.ts';
import { createKeys, createMembership, createStops, keyPepper } from '../../src/membership/index.ts';
import { type Authority, openAuthority, type Tier } from '../../src/program/index.ts';
import { createTestDatabase } from '../../src/store/test-database.ts';
import { makeTestDirectory } from '../../src/store/test-directory.ts';
import { createVault } from '../../src/store/vault.ts';
import { createTlog } from '../../src/tlog/index.ts';

export const ACTOR = 'operator';
export const PRICES = { input: 5_000_000, output: 25_000_000, cacheWrite5m: 1, cacheWrite1h: 2, cacheRead: 3 };

export type World = Awaited<ReturnType<typeof createWorld>>;

export async function createWorld(clock: Clock = systemClock) {
  const home = makeTestDirectory('headstart-programme-');
  const { database, url, drop } = await createTestDatabase();
  const random = systemRandom;
  const vault = createVault({ masterKey: Buffer.alloc(32, 7), random });
  const log = await createTlog({ database, clock, random, home, origin: 'programme.test' });
  const parts = { database, clock, random, vault, log };
  const [membership, keys, stops] = [createMembership(parts), createKeys(parts), createStops(parts)];
  const authorities: Authority[] = [];
  return {
    ...parts,
    parts,
    url,
    membership,
    keys,
    stops,

    async model(id: string, minTier: Tier = 'general'): Promise<string> {
      const input = { id, protocol: 'anthropic', url: 'http://127.0.0.1:1', apiKeyEnv: 'UPSTREAM', prices: PRICES };
      okOf(await membership.addModel({ ...input, minTier }, { actor: ACTOR }));
      return id;
    },
    async organisation(name: string, tier: Tier = 'partner', country?: string) {
      const id = okOf(await membership.addOrganisation({ name, country }, ACTOR));
      okOf(await membership.approveAsOperator(id, tier, ACTOR));
      return id;
    },
    async person(organisation: string, email: string, more: { country?: string; forOrganisation?: string } = {}) {
      return okOf(await membership.addPerson({ organisation, email, ...more }, ACTOR));
    },
    async key(organisation: string, person: string, models: readonly string[], tier?: Tier) {
      return okOf(await keys.createKey({ organisation, person, models, tier }, ACTOR));
    },
    /** As a gateway opens it. */
    async authority(): Promise<Authority> {
      const opened = await openAuthority({
        url,
        pepper: keyPepper(vault),
        clock,
        monotonicMs: () => performance.now(),
        onTrouble: () => {},
      });
      authorities.push(opened);
      return opened;
    },
    async close(): Promise<void> {
      for (const each of authorities) await each.close();
      await drop();
      await rm(home, { recursive: true, force: true });
    },
  };
}

export function okOf<T>(outcome: Result<T, unknown>): T {
  assert.ok(outcome.ok, JSON.stringify(outcome));
  return outcome.value;
}

export function refusalOf<R>(outcome: Result<unknown, R>): R {
  assert.ok(!outcome.ok, 'it was expected to be refused');
  return outcome.refusal;
}

/** When the condition holds; throws after ten seconds. Asked after each change of the authority. */
export async function until(condition: () => boolean): Promise<void> {
  const end = Date.now() + 10_000;
  while (!condition()) {
    if (Date.now() > end) throw new Error(`it never came to: ${condition}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
