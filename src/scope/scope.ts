/**
 * On which assets an organisation may use the model, and what shows it. Published open source may be analysed by anyone;
 * everything else needs a standing asset here and is refused without one.
 */
import type { Clock } from '../lib/clock.ts';
import type { Result } from '../lib/result.ts';
import type { Page, PageAsk } from '../store/page.ts';
import { readAsset } from './asset.ts';
import { createLending, type Lending } from './lending-service.ts';
import type { Challenge, Method } from './proof.ts';
import type { ProofClient } from './proof-client.ts';
import { challengeFor, createProving } from './proving-service.ts';
import { type Answer, answer, type Holding } from './scope-answer.ts';
import { createScopeStore, loadHoldings, type ScopedAsset, type ScopeId } from './scope-store.ts';
import {
  createScopeWriting,
  Refused,
  readAssets,
  type ScopeRefusal,
  type ScopeWriting,
  type ScopeWritingParts,
} from './scope-writing-service.ts';

export interface ScopeParts extends ScopeWritingParts {
  readonly proofs: ProofClient;
}

export type Scoping = ReturnType<typeof createScoping>;

export function createScoping(parts: ScopeParts) {
  const { database, clock } = parts;
  const writing = createScopeWriting(parts);
  const lending = createLending({ clock, writing, findOrganisation: parts.findOrganisation });
  const proving = createProving({ database, clock, proofs: parts.proofs, writing });
  return {
    ...createChanges(writing, lending, clock, parts),
    prove: proving.prove,
    reachClocks: proving.reachClocks,
    addSigner: lending.addSigner,
    importAuthorisation: lending.importAuthorisation,
    importCriticalList: lending.importCriticalList,

    /** One question, answered with what it rests on. */
    async check(organisation: string, target: string): Promise<Result<Answer, ScopeRefusal>> {
      const asked = readAsset(target);
      if (!asked.ok) return asked;
      return await writing.decide(async (tx) => {
        const holdings = await loadHoldings(tx, await writing.getOrganisation(tx, organisation));
        return answer(holdings, asked.value, clock.now());
      });
    },

    page: (ask: PageAsk, organisation: string): Promise<Result<Page<Holding>, ScopeRefusal>> =>
      writing.decide(async (tx) => {
        const store = createScopeStore(tx);
        const { items, next } = await store.pageScopes(ask, await writing.getOrganisation(tx, organisation));
        const holdings: Holding[] = [];
        for (const scope of items) holdings.push({ scope, assets: await store.assetsOf(scope.id) });
        return { items: holdings, next };
      }),
    find: (organisation: string, id: string): Promise<Result<Holding | undefined, ScopeRefusal>> =>
      writing.decide(async (tx) => {
        const store = createScopeStore(tx);
        const scope = await store.findScopeOf(await writing.getOrganisation(tx, organisation), id);
        return scope && { scope, assets: await store.assetsOf(scope.id) };
      }),
    list: (organisation: string): Promise<Result<readonly Holding[], ScopeRefusal>> =>
      writing.decide(async (tx) => loadHoldings(tx, await writing.getOrganisation(tx, organisation))),
  };
}

function createChanges(writing: ScopeWriting, lending: Lending, clock: Clock, parts: ScopeWritingParts) {
  return {
    /** The operator's word: the assets stand at once, and the log says whose word it was. */
    vouch: (
      organisation: string,
      targets: readonly string[],
      until?: Date,
    ): Promise<Result<{ readonly id: ScopeId; readonly assets: readonly ScopedAsset[] }, ScopeRefusal>> =>
      writing.decide(async (tx) => {
        const scope = await writing.open(tx, await writing.getOrganisation(tx, organisation), until);
        for (const it of await writing.add(tx, scope, readAssets(targets))) {
          await writing.take(tx, it, { step: 'establish', basis: { by: 'operator' }, until });
        }
        await writing.settle(tx, scope);
        const assets = await createScopeStore(tx).assetsOf(scope.id);
        await writing.say(tx, 'vouched', { scope: scope.id, assets: assets.length, by: 'operator' });
        return { id: scope.id, assets };
      }),

    /** Assets that wait for their owner to meet a challenge. */
    request: (
      organisation: string,
      targets: readonly string[],
      method: Method,
      until?: Date,
    ): Promise<Result<{ readonly id: ScopeId; readonly challenges: readonly Challenge[] }, ScopeRefusal>> =>
      writing.decide(async (tx) => {
        const scope = await writing.open(tx, await writing.getOrganisation(tx, organisation), until);
        const assets = await writing.add(tx, scope, readAssets(targets), method);
        return { id: scope.id, challenges: assets.flatMap((it) => challengeFor(it) ?? []) };
      }),

    withdraw: (scopeId: string): Promise<Result<void, ScopeRefusal>> =>
      writing.decide(async (tx) => {
        const store = createScopeStore(tx);
        const scope = await store.lockScope(scopeId);
        if (!scope) throw new Refused({ kind: 'unknown-scope', id: scopeId });
        for (const it of await store.assetsOf(scope.id)) {
          if (it.standing.state !== 'withdrawn') await writing.take(tx, it, { step: 'withdraw' });
        }
        await store.withdrawScope(scope.id, clock.now());
        await parts.setPass(tx, { organisation: scope.organisation, scope: scope.id, until: undefined });
        await lending.withdrawBorrowed(tx, scope.organisation);
        await writing.say(tx, 'withdrawn', { scope: scope.id });
      }),
  };
}
