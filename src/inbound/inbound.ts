/**
 * What strangers send: a mail of a thread of ours goes to the answers of its case, everything else to intake, as it came.
 * Nothing is said to be taken before it is durable.
 */
import { createHmac } from 'node:crypto';
import type { Answers } from '../contact/index.ts';
import type { DecryptionKeys, Intake } from '../intake/index.ts';
import { toSource } from '../intake/index.ts';
import { addDays, type Clock } from '../lib/clock.ts';
import { sha256 } from '../lib/hash.ts';
import type { RandomBytes } from '../lib/id.ts';
import { ok, type Result } from '../lib/result.ts';
import type { Database } from '../store/database.ts';
import type { Vault } from '../store/vault.ts';
import { createInboundStore } from './inbound-store.ts';
import { type Filled, type FormRefusal, readForm, stampOf } from './report-form.ts';
import { claimsOf, type Envelope } from './sender-check.ts';

export interface InboundParts {
  readonly database: Database;
  readonly vault: Pick<Vault, 'derive'>;
  readonly random: RandomBytes;
  readonly clock: Clock;
  readonly intake: Pick<Intake, 'importFrom' | 'firstOf'>;
  readonly answers: Pick<Answers, 'receive'>;
  readonly keys: DecryptionKeys;
  /** Under which name the mail server in front writes what it found of a sender. */
  readonly authority: string | undefined;
}

export interface Fate {
  readonly receivedAt: Date;
  /**
   * `taken` says nothing of whether the flaw was known: who asks could be finding out what we know. `set-aside`: a
   * person reads it first.
   */
  readonly state: 'taken' | 'set-aside';
}

const TOKEN_BYTES = 32;
const TOKEN = /^[\w-]{43}$/;
const RECEIPT_DAYS = 400;

export type Inbound = ReturnType<typeof createInbound>;

export function createInbound(parts: InboundParts) {
  const { database, random, clock, intake, answers, keys } = parts;
  const key = parts.vault.derive('inbound/form');
  const sign = (text: string): string => createHmac('sha256', key).update(text).digest('hex');
  return {
    /** Where it went. */
    async takeMail(raw: Buffer, envelope: Envelope): Promise<'answers' | 'intake'> {
      const { words, notes } = claimsOf(raw, envelope, parts.authority);
      const answered = await answers.receive(raw, { unmatched: 'leave' });
      if (answered.ok) {
        await createInboundStore(database).insertClaims(answered.value.id, words);
        return 'answers';
      }
      await intake.importFrom(toSource('mail', raw), { format: 'mail', origin: 'mail', keys, notes });
      return 'intake';
    },

    stamp: (): string => stampOf(clock.now(), sign),

    /** Gives the token by which its sender sees what became of it. */
    async takeForm(filled: Filled): Promise<Result<string, FormRefusal>> {
      const now = clock.now();
      const read = readForm(filled, now, sign);
      if (!read.ok) return read;
      const { id } = await intake.importFrom(toSource('form', read.value), { format: 'json', origin: 'form' });
      const token = Buffer.from(random(TOKEN_BYTES)).toString('base64url');
      const receipt = { importId: id, createdAt: now, expiresAt: addDays(now, RECEIPT_DAYS) };
      await createInboundStore(database).insertReceipt(sha256(token), receipt);
      return ok(token);
    },

    async fateOf(token: string): Promise<Fate | undefined> {
      const receipt = TOKEN.test(token) ? await createInboundStore(database).findReceipt(sha256(token)) : undefined;
      if (!receipt || receipt.expiresAt <= clock.now()) return undefined;
      const record = await intake.firstOf(receipt.importId);
      // Without a row of its own it was here before, letter by letter.
      const state = record?.fate.fate === 'rejected' ? 'set-aside' : 'taken';
      return { receivedAt: receipt.createdAt, state };
    },
  };
}
