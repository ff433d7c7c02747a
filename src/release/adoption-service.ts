/** Adoption: a framework takes effect by an act that those who decide under it signed; a later act supersedes it. */
import type { Json } from '../lib/canonical-json.ts';
import { ok, type Result, refuse } from '../lib/result.ts';
import {
  type Adoption,
  type AdoptionRefusal,
  type Decision,
  documentBytes,
  type FrameworkRefusal,
  labelOf,
  openAdoption,
  readFrameworkValue,
  readTrust,
  shippedFrameworks,
  type TrustRefusal,
} from '../policy/index.ts';
import type { Database, Transaction } from '../store/database.ts';
import { decide as within } from '../store/decide.ts';
import { createAdoptionStore, type KeptAdoption } from './adoption-store.ts';
import type { ReleaseParts } from './release.ts';

export const ADOPTED = 'headstart/framework-adopted/v1';

export type AdoptRefusal =
  | FrameworkRefusal
  | TrustRefusal
  | AdoptionRefusal
  | { readonly kind: 'act-from-the-future'; readonly at: string }
  | { readonly kind: 'act-superseded'; readonly at: string }
  /** The alarm: other bytes were adopted under this very label. */
  | { readonly kind: 'label-changed'; readonly label: string; readonly before: string };

export interface NewAdoption {
  readonly framework: Json;
  readonly trust: Json;
  readonly act: Uint8Array;
  /** Said by a person who saw the alarm. */
  readonly acceptChangedBytes?: boolean | undefined;
}

export interface AdoptionStanding extends KeptAdoption {
  readonly inForce: boolean;
  /** The label of what is shipped with the program is the same, and its bytes are not. */
  readonly shippedDiffers: boolean;
}

export type Adoptions = ReturnType<typeof createAdoptions>;

export function createAdoptions(parts: ReleaseParts) {
  return {
    adopt: (fresh: NewAdoption): Promise<Result<Adoption, AdoptRefusal>> => adopt(parts, fresh),
    list: (): Promise<readonly AdoptionStanding[]> => listAdoptions(parts.database),
    /** Of a framework, in force now. */
    find: (framework: string) => createAdoptionStore(parts.database).findInForce(framework),
    /** A document of the evidence store. */
    document: (hash: string) => parts.evidence.find(hash),
  };
}

async function adopt(parts: ReleaseParts, fresh: NewAdoption): Promise<Result<Adoption, AdoptRefusal>> {
  const framework = readFrameworkValue(fresh.framework);
  if (!framework.ok) return framework;
  const trust = readTrust(fresh.trust);
  if (!trust.ok) return trust;
  const opened = openAdoption(fresh.act, [framework.value], trust.value);
  if (!opened.ok) return opened;
  const adoption = opened.value;
  if (adoption.digest !== `sha256:${framework.value.digest}` || adoption.label !== labelOf(framework.value))
    return refuse({ kind: 'malformed-act', why: 'it names other bytes or another label than the framework has' });
  const now = parts.clock.now();
  if (Date.parse(adoption.at) > now.getTime()) return refuse({ kind: 'act-from-the-future', at: adoption.at });
  const documents = [
    { name: 'framework', sha256: toHex(await parts.evidence.put(documentBytes(fresh.framework))) },
    { name: 'trust', sha256: toHex(await parts.evidence.put(documentBytes(fresh.trust))) },
    { name: 'act', sha256: toHex(await parts.evidence.put(fresh.act)) },
  ];
  return within(parts.database, async (tx): Promise<Result<Adoption, AdoptRefusal>> => {
    const store = createAdoptionStore(tx);
    await store.lock();
    const before = await store.findInForce(adoption.framework);
    if (before?.act === adoption.act) return ok(adoption);
    if (before && Date.parse(adoption.at) <= before.at.getTime())
      return refuse({ kind: 'act-superseded', at: before.at.toISOString() });
    const changed = (await store.ofLabel(adoption.label)).find(({ digest }) => digest !== adoption.digest);
    if (changed && !fresh.acceptChangedBytes)
      return refuse({ kind: 'label-changed', label: adoption.label, before: changed.digest });
    const said = await parts.log.append(tx, {
      type: 'statement',
      predicateType: ADOPTED,
      subject: adoption.digest,
      documents,
      facts: {
        framework: adoption.framework,
        label: adoption.label,
        at: adoption.at,
        signedBy: [...adoption.signedBy],
        supersedes: before?.digest ?? null,
        bytesChangedBehindLabel: changed !== undefined,
      },
    });
    if (!said.ok) throw new Error(`the log refuses ${ADOPTED}: ${said.refusal.kind}`);
    await store.insert(adoption, said.value, now);
    return ok(adoption);
  });
}

const toHex = (hash: string): string => hash.slice('sha256:'.length);

async function listAdoptions(database: Database): Promise<readonly AdoptionStanding[]> {
  const shipped = new Map([...shippedFrameworks().values()].map((each) => [labelOf(each), `sha256:${each.digest}`]));
  const seen = new Set<string>();
  return (await createAdoptionStore(database).all()).map((each) => {
    const inForce = !seen.has(each.framework);
    seen.add(each.framework);
    return { ...each, inForce, shippedDiffers: (shipped.get(each.label) ?? each.digest) !== each.digest };
  });
}

/** Why a decision may open nothing: one of its frameworks is not the one that was adopted last. */
export async function findUnadopted(
  tx: Transaction,
  { inputs }: Decision,
): Promise<{ readonly kind: 'not-adopted'; readonly framework: string; readonly why: string } | undefined> {
  for (const { id, digest, adoption } of inputs.frameworks) {
    const inForce = await createAdoptionStore(tx).findInForce(id);
    if (inForce && inForce.digest === digest && inForce.act === adoption?.act) continue;
    const why = inForce ? `the act in force, ${inForce.act}, names ${inForce.digest}` : 'it was never adopted here';
    return { kind: 'not-adopted', framework: id, why };
  }
  return undefined;
}
