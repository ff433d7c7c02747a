/**
 * Connections to one provider, HTTP/1.1: one request at a time on each, kept for the next one. A request is sent once;
 * nothing here repeats it, and what the other side sends that is not exactly an answer ends the connection.
 *
 *   connecting ──▶ busy ◀──▶ idle ──▶ closed
 */
import { connect, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { type AnswerHeaders, BadAnswer, HttpAnswer } from './http-answer.ts';
import type { UpstreamCall, UpstreamFailure, UpstreamLimits, UpstreamListener } from './upstream-client.ts';

/** Of the provider: scheme, name and port. */
export interface Origin {
  readonly isTls: boolean;
  readonly host: string;
  readonly port: number;
}

export interface Connections {
  /** `head`: the request up to its empty line. */
  send(head: string, body: Buffer, listener: UpstreamListener): UpstreamCall;
  /** Looks at limits; `ticks` have passed since the beginning. */
  check(ticks: number): void;
  close(): void;
}

export interface CheckedLimits extends UpstreamLimits {
  readonly tickMs: number;
}

/** One for all connections: what is read is copied out of it before anything else is. */
const READ_BUFFER = Buffer.allocUnsafeSlow(65_536);
/** With its head as one text and one write. */
const ONE_WRITE_BYTES = 15_360;
/** A connection without a request is kept so long, or a little less than the other side says. */
const IDLE_MS = 4_000;
const IDLE_MARGIN_MS = 2_000;
const KEEP_ALIVE_MS = 60_000;
const NEVER = Number.POSITIVE_INFINITY;

interface Shared {
  readonly origin: Origin;
  readonly limits: CheckedLimits;
  readonly all: Set<Connection>;
  readonly idle: Connection[];
  ticks: number;
  session: Buffer | undefined;
}

export function createConnections(origin: Origin, limits: CheckedLimits): Connections {
  const shared: Shared = { origin, limits, all: new Set(), idle: [], ticks: 0, session: undefined };
  return {
    send(head, body, listener) {
      // The one used last: the others grow old and are closed.
      const connection = shared.idle.pop() ?? new Connection(shared);
      return connection.send(head, body, listener);
    },
    check(ticks) {
      shared.ticks = ticks;
      for (const connection of shared.all) connection.check();
    },
    close() {
      for (const connection of shared.all) connection.close();
    },
  };
}

/** One request and what is heard of it. */
class Exchange implements UpstreamCall {
  readonly connection: Connection;
  readonly listener: UpstreamListener;
  isOver = false;

  constructor(connection: Connection, listener: UpstreamListener) {
    this.connection = connection;
    this.listener = listener;
  }

  abort(): void {
    if (!this.isOver) this.connection.fail('broken');
  }

  pause(): void {
    if (!this.isOver) this.connection.pause();
  }

  resume(): void {
    if (!this.isOver) this.connection.resume();
  }
}

class Connection {
  readonly #shared: Shared;
  readonly #socket: Socket;
  readonly #answer = new HttpAnswer();
  #exchange: Exchange | undefined = undefined;
  #waiting: (() => void) | undefined = undefined;
  #isConnected = false;
  #isPaused = false;
  /** In ticks: not before this one is anything late. */
  #lateAt: number;

  constructor(shared: Shared) {
    this.#shared = shared;
    shared.all.add(this);
    this.#socket = open(shared, (bytes) => this.#read(bytes));
    this.#lateAt = this.#after(shared.limits.connectMs);
    this.#socket.once(shared.origin.isTls ? 'secureConnect' : 'connect', () => this.#connected());
    this.#socket.on('error', () => this.fail('broken'));
    this.#socket.on('end', () => this.#ended());
    this.#socket.on('close', () => this.fail('broken'));
  }

  send(head: string, body: Buffer, listener: UpstreamListener): UpstreamCall {
    const exchange = new Exchange(this, listener);
    this.#exchange = exchange;
    if (this.#isConnected) this.#write(head, body);
    else this.#waiting = () => this.#write(head, body);
    return exchange;
  }

  #write(head: string, body: Buffer): void {
    this.#lateAt = this.#after(this.#shared.limits.headersMs);
    this.#answer.begin(this);
    if (body.length <= ONE_WRITE_BYTES) {
      // Byte for byte as it came: latin1 is what maps each byte to itself.
      this.#socket.write(head + body.toString('latin1'), 'latin1');
      return;
    }
    this.#socket.cork();
    this.#socket.write(head, 'latin1');
    this.#socket.write(body);
    this.#socket.uncork();
  }

  #connected(): void {
    this.#isConnected = true;
    this.#waiting?.();
    this.#waiting = undefined;
  }

  #read(bytes: Buffer): void {
    if (!this.#exchange) {
      this.close();
      return;
    }
    this.#lateAt = this.#after(this.#shared.limits.silenceMs);
    try {
      this.#answer.push(bytes);
    } catch (error) {
      this.fail('broken');
      if (!(error instanceof BadAnswer)) throw error;
    }
  }

  onStart(status: number, headers: AnswerHeaders): void {
    this.#exchange?.listener.onStart(status, headers);
  }

  onData(bytes: Buffer): void {
    this.#exchange?.listener.onData(bytes);
  }

  onEnd(): void {
    const exchange = this.#exchange;
    if (!exchange) return;
    this.#exchange = undefined;
    exchange.isOver = true;
    this.#rest();
    exchange.listener.onEnd();
  }

  /** Ready for the next request, where nothing of the last one is left. */
  #rest(): void {
    const { limits, idle } = this.#shared;
    const keptMs = Math.min(IDLE_MS, (this.#answer.keptMs ?? NEVER) - IDLE_MARGIN_MS);
    if (!this.#answer.isKept || keptMs <= 0 || this.#socket.writableLength > 0 || this.#socket.destroyed) {
      this.close();
      return;
    }
    this.resume();
    this.#lateAt = this.#shared.ticks + Math.ceil(keptMs / limits.tickMs);
    idle.push(this);
  }

  #ended(): void {
    try {
      this.#answer.close();
    } catch {
      this.fail('broken');
    }
  }

  /** Whoever waits for an answer is told, once. */
  fail(failure: UpstreamFailure): void {
    const exchange = this.#exchange;
    this.#exchange = undefined;
    this.close();
    if (!exchange) return;
    exchange.isOver = true;
    exchange.listener.onFailure(this.#isConnected ? failure : 'unreachable');
  }

  check(): void {
    if (this.#shared.ticks < this.#lateAt || (this.#isPaused && this.#exchange)) return;
    this.fail('timeout');
  }

  pause(): void {
    this.#isPaused = true;
    this.#socket.pause();
  }

  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#lateAt = this.#after(this.#shared.limits.silenceMs);
    this.#socket.resume();
  }

  close(): void {
    const { all, idle } = this.#shared;
    if (!all.delete(this)) return;
    const place = idle.indexOf(this);
    if (place >= 0) idle.splice(place, 1);
    this.#socket.destroy();
    if (this.#exchange) this.fail('broken');
  }

  #after(ms: number): number {
    return this.#shared.ticks + 1 + Math.ceil(ms / this.#shared.limits.tickMs);
  }
}

function open(shared: Shared, read: (bytes: Buffer) => void): Socket {
  const { isTls, host, port } = shared.origin;
  const callback = (bytes: number): boolean => {
    read(READ_BUFFER.subarray(0, bytes));
    return true;
  };
  const options = { host, port, onread: { buffer: READ_BUFFER, callback }, noDelay: true, keepAlive: true };
  const more = { keepAliveInitialDelay: KEEP_ALIVE_MS };
  if (!isTls) return connect({ ...options, ...more });
  const servername = isIP(host) === 0 ? { servername: host } : {};
  const session = shared.session ? { session: shared.session } : {};
  const socket = connectTls({ ...options, ...more, ...servername, ...session, ALPNProtocols: ['http/1.1'] });
  socket.on('session', (given: Buffer) => {
    shared.session = given;
  });
  return socket;
}
