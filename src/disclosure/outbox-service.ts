/**
 * What leaves, leaves from here. A report is rendered, written as a message with an id of its own and encrypted, in the
 * transaction that decides to send it; a job then hands it to the channel.
 *
 *   pending ──▶ sent | refused        an attempt whose outcome is unknown is repeated with the same Message-ID
 *
 * The `file` channel sends nothing: the message lies encrypted in the outbox until the operator exports it.
 */
import MailComposer from 'nodemailer/lib/mail-composer/index.js';
import type { Clock } from '../lib/clock.ts';
import { sha256Hex } from '../lib/hash.ts';
import { createId, type RandomBytes } from '../lib/id.ts';
import type { Database, Transaction } from '../store/database.ts';
import { addJob } from '../store/jobs.ts';
import type { Vault } from '../store/vault.ts';
import { type Case, isRealCase, type RealCase } from './case.ts';
import { createCaseStore } from './case-store.ts';
import { createDetailsStore } from './details-store.ts';
import type { Contact } from './finding.ts';
import { type Channel, createOutboxStore, type OutboxMessage, type SealedMessage } from './outbox-store.ts';
import type { Report } from './report.ts';
import type { SmtpClient } from './smtp-client.ts';

export const SEND_JOB = 'disclosure.send';
const MAX_ATTEMPTS = 12;

export interface OutboxDependencies {
  readonly database: Database;
  readonly clock: Clock;
  readonly random: RandomBytes;
  readonly vault: Pick<Vault, 'seal' | 'open'>;
  /** Who sends: a mail address. */
  readonly from: string;
  /** Absent where mail is not configured. */
  readonly smtp?: Pick<SmtpClient, 'send'>;
}

export interface PostedReport {
  readonly case: Case;
  readonly keyId: string;
  readonly partyId: string;
  readonly contact: Contact;
  readonly report: Report;
}

interface Letter {
  readonly to: string;
  /** RFC 5322. */
  readonly raw: string;
}

/** `again`: not known to be delivered; to be tried once more. `nothing`: done already, or in other hands. */
export type SendOutcome = 'sent' | 'refused' | 'again' | 'nothing';

export type Outbox = ReturnType<typeof createOutbox>;

export function createOutbox(parts: OutboxDependencies) {
  const { database, clock, random, vault, from, smtp } = parts;
  return {
    /** Writes the report, its message and the job that sends it; all or nothing. */
    async post(tx: Transaction, posted: PostedReport): Promise<OutboxMessage['id']> {
      const { case: it, keyId, partyId, contact, report } = posted;
      const now = clock.now();
      const reportId = createId('report', random);
      const id = createId('message', random);
      const messageId = `<${id}@${from.split('@')[1] ?? 'localhost'}>`;
      const to = contact.address ?? `unknown-recipient@${it.id}.invalid`;
      const letter: Letter = {
        to,
        raw: await compose({ from, to, messageId, date: now, report, isReal: isRealCase(it) }),
      };
      const store = createOutboxStore(tx);
      await store.insertReport({
        id: reportId,
        caseId: it.id,
        partyId,
        renderedAt: now,
        sha256: sha256Hex(report.text),
        sealed: await vault.seal(tx, keyId, Buffer.from(report.text), `report ${reportId}`),
      });
      await store.insert({
        id,
        caseId: it.id,
        caseKind: it.kind,
        reportId,
        channel: channelFor(it, contact, smtp),
        messageId,
        sealed: await vault.seal(tx, keyId, Buffer.from(JSON.stringify(letter)), `message ${id}`),
        createdAt: now,
      });
      await addJob(tx, SEND_JOB, { message: id }, { key: id, maxAttempts: MAX_ATTEMPTS });
      return id;
    },

    /** One attempt, by one worker at a time. What is sent or refused is left alone. */
    send(id: string): Promise<SendOutcome> {
      return database.transaction(async (tx) => {
        const message = await createOutboxStore(tx).claim(id);
        const it = message && (await createCaseStore(tx).find(message.caseId));
        return it ? hand(tx, parts, it, message) : 'nothing';
      });
    },

    /** The message as an `.eml`. */
    async readLetter(tx: Transaction, id: string): Promise<string | undefined> {
      const message = await createOutboxStore(tx).findSealed(id);
      return message && (await openLetter(tx, parts, message)).raw;
    },
  };
}

async function hand(
  tx: Transaction,
  parts: OutboxDependencies,
  it: Case,
  message: SealedMessage,
): Promise<SendOutcome> {
  const store = createOutboxStore(tx);
  if (message.channel === 'file') {
    await store.markSent(message.id, parts.clock.now());
    return 'sent';
  }
  if (!isRealCase(it)) {
    await store.markTrouble(message.id, 'refused', 'a demonstration reaches no real channel');
    return 'refused';
  }
  return deliver(tx, parts, it, message);
}

async function deliver(
  tx: Transaction,
  parts: OutboxDependencies,
  it: RealCase,
  message: SealedMessage,
): Promise<SendOutcome> {
  const store = createOutboxStore(tx);
  if (!parts.smtp) {
    await store.markTrouble(message.id, 'pending', 'mail is not configured');
    return 'again';
  }
  const letter = await openLetter(tx, parts, message);
  const outcome = await parts.smtp.send(it, { from: parts.from, to: letter.to, raw: Buffer.from(letter.raw) });
  if (outcome.ok) {
    await store.markSent(message.id, parts.clock.now());
    return 'sent';
  }
  const { refusal } = outcome;
  const isFinal = refusal.kind !== 'uncertain';
  await store.markTrouble(
    message.id,
    isFinal ? 'refused' : 'pending',
    'reason' in refusal ? withoutAddresses(refusal.reason) : refusal.kind,
  );
  return isFinal ? 'refused' : 'again';
}

/** Servers repeat the recipient in what they say, and the row is not encrypted. */
const withoutAddresses = (said: string): string => said.replaceAll(/[^\s<>]+@[^\s<>]+/g, '(address)');

async function openLetter(tx: Transaction, { vault }: OutboxDependencies, message: SealedMessage): Promise<Letter> {
  const details = await createDetailsStore(tx).get(message.caseId);
  const bytes = await vault.open(tx, details.keyId, message.sealed, `message ${message.id}`);
  return JSON.parse(bytes.toString('utf8')) as Letter;
}

/** Only a real case with a known address goes out by mail, and only where mail is configured. */
function channelFor(it: Case, contact: Contact, smtp: OutboxDependencies['smtp']): Channel {
  return smtp && contact.address && isRealCase(it) ? 'smtp' : 'file';
}

interface Composition {
  readonly from: string;
  readonly to: string;
  readonly messageId: string;
  readonly date: Date;
  readonly report: Report;
  readonly isReal: boolean;
}

/** Plain text, no attachment. Made once and kept, so that every attempt sends the same bytes. */
async function compose({ from, to, messageId, date, report, isReal }: Composition): Promise<string> {
  const composer = new MailComposer({
    from,
    to,
    messageId,
    date,
    subject: report.subject,
    text: report.text,
    textEncoding: 'quoted-printable',
    newline: 'windows',
    headers: isReal ? {} : { 'X-Headstart-Demonstration': 'yes' },
  });
  return (await composer.compile().build()).toString('utf8');
}
