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
}

export function createStatusServer({ readStatus, publicUrl, onFault }: StatusServerParts): FastifyInstance {
  const server = Fastify({ logger: false });
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
