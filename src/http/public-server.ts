/**
 * The public server: serves the files below `<HOME>/public` and nothing else.
 *
 * It is given that one directory and no database, so that no setting can make it show a draft. What is not there is a
 * 404 of one form, whether it never existed or is not public. Links are not followed out of the directory.
 */
import { realpath } from 'node:fs/promises';
import { join, sep } from 'node:path';
import fastifyStatic from '@fastify/static';
import Fastify, { type FastifyInstance } from 'fastify';

const MAX_PATH_CHARACTERS = 1_000;
/** The only dotted name that is public (RFC 8615). */
const WELL_KNOWN = '.well-known';
const PLAIN = { 'content-type': 'text/plain; charset=utf-8' };
const NOT_FOUND = 'Not found\n';

export async function createPublicServer({ directory }: { readonly directory: string }): Promise<FastifyInstance> {
  const root = await realpath(directory);
  const server = Fastify({
    logger: false,
    routerOptions: {
      maxParamLength: MAX_PATH_CHARACTERS,
      onBadUrl: (_path, _request, response) => void response.writeHead(404, PLAIN).end(NOT_FOUND),
    },
  });
  server.addHook('onRequest', async (request, reply) => {
    if (request.url.length > MAX_PATH_CHARACTERS || !(await isPublic(root, request.url))) {
      return reply.code(404).headers(PLAIN).send(NOT_FOUND);
    }
  });
  await server.register(fastifyStatic, {
    root,
    dotfiles: 'allow',
    index: ['index.html'],
    redirect: false,
    cacheControl: false,
    setHeaders: (reply, path) => {
      reply.header('x-content-type-options', 'nosniff');
      reply.header('content-security-policy', "default-src 'none'; style-src 'unsafe-inline'");
      // A full tile never changes; the checkpoint and partial tiles do.
      reply.header('cache-control', isFullTile(path) ? 'public, max-age=31536000, immutable' : 'no-cache');
    },
  });
  server.setNotFoundHandler((_request, reply) => reply.code(404).headers(PLAIN).send(NOT_FOUND));
  return server;
}

/** No hidden names but `.well-known`, no climbing, and the file's real place lies below the root. */
async function isPublic(root: string, url: string): Promise<boolean> {
  let path: string;
  try {
    path = decodeURIComponent(url.split('?')[0] ?? '');
  } catch {
    return false;
  }
  const segments = path.split('/').filter((segment) => segment !== '');
  if (path.includes('\0') || path.includes('\\')) return false;
  if (segments.some((segment) => segment.startsWith('.') && segment !== WELL_KNOWN)) return false;
  try {
    const real = await realpath(join(root, ...segments));
    return real === root || real.startsWith(root + sep);
  } catch {
    return false;
  }
}

function isFullTile(path: string): boolean {
  return /\/tile\/(\d+|entries)\/(x\d{3}\/)*\d{3}$/.test(path);
}
