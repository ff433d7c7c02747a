/**
 * The form of a backup: gzip of frames, each `type (1 byte) · length (4 bytes, big-endian) · payload`. The last frame
 * holds the SHA-256 of all bytes before it, so a cut or changed file is known before anything of it is used.
 *
 *   H header (JSON) · { F file (JSON) · f bytes … } · { T table (JSON) · t COPY text … · E end (JSON) } · S sequences · Z
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createGzip } from 'node:zlib';
import { StoreError } from './store-error.ts';

export type FrameType = 'H' | 'F' | 'f' | 'T' | 't' | 'E' | 'S' | 'Z';

export interface Frame {
  readonly type: FrameType;
  readonly payload: Buffer;
}

const TYPES = new Set<string>(['H', 'F', 'f', 'T', 't', 'E', 'S', 'Z']);
const HEAD_BYTES = 5;
const FRAME_LIMIT_BYTES = 64 * 1024 * 1024;

export const jsonFrame = (type: FrameType, value: unknown): Frame => ({
  type,
  payload: Buffer.from(JSON.stringify(value)),
});

/** The file appears whole, synced and 0600, or not at all. An existing one is not overwritten. */
export async function writeBackupFile(path: string, frames: AsyncIterable<Frame>): Promise<void> {
  const half = `${path}.half`;
  const output = await open(half, 'wx', 0o600).catch((cause) => {
    const reason = cause.code === 'EEXIST' ? 'another backup is being written; remove it if none is' : cause.message;
    throw new StoreError('wrong-permissions', `${half}: ${reason}`, { cause });
  });
  try {
    await pipeline(Readable.from(encode(frames)), createGzip(), output.createWriteStream({ flush: true }));
    await rename(half, path);
  } catch (error) {
    await rm(half, { force: true });
    throw error;
  }
}

async function* encode(frames: AsyncIterable<Frame>): AsyncGenerator<Buffer> {
  const digest = createHash('sha256');
  const toBytes = ({ type, payload }: Frame): Buffer => {
    const head = Buffer.alloc(HEAD_BYTES);
    head.write(type, 'latin1');
    head.writeUInt32BE(payload.length, 1);
    return Buffer.concat([head, payload]);
  };
  for await (const frame of frames) {
    const bytes = toBytes(frame);
    digest.update(bytes);
    yield bytes;
  }
  yield toBytes(jsonFrame('Z', { sha256: digest.digest('hex') }));
}

/** Yields all frames but the last, which it checks. Throws StoreError `checksum`. */
export async function* readBackupFile(path: string): AsyncGenerator<Frame> {
  const digest = createHash('sha256');
  let waiting: Buffer = Buffer.alloc(0);
  let proven = false;
  try {
    const input = createReadStream(path);
    const unzipped = createGunzip();
    // The error of the file must reach us through the stream we read.
    input.on('error', (error) => unzipped.destroy(error));
    for await (const chunk of input.pipe(unzipped)) {
      waiting = waiting.length === 0 ? chunk : Buffer.concat([waiting, chunk]);
      for (;;) {
        const frame = takeFrame(waiting);
        if (!frame) break;
        if (proven) throw damaged(path, 'bytes follow its end');
        const length = HEAD_BYTES + frame.payload.length;
        if (frame.type === 'Z') {
          const expected = jsonFrame('Z', { sha256: digest.digest('hex') }).payload;
          if (!frame.payload.equals(expected)) throw damaged(path, 'its checksum is wrong');
          proven = true;
        } else {
          digest.update(waiting.subarray(0, length));
          yield frame;
        }
        waiting = waiting.subarray(length);
      }
    }
  } catch (error) {
    if (error instanceof Error && 'code' in error && /^(Z_|ERR_ZLIB)/.test(String(error.code))) {
      throw damaged(path, error.message);
    }
    throw error;
  }
  if (!proven || waiting.length > 0) throw damaged(path, 'it ends too early');
}

function takeFrame(bytes: Buffer): Frame | undefined {
  if (bytes.length < HEAD_BYTES) return undefined;
  const type = bytes.toString('latin1', 0, 1);
  const length = bytes.readUInt32BE(1);
  if (!isFrameType(type) || length > FRAME_LIMIT_BYTES) throw damaged('the file', 'it is no backup of this program');
  if (bytes.length < HEAD_BYTES + length) return undefined;
  return { type, payload: bytes.subarray(HEAD_BYTES, HEAD_BYTES + length) };
}

const isFrameType = (type: string): type is FrameType => TYPES.has(type);

function damaged(path: string, why: string): StoreError {
  return new StoreError('checksum', `${path} is not a whole backup: ${why}. Nothing was restored.`);
}
