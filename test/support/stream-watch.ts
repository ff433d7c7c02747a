/**
 * One streamed call over a socket of its own, at as little cost to the watcher as it can be: bytes are kept as they come,
 * and read as HTTP and events only when somebody looks. Thousands in one process then do not delay what they time.
 */
import { connect } from 'node:net';
import { createSseParser } from '../../src/dialect/index.ts';
import { sharedMs } from './gates.ts';

export interface StreamCall {
  readonly url: string;
  readonly path: string;
  readonly key: string;
  readonly body: object;
}

export interface SeenStream {
  readonly status: number;
  readonly events: number;
  /** When the piece with the error event came, of the clock that all processes share. */
  readonly errorMs: number | null;
  readonly code: string | null;
  /** It ended as HTTP wants it, between two events. */
  readonly isWhole: boolean;
  readonly hasEnded: boolean;
}

const PIECE_BYTES = 65_536;
const HEAD_END = '\r\n\r\n';
const LAST_CHUNK = '0\r\n\r\n';
/** Of all sockets of this process: what was read is copied out before the next is. */
const shared = Buffer.alloc(PIECE_BYTES);

/** `begun` is false where nothing is streamed: it was refused. */
export function watchStream({ url, path, key, body }: StreamCall): { begun: Promise<boolean>; seen: () => SeenStream } {
  const { hostname, port, host } = new URL(url);
  const kept: Buffer[] = [];
  let [errorMs, hasEnded]: [number | null, boolean] = [null, false];
  const { promise: begun, resolve } = Promise.withResolvers<boolean>();
  const take = (bytes: number): boolean => {
    const piece = Buffer.from(shared.subarray(0, bytes));
    kept.push(piece);
    if (!isOk(kept[0])) resolve(false);
    else if (piece.includes('data:')) resolve(true);
    if (errorMs === null && piece.includes('"error"')) errorMs = sharedMs();
    if (piece.subarray(-LAST_CHUNK.length).equals(Buffer.from(LAST_CHUNK))) hasEnded = true;
    return true;
  };
  const socket = connect({ host: hostname, port: Number(port), onread: { buffer: shared, callback: take } });
  socket.on('error', () => {});
  socket.on('close', () => {
    hasEnded = true;
    resolve(false);
  });
  const text = JSON.stringify(body);
  const head = [
    `POST ${path} HTTP/1.1`,
    `host: ${host}`,
    `x-api-key: ${key}`,
    'content-type: application/json',
    `content-length: ${Buffer.byteLength(text)}`,
  ];
  socket.write(`${head.join('\r\n')}${HEAD_END}${text}`);
  return { begun, seen: () => ({ ...read(Buffer.concat(kept)), errorMs, hasEnded }) };
}

const isOk = (head: Buffer | undefined): boolean => head?.subarray(9, 12).toString() === '200';

function read(bytes: Buffer): Pick<SeenStream, 'status' | 'events' | 'code' | 'isWhole'> {
  const headEnd = bytes.indexOf(HEAD_END);
  const status = Number(bytes.subarray(9, 12).toString());
  const { body, isComplete } = unchunk(bytes.subarray(headEnd + HEAD_END.length));
  const parser = createSseParser(1 << 20);
  const events = parser.push(body);
  const errors = events.flatMap(({ data }) => (data?.includes('"error"') ? [JSON.parse(data)] : []));
  return {
    status,
    events: events.length,
    code: errors[0]?.error?.code ?? null,
    isWhole: headEnd > 0 && status === 200 && isComplete && parser.end() === undefined,
  };
}

/** `isComplete`: the last chunk is there, and nothing behind it. */
function unchunk(bytes: Buffer): { body: Buffer; isComplete: boolean } {
  const pieces: Buffer[] = [];
  let at = 0;
  for (;;) {
    const lineEnd = bytes.indexOf('\r\n', at);
    if (lineEnd < 0) return { body: Buffer.concat(pieces), isComplete: false };
    const length = Number.parseInt(bytes.subarray(at, lineEnd).toString(), 16);
    at = lineEnd + 2;
    if (length === 0) return { body: Buffer.concat(pieces), isComplete: bytes.length === at + 2 };
    if (!Number.isSafeInteger(length) || bytes.length < at + length + 2) {
      return { body: Buffer.concat(pieces), isComplete: false };
    }
    pieces.push(bytes.subarray(at, at + length));
    at += length + 2;
  }
}
