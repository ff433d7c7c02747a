/** Puts a server on loopback. */
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { FastifyInstance } from 'fastify';

export const LOOPBACK = '127.0.0.1';

export class PortInUse extends Error {
  override readonly name = 'PortInUse';
}

/** Gives the address without a slash at the end. Throws PortInUse. */
export async function listenOnLoopback(server: FastifyInstance | Server, port: number): Promise<string> {
  try {
    if ('inject' in server) return await server.listen({ port, host: LOOPBACK });
    return await listenBare(server, port);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'EADDRINUSE' || code === 'EACCES') {
      const why = code === 'EADDRINUSE' ? 'is in use' : 'may not be used by this account';
      throw new PortInUse(`port ${port} ${why}; choose another with --port N, or any free one with --port 0`, {
        cause: error,
      });
    }
    throw error;
  }
}

async function listenBare(server: Server, port: number): Promise<string> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, LOOPBACK, () => {
      server.off('error', reject);
      resolve();
    });
  });
  return `http://${LOOPBACK}:${(server.address() as AddressInfo).port}`;
}
