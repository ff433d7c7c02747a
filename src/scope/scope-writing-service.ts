/** What every change of a scope is made of, inside the caller's transaction. */
import type { Clock } from '../lib/clock.ts';
import { createId, type RandomBytes } from '../lib/id.ts';
import { ok, type Result, refuse } from '../lib/result.ts';
import type { Database, Transaction } from '../store/database.ts';
import { addJob } from '../store/jobs.ts';
import type { Said, Tlog } from '../tlog/index.ts';
import { type Asset, type AssetRefusal, assetText, readAsset } from './asset.ts';
import { challengeOf, type Method, TOKEN_BYTES } from './proof.ts';
import { passUntil } from './scope-answer.ts';
import { createScopeStore, type Scope, type ScopedAsset, type ScopeId } from './scope-store.ts';
import type { DocumentRefusal } from './signed-document.ts';
import { advance, type StandingRefusal, type Step } from './standing.ts';

export const SCOPE_CLOCK_JOB = 'scope.clock';
const MAX_ASSETS = 1_000;

export interface ScopeWritingParts {
  readonly database: Database;
  readonly clock: Clock;
  readonly random: RandomBytes;
  readonly log: Pick<Tlog, 'append'>;
  /** An organisation's id by its id or its unambiguous name. */
  readonly findOrganisation: (tx: Transaction, name: string) => Promise<string | undefined>;
  /** Tells the gates until when calls may be made under a scope; undefined: no longer. In the caller's transaction. */
  readonly setPass: (tx: Transaction, pass: Pass) => Promise<void>;
}

export interface Pass {
  readonly organisation: string;
  readonly scope: ScopeId;
  readonly until: Date | undefined;
}

export type ScopeRefusal =
  | AssetRefusal
  | DocumentRefusal
  | StandingRefusal
  | { readonly kind: 'unknown-organisation'; readonly name: string }
  | { readonly kind: 'unknown-scope'; readonly id: string }
  | { readonly kind: 'too-many-assets'; readonly limit: number }
  | { readonly kind: 'no-such-proof'; readonly asset: string; readonly method: Method }
  | { readonly kind: 'not-the-holder'; readonly organisation: string; readonly asset: string };

/** Carries a refusal out of a transaction that must not be kept. */
export class Refused extends Error {
  override readonly name = 'Refused';
  readonly refusal: ScopeRefusal;

  constructor(refusal: ScopeRefusal) {
    super(refusal.kind);
    this.refusal = refusal;
  }
}

export type ScopeWriting = ReturnType<typeof createScopeWriting>;

export function createScopeWriting(parts: ScopeWritingParts) {
  const { database, clock, random } = parts;
  return {
    /** For one transaction whose refusals are answers. */
    async decide<T>(work: (tx: Transaction) => Promise<T>): Promise<Result<T, ScopeRefusal>> {
      try {
        return ok(await database.transaction(work));
      } catch (error) {
        if (error instanceof Refused) return refuse(error.refusal);
        throw error;
      }
    },

    async getOrganisation(tx: Transaction, name: string): Promise<string> {
      const id = await parts.findOrganisation(tx, name);
      if (!id) throw new Refused({ kind: 'unknown-organisation', name });
      return id;
    },

    async open(tx: Transaction, organisation: string, endsAt: Date | undefined): Promise<Scope> {
      const now = clock.now();
      const scope = { id: createId('scope', random), organisation, createdAt: now, endsAt, withdrawnAt: undefined };
      await createScopeStore(tx).insertScope(scope);
      return scope;
    },

    async take(tx: Transaction, it: ScopedAsset, step: Step): Promise<ScopedAsset> {
      const after = advance(it.standing, step, clock.now());
      if (!after.ok) throw new Refused(after.refusal);
      return await createScopeStore(tx).update(it, after.value, clock.now());
    },

    /** The assets, waiting; each with a token where it is to be proven. */
    async add(tx: Transaction, scope: Scope, assets: readonly Asset[], method?: Method): Promise<ScopedAsset[]> {
      const added: ScopedAsset[] = [];
      for (const asset of assets) {
        const proof = method && { method, token: Buffer.from(random(TOKEN_BYTES)).toString('hex') };
        if (proof && !challengeOf(asset, proof.method, proof.token)) {
          throw new Refused({ kind: 'no-such-proof', asset: assetText(asset), method: proof.method });
        }
        const it = { id: createId('asset', random), scopeId: scope.id, asset, proof };
        await createScopeStore(tx).insertAsset(it);
        added.push({ ...it, standing: { state: 'waiting' }, trouble: undefined, version: 1 });
      }
      return added;
    },

    /** After any change: until when the gates let calls pass under this scope, and when somebody must look again. */
    async settle(tx: Transaction, scope: Scope): Promise<void> {
      const store = createScopeStore(tx);
      const assets = await store.assetsOf(scope.id);
      const until = passUntil(scope, assets, clock.now());
      await parts.setPass(tx, { organisation: scope.organisation, scope: scope.id, until });
      const due = await store.nextDue();
      if (due) await addJob(tx, SCOPE_CLOCK_JOB, {}, { key: SCOPE_CLOCK_JOB, runAt: due });
    },

    async say(tx: Transaction, predicate: string, facts: Extract<Said, { type: 'statement' }>['facts']): Promise<void> {
      const said = await parts.log.append(tx, {
        type: 'statement',
        predicateType: `https://headstart.invalid/scope/${predicate}/v1`,
        subject: 'scope',
        documents: [],
        facts,
      });
      if (!said.ok) throw new Error(`the log refuses a statement about a scope: ${said.refusal.kind}`);
    },
  };
}

/** Throws Refused. */
export function readAssets(targets: readonly string[]): readonly Asset[] {
  if (targets.length === 0 || targets.length > MAX_ASSETS)
    throw new Refused({ kind: 'too-many-assets', limit: MAX_ASSETS });
  const assets = new Map<string, Asset>();
  for (const target of targets) {
    const asset = readAsset(target);
    if (!asset.ok) throw new Refused(asset.refusal);
    assets.set(assetText(asset.value), asset.value);
  }
  return [...assets.values()];
}
