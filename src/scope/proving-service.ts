/** Looks whether challenges are met: when the owner asks, and again by the clock. */
import type { Clock } from '../lib/clock.ts';
import type { Database } from '../store/database.ts';
import type { JobHandler } from '../store/job-worker.ts';
import { type Challenge, challengeOf } from './proof.ts';
import type { ProofClient } from './proof-client.ts';
import { createScopeStore, type ScopedAsset } from './scope-store.ts';
import { SCOPE_CLOCK_JOB, type ScopeWriting } from './scope-writing-service.ts';
import { isStanding } from './standing.ts';

/** Looks in one run of the clock; the next run takes the rest. */
const MAX_LOOKS = 200;

export interface ProvingParts {
  readonly database: Database;
  readonly clock: Clock;
  readonly proofs: ProofClient;
  readonly writing: ScopeWriting;
}

export type Proving = ReturnType<typeof createProving>;

export function createProving({ database, clock, proofs, writing }: ProvingParts) {
  /** Looks outside any transaction, then records what was seen. */
  async function prove(asset: ScopedAsset): Promise<ScopedAsset> {
    const challenge = challengeFor(asset);
    if (!challenge) return asset;
    const looked = await proofs.look(challenge);
    return await database.transaction(async (tx) => {
      const store = createScopeStore(tx);
      const scope = await store.lockScope(asset.scopeId);
      const current = scope && (await store.assetsOf(scope.id)).find(({ id }) => id === asset.id);
      if (!scope || !current || current.standing.state === 'withdrawn') return current ?? asset;
      const basis = looked.ok && ({ by: 'proof', method: challenge.method, seen: looked.value } as const);
      const after = basis
        ? await writing.take(tx, current, { step: 'establish', basis, until: scope.endsAt })
        : await store.update(current, current.standing, clock.now(), looked.ok ? undefined : looked.refusal.why);
      await writing.settle(tx, scope);
      return after;
    });
  }

  async function lapse(asset: ScopedAsset): Promise<void> {
    await writing.decide(async (tx) => {
      const scope = await createScopeStore(tx).lockScope(asset.scopeId);
      await writing.take(tx, asset, { step: 'expire' });
      if (scope) await writing.settle(tx, scope);
    });
  }

  return {
    /** Looks at every asset of the scope that has a challenge. */
    async prove(scopeId: string): Promise<readonly ScopedAsset[]> {
      const after: ScopedAsset[] = [];
      for (const asset of await createScopeStore(database).assetsOf(scopeId)) after.push(await prove(asset));
      return after;
    },

    /** Looks again where it is time, and lets lapse what has ended. Gives how many there were. */
    async reachClocks(): Promise<number> {
      const due = await createScopeStore(database).listDue(clock.now(), MAX_LOOKS);
      for (const it of due) {
        if (isStanding(it.standing, clock.now())) await prove(it);
        else await lapse(it);
      }
      return due.length;
    },
  };
}

export function challengeFor({ asset, proof }: ScopedAsset): Challenge | undefined {
  return proof && challengeOf(asset, proof.method, proof.token);
}

export function createScopeJobs(proving: Pick<Proving, 'reachClocks'>): Readonly<Record<string, JobHandler>> {
  return { [SCOPE_CLOCK_JOB]: async () => void (await proving.reachClocks()) };
}
