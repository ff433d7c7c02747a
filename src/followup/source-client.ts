/** One conditional request to a source of releases, by the egress guard. */
import { gunzipSync } from 'node:zlib';
import { type Egress, explainEgress } from '../egress/index.ts';
import { ok, type Result, refuse } from '../lib/result.ts';
import type { SourceRefusal, Validator } from './release.ts';

export interface SourceRequest {
  readonly url: string;
  readonly accept: string;
  readonly validator: Validator;
}

export type SourceBody =
  | { readonly changed: false }
  | { readonly changed: true; readonly body: Buffer; readonly validator: Validator };

/** Largest answer, bytes: packed and unpacked. */
const MAX_PACKED_BYTES = 64 * 1024 ** 2;
const MAX_BYTES = 256 * 1024 ** 2;
const TIMEOUT_MS = 60_000;
const LONGEST_VALIDATOR = 256;

export async function askSource(
  egress: Pick<Egress, 'request'>,
  { url, accept, validator }: SourceRequest,
): Promise<Result<SourceBody, SourceRefusal>> {
  const answer = await egress.request({
    url,
    maxBodyBytes: MAX_PACKED_BYTES,
    timeoutMs: TIMEOUT_MS,
    headers: {
      accept,
      ...(validator.etag && { 'if-none-match': validator.etag }),
      ...(validator.lastModified && { 'if-modified-since': validator.lastModified }),
    },
  });
  if (!answer.ok) {
    const kinds = {
      'not-a-web-address': 'not-allowed',
      'not-public': 'not-allowed',
      'too-large': 'too-large',
    } as const;
    const { kind } = answer.refusal;
    return no(kind in kinds ? kinds[kind as keyof typeof kinds] : 'unreachable', explainEgress(answer.refusal));
  }
  const { status, headers, body } = answer.value;
  if (status === 304) return ok({ changed: false });
  if (status === 404 || status === 410) return no('not-found', `the server answered ${status}`);
  if (status !== 200) {
    const retryAfterMs = readRetryAfter(headers['retry-after']);
    const kind = status === 401 || status === 403 || status === 429 ? 'refused' : 'unreachable';
    return refuse({ kind, reason: `the server answered ${status}`, ...(retryAfterMs && { retryAfterMs }) });
  }
  const unpacked = unpack(body);
  if (!unpacked.ok) return unpacked;
  const { etag, 'last-modified': lastModified } = headers;
  return ok({
    changed: true,
    body: unpacked.value,
    validator: { ...(isShort(etag) && { etag }), ...(isShort(lastModified) && { lastModified }) },
  });
}

export function unpack(bytes: Buffer): Result<Buffer, SourceRefusal> {
  if (bytes.subarray(0, 6).equals(XZ)) return no('unsupported', 'xz is not read here: name the .gz or the plain file');
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return ok(bytes);
  try {
    return ok(gunzipSync(bytes, { maxOutputLength: MAX_BYTES }));
  } catch {
    return no('garbled', `it cannot be unpacked to at most ${MAX_BYTES} bytes`);
  }
}

const XZ = Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]);
const isShort = (text: string | undefined): text is string => text !== undefined && text.length <= LONGEST_VALIDATOR;
const no = (kind: SourceRefusal['kind'], reason: string) => refuse<SourceRefusal>({ kind, reason });

/** RFC 9110 section 10.2.3, in seconds; a date is left to the back-off. */
function readRetryAfter(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,7}$/.test(text) ? Number(text) * 1_000 : undefined;
}
