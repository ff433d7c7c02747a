/**
 * Providers, over connections of our own. A request is sent once; nothing here repeats it. Redirects are not followed. The
 * addresses are the operator's own, so loopback is allowed.
 */
import type { IncomingMessage } from 'node:http';
import type { Protocol } from '../dialect/index.ts';
import { type Connections, createConnections } from './connection-client.ts';
import type { AnswerHeaders } from './http-answer.ts';

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
  onStart(status: number, headers: AnswerHeaders): void;
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
const TICK_MS = 1_000;
/** Of the shortest limit, so that what is late is seen soon after. */
const TICK_SHARE = 4;

export function createUpstreams(limits: UpstreamLimits = UPSTREAM_LIMITS): Upstreams {
  const tickMs = Math.ceil(Math.min(TICK_MS, ...Object.values(limits).map((ms) => ms / TICK_SHARE)));
  const byOrigin = new Map<string, Connections>();
  const connectionsTo = ({ origin, protocol, hostname, port }: URL): Connections => {
    const known = byOrigin.get(origin);
    if (known) return known;
    const isTls = protocol === 'https:';
    const host = hostname.replace(/^\[|\]$/g, '');
    const connections = createConnections(
      { isTls, host, port: Number(port || (isTls ? 443 : 80)) },
      { ...limits, tickMs },
    );
    byOrigin.set(origin, connections);
    return connections;
  };
  const providers = new Map<string, Provider>();
  const providerAt = (base: string): Provider => {
    const known = providers.get(base);
    if (known) return known;
    const url = new URL(base);
    const provider = { connections: connectionsTo(url), host: url.host, prefix: url.pathname.replace(BASE_SUFFIX, '') };
    providers.set(base, provider);
    return provider;
  };
  let ticks = 0;
  const ticker = setInterval(() => {
    ticks += 1;
    for (const connections of byOrigin.values()) connections.check(ticks);
  }, tickMs).unref();
  return {
    send({ base, path, headers, body }, listener) {
      const { connections, host, prefix } = providerAt(base);
      return connections.send(toHead(host, prefix + path, headers, body.length), body, listener);
    },
    async close() {
      clearInterval(ticker);
      for (const connections of byOrigin.values()) connections.close();
    },
  };
}

interface Provider {
  readonly connections: Connections;
  readonly host: string;
  /** Of every path. */
  readonly prefix: string;
}

const PATH = /^[\x21-\x7e\x80-\xff]+$/;
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

/** Throws where something in it would end its line. */
function toHead(host: string, path: string, headers: readonly string[], bodyBytes: number): string {
  if (!PATH.test(path)) throw new TypeError('a path that cannot be sent');
  let head = `POST ${path} HTTP/1.1\r\nhost: ${host}\r\nconnection: keep-alive\r\n`;
  for (let index = 0; index < headers.length; index += 2) {
    const value = headers[index + 1] ?? '';
    if (!VALUE.test(value)) throw new TypeError(`a header ${headers[index]} that cannot be sent`);
    head += `${headers[index]}: ${value}\r\n`;
  }
  return `${head}content-length: ${bodyBytes}\r\n\r\n`;
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
