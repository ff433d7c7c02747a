/** The journal of one gateway process: what was decided is on the disk before it is done. */
import { join } from 'node:path';
import type { Clock } from '../lib/clock.ts';
import type { Ed25519Signer } from '../lib/ed25519.ts';
import type { StoredReceipt } from './build-batch.ts';
import { type Committer, createCommitter, type Head } from './commit-service.ts';
import { type CallId, type GatewayId, type Position, type Receipt, toReceiptText } from './receipt.ts';
import {
  type AdmitRecord,
  type LookRecord,
  type RefuseRecord,
  type StopRecord,
  toAdmitLine,
  toLine,
} from './record.ts';
import { openSegments, SEGMENT_BYTES } from './segment-client.ts';

/** Below the data directory. */
export const JOURNAL_FOLDER = 'journal';

export interface Journal {
  readonly directory: string;
  /** Resolves when durable. Rejects where the disk takes nothing: then nothing may be sent. */
  admit(record: AdmitRecord): Promise<Position>;
  /** The receipt is the record of the call's end. Resolves when durable, with leaf, path and signed root. */
  settle(receipt: Receipt): Promise<StoredReceipt>;
  /** Durable with the next commit. */
  note(record: RefuseRecord | StopRecord): void;
  /** Resolves when durable: only then may the person see anything. */
  look(record: LookRecord): Promise<Position>;
  /** Keeps what was asked of the model, encrypted and apart. */
  retain(call: CallId, body: Uint8Array): void;
  /** How far it has come; undefined before the first commit. */
  head(): Head | undefined;
  close(): Promise<void>;
}

export interface PromptKeeper {
  retain(call: CallId, body: Uint8Array): void;
  close(): Promise<void>;
}

export interface JournalParts {
  /** The data directory. */
  readonly home: string;
  readonly gateway: GatewayId;
  readonly clock: Clock;
  /** Signs the roots of receipts. */
  readonly signer: Ed25519Signer;
  readonly prompts?: PromptKeeper | undefined;
  /** Says a head in the public log. */
  readonly sayHead?: ((head: Head) => Promise<void>) | undefined;
  readonly onTrouble: (error: Error) => void;
  readonly segmentBytes?: number | undefined;
}

/** Heads go into the public log so often while there is traffic. */
const HEAD_MS = 60_000;

export async function openJournal(parts: JournalParts): Promise<Journal> {
  const { gateway, clock, prompts, onTrouble } = parts;
  const directory = join(parts.home, JOURNAL_FOLDER, gateway);
  const segments = await openSegments(directory, parts.segmentBytes ?? SEGMENT_BYTES);
  const committer = createCommitter(gateway, segments, parts.signer);
  const heads = startHeads(committer, parts);
  const now = (): number => clock.now().getTime();
  const durable = (line: string): Promise<Position> =>
    new Promise((resolve, reject) =>
      committer.add({
        line,
        isReceipt: false,
        isUrgent: true,
        done: ({ position }) => resolve(position),
        fail: reject,
      }),
    );
  const later = (line: string): void =>
    committer.add({ line, isReceipt: false, isUrgent: false, done: () => {}, fail: onTrouble });
  return {
    directory,
    admit: (record) => durable(toAdmitLine(record, now())),
    look: (record) => durable(toLine('look', record, now())),
    settle: (receipt) =>
      new Promise((resolve, reject) =>
        committer.add({
          line: toReceiptText(receipt),
          isReceipt: true,
          isUrgent: false,
          done: ({ receipt: stored }) => (stored ? resolve(stored) : reject(new Error('a receipt was not signed'))),
          fail: reject,
        }),
      ),
    note: (record) => later(toLine(record.type, record, now())),
    retain: (call, body) => prompts?.retain(call, body),
    head: committer.head,
    async close() {
      later(toLine('close', {}, now()));
      await prompts?.close();
      try {
        await committer.drain();
        await heads.close();
      } finally {
        await segments.close();
      }
    },
  };
}

function startHeads(committer: Committer, { sayHead, onTrouble }: JournalParts) {
  let said = 0;
  async function say(): Promise<void> {
    const head = committer.head();
    if (!sayHead || !head || head.batch === said) return;
    await sayHead(head);
    said = head.batch;
  }
  const timer = setInterval(() => void say().catch(onTrouble), HEAD_MS);
  return {
    async close(): Promise<void> {
      clearInterval(timer);
      await say();
    },
  };
}
