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
  readonly watcher: ClientWatcher;
}

export interface ClientWatcher {
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

export const createReply = (parts: ReplyParts): Reply => new ClientReply(parts);

/** Of a response, so that its listeners need no closures, which are collected late. */
const REPLY = Symbol('reply');
type Answered = ServerResponse & { [REPLY]?: ClientReply };

function onClose(this: Answered): void {
  this[REPLY]?.onClose();
}

function onDrain(this: Answered): void {
  this[REPLY]?.onDrain();
}

const destroy = (response: ServerResponse): void => void response.destroy();
const flush = (reply: ClientReply): void => reply.flush();

class ClientReply implements Reply {
  readonly #parts: ReplyParts;
  readonly #response: ServerResponse;
  #status = 200;
  #head: string[] = [];
  isGone = false;
  #slow: NodeJS.Timeout | undefined = undefined;
  /** What came in this turn of the event loop: it leaves as one write. */
  #pieces: Buffer[] = [];

  constructor(parts: ReplyParts) {
    const response: Answered = parts.response;
    this.#parts = parts;
    this.#response = response;
    response[REPLY] = this;
    response.on('close', onClose);
  }

  onClose(): void {
    this.isGone = true;
    clearTimeout(this.#slow);
    this.#parts.watcher.onGone();
  }

  onDrain(): void {
    clearTimeout(this.#slow);
    this.#slow = undefined;
    this.#parts.watcher.onRoom();
  }

  setHead(code: number, upstreamHeaders: AnswerHeaders): void {
    this.#status = code;
    this.#head = toHead(upstreamHeaders, this.#parts.headers);
  }

  write(bytes: Buffer): void {
    if (this.isGone || bytes.length === 0) return;
    if (this.#pieces.push(bytes) === 1) process.nextTick(flush, this);
  }

  end(body?: Buffer): void {
    if (this.isGone) return;
    const rest = body ?? this.#takePieces();
    // A stream of which nothing has left yet is whole, too.
    if (this.#response.headersSent) this.#response.end(rest);
    else sendWhole(this.#response, this.#status, this.#head, rest ?? NOTHING);
  }

  refuse(refusal: Refusal): void {
    this.flush();
    if (this.isGone) return;
    const { dialect, headers } = this.#parts;
    if (this.#response.headersSent) this.#response.end(dialect.toErrorEvent(refusal));
    else sendRefusal(this.#response, dialect, refusal, headers);
  }

  release(): void {
    clearTimeout(this.#slow);
    this.#response.off('close', onClose);
    if (this.#slow !== undefined) this.#response.off('drain', onDrain);
  }

  flush(): void {
    const bytes = this.#takePieces();
    if (this.isGone || !bytes) return;
    const response = this.#response;
    if (!response.headersSent) response.writeHead(this.#status, this.#head);
    if (response.write(bytes)) return;
    if (this.#slow === undefined) response.once('drain', onDrain);
    this.#parts.watcher.onFull();
    clearTimeout(this.#slow);
    this.#slow = setTimeout(destroy, this.#parts.slowClientMs, response).unref();
  }

  #takePieces(): Buffer | undefined {
    const taken = this.#pieces;
    if (taken.length === 0) return undefined;
    this.#pieces = [];
    return taken.length === 1 ? taken[0] : Buffer.concat(taken);
  }
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
