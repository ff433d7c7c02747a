/** Assets that somebody else than their owner brings into a scope: authorisations and the list of critical open source. */
import type { Clock } from '../lib/clock.ts';
import { sha256Hex } from '../lib/hash.ts';
import type { Result } from '../lib/result.ts';
import type { Transaction } from '../store/database.ts';
import { type Asset, assetText } from './asset.ts';
import { createDocumentStore } from './document-store.ts';
import { answer, earlier, isOwn } from './scope-answer.ts';
import { createScopeStore, loadHoldings } from './scope-store.ts';
import { Refused, type ScopeRefusal, type ScopeWriting } from './scope-writing-service.ts';
import { type CriticalList, isSignedBy, readAuthorisation, readCriticalList } from './signed-document.ts';

export interface LendingParts {
  readonly clock: Clock;
  readonly writing: ScopeWriting;
  readonly findOrganisation: (tx: Transaction, name: string) => Promise<string | undefined>;
}

export type Lending = ReturnType<typeof createLending>;

export function createLending({ clock, writing, findOrganisation }: LendingParts) {
  /** Until when the organisation itself holds each of them; what it was only lent it cannot lend on. */
  async function findHeld(tx: Transaction, organisation: string, assets: readonly Asset[]) {
    const holdings = await loadHoldings(tx, organisation);
    const held = new Map<string, Date>();
    for (const asset of assets) {
      const found = answer(holdings, asset, clock.now());
      if (!found.allowed || !isOwn(found.basis)) {
        throw new Refused({ kind: 'not-the-holder', organisation, asset: assetText(asset) });
      }
      held.set(assetText(asset), found.until);
    }
    return held;
  }

  async function importAuthorisation(
    tx: Transaction,
    bytes: Uint8Array,
    receiver: string | undefined,
  ): Promise<{ readonly id: string }> {
    const read = readAuthorisation(bytes);
    if (!read.ok) throw new Refused(read.refusal);
    const { it, envelope } = read.value;
    if (receiver !== undefined && (await findOrganisation(tx, it.to)) !== receiver) {
      throw new Refused({ kind: 'bad-document', why: 'it is not made out to this organisation' });
    }
    const documents = createDocumentStore(tx);
    if (!isSignedBy(envelope, await documents.signersOf(it.from))) {
      throw new Refused({ kind: 'bad-document', why: `it is not signed by a key of ${it.from}` });
    }
    const document = sha256Hex(bytes);
    if (!(await documents.insertDocument(document, 'authorisation', bytes, clock.now()))) {
      throw new Refused({ kind: 'bad-document', why: 'it was imported before' });
    }
    const held = await findHeld(tx, it.from, it.assets);
    const scope = await writing.open(tx, await writing.getOrganisation(tx, it.to), it.until);
    for (const added of await writing.add(tx, scope, it.assets)) {
      const until = earlier(it.until, held.get(assetText(added.asset)));
      await writing.take(tx, added, {
        step: 'establish',
        basis: { by: 'authorisation', from: it.from, document },
        until,
      });
    }
    await writing.settle(tx, scope);
    await writing.say(tx, 'authorised', { scope: scope.id, assets: it.assets.length, document });
    return { id: scope.id };
  }

  return {
    /** From now on documents signed by this key speak for the organisation. */
    addSigner: (organisation: string, name: string, publicKey: Uint8Array): Promise<Result<void, ScopeRefusal>> =>
      writing.decide(async (tx) => {
        const id = await writing.getOrganisation(tx, organisation);
        await createDocumentStore(tx).addSigner(id, name, publicKey, clock.now());
      }),

    /** `receiver`: only where it is made out to that organisation. */
    importAuthorisation: (bytes: Uint8Array, receiver?: string) =>
      writing.decide((tx) => importAuthorisation(tx, bytes, receiver)),

    /** Everything the list assigns to organisations known here, and the names that nobody here bears. */
    importCriticalList: (bytes: Uint8Array, trusted: readonly Uint8Array[]) =>
      writing.decide((tx) => importList({ clock, writing, findOrganisation }, tx, bytes, trusted)),

    /** What rests on an organisation's word falls with what it held. */
    async withdrawBorrowed(tx: Transaction, organisation: string): Promise<void> {
      const store = createScopeStore(tx);
      const holdings = await loadHoldings(tx, organisation);
      for (const it of await store.authorisedBy(organisation)) {
        if (answer(holdings, it.asset, clock.now()).allowed) continue;
        const scope = await store.lockScope(it.scopeId);
        await writing.take(tx, it, { step: 'withdraw' });
        if (scope) await writing.settle(tx, scope);
      }
    },
  };
}

async function importList(
  parts: LendingParts,
  tx: Transaction,
  bytes: Uint8Array,
  trusted: readonly Uint8Array[],
): Promise<{ readonly organisations: number; readonly unknown: readonly string[] }> {
  const { clock, writing } = parts;
  const list = readCriticalList(bytes, trusted);
  if (!list.ok) throw new Refused(list.refusal);
  const document = sha256Hex(bytes);
  if (!(await createDocumentStore(tx).insertDocument(document, 'critical-list', bytes, clock.now()))) {
    throw new Refused({ kind: 'bad-document', why: 'it was imported before' });
  }
  const { assigned, unknown } = await assign(parts, tx, list.value.entries);
  for (const [organisation, assets] of assigned) {
    const scope = await writing.open(tx, organisation, list.value.expires);
    const basis = { by: 'critical-list', document } as const;
    for (const added of await writing.add(tx, scope, [...assets.values()])) {
      await writing.take(tx, added, { step: 'establish', basis, until: list.value.expires });
    }
    await writing.settle(tx, scope);
  }
  await writing.say(tx, 'critical-list', { document, organisations: assigned.size });
  return { organisations: assigned.size, unknown };
}

async function assign({ findOrganisation }: LendingParts, tx: Transaction, entries: CriticalList['entries']) {
  const assigned = new Map<string, Map<string, Asset>>();
  const unknown = new Set<string>();
  for (const { asset, organisations } of entries) {
    for (const name of organisations) {
      const id = await findOrganisation(tx, name);
      if (!id) unknown.add(name);
      else assigned.set(id, (assigned.get(id) ?? new Map()).set(assetText(asset), asset));
    }
  }
  return { assigned, unknown: [...unknown].sort() };
}
