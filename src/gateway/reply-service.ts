/** What goes back to one client: the head with the first byte, back-pressure, and noticing that it has left. */
import type { IncomingHttpHeaders, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { type Dialect, type Refusal, toWire } from '../dialect/index.ts';

export interface ReplyParts {
  readonly response: ServerResponse;
  readonly dialect: Dialect;
  /** On every answer, refusals included. */
  readonly headers: OutgoingHttpHeaders;
  /** A client that takes nothing for so long has left. */
  readonly slowClientMs: number;
  onGone(): void;
  onFull(): void;
  onRoom(): void;
}

export interface Reply {
  readonly isGone: boolean;
  setHead(status: number, upstreamHeaders: IncomingHttpHeaders): void;
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

export function createReply(parts: ReplyParts): Reply {
  const { response, dialect } = parts;
  let head: [number, OutgoingHttpHeaders] = [200, {}];
  let isGone = false;
  let slow: NodeJS.Timeout | undefined;

  const onClose = (): void => {
    isGone = true;
    clearTimeout(slow);
    parts.onGone();
  };
  const onDrain = (): void => {
    clearTimeout(slow);
    parts.onRoom();
  };
  response.on('close', onClose);
  response.on('drain', onDrain);
  const release = (): void => {
    clearTimeout(slow);
    response.off('close', onClose);
    response.off('drain', onDrain);
  };
  return {
    get isGone() {
      return isGone;
    },
    setHead(status, upstreamHeaders) {
      const passed = PASSED_HEADERS.flatMap((name) => (upstreamHeaders[name] ? [[name, upstreamHeaders[name]]] : []));
      head = [status, { ...Object.fromEntries(passed), ...parts.headers }];
    },
    write(bytes) {
      if (isGone || bytes.length === 0) return;
      if (!response.headersSent) response.writeHead(...head);
      if (response.write(bytes)) return;
      parts.onFull();
      clearTimeout(slow);
      slow = setTimeout(() => response.destroy(), parts.slowClientMs).unref();
    },
    end(body) {
      if (isGone) return;
      if (!response.headersSent) response.writeHead(...head);
      response.end(body);
    },
    refuse(refusal) {
      if (isGone) return;
      if (response.headersSent) response.end(dialect.toErrorEvent(refusal));
      else sendRefusal(response, dialect, refusal, parts.headers);
    },
    release,
  };
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
