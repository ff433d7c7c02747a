/**
 * Every request that this program makes to somebody else's server: proofs of control, sign-in providers, feeds,
 * webhooks. Whoever chooses the URL (an applicant, a redirect, a DNS server) cannot make us talk to ourselves, to our
 * neighbours or to a cloud's metadata service.
 *
 * The address that is checked is the address that is connected to: the check sits in the look-up of the connection
 * itself, so an answer that changes between two look-ups (DNS rebinding) changes nothing. No proxy, no cookies, no
 * connection kept from one request to the next.
 */
import { type LookupAddress, lookup as systemLookup } from 'node:dns';
import { type ClientRequest, type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { isIP, type LookupFunction } from 'node:net';
import { ok, type Result, refuse } from '../lib/result.ts';
import type { Origin } from './named-host.ts';
import { isPublicAddress } from './public-address.ts';

const MAX_REDIRECTS = 5;
const MAX_BODY_BYTES = 1 << 20;
const TIMEOUT_MS = 10_000;
const REDIRECTS = new Set([301, 302, 303, 307, 308]);

export interface EgressRequest {
  readonly url: string;
  readonly method?: 'GET' | 'POST' | 'HEAD';
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | string;
  /** Followed only for GET and HEAD; every hop is judged anew. */
  readonly maxRedirects?: number;
  readonly maxBodyBytes?: number;
  /** For the whole of it, redirects included. */
  readonly timeoutMs?: number;
}

export interface EgressAnswer {
  /** Of the last hop. */
  readonly url: string;
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}

export type EgressRefusal =
  | { readonly kind: 'not-a-web-address'; readonly url: string; readonly why: string }
  | { readonly kind: 'not-public'; readonly host: string; readonly address: string }
  | { readonly kind: 'too-many-redirects'; readonly limit: number }
  | { readonly kind: 'too-large'; readonly limitBytes: number }
  /** `wasSent`: a connection stood, so the request may have arrived and been acted upon. */
  | { readonly kind: 'timed-out'; readonly limitMs: number; readonly wasSent: boolean }
  | { readonly kind: 'unreachable'; readonly host: string; readonly why: string; readonly wasSent: boolean };

export type Resolve = (
  host: string,
  done: (error: NodeJS.ErrnoException | null, addresses: readonly LookupAddress[]) => void,
) => void;

export interface EgressParts {
  /** Origins the operator named: for these, and only on exactly this scheme, host and port, any address will do. */
  readonly named?: ReadonlySet<Origin>;
  /** Further certificate authorities, PEM. */
  readonly ca?: readonly string[];
  readonly resolve?: Resolve;
}

export type Egress = ReturnType<typeof createEgress>;

export function createEgress({ named = new Set(), ca, resolve = resolveBySystem }: EgressParts) {
  /** One hop. */
  async function send(asked: EgressRequest, url: URL, deadline: number): Promise<Result<EgressAnswer, EgressRefusal>> {
    const isNamed = named.has(url.origin);
    const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
    // A literal address is connected to without a look-up.
    if (isIP(host) !== 0 && !isNamed && !isPublicAddress(host)) {
      return refuse({ kind: 'not-public', host, address: host });
    }
    const open = url.protocol === 'https:' ? requestHttps : requestHttp;
    const outgoing = open(url, {
      method: asked.method ?? 'GET',
      headers: { ...asked.headers },
      agent: false,
      lookup: guardedLookup(resolve, isNamed),
      ...(ca && { ca: [...ca] }),
    });
    return await collect(outgoing, asked, url, deadline);
  }

  return {
    /** Never throws for what the other side does; the refusal says what happened and to which host. */
    async request(asked: EgressRequest): Promise<Result<EgressAnswer, EgressRefusal>> {
      const limit = asked.maxRedirects ?? MAX_REDIRECTS;
      const deadline = performance.now() + (asked.timeoutMs ?? TIMEOUT_MS);
      let url = readWebAddress(asked.url);
      for (let hop = 0; url.ok && hop <= limit; hop++) {
        const answer = await send(asked, url.value, deadline);
        if (!answer.ok) return answer;
        const { location } = answer.value.headers;
        const mayFollow = REDIRECTS.has(answer.value.status) && asked.method !== 'POST' && limit > 0;
        if (!mayFollow || location === undefined) return answer;
        const next = readWebAddress(location, url.value);
        if (next.ok && url.value.protocol === 'https:' && next.value.protocol !== 'https:') {
          return refuse({ kind: 'not-a-web-address', url: next.value.href, why: 'a redirect from https to http' });
        }
        url = next;
      }
      return url.ok ? refuse({ kind: 'too-many-redirects', limit }) : url;
    },
  };
}

function readWebAddress(text: string, base?: URL): Result<URL, EgressRefusal> {
  const url = URL.canParse(text, base?.href) ? new URL(text, base) : undefined;
  const no = (why: string) => refuse<EgressRefusal>({ kind: 'not-a-web-address', url: text.slice(0, 200), why });
  if (!url) return no('not a URL');
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return no(`${url.protocol} is neither http nor https`);
  if (url.username || url.password) return no('it carries a login');
  return ok(url);
}

/** Passed to the connection, which uses what it gets and asks nobody else. */
function guardedLookup(resolve: Resolve, isNamed: boolean): LookupFunction {
  return (host, options, done) => {
    resolve(host, (error, found) => {
      if (error) return done(error, '');
      // All or nothing: a name that points at both a public and a private address is an attack or a mistake.
      const inside = isNamed ? undefined : found.find(({ address }) => !isPublicAddress(address));
      const first = found[0];
      if (inside) return done(new NotPublic(host, inside.address), '');
      if (!first) return done(Object.assign(new Error(`${host} has no address`), { code: 'ENODATA' }), '');
      if (options.all) return done(null, [...found]);
      return done(null, first.address, first.family);
    });
  };
}

class NotPublic extends Error {
  override readonly name = 'NotPublic';
  readonly host: string;
  readonly address: string;

  constructor(host: string, address: string) {
    super(`${host} points at ${address}, which is not a public address`);
    this.host = host;
    this.address = address;
  }
}

function resolveBySystem(host: string, done: Parameters<Resolve>[1]): void {
  systemLookup(host, { all: true, verbatim: true }, (error, addresses) => done(error, addresses ?? []));
}

function collect(
  outgoing: ClientRequest,
  asked: EgressRequest,
  url: URL,
  deadline: number,
): Promise<Result<EgressAnswer, EgressRefusal>> {
  const limitBytes = asked.maxBodyBytes ?? MAX_BODY_BYTES;
  const limitMs = asked.timeoutMs ?? TIMEOUT_MS;
  let wasSent = false;
  outgoing.on('socket', (socket) => {
    socket.once(url.protocol === 'https:' ? 'secureConnect' : 'connect', () => {
      wasSent = true;
    });
  });
  return new Promise((settle) => {
    const end = (outcome: Result<EgressAnswer, EgressRefusal>) => {
      clearTimeout(timer);
      settle(outcome);
      outgoing.destroy();
    };
    const fail = (error: Error) =>
      end(
        refuse(
          error instanceof NotPublic
            ? { kind: 'not-public', host: error.host, address: error.address }
            : { kind: 'unreachable', host: url.host, why: error.message, wasSent },
        ),
      );
    const timer = setTimeout(
      () => end(refuse({ kind: 'timed-out', limitMs, wasSent })),
      Math.max(0, deadline - performance.now()),
    );
    outgoing.on('error', fail);
    outgoing.on('response', (incoming) => {
      const chunks: Buffer[] = [];
      let size = 0;
      incoming.on('data', (chunk: Buffer) => {
        size += chunk.length;
        if (size > limitBytes) return end(refuse({ kind: 'too-large', limitBytes }));
        chunks.push(chunk);
      });
      incoming.on('error', fail);
      incoming.on('aborted', () => fail(new Error('the answer was cut off')));
      incoming.on('end', () =>
        end(
          ok({
            url: url.href,
            status: incoming.statusCode ?? 0,
            headers: incoming.headers,
            body: Buffer.concat(chunks),
          }),
        ),
      );
    });
    outgoing.end(asked.body);
  });
}

/** For people; says what to do. */
export function explainEgress(refusal: EgressRefusal): string {
  switch (refusal.kind) {
    case 'not-a-web-address':
      return `${refusal.url} cannot be fetched: ${refusal.why}`;
    case 'not-public':
      return `${refusal.host} points at ${refusal.address}, which is not a public address; only an operator can name it`;
    case 'too-many-redirects':
      return `more than ${refusal.limit} redirects`;
    case 'too-large':
      return `the answer has more than ${refusal.limitBytes} bytes`;
    case 'timed-out':
      return `no whole answer within ${refusal.limitMs} ms`;
    case 'unreachable':
      return `${refusal.host} did not answer: ${refusal.why}`;
  }
}
