/** What goes back to one client: the head with the first byte, back-pressure, and noticing that it has left. */
import type { OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { type Dialect, type Refusal, toWire } from '../dialect/index.ts';
import type { AnswerHeaders } from './http-answer.ts';

export interface ReplyParts {
  readonly response: ServerResponse;
  readonly dialect: Dialect;
  /** On every answer, refusals included. */
  readonly headers: Readonly<Record<string, string>>;
  /** A client that takes nothing for so long has left. */
  readonly slowClientMs: number;
  onGone(): void;
  onFull(): void;
  onRoom(): void;
}

export interface Reply {
  readonly isGone: boolean;
  setHead(status: number, upstreamHeaders: AnswerHeaders): void;
  write(bytes: Buffer): void;
  end(body?: Buffer): void;
  /** In the form that the client expects at this moment: an error answer, or the last event of a stream. */
  refuse(refusal: Refusal): void;
  /** Nothing more will be told. */
  release(): void;
}

/** Headers of the provider that mean something to the client and tell nothing of the operator's account. */
const PASSED_HEADERS = [
  'content-type',
  'request-id',
  'x-request-id',
  'retry-after',
  'retry-after-ms',
  'x-should-retry',
];

/** A body up to here goes with its head as one text and one write. */
const ONE_WRITE_BYTES = 16_384;

const NOTHING = Buffer.alloc(0);

export function createReply(parts: ReplyParts): Reply {
  const { response, dialect } = parts;
  let status = 200;
  let head: string[] = [];
  let isGone = false;
  let slow: NodeJS.Timeout | undefined;
  // What came in this turn of the event loop: it leaves as one write.
  let pieces: Buffer[] = [];

  const onClose = (): void => {
    isGone = true;
    clearTimeout(slow);
    parts.onGone();
  };
  const onDrain = (): void => {
    clearTimeout(slow);
    slow = undefined;
    parts.onRoom();
  };
  response.on('close', onClose);
  const takePieces = (): Buffer | undefined => {
    const taken = pieces;
    pieces = [];
    return taken.length < 2 ? taken[0] : Buffer.concat(taken);
  };
  const flush = (): void => {
    const bytes = takePieces();
    if (isGone || !bytes) return;
    if (!response.headersSent) response.writeHead(status, head);
    if (response.write(bytes)) return;
    if (slow === undefined) response.once('drain', onDrain);
    parts.onFull();
    clearTimeout(slow);
    slow = setTimeout(() => response.destroy(), parts.slowClientMs).unref();
  };
  return {
    get isGone() {
      return isGone;
    },
    setHead(code, upstreamHeaders) {
      status = code;
      head = toHead(upstreamHeaders, parts.headers);
    },
    write(bytes) {
      if (isGone || bytes.length === 0) return;
      if (pieces.push(bytes) === 1) process.nextTick(flush);
    },
    end(body) {
      if (isGone) return;
      const rest = body ?? takePieces();
      // A stream of which nothing has left yet is whole, too.
      if (response.headersSent) response.end(rest);
      else sendWhole(response, status, head, rest ?? NOTHING);
    },
    refuse(refusal) {
      flush();
      if (isGone) return;
      if (response.headersSent) response.end(dialect.toErrorEvent(refusal));
      else sendRefusal(response, dialect, refusal, parts.headers);
    },
    release() {
      clearTimeout(slow);
      response.off('close', onClose);
      if (slow !== undefined) response.off('drain', onDrain);
    },
  };
}

/** Names and values by turns. */
function toHead(upstream: AnswerHeaders, own: ReplyParts['headers']): string[] {
  const head: string[] = [];
  for (const name of PASSED_HEADERS) {
    const value = upstream[name];
    if (value !== undefined) head.push(name, Array.isArray(value) ? value.join(', ') : value);
  }
  for (const name in own) head.push(name, own[name] ?? '');
  return head;
}

function sendWhole(response: ServerResponse, status: number, head: string[], body: Buffer): void {
  head.push('content-length', String(body.length));
  response.writeHead(status, head);
  // Byte for byte as it came: latin1 is what maps each byte to itself.
  if (body.length <= ONE_WRITE_BYTES) response.end(body.toString('latin1'), 'latin1');
  else response.end(body);
}

export function sendRefusal(
  response: ServerResponse,
  dialect: Dialect,
  refusal: Refusal,
  headers: OutgoingHttpHeaders,
): void {
  const { status, code, retry } = toWire(refusal);
  const body = dialect.toErrorBody(refusal);
  const retryAfter = refusal.kind === 'rate-limited' ? { 'retry-after': String(refusal.retryAfterSeconds) } : {};
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
    'headstart-refusal': code,
    // Both official clients obey it before their own rules of retrying.
    'x-should-retry': String(retry),
    ...retryAfter,
    ...headers,
  });
  response.end(body);
}
