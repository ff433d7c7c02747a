/**
 * What was asked of the model, kept apart from the journal and for a limited time: `<HOME>/prompts/<day>/<gateway>.sealed`,
 * each prompt encrypted under the key of its day and bound to its call. Not synced call by call; every human look is in the
 * journal before anything is shown; when the time is over the key is shredded and the files are removed.
 *
 *   <call> <bytes>⏎ sealed bytes   <call> <bytes>⏎ sealed bytes   …
 */
import { appendFile, mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { addDays, type Clock } from '../lib/clock.ts';
import type { RandomBytes } from '../lib/id.ts';
import type { Database } from '../store/database.ts';
import { openBytes, sealBytes } from '../store/sealed-box.ts';
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
const SWEEP_MS = 6 * 3_600_000;
const HEAD = /^(\S{1,128}) (\d{1,9})$/;

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
const keyContext = (day: string): string => `prompts/${day}`;
const promptContext = (call: string): string => `prompt\0${call}`;
const toError = (error: unknown): Error => (error instanceof Error ? error : new Error(String(error)));

interface Prompt {
  readonly call: CallId;
  readonly day: string;
  readonly body: Uint8Array;
}

export function createPromptKeeper(parts: PromptKeeperParts): PromptKeeper {
  const { clock, random, home, gateway, onTrouble } = parts;
  const keys = new Map<string, Promise<Buffer>>();
  let waiting: Prompt[] = [];
  let waitingBytes = 0;
  let writing: Promise<void> | undefined;

  async function keyOf(day: string): Promise<Buffer> {
    const known = keys.get(day) ?? openDayKey(parts, day);
    keys.clear();
    keys.set(day, known);
    // One that failed is tried again with the next prompt.
    known.catch(() => keys.delete(day));
    return known;
  }

  async function write(): Promise<void> {
    while (waiting.length > 0) {
      const taken = waiting;
      [waiting, waitingBytes] = [[], 0];
      try {
        for (const [day, prompts] of Map.groupBy(taken, (prompt) => prompt.day)) {
          const key = await keyOf(day);
          const folder = join(home, PROMPTS_FOLDER, day);
          await mkdir(folder, { recursive: true, mode: 0o700 });
          const frames = prompts.flatMap(({ call, body }) =>
            toFrame(call, sealBytes(key, body, promptContext(call), random)),
          );
          await appendFile(join(folder, `${gateway}.sealed`), Buffer.concat(frames), { mode: 0o600 });
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
      waiting.push({ call, day: toDay(clock.now()), body });
      writing ??= new Promise<void>((resolve) => setImmediate(resolve)).then(write);
    },
    async close() {
      clearInterval(sweeper);
      await writing;
    },
  };
}

function toFrame(call: CallId, sealed: Buffer): Buffer[] {
  return [Buffer.from(`${call} ${sealed.length}\n`), sealed];
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
    const sealed = await findSealed(join(parts.home, PROMPTS_FOLDER, day.day), look.call);
    if (sealed) return openPrompt(parts, day, sealed, look.call);
  }
  return undefined;
}

function openPrompt(
  { database, vault }: Pick<PromptParts, 'database' | 'vault'>,
  { day, keyId, sealedKey }: PromptDay,
  sealed: Buffer,
  call: CallId,
): Promise<Buffer> {
  return database.transaction(async (tx) =>
    openBytes(await vault.open(tx, keyId, sealedKey, keyContext(day)), sealed, promptContext(call)),
  );
}

async function findSealed(folder: string, call: string): Promise<Buffer | undefined> {
  for (const name of await readdir(folder).catch(() => [] as string[])) {
    const bytes = await readFile(join(folder, name));
    for (let offset = 0; offset < bytes.length; ) {
      const lineEnd = bytes.indexOf(0x0a, offset);
      const match = lineEnd < 0 ? null : HEAD.exec(bytes.toString('latin1', offset, lineEnd));
      // The end of a file whose process was killed.
      if (!match) break;
      const next = lineEnd + 1 + Number(match[2]);
      if (match[1] === call && next <= bytes.length) return bytes.subarray(lineEnd + 1, next);
      offset = next;
    }
  }
  return undefined;
}
