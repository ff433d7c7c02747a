/**
 * What was asked of the model, kept apart from the journal and for a limited time: `<HOME>/prompts/<day>/<gateway>.sealed`,
 * encrypted under the key of its day. The prompts of GATHER_MS are one frame, sealed once and bound to the calls it names:
 * sealing and writing them one by one cost more than all else a call needs. Not synced; every human look is in the journal
 * before anything is shown; when the time is over the key is shredded and the files are removed.
 *
 *   <bytes> <call>:<bytes of prompt> <call>:<bytes of prompt> …⏎ sealed bytes   <bytes> …⏎ sealed bytes   …
 */
import { type FileHandle, mkdir, open, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { addDays, type Clock } from '../lib/clock.ts';
import type { RandomBytes } from '../lib/id.ts';
import type { Database } from '../store/database.ts';
import { type Box, createBox, openBytes } from '../store/sealed-box.ts';
import type { Vault } from '../store/vault.ts';
import type { Journal, PromptKeeper } from './journal.ts';
import { createPromptStore, type PromptDay } from './prompt-store.ts';
import type { CallId, GatewayId } from './receipt.ts';
import type { LookRecord } from './record.ts';

const RETENTION_DAYS = 30;
const PROMPTS_FOLDER = 'prompts';
const KEY_BYTES = 32;
/** Held in memory while a day's key or the disk is waited for. */
const MAX_WAITING_BYTES = 64 * 1024 * 1024;
const DAY_MS = 86_400_000;
const SWEEP_MS = 6 * 3_600_000;
const GATHER_MS = 50;
/** Of one frame; a look decrypts a whole one. */
const FRAME_BYTES = 4 * 1024 * 1024;
const HEAD = /^(\d{1,9})((?: \S{1,128}:\d{1,9})+)$/;
/** Far above the longest head: FRAME_BYTES of the shortest bodies that are requests. */
const MAX_HEAD_BYTES = 16 * 1024 * 1024;

export interface PromptParts {
  readonly database: Database;
  readonly vault: Pick<Vault, 'createKey' | 'seal' | 'open' | 'shred'>;
  readonly clock: Clock;
  readonly random: RandomBytes;
  readonly home: string;
}

export interface PromptKeeperParts extends PromptParts {
  readonly gateway: GatewayId;
  readonly retentionDays?: number | undefined;
  readonly onTrouble: (error: Error) => void;
}

const toDay = (at: Date): string => at.toISOString().slice(0, 10);

/** The same, written out once a day: every call asks. */
function createDayName(): (at: Date) => string {
  let known = { number: Number.NaN, name: '' };
  return (at) => {
    const number = Math.floor(at.getTime() / DAY_MS);
    if (number !== known.number) known = { number, name: toDay(at) };
    return known.name;
  };
}

const keyContext = (day: string): string => `prompts/${day}`;
const frameContext = (calls: string): string => `prompts\0${calls}`;
const toError = (error: unknown): Error => (error instanceof Error ? error : new Error(String(error)));

interface Prompt {
  readonly call: CallId;
  readonly day: string;
  readonly body: Uint8Array;
}

export function createPromptKeeper(parts: PromptKeeperParts): PromptKeeper {
  const { clock, random, home, gateway, onTrouble } = parts;
  const dayOf = createDayName();
  const boxes = new Map<string, Promise<Box>>();
  let waiting: Prompt[] = [];
  let waitingBytes = 0;
  let writing: Promise<void> | undefined;
  let file: { readonly day: string; readonly handle: FileHandle; size: number } | undefined;

  async function boxOf(day: string): Promise<Box> {
    const known = boxes.get(day) ?? openDayKey(parts, day).then((key) => createBox(key, random));
    boxes.clear();
    boxes.set(day, known);
    // One that failed is tried again with the next prompt.
    known.catch(() => boxes.delete(day));
    return known;
  }

  async function append(day: string, frame: Buffer): Promise<void> {
    if (file?.day !== day) {
      await file?.handle.close();
      file = undefined;
      const folder = join(home, PROMPTS_FOLDER, day);
      await mkdir(folder, { recursive: true, mode: 0o700 });
      const handle = await open(join(folder, `${gateway}.sealed`), 'a', 0o600);
      file = { day, handle, size: (await handle.stat()).size };
    }
    const { handle, size } = file;
    try {
      await handle.appendFile(frame);
      file.size = size + frame.length;
    } catch (error) {
      // Half a frame would hide those that follow it.
      await handle.truncate(size);
      throw error;
    }
  }

  async function write(): Promise<void> {
    while (waiting.length > 0) {
      const taken = waiting;
      [waiting, waitingBytes] = [[], 0];
      try {
        for (const [day, prompts] of Map.groupBy(taken, (prompt) => prompt.day)) {
          const box = await boxOf(day);
          for (const frame of toFrames(prompts, box)) await append(day, frame);
        }
      } catch (error) {
        onTrouble(new Error(`${taken.length} prompts could not be retained`, { cause: toError(error) }));
      }
    }
    writing = undefined;
  }

  const sweep = (): void => void destroyPrompts(parts, parts.retentionDays ?? RETENTION_DAYS).catch(onTrouble);
  const sweeper = setInterval(sweep, SWEEP_MS);
  sweep();

  return {
    retain(call, body) {
      waitingBytes += body.length;
      if (waitingBytes > MAX_WAITING_BYTES) {
        waitingBytes -= body.length;
        onTrouble(new Error(`the prompt of ${call} is not retained: ${MAX_WAITING_BYTES} bytes wait already`));
        return;
      }
      waiting.push({ call, day: dayOf(clock.now()), body });
      writing ??= new Promise<void>((resolve) => setTimeout(resolve, GATHER_MS)).then(write);
    },
    async close() {
      clearInterval(sweeper);
      await writing;
      await file?.handle.close();
    },
  };
}

function* toFrames(prompts: readonly Prompt[], box: Box): Generator<Buffer> {
  for (let from = 0; from < prompts.length; ) {
    let [bytes, calls] = [0, ''];
    let to = from;
    for (let next = prompts[to]; next && (to === from || bytes + next.body.length <= FRAME_BYTES); next = prompts[to]) {
      calls += ` ${next.call}:${next.body.length}`;
      bytes += next.body.length;
      to += 1;
    }
    const bodies = Buffer.concat(prompts.slice(from, to).map(({ body }) => body));
    const sealed = box.seal(bodies, frameContext(calls));
    yield Buffer.concat([Buffer.from(`${sealed.length}${calls}\n`), sealed]);
    from = to;
  }
}

/** The same for every gateway of the installation. */
async function openDayKey(parts: PromptParts, day: string): Promise<Buffer> {
  const { database, vault, random } = parts;
  const made = await database.transaction(async (tx) => {
    const days = createPromptStore(tx);
    const found = await days.find(day);
    if (found) return vault.open(tx, found.keyId, found.sealedKey, keyContext(day));
    const key = Buffer.from(random(KEY_BYTES));
    const keyId = await vault.createKey(tx, keyContext(day));
    const sealedKey = await vault.seal(tx, keyId, key, keyContext(day));
    return (await days.insert({ day, keyId, sealedKey })) ? key : undefined;
  });
  return made ?? openDayKey(parts, day);
}

/** Destroys what is older than `retentionDays` days. Gives the days. */
export async function destroyPrompts(
  { database, vault, clock, home }: Omit<PromptParts, 'random'>,
  retentionDays: number,
): Promise<readonly string[]> {
  if (!Number.isSafeInteger(retentionDays) || retentionDays < 1)
    throw new RangeError('prompts are kept for 1 day at least');
  const now = clock.now();
  const gone = await database.transaction(async (tx) => {
    const days = createPromptStore(tx);
    const expired = await days.lockBefore(toDay(addDays(now, -retentionDays)));
    for (const { day, keyId } of expired) {
      await vault.shred(tx, keyId);
      await days.destroy(day, now);
    }
    return expired.map(({ day }) => day);
  });
  for (const day of gone) await rm(join(home, PROMPTS_FOLDER, day), { recursive: true, force: true });
  return gone;
}

/** What was asked in one call; undefined where it is not retained (any more). The look is durable before anything is read. */
export async function lookAtPrompt(
  parts: Pick<PromptParts, 'database' | 'vault' | 'home'>,
  journal: Pick<Journal, 'look'>,
  look: LookRecord,
): Promise<Buffer | undefined> {
  await journal.look(look);
  for (const day of await createPromptStore(parts.database).list()) {
    const frame = await findFrame(join(parts.home, PROMPTS_FOLDER, day.day), look.call);
    if (frame) return openPrompt(parts, day, frame);
  }
  return undefined;
}

interface Frame {
  readonly calls: string;
  readonly sealed: Buffer;
  /** Where the prompt lies in what is sealed. */
  readonly from: number;
  readonly to: number;
}

async function openPrompt(
  { database, vault }: Pick<PromptParts, 'database' | 'vault'>,
  { day, keyId, sealedKey }: PromptDay,
  { calls, sealed, from, to }: Frame,
): Promise<Buffer> {
  const key = await database.transaction((tx) => vault.open(tx, keyId, sealedKey, keyContext(day)));
  return openBytes(key, sealed, frameContext(calls)).subarray(from, to);
}

async function findFrame(folder: string, call: string): Promise<Frame | undefined> {
  for (const name of await readdir(folder).catch(() => [] as string[])) {
    const bytes = await readFile(join(folder, name));
    for (let offset = 0; offset < bytes.length; ) {
      const lineEnd = bytes.subarray(0, offset + MAX_HEAD_BYTES).indexOf(0x0a, offset);
      const match = lineEnd < 0 ? null : HEAD.exec(bytes.toString('latin1', offset, lineEnd));
      const next = lineEnd + 1 + Number(match?.[1]);
      // The end of a file whose process was killed.
      if (!match || next > bytes.length) break;
      const calls = match[2] ?? '';
      const place = findPlace(calls, call);
      if (place) return { calls, sealed: bytes.subarray(lineEnd + 1, next), ...place };
      offset = next;
    }
  }
  return undefined;
}

function findPlace(calls: string, call: string): Pick<Frame, 'from' | 'to'> | undefined {
  let from = 0;
  for (const each of calls.trimStart().split(' ')) {
    const colon = each.lastIndexOf(':');
    const to = from + Number(each.slice(colon + 1));
    if (each.slice(0, colon) === call) return { from, to };
    from = to;
  }
  return undefined;
}
