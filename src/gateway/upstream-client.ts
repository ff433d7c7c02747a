/**
 * Providers, over undici's dispatch: no fetch, no web streams. A request is sent once; nothing here repeats it. Redirects
 * are not followed. The addresses are the operator's own, so loopback is allowed.
 */
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { type Dispatcher, Pool } from 'undici';
import type { Protocol } from '../dialect/index.ts';

export interface UpstreamRequest {
  /** The operator's address of the provider, with or without `/v1`. */
  readonly base: string;
  /** Begins with `/v1/`. */
  readonly path: string;
  /** Names and values by turns. */
  readonly headers: readonly string[];
  readonly body: Buffer;
}

export type UpstreamFailure =
  /** Not a byte of the request left. */
  'unreachable' | 'timeout' | 'broken';

export interface UpstreamListener {
  onStart(status: number, headers: IncomingHttpHeaders): void;
  onData(chunk: Buffer): void;
  onEnd(): void;
  /** Also after `abort`. Either this or `onEnd`, once. */
  onFailure(failure: UpstreamFailure): void;
}

export interface UpstreamCall {
  abort(): void;
  pause(): void;
  resume(): void;
}

export interface Upstreams {
  send(request: UpstreamRequest, listener: UpstreamListener): UpstreamCall;
  close(): Promise<void>;
}

export interface UpstreamLimits {
  readonly connectMs: number;
  readonly headersMs: number;
  /** Between two pieces of an answer. */
  readonly silenceMs: number;
}

/** Answers that are not streamed may take the provider minutes. */
export const UPSTREAM_LIMITS: UpstreamLimits = { connectMs: 10_000, headersMs: 600_000, silenceMs: 300_000 };

const BASE_SUFFIX = /\/+$|\/v1\/*$/;

export function createUpstreams(limits: UpstreamLimits = UPSTREAM_LIMITS): Upstreams {
  const pools = new Map<string, Pool>();
  const poolOf = (origin: string): Pool => {
    const known = pools.get(origin);
    if (known) return known;
    const pool = new Pool(origin, {
      allowH2: false,
      pipelining: 1,
      connect: { timeout: limits.connectMs },
      headersTimeout: limits.headersMs,
      bodyTimeout: limits.silenceMs,
    });
    pools.set(origin, pool);
    return pool;
  };
  const providers = new Map<string, Provider>();
  const providerAt = (base: string): Provider => {
    const known = providers.get(base);
    if (known) return known;
    const { origin, pathname } = new URL(base);
    const provider = { pool: poolOf(origin), prefix: pathname.replace(BASE_SUFFIX, '') };
    providers.set(base, provider);
    return provider;
  };
  return {
    send({ base, path, headers, body }, listener) {
      const { pool, prefix } = providerAt(base);
      const relay = new Relay(listener);
      pool.dispatch({ path: prefix + path, method: 'POST', headers: headers as string[], body }, relay);
      return relay;
    },
    async close() {
      await Promise.all([...pools.values()].map((pool) => pool.destroy()));
    },
  };
}

interface Provider {
  readonly pool: Pool;
  /** Of every path. */
  readonly prefix: string;
}

class Aborted extends Error {
  override readonly name = 'Aborted';
}

/** One object for each call, where closures would be a dozen. */
class Relay implements Dispatcher.DispatchHandler, UpstreamCall {
  readonly #listener: UpstreamListener;
  #controller: Dispatcher.DispatchController | undefined = undefined;
  #isAborted = false;

  constructor(listener: UpstreamListener) {
    this.#listener = listener;
  }

  abort(): void {
    this.#isAborted = true;
    this.#controller?.abort(new Aborted());
  }

  pause(): void {
    this.#controller?.pause();
  }

  resume(): void {
    this.#controller?.resume();
  }

  onRequestStart(started: Dispatcher.DispatchController): void {
    this.#controller = started;
    if (this.#isAborted) started.abort(new Aborted());
  }

  onResponseStart(_: Dispatcher.DispatchController, status: number, headers: IncomingHttpHeaders): void {
    if (status >= 200) this.#listener.onStart(status, headers);
  }

  onResponseData(_: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#listener.onData(chunk);
  }

  onResponseEnd(): void {
    this.#listener.onEnd();
  }

  onResponseError(_: Dispatcher.DispatchController, error: Error): void {
    this.#listener.onFailure(toFailure(error, this.#controller !== undefined));
  }
}

const TIMEOUTS = new Set(['UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT']);

function toFailure(error: Error, wasSent: boolean): UpstreamFailure {
  const { code } = error as NodeJS.ErrnoException;
  if (code !== undefined && TIMEOUTS.has(code)) return 'timeout';
  return wasSent ? 'broken' : 'unreachable';
}

/** Of the client only what means something to a provider; never its key, its cookies or its address. */
const PASSED_HEADERS = ['accept', 'anthropic-beta', 'anthropic-user-profile-id', 'openai-beta'];

export interface AskedModel {
  readonly protocol: Protocol;
  readonly prices: { readonly tiers?: readonly unknown[] | undefined };
}

/** Names and values by turns. */
export function toUpstreamHeaders(
  request: IncomingMessage,
  { protocol, prices }: AskedModel,
  key: string,
): readonly string[] {
  // What cannot be read cannot be metered.
  const headers = ['content-type', 'application/json', 'accept-encoding', 'identity', 'user-agent', 'headstart'];
  for (const name of PASSED_HEADERS) {
    const value = oneHeader(request, name);
    if (value === undefined) continue;
    const isLimited = name === 'anthropic-beta' && prices.tiers === undefined;
    headers.push(name, isLimited ? withoutLongContext(value) : value);
  }
  // The version whose answers are read here.
  if (protocol === 'anthropic') headers.push('anthropic-version', '2023-06-01', 'x-api-key', key);
  else headers.push('authorization', `Bearer ${key}`);
  return headers;
}

/** A longer context has another price for every token of it, which is known only where the model has price tiers. */
function withoutLongContext(betas: string): string {
  const names = betas.split(',').map((name) => name.trim());
  return names.filter((name) => !/^context-\d/i.test(name)).join(',');
}

export function oneHeader({ headers }: IncomingMessage, name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? value.join(', ') : value;
}
