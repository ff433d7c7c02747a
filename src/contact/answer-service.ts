/**
 * Mail that comes back. It is matched to what was sent by its thread or by the marker in its text, kept encrypted under
 * the key of the case it belongs to, and is data from then on: only the plain words of an answer do anything, only where
 * the mail it answers was not public, and what no word says waits for a person.
 */
import { createHmac } from 'node:crypto';
import type { Clock } from '../lib/clock.ts';
import { createId, type RandomBytes } from '../lib/id.ts';
import { ok, type Result, refuse } from '../lib/result.ts';
import type { Database, Transaction } from '../store/database.ts';
import type { Vault } from '../store/vault.ts';
import { type Answer, createAnswerStore } from './answer-store.ts';
import {
  type IncomingMail,
  type MailRefusal,
  type OpenEncrypted,
  readIncomingMail,
  type Word,
} from './incoming-mail.ts';
import { MAX_MAIL_BYTES } from './mailbox-client.ts';
import { createMessageStore, type Message } from './message-store.ts';
import type { Outbox } from './outbox-service.ts';

export interface AnswerDependencies {
  readonly database: Database;
  readonly clock: Clock;
  readonly random: RandomBytes;
  readonly vault: Pick<Vault, 'seal' | 'open' | 'sealUnder' | 'openUnder' | 'derive'>;
  readonly outbox: Pick<Outbox, 'seen'>;
  /** Opens what was encrypted to us; left out: nothing is opened. */
  readonly open?: OpenEncrypted;
  /** Does what a word says, as whoever the message went to; false where that is for a person. */
  readonly act: (tx: Transaction, message: Pick<Message, 'id' | 'caseId'>, word: Word) => Promise<boolean>;
  /** Writes into the history of the case that something came. */
  readonly note: (tx: Transaction, caseId: string, event: string) => Promise<void>;
}

export interface Received {
  readonly id: Answer['id'];
  readonly kind: Answer['kind'];
  readonly caseId: Answer['caseId'];
  readonly messageId: Answer['messageId'];
  readonly state: Answer['state'];
  /** The same bytes had come before, and nothing was done again. */
  readonly isKnown: boolean;
}

export type ReceiveRefusal =
  | MailRefusal
  | { readonly kind: 'too-large'; readonly limitBytes: number }
  | { readonly kind: 'of-no-thread' };

const UNMATCHED = 'contact/unmatched';
/** Threads that everybody may read prove nothing of who writes. */
const PUBLIC = new Set(['github-issue', 'github-advisory']);

export type Answers = ReturnType<typeof createAnswers>;

export function createAnswers(parts: AnswerDependencies) {
  const { database, vault } = parts;
  return {
    /** Takes one mail, RFC 5322. The same bytes again change nothing. What answers nothing of ours is kept too, or left. */
    async receive(
      raw: Uint8Array,
      { unmatched = 'keep' }: { readonly unmatched?: 'keep' | 'leave' } = {},
    ): Promise<Result<Received, ReceiveRefusal>> {
      if (raw.length > MAX_MAIL_BYTES) return refuse({ kind: 'too-large', limitBytes: MAX_MAIL_BYTES });
      const mail = await readIncomingMail(raw, parts.open);
      if (!mail.ok) return mail;
      return await database.transaction(async (tx) => {
        const message = await findThread(tx, mail.value.names);
        if (!message && unmatched === 'leave') return refuse({ kind: 'of-no-thread' });
        return ok(await take(tx, parts, raw, mail.value, message));
      });
    },

    list: (which: 'kept' | 'all'): Promise<readonly Answer[]> => createAnswerStore(database).list(which),

    /** Opened for a person, who thereby has read it: encrypted until then, and to be shown as text only. */
    read: (id: string): Promise<(Answer & IncomingMail) | undefined> =>
      database.transaction(async (tx) => {
        const store = createAnswerStore(tx);
        const found = await store.findSealed(id);
        if (!found) return undefined;
        const { sealed, ...answer } = found;
        const raw = answer.keyId
          ? await vault.open(tx, answer.keyId, sealed, `answer ${id}`)
          : vault.openUnder(UNMATCHED, sealed, id);
        const mail = await readIncomingMail(raw, parts.open);
        if (!mail.ok) throw new Error(`the answer ${id} cannot be read any more: ${mail.refusal.why}`);
        if (answer.state === 'kept') await store.setState(id, 'done');
        if (answer.caseId) await parts.note(tx, answer.caseId, `mail read (${id})`);
        return { ...answer, ...mail.value };
      }),
  };
}

async function take(
  tx: Transaction,
  parts: AnswerDependencies,
  raw: Uint8Array,
  mail: IncomingMail,
  message: Message | undefined,
): Promise<Received> {
  const { clock, random, vault } = parts;
  const store = createAnswerStore(tx);
  const fingerprint = createHmac('sha256', vault.derive('contact/answers')).update(raw).digest('hex');
  const known = await store.findByFingerprint(fingerprint);
  if (known) return toReceived(known, true);
  const id = createId('answer', random);
  const answer: Answer = {
    id,
    kind: mail.kind,
    messageId: message?.id ?? null,
    caseId: message?.caseId ?? null,
    keyId: message?.keyId ?? null,
    state: mail.kind === 'receipt' && message ? 'done' : 'kept',
    receivedAt: clock.now(),
  };
  const sealed = message
    ? await vault.seal(tx, message.keyId, raw, `answer ${id}`)
    : vault.sealUnder(UNMATCHED, raw, id);
  // Somebody else took the same bytes meanwhile: theirs stands.
  if (!(await store.insert(answer, fingerprint, sealed))) {
    const theirs = await store.findByFingerprint(fingerprint);
    if (theirs) return toReceived(theirs, true);
  }
  if (!message) return toReceived(answer, false);
  // That it could not be delivered is no sign that it arrived.
  if (mail.kind !== 'bounce') await parts.outbox.seen(tx, message.id);
  await parts.note(tx, message.caseId, `mail received: ${mail.kind} (${id})`);
  if (mail.mayBePublic) await parts.note(tx, message.caseId, `mail may say that it is public: for a person (${id})`);
  return toReceived({ ...answer, state: await obey(tx, parts, answer, message, mail) }, false);
}

/** What is left for a person: anything but a mail that says its words and nothing else, and they were all done. */
async function obey(
  tx: Transaction,
  parts: AnswerDependencies,
  { id, state }: Answer,
  message: Message,
  { words, hasMore }: IncomingMail,
): Promise<Answer['state']> {
  if (words.length === 0 || PUBLIC.has(message.channel)) return state;
  let isAllDone = !hasMore;
  for (const word of words) {
    const isDone = await parts.act(tx, message, word);
    await parts.note(tx, message.caseId, `mail says ${word.word}: ${isDone ? 'done' : 'for a person'} (${id})`);
    isAllDone &&= isDone;
  }
  if (!isAllDone) return state;
  await createAnswerStore(tx).setState(id, 'done');
  return 'done';
}

async function findThread(tx: Transaction, names: readonly string[]): Promise<Message | undefined> {
  const store = createMessageStore(tx);
  for (const name of names) {
    const found = await store.findNamed([name]);
    if (found) return found;
  }
  return undefined;
}

const toReceived = ({ id, kind, caseId, messageId, state }: Answer, isKnown: boolean): Received => ({
  id,
  kind,
  caseId,
  messageId,
  state,
  isKnown,
});
