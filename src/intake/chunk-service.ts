/**
 * Decides the fate of a run of records and keeps them, in one transaction: killed anywhere, an import has decided whole
 * chunks and nothing else, and goes on behind them. All imports of a database decide one after the other, so no two can
 * both take the same report for new.
 */
import { createHash } from 'node:crypto';
import { sha256Hex } from '../lib/hash.ts';
import { createHmacSha256 } from '../lib/hmac.ts';
import { createId, type RandomBytes } from '../lib/id.ts';
import type { Database, Transaction } from '../store/database.ts';
import type { DataKeyId, Sealer, Vault } from '../store/vault.ts';
import { type Blind, createBlind, DIGEST_CHARACTERS } from './blind.ts';
import type { Claim } from './claim.ts';
import { lookUpTraits, type SameTrait, sameTraits } from './identity.ts';
import { type Counts, createImportStore, type ImportId } from './import-store.ts';
import { type Alike, type Comparable, createLikeness, type Signatures } from './likeness-service.ts';
import { type Likeness, likenessTraits, toLikeness } from './likeness-trait-service.ts';
import { createPairStore, inOrder, pairContext, type StoredPair } from './pair-store.ts';
import type { Piece, Rejection, Source } from './piece.ts';
import { claimContext, originalContext, partContext, type Said } from './record-seal.ts';
import { createRecordStore, type Fate, type FreshRecord, type RecordId } from './record-store.ts';
import { screen } from './screen.ts';

export interface ChunkParts {
  readonly database: Database;
  readonly vault: Vault;
  readonly random: RandomBytes;
}

export interface Prepared {
  readonly id: RecordId;
  readonly ordinal: number;
  readonly piece: Piece;
  readonly claim: Claim | undefined;
  readonly rejection: { readonly reason: Rejection; readonly detail: string } | undefined;
  readonly identity: Buffer;
  readonly same: readonly (SameTrait & { readonly blind: Buffer })[];
  /** Undefined for what is rejected: it is compared with nothing. */
  readonly like: (Likeness & Pick<Comparable, 'blinds' | 'asked'>) | undefined;
}

export interface Decided {
  readonly counts: Counts;
  readonly fates: readonly { readonly fate: Fate; readonly detail: string | undefined }[];
}

const PART_BYTES = 1024 * 1024;
/** Held by whoever decides fates; no other program takes it on the same database. */
const DECIDING = 4_851_402_150;

export const takeTurn = (tx: Transaction): Promise<unknown> => tx.query('select pg_advisory_xact_lock($1)', [DECIDING]);

export function createChunks({ database, vault, random }: ChunkParts) {
  const blind = createBlind(vault);
  const signatures: Signatures = new Map();
  const identityOf = createHmacSha256(vault.derive('intake/record'), DIGEST_CHARACTERS);

  /** Everything that needs no database. */
  async function prepare(piece: Piece, ordinal: number, format: string, source: Source): Promise<Prepared> {
    const suspicion = piece.rejection || !piece.claim ? undefined : screen(piece.claim);
    const rejection = piece.rejection ?? suspicion ?? emptiness(piece.claim);
    const digest = createHash('sha256');
    if (piece.bytes) digest.update(piece.bytes);
    else for await (const part of source.read(piece.from, piece.to)) digest.update(part);
    const told = JSON.stringify([format, digest.digest('hex'), piece.claim ?? null]);
    const identity = Buffer.from(identityOf(sha256Hex(told)), 'hex');
    const claim = rejection ? undefined : piece.claim;
    const same = claim ? sameTraits(claim).map((it) => ({ ...it, blind: blind(it) })) : [];
    const like = claim && toBlinded(toLikeness(claim), blind);
    return { id: createId('record', random), ordinal, piece, claim: piece.claim, rejection, identity, same, like };
  }

  function toFresh(it: Prepared, { fate, detail }: Verdict, sealer: Sealer): FreshRecord {
    const said: Said = { claim: it.claim, detail };
    const lookUps = it.claim ? lookUpTraits(it.claim).map(blind) : [];
    return {
      id: it.id,
      ordinal: it.ordinal,
      identity: it.identity,
      fate,
      sealedClaim: sealer.seal(Buffer.from(JSON.stringify(said)), claimContext(it.id)),
      sealedOriginal: it.piece.bytes && sealer.seal(it.piece.bytes, originalContext(it.id)),
      blinds: [...it.same.map((each) => each.blind), ...(it.like?.blinds ?? []), ...lookUps],
    };
  }

  async function decide(
    chunk: readonly Prepared[],
    { importId, keyId, source }: { readonly importId: ImportId; readonly keyId: DataKeyId; readonly source: Source },
  ): Promise<Decided> {
    return await database.transaction(async (tx) => {
      await takeTurn(tx);
      const imports = createImportStore(tx);
      const records = createRecordStore(tx);
      const progress = await imports.lockProgress(importId);
      const open = chunk.filter(({ ordinal }) => ordinal >= progress);
      const known = new Set(await records.findKnown(open.map(({ identity }) => identity)));
      const comparable = open.flatMap(({ id, like, identity }) =>
        like && !known.has(identity.toString('hex')) ? [{ id, importId, ...like }] : [],
      );
      const likeness = await createLikeness(tx, vault, signatures, comparable);
      const roots = await records.findRoots(open.flatMap(({ same }) => same.map((each) => each.blind)));
      const fates = decideFates(open, { importId, known, roots, likeness });
      const sealer = await vault.sealer(tx, keyId);
      const fresh = open.flatMap((it) => {
        const verdict = fates.get(it);
        return verdict ? [toFresh(it, verdict, sealer)] : [];
      });
      await records.insert(importId, fresh);
      await createPairStore(tx).insert(toPairs(fates, keyId, sealer));
      for (const it of open) {
        if (it.piece.bytes || !fates.has(it)) continue;
        await keepParts(it, source, sealer, (part, sealed) => records.insertPart(it.id, part, sealed));
      }
      const decided = [...fates.values()];
      const counts = countFates(decided, open.length - fates.size);
      await imports.add(importId, counts);
      // What an earlier run or another process decided of this chunk is here already, for whoever asks now.
      const before = chunk.length - open.length;
      return { fates: decided, counts: { ...counts, merged: counts.merged + before, known: counts.known + before } };
    });
  }
  return { prepare, decide };
}

function toBlinded(likeness: Likeness, blind: Blind): Prepared['like'] {
  const { kept, asked } = likenessTraits(likeness.brief);
  // Most are both.
  const made = new Map(kept.map((trait) => [trait.value, blind(trait)]));
  return {
    ...likeness,
    blinds: [...made.values()],
    asked: asked.map((trait) => made.get(trait.value) ?? blind(trait)),
  };
}

interface Verdict {
  readonly fate: Fate;
  /** What was seen, of a rejection or of a merge by likeness. */
  readonly detail: string | undefined;
  readonly borderline: readonly Alike[];
}

interface Root {
  readonly id: RecordId;
  readonly importId: ImportId;
}

interface Around {
  readonly importId: ImportId;
  /** Identities that are here already; those of this chunk are added. */
  readonly known: Set<string>;
  readonly roots: ReadonlyMap<string, Root>;
  readonly likeness: Awaited<ReturnType<typeof createLikeness>>;
}

/** Of those that are not known. */
function decideFates(open: readonly Prepared[], around: Around): Map<Prepared, Verdict> {
  const { importId, known, likeness } = around;
  const fates = new Map<Prepared, Verdict>();
  const roots = new Map(around.roots);
  for (const it of open) {
    const name = it.identity.toString('hex');
    if (known.has(name)) continue;
    known.add(name);
    const verdict = it.rejection ? rejected(it.rejection) : (bySame(it, importId, roots) ?? byLikeness(it, around));
    fates.set(it, verdict);
    const root = verdict.fate.fate === 'merged' ? verdict.fate.into : it.id;
    for (const { blind } of it.same) {
      const key = blind.toString('hex');
      if (!roots.has(key)) roots.set(key, { id: root, importId });
    }
    if (verdict.fate.fate === 'canonical' && it.like) likeness.remember({ id: it.id, importId, ...it.like });
  }
  return fates;
}

const rejected = ({ reason, detail }: NonNullable<Prepared['rejection']>): Verdict => ({
  fate: { fate: 'rejected', reason },
  detail,
  borderline: [],
});

function byLikeness(it: Prepared, { importId, likeness }: Around): Verdict {
  const canonical: Verdict = { fate: { fate: 'canonical' }, detail: undefined, borderline: [] };
  if (!it.like) return canonical;
  const { same, borderline } = likeness.compare({ id: it.id, importId, ...it.like });
  if (!same) return { ...canonical, borderline };
  const detail = `${same.probability.toFixed(2)} likely: ${same.reasons.join('; ')}`;
  return { fate: { fate: 'merged', into: same.id, reason: 'same-flaw' }, detail, borderline: [] };
}

function toPairs(fates: ReadonlyMap<Prepared, Verdict>, keyId: DataKeyId, sealer: Sealer): StoredPair[] {
  return [...fates].flatMap(([it, { borderline }]) =>
    borderline.map(({ id, probability, reasons }) => {
      const [left, right] = inOrder(it.id, id);
      const sealedReasons = sealer.seal(Buffer.from(JSON.stringify(reasons)), pairContext(left, right));
      return { left, right, probability, keyId, sealedReasons };
    }),
  );
}

function bySame(it: Prepared, importId: ImportId, roots: ReadonlyMap<string, Root>): Verdict | undefined {
  for (const { blind, merge, isAcrossImports } of it.same) {
    const root = roots.get(blind.toString('hex'));
    if (root && !(isAcrossImports && root.importId === importId)) {
      return { fate: { fate: 'merged', into: root.id, reason: merge }, detail: undefined, borderline: [] };
    }
  }
  return undefined;
}

function emptiness(claim: Claim | undefined): Prepared['rejection'] {
  if (!claim) return { reason: 'unreadable', detail: 'nothing could be read of it' };
  return claim.title === '' && claim.text === '' ? { reason: 'empty', detail: 'neither title nor text' } : undefined;
}

async function keepParts(
  { id, piece }: Prepared,
  source: Source,
  sealer: Sealer,
  keep: (part: number, sealed: Buffer) => Promise<void>,
): Promise<void> {
  let part = 0;
  let waiting = Buffer.alloc(0);
  const flush = async (least: number): Promise<void> => {
    while (waiting.length > least) {
      await keep(part, sealer.seal(waiting.subarray(0, PART_BYTES), partContext(id, part)));
      waiting = waiting.subarray(PART_BYTES);
      part += 1;
    }
  };
  for await (const chunk of source.read(piece.from, piece.to)) {
    waiting = Buffer.concat([waiting, chunk]);
    await flush(PART_BYTES);
  }
  await flush(0);
}

function countFates(decided: Decided['fates'], known: number): Counts {
  const counted = { canonical: 0, merged: known, rejected: 0, known };
  for (const { fate } of decided) counted[fate.fate] += 1;
  return counted;
}
