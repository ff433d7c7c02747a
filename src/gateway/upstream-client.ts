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
  readonly headers: Readonly<Record<string, string>>;
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
  return {
    send({ base, path, headers, body }, listener) {
      const { origin, pathname } = new URL(base);
      const { handler, call } = follow(listener);
      const options = { origin, path: `${pathname.replace(BASE_SUFFIX, '')}${path}`, method: 'POST' as const };
      poolOf(origin).dispatch({ ...options, headers: { ...headers }, body }, handler);
      return call;
    },
    async close() {
      await Promise.all([...pools.values()].map((pool) => pool.destroy()));
    },
  };
}

class Aborted extends Error {
  override readonly name = 'Aborted';
}

function follow(listener: UpstreamListener): { handler: Dispatcher.DispatchHandler; call: UpstreamCall } {
  let controller: Dispatcher.DispatchController | undefined;
  let isAborted = false;
  return {
    call: {
      abort() {
        isAborted = true;
        controller?.abort(new Aborted());
      },
      pause: () => controller?.pause(),
      resume: () => controller?.resume(),
    },
    handler: {
      onRequestStart(started) {
        controller = started;
        if (isAborted) started.abort(new Aborted());
      },
      onResponseStart(_, status, headers) {
        if (status >= 200) listener.onStart(status, headers);
      },
      onResponseData: (_, chunk) => listener.onData(chunk),
      onResponseEnd: () => listener.onEnd(),
      onResponseError: (_, error) => listener.onFailure(toFailure(error, controller !== undefined)),
    },
  };
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

export function toUpstreamHeaders(
  request: IncomingMessage,
  { protocol, prices }: AskedModel,
  key: string,
): Record<string, string> {
  const isPricedByLength = prices.tiers !== undefined;
  const headers: Record<string, string> = {
    'content-type': 'application/json',
    // What cannot be read cannot be metered.
    'accept-encoding': 'identity',
    'user-agent': 'headstart',
    // The one whose answers are read here.
    ...(protocol === 'anthropic' && { 'anthropic-version': '2023-06-01' }),
  };
  for (const name of PASSED_HEADERS) {
    const value = oneHeader(request, name);
    if (value !== undefined)
      headers[name] = name === 'anthropic-beta' && !isPricedByLength ? withoutLongContext(value) : value;
  }
  return { ...headers, ...(protocol === 'anthropic' ? { 'x-api-key': key } : { authorization: `Bearer ${key}` }) };
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
