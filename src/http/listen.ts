/** Puts a server on loopback. */
import type { FastifyInstance } from 'fastify';

export const LOOPBACK = '127.0.0.1';

export class PortInUse extends Error {
  override readonly name = 'PortInUse';
}

/** Gives the address without a slash at the end. Throws PortInUse. */
export async function listenOnLoopback(server: FastifyInstance, port: number): Promise<string> {
  try {
    return await server.listen({ port, host: LOOPBACK });
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
