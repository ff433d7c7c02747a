/**
 * What leaves, leaves from here. A message is written with its identity and encrypted in the transaction that decides
 * to send it; jobs then bring it out. An attempt is made by one worker at a time, which holds the message until its
 * outcome is written, and `sending` is committed before the first byte leaves.
 *
 * Who holds a message in `sending` thus knows that the worker of that attempt is gone (a killed process loses its
 * connection, and with it its hold), and that only reading back tells what became of it.
 *
 * The `file` channel sends nothing: the message lies encrypted in the outbox until the operator exports it.
 */
import type { Clock } from '../lib/clock.ts';
import { createId, type RandomBytes } from '../lib/id.ts';
import type { Result } from '../lib/result.ts';
import type { Database, Transaction } from '../store/database.ts';
import { addJob } from '../store/jobs.ts';
import type { Vault } from '../store/vault.ts';
import { type Address, isPublicChannel } from './address.ts';
import { type Carrier, type Channel, type Delivery, isRealMatter, type Matter, type RealChannel } from './channel.ts';
import type { PublicKey } from './encryption.ts';
import { type Content, composeLetter, type Letters, type MailLetter } from './letter.ts';
import { advance, type MessageState, type NoStep, type PersonsWord, type Progress, type Step } from './message.ts';
import { createMessageLists, createMessageStore, type Message, type SealedMessage } from './message-store.ts';

export const SEND_JOB = 'contact.send';
/** Of the job, which also runs again when its process was killed. */
const MAX_JOB_ATTEMPTS = 100;
/** Until a message that another worker has is looked at again. */
const HELD_MS = 30_000;
const NOT_REAL = 'a demonstration reaches no real channel';

/** A channel that is not configured is absent. */
export type Carriers = { readonly [C in RealChannel]?: Carrier<Letters[C]> };

export interface OutboxDependencies {
  readonly database: Database;
  readonly clock: Clock;
  readonly random: RandomBytes;
  readonly vault: Pick<Vault, 'seal' | 'open'>;
  /** Who sends. */
  readonly from: { readonly name: string; readonly address: string };
  readonly carriers: Carriers;
  /** The case as it is now: what was real when it was written down must still be so when it leaves. */
  readonly findMatter: (tx: Transaction, id: Matter['id']) => Promise<Matter | undefined>;
}

export interface Posted {
  readonly matter: Matter;
  readonly keyId: string;
  readonly address: Address | undefined;
  readonly content: Content;
  /** Of mail: the addressee's key. */
  readonly encryptTo?: PublicKey;
  /** A person who said that this may be public at once. */
  readonly agreedBy?: string;
}

/** `again`: to be looked at once more, later. `nothing`: done already, or in other hands. */
export type SendOutcome = 'sent' | 'refused' | 'uncertain' | 'again' | 'nothing';

export type Outbox = ReturnType<typeof createOutbox>;

export function createOutbox(parts: OutboxDependencies) {
  const { database } = parts;
  return {
    /** Writes the message and the job that sends it; both or none. */
    post: (tx: Transaction, posted: Posted): Promise<Message['id']> => post(tx, parts, posted),

    /** Brings one message a step on. What is settled, or in another worker's hands, is left alone. */
    send: (id: string): Promise<SendOutcome> => database.transaction((tx) => bringOn(tx, parts, id)),

    /** What a person says of a message that waits for one. Undefined where there is none of that id. */
    settle: (id: string, word: PersonsWord): Promise<Result<Progress, NoStep> | undefined> =>
      database.transaction((tx) => move(tx, id, { kind: 'said', word })),

    /** An answer or receipt shows that it arrived. What waited for no such sign stays as it is. */
    seen: (tx: Transaction, id: string): Promise<Result<Progress, NoStep> | undefined> =>
      move(tx, id, { kind: 'seen' }),

    list: (states: readonly MessageState[]): Promise<readonly Message[]> => createMessageLists(database).list(states),
    count: (): Promise<ReadonlyMap<MessageState, number>> => createMessageLists(database).count(),

    /** The message as an `.eml`; undefined where there is none, or it is no mail. */
    async readLetter(tx: Transaction, id: string): Promise<string | undefined> {
      const message = await createMessageStore(tx).findSealed(id);
      if (message?.channel !== 'file' && message?.channel !== 'smtp') return undefined;
      return (await openLetter<MailLetter>(tx, parts, message)).raw;
    },
  };
}

/** Of one case, the oldest first. */
export const listMessages = (tx: Transaction, caseId: string): Promise<readonly Message[]> =>
  createMessageLists(tx).listOf(caseId);

async function post(tx: Transaction, parts: OutboxDependencies, posted: Posted): Promise<Message['id']> {
  const { clock, random, vault, from } = parts;
  const { matter, keyId, address, content, agreedBy } = posted;
  const id = createId('message', random);
  const channel = channelFor(parts.carriers, posted);
  if (channel !== 'file' && isPublicChannel(channel)) mayBePublic(posted);
  const now = clock.now();
  const { marker, letter } = await composeLetter({
    id,
    caseId: matter.id,
    isReal: isRealMatter(matter),
    channel,
    address,
    from,
    date: now,
    content,
    // What lies in the outbox is encrypted there, and exported to be read.
    ...(channel === 'smtp' && posted.encryptTo && { encryptTo: posted.encryptTo }),
  });
  await createMessageStore(tx).insert({
    id,
    caseId: matter.id,
    caseKind: matter.kind,
    channel,
    marker,
    keyId,
    sealed: await vault.seal(tx, keyId, Buffer.from(JSON.stringify(letter)), `message ${id}`),
    agreedBy: agreedBy ?? null,
    createdAt: now,
  });
  await schedule(tx, id, 0);
  return id;
}

/** Only what is real and has a known address leaves, and only where its channel is configured. */
function channelFor(carriers: Carriers, { matter, address }: Posted): Channel {
  return address && isRealMatter(matter) && carriers[address.channel] ? address.channel : 'file';
}

function mayBePublic({ content, agreedBy }: Posted): void {
  if (content.severity !== 'low' && content.severity !== 'none') {
    throw new Error(`a flaw of ${content.severity} severity is not reported in public`);
  }
  if (!agreedBy) throw new Error('nobody has said that this may be public');
}

async function bringOn(tx: Transaction, parts: OutboxDependencies, id: string): Promise<SendOutcome> {
  const store = createMessageStore(tx);
  if (!(await store.hold(id))) {
    const { state } = (await store.find(id)) ?? {};
    // Whoever has it may be dying, and this was perhaps the last job that knew of it.
    if (state === 'pending' || state === 'sending') await schedule(tx, id, HELD_MS);
    return 'nothing';
  }
  const before = await store.findSealed(id);
  if (before?.state === 'sending') return work(tx, parts, before, 'read-back');
  if (before?.state !== 'pending') return 'nothing';
  // Committed by itself: whatever happens to this transaction, the attempt is known.
  const outcome = await parts.database.transaction((own) => begin(own, parts, before));
  if (outcome !== 'begun') return outcome;
  const begun = await store.findSealed(id);
  if (begun?.state !== 'sending') throw new Error(`the message ${id} moved while it was held`);
  return work(tx, parts, begun, 'attempt');
}

/** Commits to an attempt before its first byte. */
async function begin(tx: Transaction, parts: OutboxDependencies, message: Message): Promise<SendOutcome | 'begun'> {
  const store = createMessageStore(tx);
  const now = await store.now();
  const step = advance(message, { kind: 'begin' }, now);
  if (!step.ok) return 'nothing';
  const begun = step.value.to;
  if (message.channel === 'file') return keep(tx, message, begun, { kind: 'delivered', remote: null }, now);
  const matter = await parts.findMatter(tx, message.caseId);
  if (!matter || !isRealMatter(matter)) {
    return keep(tx, message, begun, { kind: 'declined', reason: NOT_REAL }, now);
  }
  if (!parts.carriers[message.channel]) {
    return keep(tx, message, begun, { kind: 'not-delivered', reason: `${message.channel} is not configured` }, now);
  }
  await store.save(message, begun);
  return 'begun';
}

/** Writes what an attempt led to that ended before it began. */
async function keep(
  tx: Transaction,
  message: Message,
  begun: Progress,
  delivery: Delivery,
  now: Date,
): Promise<SendOutcome> {
  const step = advance(begun, { kind: 'attempted', delivery, settleMs: 0 }, now);
  if (!step.ok) throw new Error(`the message ${message.id} cannot be ${delivery.kind} from ${begun.state}`);
  await createMessageStore(tx).save(message, step.value.to);
  if (step.value.nextMs !== null) await schedule(tx, message.id, step.value.nextMs);
  return outcomeOf(step.value.to);
}

/** With the message held: the attempt, or the look at what became of an earlier one. */
async function work(
  tx: Transaction,
  parts: OutboxDependencies,
  message: SealedMessage,
  what: 'attempt' | 'read-back',
): Promise<SendOutcome> {
  const matter = await parts.findMatter(tx, message.caseId);
  const carrier = message.channel === 'file' ? undefined : (parts.carriers[message.channel] as Carrier<unknown>);
  if (!matter || !isRealMatter(matter) || !carrier) {
    const found = { kind: 'cannot-say', reason: `${message.channel} is not configured`, isForGood: false } as const;
    return apply(tx, message, { kind: 'read', found, settleMs: 0 }, null);
  }
  const { settleMs } = carrier;
  const letter = await openLetter<unknown>(tx, parts, message);
  if (what === 'attempt') {
    const delivery = await carrier.send(matter, letter);
    const remote = delivery.kind === 'delivered' ? delivery.remote : null;
    const outcome = await apply(tx, message, { kind: 'attempted', delivery, settleMs }, remote);
    if (delivery.kind !== 'unknown' || settleMs > 0) return outcome;
    const after = await createMessageStore(tx).findSealed(message.id);
    return after?.state === 'sending' ? readBack(tx, carrier, matter, letter, after) : outcome;
  }
  return readBack(tx, carrier, matter, letter, message);
}

async function readBack(
  tx: Transaction,
  carrier: Carrier<unknown>,
  matter: Parameters<Carrier<unknown>['readBack']>[0],
  letter: unknown,
  message: SealedMessage,
): Promise<SendOutcome> {
  const { settleMs } = carrier;
  const since = message.begunAt ?? message.createdAt;
  const waitMs = since.getTime() + settleMs - (await createMessageStore(tx).now()).getTime();
  if (waitMs > 0) {
    await schedule(tx, message.id, waitMs);
    return 'again';
  }
  const found = await carrier.readBack(matter, letter, since);
  return apply(tx, message, { kind: 'read', found, settleMs }, found.kind === 'there' ? found.remote : null);
}

async function apply(tx: Transaction, message: Message, step: Step, remote: string | null): Promise<SendOutcome> {
  const store = createMessageStore(tx);
  const outcome = advance(message, step, await store.now());
  if (!outcome.ok) throw new Error(`the message ${message.id} is ${message.state}: no ${step.kind}`);
  const { to, nextMs } = outcome.value;
  await store.save(message, to, remote ?? message.remote);
  if (nextMs !== null) await schedule(tx, message.id, nextMs);
  return outcomeOf(to);
}

async function move(tx: Transaction, id: string, step: Step): Promise<Result<Progress, NoStep> | undefined> {
  const store = createMessageStore(tx);
  const message = await store.find(id);
  if (!message) return undefined;
  const outcome = advance(message, step, await store.now());
  if (!outcome.ok) return outcome;
  const { to, nextMs } = outcome.value;
  await store.save(message, to);
  if (nextMs !== null) await schedule(tx, id, nextMs);
  return { ok: true, value: to };
}

const outcomeOf = ({ state }: Progress): SendOutcome =>
  state === 'sent' || state === 'refused' || state === 'uncertain' ? state : 'again';

/** At most one look at a message is planned; a later plan replaces an earlier one. */
async function schedule(tx: Transaction, id: string, afterMs: number): Promise<void> {
  const runAt = new Date((await createMessageStore(tx).now()).getTime() + afterMs);
  const when = afterMs > 0 ? { runAt } : {};
  await addJob(tx, SEND_JOB, { message: id }, { key: id, maxAttempts: MAX_JOB_ATTEMPTS, ...when });
}

async function openLetter<L>(tx: Transaction, { vault }: OutboxDependencies, message: SealedMessage): Promise<L> {
  const bytes = await vault.open(tx, message.keyId, message.sealed, `message ${message.id}`);
  return JSON.parse(bytes.toString('utf8')) as L;
}
