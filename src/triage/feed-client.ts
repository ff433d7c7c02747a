/** A feed's text, from a file or from a web address by the egress guard; unpacked where it is gzip. */
import { readFile } from 'node:fs/promises';
import { gunzipSync } from 'node:zlib';
import { type Egress, explainEgress } from '../egress/index.ts';
import { ok, type Result, refuse } from '../lib/result.ts';

/** Largest feed, bytes: packed and unpacked. */
const MAX_PACKED_BYTES = 64 * 1024 ** 2;
const MAX_BYTES = 512 * 1024 ** 2;
const TIMEOUT_MS = 120_000;

export interface FetchRefusal {
  readonly kind: 'no-file' | 'unreachable' | 'bad-feed';
  readonly reason: string;
}

export async function fetchFeed(place: string, egress: Pick<Egress, 'request'>): Promise<Result<string, FetchRefusal>> {
  const bytes = /^https?:\/\//i.test(place) ? await fromWeb(place, egress) : await fromFile(place);
  if (!bytes.ok) return bytes;
  const isPacked = bytes.value[0] === 0x1f && bytes.value[1] === 0x8b;
  try {
    return ok((isPacked ? gunzipSync(bytes.value, { maxOutputLength: MAX_BYTES }) : bytes.value).toString('utf8'));
  } catch {
    return refuse({ kind: 'bad-feed', reason: `it cannot be unpacked to at most ${MAX_BYTES} bytes` });
  }
}

async function fromWeb(url: string, egress: Pick<Egress, 'request'>): Promise<Result<Buffer, FetchRefusal>> {
  const answer = await egress.request({ url, maxBodyBytes: MAX_PACKED_BYTES, timeoutMs: TIMEOUT_MS });
  if (!answer.ok) return refuse({ kind: 'unreachable', reason: explainEgress(answer.refusal) });
  const { status, body } = answer.value;
  return status === 200 ? ok(body) : refuse({ kind: 'unreachable', reason: `the server answered ${status}` });
}

async function fromFile(path: string): Promise<Result<Buffer, FetchRefusal>> {
  try {
    return ok(await readFile(path));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    return refuse({ kind: 'no-file', reason: `${path} cannot be read: ${code}` });
  }
}
