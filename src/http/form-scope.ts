/** Pages with forms and without scripts: how a form is read, and what a browser is told of such a page. */
import type { FastifyInstance } from 'fastify';

export const HTML = 'text/html; charset=utf-8';

/** A page shown to whoever has its address is kept by no cache, framed by nobody, and its address goes nowhere. */
export function prepareFormScope(scope: FastifyInstance, maxBodyBytes: number): void {
  scope.removeAllContentTypeParsers();
  scope.addContentTypeParser(
    'application/x-www-form-urlencoded',
    { parseAs: 'string', bodyLimit: maxBodyBytes },
    (_request, body, parsed) => parsed(null, Object.fromEntries(new URLSearchParams(String(body)))),
  );
  scope.addHook('onSend', async (_request, reply) => {
    reply.header('cache-control', 'no-store');
    reply.header('referrer-policy', 'no-referrer');
    reply.header('x-robots-tag', 'noindex, nofollow');
    reply.header(
      'content-security-policy',
      "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    );
  });
}

export const formOf = (body: unknown): Readonly<Record<string, string>> =>
  typeof body === 'object' && body !== null ? (body as Record<string, string>) : {};
