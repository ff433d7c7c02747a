/**
 * A web server that fails on order, for fakes of remote systems. A posting may be refused, hang, be answered with
 * garbage, be lost before it is done, be lost after it was done, go wrong on either side of it, or be done only after
 * its sender has given up.
 */
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export type HttpFault =
  | 'none'
  | 'refuse'
  | 'hang'
  | 'garbage'
  | 'lose-before'
  | 'lose-after'
  | 'error-before'
  | 'error-after'
  | 'late';

/** Those after which the sender cannot know. */
export const AMBIGUOUS: readonly HttpFault[] = [
  'garbage',
  'lose-before',
  'lose-after',
  'error-before',
  'error-after',
  'late',
];

export interface Asked {
  readonly method: string;
  readonly url: URL;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface Reply {
  readonly status: number;
  readonly json: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface FaultyServerOptions {
  /** Does what is asked and says how it went; called at most once a request. */
  readonly act: (asked: Asked) => Reply;
  /** The fate of the next posting, and of the next look. */
  readonly postFault?: () => HttpFault;
  readonly lookFault?: () => HttpFault;
  /** When a `late` posting is done. */
  readonly lateMs?: number;
}

export async function startFaultyServer(options: FaultyServerOptions) {
  const posts: HttpFault[] = [];
  const looks: HttpFault[] = [];
  const pending = new Set<NodeJS.Timeout>();
  let requests = 0;
  const server = createServer((request, response) => {
    requests += 1;
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('error', () => {});
    request.on('end', () => {
      const asked: Asked = {
        method: request.method ?? 'GET',
        url: new URL(request.url ?? '/', 'http://localhost'),
        headers: request.headers,
        body: Buffer.concat(chunks).toString('utf8'),
      };
      const isPost = asked.method !== 'GET';
      const fault =
        (isPost ? posts.shift() : looks.shift()) ?? (isPost ? options.postFault : options.lookFault)?.() ?? 'none';
      if (fault === 'late') {
        response.destroy();
        const timer = setTimeout(() => {
          pending.delete(timer);
          options.act(asked);
        }, options.lateMs ?? 20);
        pending.add(timer);
      } else fail(fault, response, () => options.act(asked));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    port,
    origin: `http://127.0.0.1:${port}`,
    /** What the next postings meet, in order. */
    failWith: (...next: HttpFault[]) => void posts.push(...next),
    /** What the next looks meet, in order. */
    failLooksWith: (...next: HttpFault[]) => void looks.push(...next),
    requests: (): number => requests,
    async close(): Promise<void> {
      for (const timer of pending) clearTimeout(timer);
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function fail(fault: Exclude<HttpFault, 'late'>, response: ServerResponse, act: () => Reply): void {
  const say = ({ status, json, headers }: Reply): void => {
    response.writeHead(status, { 'content-type': 'application/json; charset=utf-8', ...headers });
    response.end(JSON.stringify(json));
  };
  const isDone = ['none', 'garbage', 'lose-after', 'error-after'].includes(fault);
  const reply = isDone ? act() : undefined;
  if (reply && fault === 'none') say(reply);
  else if (fault === 'refuse') say({ status: 403, json: { message: 'Forbidden' } });
  else if (fault === 'error-before') say({ status: 502, json: { message: 'Bad gateway' } });
  else if (fault === 'error-after') say({ status: 500, json: { message: 'Server error' } });
  else if (fault === 'garbage') {
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end('<html>not what was asked for');
  } else if (fault !== 'hang') response.destroy();
}
