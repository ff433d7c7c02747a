/**
 * Who of the partners is hit by a case. What a partner delivers is its own secret: bills of materials lie encrypted under
 * its key, and packages are looked for by a blind index. A new one, or a case that learnt its range, decides anew.
 */
import { createHmac } from 'node:crypto';
import type { Case } from '../disclosure/index.ts';
import { readSbom, type SbomRefusal } from '../formats/sbom.ts';
import { canonicalJson, type Json } from '../lib/canonical-json.ts';
import { sha256Hex } from '../lib/hash.ts';
import { createId, type RandomBytes } from '../lib/id.ts';
import { ok, type Result } from '../lib/result.ts';
import type { Database, Transaction } from '../store/database.ts';
import { addJob } from '../store/jobs.ts';
import type { Vault } from '../store/vault.ts';
import { dependentsIn, type FlawedPackage, type Graph, type Hit, hitsIn, packageOfPurl } from './blast-radius.ts';
import { createExposureStore, type StoredBom } from './exposure-store.ts';

export const REDECIDE_JOB = 'exposure.redecide';
/** Decisions of one case follow one another. */
export const EXPOSURE_QUEUE = 'exposure';

/** What this module is told of a case: its ranges, and what its embargo allows. */
export interface ExposedCase {
  readonly case: Case;
  readonly flawed: FlawedPackage;
}

export interface ExposureParts {
  readonly database: Database;
  readonly vault: Pick<Vault, 'createKey' | 'seal' | 'open' | 'sealJson' | 'openJson' | 'derive'>;
  readonly random: RandomBytes;
  /** Of the cases that are open and real. */
  readonly openCases: () => Promise<readonly string[]>;
  readonly findCase: (tx: Transaction, id: string) => Promise<ExposedCase | undefined>;
}

export interface ImportedBom {
  readonly product: string;
  readonly format: string;
  /** All of its components: those that a package URL names, and those that none does and nothing can find. */
  readonly received: number;
  readonly named: number;
  readonly unnamed: number;
  readonly danglingEdges: number;
  /** The same bytes were there already: nothing changed. */
  readonly isKnown: boolean;
  /** An older one of the same product counts no more. */
  readonly replaced: boolean;
}

export interface ExposedProduct {
  readonly product: string;
  readonly version: string | null;
  readonly hits: readonly Hit[];
}

export interface PartnerExposure {
  readonly organisationId: string;
  readonly products: readonly ExposedProduct[];
}

/** A package between partners' products and the flawed one. */
export interface Dependent {
  readonly purl: string;
  /** One alone may have written it for itself: its name is that partner's secret. */
  readonly partners: number;
}

export type Exposure = ReturnType<typeof createExposure>;

export function createExposure(parts: ExposureParts) {
  const { database } = parts;
  return {
    importBom: (organisationId: string, bytes: Buffer): Promise<Result<ImportedBom, SbomRefusal>> =>
      importBom(parts, organisationId, bytes),

    /** Who is hit, decided now. Undefined where there is no such case. */
    show: (caseId: string): Promise<readonly PartnerExposure[] | undefined> =>
      database.transaction((tx) => decideIn(tx, parts, caseId)),
    showIn: (tx: Transaction, caseId: string) => decideIn(tx, parts, caseId),

    /** What partners' products need that needs the flawed package itself, most partners first. Undefined without a case. */
    dependents: (caseId: string): Promise<readonly Dependent[] | undefined> =>
      database.transaction((tx) => findDependents(tx, parts, caseId)),

    /** All open cases, each in a transaction of its own. */
    async redecide(): Promise<void> {
      const failures: unknown[] = [];
      for (const id of await parts.openCases()) {
        try {
          await database.transaction((tx) => decideIn(tx, parts, id));
        } catch (error) {
          // One case that cannot be decided must not hold up the others.
          failures.push(error);
        }
      }
      if (failures.length > 0) throw new AggregateError(failures, `${failures.length} exposures were not decided`);
    },

    /** Partners that hold an affected version, or one of which nobody can say, as last decided. */
    async countPartners(caseId: string): Promise<number> {
      const decided = await createExposureStore(database).lastDecisions(caseId);
      return decided.filter(({ affected, unknown }) => affected + unknown > 0).length;
    },
  };
}

type BlindField = 'package' | 'product' | 'file';
/** Bytes kept of an HMAC: enough that none is met twice by chance. */
const BLIND_BYTES = 16;

function blind({ vault }: Pick<ExposureParts, 'vault'>, field: BlindField): (value: string) => Buffer {
  const key = vault.derive(`exposure/${field}`);
  return (value) => createHmac('sha256', key).update(value).digest().subarray(0, BLIND_BYTES);
}

async function importBom(
  parts: ExposureParts,
  organisationId: string,
  bytes: Buffer,
): Promise<Result<ImportedBom, SbomRefusal>> {
  const read = readSbom(bytes);
  if (!read.ok) return read;
  const { product, components, edges, danglingEdges, format, version } = read.value;
  const named = components.filter(({ purl }) => purl !== undefined).length;
  const counted = { received: components.length, named, unnamed: components.length - named, danglingEdges };
  const told = { product: product.name, format: `${format} ${version}`, ...counted };
  const productIndex = blind(parts, 'product')(`${organisationId}\0${product.name}`);
  const fileIndex = blind(parts, 'file')(sha256Hex(bytes));
  return await parts.database.transaction(async (tx) => {
    const store = createExposureStore(tx);
    const keyId = await keyOfPartner(tx, parts, organisationId);
    const current = await store.findCurrent(organisationId, productIndex);
    if (current?.file.equals(fileIndex)) return ok({ ...told, isKnown: true, replaced: false });
    if (current) await store.supersede(current.id);
    const id = createId('bom', parts.random);
    const graph: Graph = { product, components, edges };
    const sealed = await parts.vault.seal(tx, keyId, Buffer.from(JSON.stringify(graph)), contextOf(id));
    const blindPackage = blind(parts, 'package');
    const packages = new Set(components.flatMap(({ purl }) => (purl === undefined ? [] : (packageOfPurl(purl) ?? []))));
    await store.insertBom({ id, organisationId, sealed }, productIndex, fileIndex, [...packages].map(blindPackage));
    await addJob(tx, REDECIDE_JOB, {}, { key: REDECIDE_JOB, queue: EXPOSURE_QUEUE });
    return ok({ ...told, isKnown: false, replaced: current !== undefined });
  });
}

/** Of the partner's own, made with its first word. Whoever asks for it writes of this partner alone until then. */
export async function keyOfPartner(
  tx: Transaction,
  { vault }: Pick<ExposureParts, 'vault'>,
  organisationId: string,
): Promise<string> {
  const store = createExposureStore(tx);
  const known = await store.lockPartner(organisationId);
  if (known) return known.keyId;
  const keyId = await vault.createKey(tx, `partner ${organisationId}`);
  if (await store.insertPartner(organisationId, keyId)) return keyId;
  return await keyOfPartner(tx, { vault }, organisationId);
}

const contextOf = (id: string): string => `bill of materials ${id}`;

async function decideIn(
  tx: Transaction,
  parts: ExposureParts,
  caseId: string,
): Promise<readonly PartnerExposure[] | undefined> {
  const store = createExposureStore(tx);
  await store.lockCase(caseId);
  const it = await parts.findCase(tx, caseId);
  if (!it) return undefined;
  const boms = await store.listHolding(blind(parts, 'package')(it.flawed.purl));
  const last = new Map((await store.lastDecisions(caseId)).map((each) => [each.organisationId, each]));
  const byPartner = Map.groupBy(boms, ({ organisationId }) => organisationId);
  const exposed: PartnerExposure[] = [];
  for (const organisationId of new Set([...byPartner.keys(), ...last.keys()])) {
    const products: ExposedProduct[] = [];
    for (const bom of byPartner.get(organisationId) ?? []) products.push(await readProduct(tx, parts, bom, it.flawed));
    exposed.push({ organisationId, products });
  }
  for (const each of exposed) await keep(tx, parts, caseId, each, last.get(each.organisationId));
  return exposed.filter(({ products }) => products.length > 0);
}

const MOST_DEPENDENTS = 100;

async function findDependents(
  tx: Transaction,
  parts: ExposureParts,
  caseId: string,
): Promise<readonly Dependent[] | undefined> {
  const it = await parts.findCase(tx, caseId);
  if (!it) return undefined;
  const users = new Map<string, Set<string>>();
  for (const bom of await createExposureStore(tx).listHolding(blind(parts, 'package')(it.flawed.purl))) {
    const graph = await parts.vault.openJson<Graph>(tx, bom.keyId, bom.sealed, contextOf(bom.id));
    for (const purl of dependentsIn(graph, it.flawed)) {
      users.set(purl, (users.get(purl) ?? new Set()).add(bom.organisationId));
    }
  }
  return [...users]
    .map(([purl, { size }]): Dependent => ({ purl, partners: size }))
    .sort((one, other) => other.partners - one.partners || (one.purl < other.purl ? -1 : 1))
    .slice(0, MOST_DEPENDENTS);
}

async function readProduct(
  tx: Transaction,
  { vault }: ExposureParts,
  { id, keyId, sealed }: StoredBom,
  flawed: FlawedPackage,
): Promise<ExposedProduct> {
  const graph = await vault.openJson<Graph>(tx, keyId, sealed, contextOf(id));
  return { product: graph.product.name, version: graph.product.version ?? null, hits: hitsIn(graph, flawed) };
}

/** Some component of it: affected, or of a version of which nobody can say. */
export const isHit = (what: 'yes' | 'unknown') => (it: ExposedProduct) =>
  it.hits.some(({ affected }) => affected === what) &&
  (what === 'yes' || it.hits.every(({ affected }) => affected !== 'yes'));

async function keep(
  tx: Transaction,
  { vault }: ExposureParts,
  caseId: string,
  { organisationId, products }: PartnerExposure,
  last: { readonly number: number; readonly identity: Buffer } | undefined,
): Promise<void> {
  const text = canonicalJson(products as unknown as Json);
  const identity = createHmac('sha256', vault.derive('exposure/decision'))
    .update(`${caseId}\0${organisationId}\0${text}`)
    .digest();
  if (last?.identity.equals(identity)) return;
  const number = (last?.number ?? 0) + 1;
  const store = createExposureStore(tx);
  const partner = await store.findPartner(organisationId);
  if (!partner) throw new Error(`the partner ${organisationId} is not there`);
  const sealed = await vault.seal(tx, partner.keyId, Buffer.from(text), `exposure of ${caseId} ${number}`);
  const [affected, unknown] = [products.filter(isHit('yes')).length, products.filter(isHit('unknown')).length];
  await store.addDecision(caseId, { organisationId, number, affected, unknown, identity, sealed });
}
