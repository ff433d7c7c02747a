/** What stands in a journal, one JSON value a line. Keys, prompts and nationalities are never in it. */
import type { Json } from '../lib/canonical-json.ts';
import type { Id } from '../lib/id.ts';
import type { CallId } from './receipt.ts';

/** Durable before anything is sent upstream. */
export interface AdmitRecord {
  readonly call: CallId;
  readonly lease: Id<'lease'>;
  readonly limits: readonly string[];
  readonly reservedMicro: number;
  readonly organisation: string;
  readonly person: string;
  readonly key: string;
  readonly grant: string;
  /** Journals of before it was written have none. */
  readonly tier?: string | undefined;
  readonly scope: string | undefined;
  readonly model: string;
  readonly requestSha256: string;
}

export interface RefuseRecord {
  readonly type: 'refuse';
  readonly call: CallId;
  /** The stable code that the caller was told. */
  readonly code: string;
  readonly person?: string | undefined;
  readonly key?: string | undefined;
  readonly organisation?: string | undefined;
  readonly model?: string | undefined;
  readonly rule?: string | undefined;
}

export interface StopRecord {
  readonly type: 'stop';
  readonly stop: string;
  readonly action: 'added' | 'lifted' | 'ended';
  /** Streams that it ended, say. */
  readonly facts: { readonly [name: string]: Json };
}

/** A person looked at what was asked of the model. Durable before it is shown. */
export interface LookRecord {
  readonly call: CallId;
  readonly person: string;
  readonly reason: string;
}

export function toAdmitLine(record: AdmitRecord, atMs: number): string {
  return JSON.stringify({
    type: 'admit',
    at: atMs,
    call: record.call,
    lease: record.lease,
    limits: record.limits,
    reservedMicro: record.reservedMicro,
    organisation: record.organisation,
    person: record.person,
    key: record.key,
    grant: record.grant,
    tier: record.tier,
    scope: record.scope,
    model: record.model,
    requestSha256: record.requestSha256,
  });
}

export function toLine(type: string, record: object, atMs: number): string {
  return JSON.stringify({ ...record, type, at: atMs });
}
