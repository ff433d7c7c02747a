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
import type { Claim } from './claim.ts';
import { type BlindField, lookUpTraits, type SameTrait, sameTraits, type Trait } from './identity.ts';
import { type Counts, createImportStore, type ImportId } from './import-store.ts';
import type { Piece, Rejection, Source } from './piece.ts';
import { createRecordStore, type Fate, type FreshRecord, type RecordId } from './record-store.ts';
import { screen } from './screen.ts';

export interface ChunkParts {
  readonly database: Database;
  readonly vault: Vault;
  readonly random: RandomBytes;
}

/** What is sealed as a record's claim. */
export interface Said {
  readonly claim: Claim | undefined;
  /** Of a rejection: what was seen. */
  readonly detail: string | undefined;
}

export interface Prepared {
  readonly id: RecordId;
  readonly ordinal: number;
  readonly piece: Piece;
  readonly claim: Claim | undefined;
  readonly rejection: { readonly reason: Rejection; readonly detail: string } | undefined;
  readonly identity: Buffer;
  readonly same: readonly (SameTrait & { readonly blind: Buffer })[];
}

export interface Decided {
  readonly counts: Counts;
  readonly fates: readonly { readonly fate: Fate; readonly detail: string | undefined }[];
}

/** Bytes of an HMAC that are kept as a blind index: enough that none is met twice by chance. */
const BLIND_BYTES = 16;
/** What is HMACed is a digest, so that a value of any length takes the same. */
const DIGEST_CHARACTERS = 64;
const PART_BYTES = 1024 * 1024;
/** Held by whoever decides fates; no other program takes it on the same database. */
const DECIDING = 4_851_402_150;

export const claimContext = (id: RecordId): string => `intake.records/${id}/claim`;
export const originalContext = (id: RecordId): string => `intake.records/${id}/original`;
export const partContext = (id: RecordId, part: number): string => `intake.parts/${id}/${part}`;

export type Blind = (trait: Trait) => Buffer;

/** One key per field, so that the same word in two fields is two indexes. */
export function createBlind(vault: Pick<Vault, 'derive'>): Blind {
  const keyed = new Map<BlindField, (message: string) => string>();
  return ({ field, value }) => {
    const hmac = keyed.get(field) ?? createHmacSha256(vault.derive(`intake/${field}`), DIGEST_CHARACTERS);
    keyed.set(field, hmac);
    return Buffer.from(hmac(sha256Hex(value)), 'hex').subarray(0, BLIND_BYTES);
  };
}

export const takeTurn = (tx: Transaction): Promise<unknown> => tx.query('select pg_advisory_xact_lock($1)', [DECIDING]);

export function createChunks({ database, vault, random }: ChunkParts) {
  const blind = createBlind(vault);
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
    const same = rejection || !piece.claim ? [] : sameTraits(piece.claim).map((it) => ({ ...it, blind: blind(it) }));
    return { id: createId('record', random), ordinal, piece, claim: piece.claim, rejection, identity, same };
  }

  function toFresh(it: Prepared, fate: Fate, sealer: Sealer): FreshRecord {
    const said: Said = { claim: it.claim, detail: it.rejection?.detail };
    const lookUps = it.claim ? lookUpTraits(it.claim).map(blind) : [];
    return {
      id: it.id,
      ordinal: it.ordinal,
      identity: it.identity,
      fate,
      sealedClaim: sealer.seal(Buffer.from(JSON.stringify(said)), claimContext(it.id)),
      sealedOriginal: it.piece.bytes && sealer.seal(it.piece.bytes, originalContext(it.id)),
      blinds: [...it.same.map((each) => each.blind), ...lookUps],
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
      const fates = await decideFates(open, importId, known, records);
      const sealer = await vault.sealer(tx, keyId);
      const fresh = open.flatMap((it) => {
        const fate = fates.get(it);
        return fate ? [toFresh(it, fate, sealer)] : [];
      });
      await records.insert(importId, fresh);
      for (const it of open) {
        if (it.piece.bytes || !fates.has(it)) continue;
        await keepParts(it, source, sealer, (part, sealed) => records.insertPart(it.id, part, sealed));
      }
      const decided = [...fates].map(([it, fate]) => ({ fate, detail: it.rejection?.detail }));
      const counts = countFates(decided, open.length - fates.size);
      await imports.add(importId, counts);
      // What an earlier run or another process decided of this chunk is here already, for whoever asks now.
      const before = chunk.length - open.length;
      return { fates: decided, counts: { ...counts, merged: counts.merged + before, known: counts.known + before } };
    });
  }
  return { prepare, decide };
}

/** Of those that are not known. */
async function decideFates(
  open: readonly Prepared[],
  importId: ImportId,
  known: Set<string>,
  records: Pick<ReturnType<typeof createRecordStore>, 'findRoots'>,
): Promise<Map<Prepared, Fate>> {
  const fates = new Map<Prepared, Fate>();
  const roots = new Map(await records.findRoots(open.flatMap(({ same }) => same.map((each) => each.blind))));
  for (const it of open) {
    const name = it.identity.toString('hex');
    if (known.has(name)) continue;
    known.add(name);
    const fate = it.rejection
      ? ({ fate: 'rejected', reason: it.rejection.reason } as const)
      : fateBySame(it, importId, roots);
    fates.set(it, fate);
    const root = fate.fate === 'merged' ? fate.into : it.id;
    for (const { blind } of it.same) {
      const key = blind.toString('hex');
      if (!roots.has(key)) roots.set(key, { id: root, importId });
    }
  }
  return fates;
}

function fateBySame(
  it: Prepared,
  importId: ImportId,
  roots: ReadonlyMap<string, { readonly id: RecordId; readonly importId: ImportId }>,
): Fate {
  for (const { blind, merge, isAcrossImports } of it.same) {
    const root = roots.get(blind.toString('hex'));
    if (root && !(isAcrossImports && root.importId === importId)) {
      return { fate: 'merged', into: root.id, reason: merge };
    }
  }
  return { fate: 'canonical' };
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
