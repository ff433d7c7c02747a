/**
 * The files of one journal: `000001.journal`, `000002.journal`, … A write returns when its bytes are on the disk
 * (O_DSYNC). One that fails is cut off again, so that the file ends with what was acknowledged.
 */
import { close, constants, ftruncate, open, write } from 'node:fs';
import { mkdir, open as openHandle, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';

/** A new file from here on. */
export const SEGMENT_BYTES = 64 * 1024 * 1024;
const NAME = /^\d{6,}\.journal$/;

/** The disk did not take it and nothing of it is left; it may take it later. */
export class JournalFull extends Error {
  override readonly name = 'JournalFull';
}

const FULL = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);

export type SegmentWriter = Awaited<ReturnType<typeof openSegments>>;

/** In an empty directory, which is made. */
export async function openSegments(directory: string, segmentBytes = SEGMENT_BYTES) {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  if ((await listSegments(directory)).length > 0) throw new Error(`${directory} holds the journal of another process`);
  let number = 1;
  let size = 0;
  let file = await create(directory, number);
  /** After a failure that tells nothing of what is on the disk, nothing more is written. */
  let broken: Error | undefined;

  async function put(bytes: Uint8Array): Promise<void> {
    if (broken) throw broken;
    if (size > 0 && size + bytes.length > segmentBytes) {
      const next = await create(directory, number + 1);
      await closeFile(file);
      [file, number, size] = [next, number + 1, 0];
    }
    try {
      await writeAll(file, bytes, size);
      size += bytes.length;
    } catch (error) {
      const cause = error as NodeJS.ErrnoException;
      await truncate(file, size).catch((failure) => {
        broken = new Error(`${directory} cannot be cut back to what was acknowledged`, { cause: failure });
      });
      if (!FULL.has(cause.code ?? '')) broken ??= new Error(`${directory} cannot be written`, { cause });
      throw broken ?? new JournalFull(`no space is left for ${directory}`, { cause });
    }
  }

  return { put, close: () => closeFile(file) };
}

/** Where a journal begins whose older segments were removed when their time was over. */
export interface Gap {
  /** The number of the last one removed. */
  readonly segments: number;
  /** The last batch in it, and its chain, 64 hexadecimal digits. */
  readonly batch: number;
  readonly chain: string;
}

const GAP_FILE = 'forgotten.json';

/** Undefined where the journal is whole. Throws where what stands there is not what was written. */
export async function readGap(directory: string): Promise<Gap | undefined> {
  const text = await readFile(join(directory, GAP_FILE), 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  const { segments, batch, chain } = JSON.parse(text) as Partial<Record<keyof Gap, unknown>>;
  const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) > 0;
  if (!isCount(segments) || !isCount(batch) || typeof chain !== 'string' || !/^[0-9a-f]{64}$/.test(chain)) {
    throw new Error(`${join(directory, GAP_FILE)} is not what was written`);
  }
  return { segments, batch, chain };
}

/** The gap is on the disk before the first segment goes, so that what is left always explains itself. */
export async function removeSegments(directory: string, gap: Gap): Promise<void> {
  const path = join(directory, GAP_FILE);
  const file = await openHandle(`${path}.new`, 'w', 0o600);
  await file.writeFile(`${JSON.stringify(gap)}\n`);
  await file.sync();
  await file.close();
  await rename(`${path}.new`, path);
  const folder = await openHandle(directory, 'r');
  await folder.sync();
  await folder.close();
  for (const name of await readdir(directory)) {
    if (NAME.test(name) && Number.parseInt(name, 10) <= gap.segments) await rm(join(directory, name));
  }
}

/** Those that stand; what was to be removed and is still there does not count. */
export async function listSegments(directory: string): Promise<string[]> {
  const names = await readdir(directory);
  const removed = (await readGap(directory))?.segments ?? 0;
  return names
    .filter((name) => NAME.test(name) && Number.parseInt(name, 10) > removed)
    .toSorted((one, other) => Number.parseInt(one, 10) - Number.parseInt(other, 10));
}

async function create(directory: string, number: number): Promise<number> {
  const path = join(directory, `${String(number).padStart(6, '0')}.journal`);
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_DSYNC;
  const file = await new Promise<number>((resolve, reject) =>
    open(path, flags, 0o600, (error, fd) => (error ? reject(error) : resolve(fd))),
  );
  const folder = await openHandle(directory, 'r');
  await folder.sync();
  await folder.close();
  return file;
}

async function writeAll(file: number, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const from = done;
    done += await new Promise<number>((resolve, reject) =>
      write(file, bytes, from, bytes.length - from, position + from, (error, written) =>
        error ? reject(error) : resolve(written),
      ),
    );
  }
}

const truncate = (file: number, size: number): Promise<void> =>
  new Promise((resolve, reject) => ftruncate(file, size, (error) => (error ? reject(error) : resolve())));

const closeFile = (file: number): Promise<void> =>
  new Promise((resolve, reject) => close(file, (error) => (error ? reject(error) : resolve())));
