/** The operator's status page on loopback. Shows; changes nothing. */
import Fastify, { type FastifyInstance } from 'fastify';
import type { CampaignStatus } from '../campaign/index.ts';
import { renderStatusPage } from './status-page.ts';

export interface StatusServerParts {
  readonly readStatus: () => Promise<CampaignStatus | undefined>;
  /** Where the public server answers, without a slash at the end. */
  readonly publicUrl: () => string;
  /** Told of a fault, with its cause; the caller of the page learns only that there was one. */
  readonly onFault: (error: unknown) => void;
  readonly limits?: ClientLimits;
}

/** A client that takes longer is cut off: it would hold a connection for nothing. */
export interface ClientLimits {
  /** Until the headers are whole, from the first byte or from none at all. */
  readonly headersMs: number;
  /** Until the body is: 20 MB of evidence over a slow line. */
  readonly requestMs: number;
  /** Between two requests. */
  readonly idleMs: number;
  /** How often it is looked. */
  readonly checkMs: number;
}

const CLIENT_LIMITS: ClientLimits = { headersMs: 10_000, requestMs: 120_000, idleMs: 65_000, checkMs: 1_000 };

export function createStatusServer(parts: StatusServerParts): FastifyInstance {
  const { readStatus, publicUrl, onFault, limits = CLIENT_LIMITS } = parts;
  const server = Fastify({
    ...{ logger: false, requestTimeout: limits.requestMs, keepAliveTimeout: limits.idleMs },
    http: { headersTimeout: limits.headersMs, connectionsCheckingInterval: limits.checkMs },
  });
  server.addHook('onSend', async (_request, reply) => {
    reply.header('cache-control', 'no-store');
    reply.header('referrer-policy', 'no-referrer');
    reply.header('x-content-type-options', 'nosniff');
    reply.header('content-security-policy', "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'");
  });
  server.setErrorHandler((error, _request, reply) => {
    onFault(error);
    return reply.code(500).type('text/plain; charset=utf-8').send('Something went wrong on our side\n');
  });
  server.get('/', async (_request, reply) => {
    const page = renderStatusPage(await readStatus(), { publicUrl: publicUrl() });
    return reply.type('text/html; charset=utf-8').send(page);
  });
  server.get('/status.json', async () => (await readStatus()) ?? {});
  return server;
}
