/** Records and their blind indexes in Postgres. The only file that knows `intake.records`, `blinds`, `parts` and `decisions`. */
import type { Id } from '../lib/id.ts';
import type { Transaction } from '../store/database.ts';
import type { DataKeyId } from '../store/vault.ts';
import { BLIND_BYTES } from './blind.ts';
import type { ImportId } from './import-store.ts';
import type { Merge, Rejection } from './piece.ts';

export type RecordId = Id<'record'>;

export type Fate =
  | { readonly fate: 'canonical' }
  | { readonly fate: 'merged'; readonly into: RecordId; readonly reason: Merge }
  | { readonly fate: 'rejected'; readonly reason: Rejection };

export type FateName = Fate['fate'];

export interface FreshRecord {
  readonly id: RecordId;
  readonly ordinal: number;
  readonly identity: Buffer;
  readonly fate: Fate;
  readonly sealedClaim: Buffer;
  /** Undefined where its bytes are kept in parts, or not at all. */
  readonly sealedOriginal: Buffer | undefined;
  readonly blinds: readonly Buffer[];
}

export interface StoredRecord {
  readonly number: number;
  readonly id: RecordId;
  readonly importId: ImportId;
  readonly keyId: DataKeyId;
  readonly ordinal: number;
  readonly fate: Fate;
  readonly sealedClaim: Buffer;
  readonly receivedAt: Date;
}

export interface Decision {
  readonly recordId: RecordId;
  readonly was: Fate;
  readonly became: Fate;
  readonly actor: string;
}

export interface ListQuery {
  readonly fate?: FateName | undefined;
  /** All of them. */
  readonly blinds: readonly Buffer[];
  readonly before?: number | undefined;
  readonly limit: number;
}

const COLUMNS = `r.number, r.id, r.import_id, i.key_id, r.ordinal, r.fate, r.merged_into, r.reason, r.sealed_claim, r.received_at`;
const FROM = 'from intake.records r join intake.imports i on i.id = r.import_id';
/**
 * Bytes travel as one value and are cut apart by the server: a list of them would be written out in hexadecimal digits
 * here and read again there.
 */
const BLIND_OF_ROW = `substring($1::bytea from ((u.row - 1) * ${BLIND_BYTES} + 1)::int for ${BLIND_BYTES})`;
/** Merges a merge may stand behind; a longer chain is none a person made. */
const MAX_CHAIN = 64;
const MAX_BESIDE = 20;

export function createRecordStore(tx: Transaction) {
  return { ...looking(tx), ...counting(tx), ...matching(tx), ...writing(tx) };
}

function looking(tx: Transaction) {
  return {
    async find(id: string): Promise<StoredRecord | undefined> {
      const { rows } = await tx.query<RecordRow>(`select ${COLUMNS} ${FROM} where r.id = $1`, [id]);
      return rows[0] && toRecord(rows[0]);
    },

    async findFirst(importId: string): Promise<StoredRecord | undefined> {
      const { rows } = await tx.query<RecordRow>(
        `select ${COLUMNS} ${FROM} where r.import_id = $1 order by r.ordinal limit 1`,
        [importId],
      );
      return rows[0] && toRecord(rows[0]);
    },

    /** The same, and nobody else changes its fate until the transaction ends. */
    async lock(id: string): Promise<StoredRecord | undefined> {
      const { rows } = await tx.query<RecordRow>(`select ${COLUMNS} ${FROM} where r.id = $1 for update of r`, [id]);
      return rows[0] && toRecord(rows[0]);
    },

    /** Of our own campaigns: itself, what it was merged with, and what it makes a pair with. */
    async findOwnBeside(id: string): Promise<StoredRecord[]> {
      const { rows } = await tx.query<RecordRow>(
        `with recursive walk as (
           select id, merged_into, 0 as steps from intake.records where id = $1
           union all
           select r.id, r.merged_into, w.steps + 1
             from walk w join intake.records r on r.id = w.merged_into where w.steps < ${MAX_CHAIN}
         ), beside as (
           select id from walk
           union select r.id from intake.records r join walk w on r.merged_into = w.id
           union select p.right_id from intake.pairs p join walk w on p.left_id = w.id where p.state <> 'distinct'
           union select p.left_id from intake.pairs p join walk w on p.right_id = w.id where p.state <> 'distinct'
         )
         select ${COLUMNS} ${FROM} join beside b on b.id = r.id where i.source = 'campaign' order by r.number limit ${MAX_BESIDE}`,
        [id],
      );
      return rows.map(toRecord);
    },

    async findOriginal(id: RecordId): Promise<{ sealed: Buffer | undefined; parts: number }> {
      const { rows } = await tx.query<{ sealed: Buffer | null; parts: number }>(
        `select sealed_original as sealed, (select count(*)::int from intake.parts p where p.record_id = r.id) as parts
           from intake.records r where r.id = $1`,
        [id],
      );
      return { sealed: rows[0]?.sealed ?? undefined, parts: rows[0]?.parts ?? 0 };
    },

    async findPart(id: RecordId, part: number): Promise<Buffer> {
      const { rows } = await tx.query<{ sealed: Buffer }>(
        'select sealed from intake.parts where record_id = $1 and part = $2',
        [id, part],
      );
      if (!rows[0]) throw new Error(`part ${part} of ${id} is missing`);
      return rows[0].sealed;
    },

    /** The newest first. */
    async list({ fate, blinds, before, limit }: ListQuery): Promise<StoredRecord[]> {
      const parameters: unknown[] = [];
      const given = (value: unknown): string => `$${parameters.push(value)}`;
      const [blind, ...others] = blinds;
      const number = blind === undefined ? 'r.number' : 'b.number';
      const conditions = [`${number} < ${given(before ?? Number.MAX_SAFE_INTEGER)}`];
      if (fate !== undefined) conditions.push(`r.fate = ${given(fate)}`);
      if (blind !== undefined) conditions.push(`b.blind = ${given(blind)}`);
      for (const other of others) {
        conditions.push(`exists (select from intake.blinds o where o.blind = ${given(other)} and o.number = r.number)`);
      }
      const { rows } = await tx.query<RecordRow>(
        `select ${COLUMNS} ${FROM} ${blind === undefined ? '' : 'join intake.blinds b on b.number = r.number'}
          where ${conditions.join(' and ')} order by ${number} desc limit ${given(limit)}`,
        parameters,
      );
      return rows.map(toRecord);
    },
  };
}

function counting(tx: Transaction) {
  return {
    async listIds(fate: FateName, limit: number): Promise<readonly string[]> {
      const { rows } = await tx.query<{ id: string }>(
        'select id from intake.records where fate = $1 order by number desc limit $2',
        [fate, limit],
      );
      return rows.map(({ id }) => id);
    },

    async count(): Promise<Readonly<Record<FateName, number>>> {
      const { rows } = await tx.query<{ fate: FateName; count: string }>(
        'select fate, count(*) from intake.records group by fate',
      );
      const counts = { canonical: 0, merged: 0, rejected: 0 };
      for (const { fate, count } of rows) counts[fate] = Number(count);
      return counts;
    },
  };
}

function matching(tx: Transaction) {
  return {
    /** Those of these identities that are here. */
    async findKnown(identities: readonly Buffer[]): Promise<ReadonlySet<string>> {
      const { rows } = await tx.query<{ identity: Buffer }>(
        'select identity from intake.records where identity = any($1::bytea[])',
        [identities],
      );
      return new Set(rows.map(({ identity }) => identity.toString('hex')));
    },

    /** Records under each blind, in hexadecimal digits; a blind that more than `most` have is left out. */
    async findSharing(blinds: readonly Buffer[], most: number): Promise<ReadonlyMap<string, readonly number[]>> {
      const { rows } = await tx.query<{ blind: string; numbers: string }>(
        `select encode(k.blind, 'hex') as blind, string_agg(c.number::text, ' ') as numbers
           from (select ${BLIND_OF_ROW} as blind from generate_series(1, $2::int) as u (row)) k
          cross join lateral (select b.number from intake.blinds b where b.blind = k.blind limit $3 + 1) c
          group by k.blind having count(*) <= $3`,
        [Buffer.concat(blinds), blinds.length, most],
      );
      return new Map(rows.map(({ blind, numbers }) => [blind, numbers.split(' ').map(Number)]));
    },

    /** Those of these numbers that are canonical, and of which import. */
    async findOrigins(numbers: readonly number[]): Promise<ReadonlyMap<number, ImportId>> {
      const { rows } = await tx.query<{ number: string; import_id: ImportId }>(
        `select number, import_id from intake.records where number = any($1::bigint[]) and fate = 'canonical'`,
        [numbers],
      );
      return new Map(rows.map(({ number, import_id }) => [Number(number), import_id]));
    },

    /** Those of these numbers that are canonical. */
    async findCanonical(numbers: readonly number[]): Promise<StoredRecord[]> {
      const { rows } = await tx.query<RecordRow>(
        `select ${COLUMNS} ${FROM} where r.number = any($1::bigint[]) and r.fate = 'canonical'`,
        [numbers],
      );
      return rows.map(toRecord);
    },

    /** For each blind, in hexadecimal digits, the oldest record that has it, followed to where it was merged into. */
    async findRoots(blinds: readonly Buffer[]): Promise<ReadonlyMap<string, { id: RecordId; importId: ImportId }>> {
      const { rows } = await tx.query<{ blind: Buffer; id: RecordId; import_id: ImportId }>(
        `with recursive hit as (
           select k.blind, o.number
             from (select distinct ${BLIND_OF_ROW} as blind from generate_series(1, $2::int) as u (row)) k
            cross join lateral (
              select b.number from intake.blinds b where b.blind = k.blind order by b.number limit 1
            ) o
         ), walk as (
           select h.blind, r.id, r.merged_into, r.import_id, 0 as steps
             from hit h join intake.records r on r.number = h.number
           union all
           select w.blind, r.id, r.merged_into, w.import_id, w.steps + 1
             from walk w join intake.records r on r.id = w.merged_into where w.steps < ${MAX_CHAIN}
         )
         select blind, id, import_id from walk where merged_into is null`,
        [Buffer.concat(blinds), blinds.length],
      );
      return new Map(rows.map(({ blind, id, import_id }) => [blind.toString('hex'), { id, importId: import_id }]));
    },
  };
}

function writing(tx: Transaction) {
  return {
    async insert(importId: ImportId, fresh: readonly FreshRecord[]): Promise<void> {
      if (fresh.length === 0) return;
      const packed = packSealed(fresh);
      const { rows } = await tx.query<{ number: string; id: string }>(
        `insert into intake.records
           (id, import_id, ordinal, identity, fate, merged_into, reason, sealed_claim, sealed_original)
         select u.id, $1, u.ordinal, substring($7::bytea from u.identity_at for u.claim_at - u.identity_at), u.fate,
                u.merged_into, u.reason, substring($7::bytea from u.claim_at for u.original_at - u.claim_at),
                case when u.until > u.original_at then substring($7::bytea from u.original_at for u.until - u.original_at) end
           from unnest($2::text[], $3::bigint[], $4::text[], $5::text[], $6::text[], $8::int[], $9::int[], $10::int[], $11::int[])
             as u (id, ordinal, fate, merged_into, reason, identity_at, claim_at, original_at, until)
          order by u.ordinal
         returning number, id`,
        [
          importId,
          fresh.map(({ id }) => id),
          fresh.map(({ ordinal }) => ordinal),
          fresh.map(({ fate }) => fate.fate),
          fresh.map(({ fate }) => (fate.fate === 'merged' ? fate.into : null)),
          fresh.map(({ fate }) => (fate.fate === 'canonical' ? null : fate.reason)),
          packed.bytes,
          packed.identityAt,
          packed.claimAt,
          packed.originalAt,
          packed.until,
        ],
      );
      const numbers = new Map(rows.map(({ id, number }) => [id, number]));
      await tx.query(
        `insert into intake.blinds (blind, number)
         select distinct ${BLIND_OF_ROW}, u.number from unnest($2::bigint[]) with ordinality as u (number, row) order by 1`,
        [
          Buffer.concat(fresh.flatMap(({ blinds }) => blinds)),
          fresh.flatMap(({ id, blinds }) => blinds.map(() => numbers.get(id))),
        ],
      );
    },

    async addBlinds(number: number, blinds: readonly Buffer[]): Promise<void> {
      await tx.query(
        'insert into intake.blinds (blind, number) select u, $1 from unnest($2::bytea[]) as u on conflict do nothing',
        [number, blinds],
      );
    },

    async insertPart(id: RecordId, part: number, sealed: Buffer): Promise<void> {
      await tx.query('insert into intake.parts (record_id, part, sealed) values ($1, $2, $3)', [id, part, sealed]);
    },

    /** Gives it another fate, and writes down who did and what it was. */
    async decide({ recordId, was, became, actor }: Decision): Promise<void> {
      const into = became.fate === 'merged' ? became.into : null;
      const reason = became.fate === 'canonical' ? null : became.reason;
      await tx.query('update intake.records set fate = $2, merged_into = $3, reason = $4 where id = $1', [
        recordId,
        became.fate,
        into,
        reason,
      ]);
      await tx.query(
        `insert into intake.decisions (record_id, was, was_into, was_reason, became, into_id, actor)
         values ($1, $2, $3, $4, $5, $6, $7)`,
        [
          recordId,
          was.fate,
          was.fate === 'merged' ? was.into : null,
          was.fate === 'canonical' ? null : was.reason,
          became.fate,
          into,
          actor,
        ],
      );
    },
  };
}

/** Where in `bytes` each thing begins, counted from 1 as the server does. */
function packSealed(fresh: readonly FreshRecord[]) {
  const packed = {
    identityAt: [] as number[],
    claimAt: [] as number[],
    originalAt: [] as number[],
    until: [] as number[],
  };
  const parts: Buffer[] = [];
  let at = 1;
  const add = (part: Buffer): number => {
    parts.push(part);
    at += part.length;
    return at;
  };
  for (const { identity, sealedClaim, sealedOriginal } of fresh) {
    packed.identityAt.push(at);
    packed.claimAt.push(add(identity));
    packed.originalAt.push(add(sealedClaim));
    packed.until.push(sealedOriginal ? add(sealedOriginal) : at);
  }
  return { ...packed, bytes: Buffer.concat(parts) };
}

interface RecordRow {
  readonly number: string;
  readonly id: RecordId;
  readonly import_id: ImportId;
  readonly key_id: DataKeyId;
  readonly ordinal: string;
  readonly fate: FateName;
  readonly merged_into: RecordId | null;
  readonly reason: string | null;
  readonly sealed_claim: Buffer;
  readonly received_at: Date;
}

function toRecord(row: RecordRow): StoredRecord {
  return {
    number: Number(row.number),
    id: row.id,
    importId: row.import_id,
    keyId: row.key_id,
    ordinal: Number(row.ordinal),
    fate: toFate(row),
    sealedClaim: row.sealed_claim,
    receivedAt: row.received_at,
  };
}

function toFate({ fate, merged_into, reason }: RecordRow): Fate {
  if (fate === 'canonical') return { fate };
  if (fate === 'merged' && merged_into !== null) return { fate, into: merged_into, reason: reason as Merge };
  return { fate: 'rejected', reason: reason as Rejection };
}
