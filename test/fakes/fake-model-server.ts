/**
 * A provider of both protocols on loopback, written by us after the types of the official clients, with an invoice of its
 * own. It fails as it is told: says nothing, breaks off, answers with an error or with garbage, lies about usage.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  anthropicBody,
  anthropicEvents,
  chatBody,
  chatEvents,
  type FakeAnswer,
  type FakeUsage,
  fakeAnswer,
  responsesBody,
  responsesEvents,
} from './fake-answers.ts';

export interface Behaviour {
  readonly answer?: Partial<FakeAnswer>;
  /** Between two events. */
  readonly paceMs?: number;
  readonly fail?:
    | { readonly kind: 'hang' }
    | { readonly kind: 'reset' }
    | { readonly kind: 'status'; readonly status: number; readonly body: string }
    | { readonly kind: 'garbage' }
    | { readonly kind: 'cut'; readonly atByte: number };
  /** Sends so many bytes, says so, and goes on when it may. */
  readonly hold?: { readonly atByte: number; readonly reached: () => void; readonly until: Promise<void> };
  /** After the answer's end. */
  readonly trailer?: string;
}

export interface SeenRequest {
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly text: string;
  readonly body: Record<string, unknown>;
  /** When the client's side was closed before the answer's end, milliseconds of `performance.now()`. */
  abortedMs: number | undefined;
  /** What is billed, undefined for nothing. */
  billed: FakeUsage | undefined;
  eventsSent: number;
}

export type FakeModelServer = Awaited<ReturnType<typeof startFakeModelServer>>;

/** `onSeen` is told of each request at the moment it is whole. */
export async function startFakeModelServer(onSeen?: (request: SeenRequest) => void) {
  const seen: SeenRequest[] = [];
  const queue: Behaviour[] = [];
  let usual: Behaviour = {};
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const text = Buffer.concat(chunks).toString('utf8');
      const { url: path = '', headers } = request;
      const entry: SeenRequest = {
        ...{ path, headers, text, body: JSON.parse(text) },
        ...{ abortedMs: undefined, billed: undefined, eventsSent: 0 },
      };
      seen.push(entry);
      onSeen?.(entry);
      response.on('close', () => {
        if (!response.writableEnded) entry.abortedMs = performance.now();
      });
      void respond(entry, response, queue.shift() ?? usual);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    seen,
    /** For the next request. */
    next: (...behaviours: Behaviour[]): void => void queue.push(...behaviours),
    always: (behaviour: Behaviour): void => {
      usual = behaviour;
    },
    async close(): Promise<void> {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function respond(entry: SeenRequest, response: ServerResponse, behaviour: Behaviour): Promise<void> {
  const { fail, hold, trailer = '', paceMs = 0 } = behaviour;
  const answer = fakeAnswer({ model: String(entry.body.model), ...behaviour.answer });
  if (fail?.kind === 'hang') return;
  if (fail?.kind === 'reset') return void response.socket?.resetAndDestroy();
  if (fail?.kind === 'status') {
    response.writeHead(fail.status, { 'content-type': 'application/json', 'request-id': 'req_provider' });
    response.end(fail.body);
    return;
  }
  if (entry.path.includes('count_tokens')) {
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ input_tokens: 12 }));
    return;
  }
  const isStream = entry.body.stream === true;
  const type = isStream ? 'text/event-stream; charset=utf-8' : 'application/json';
  response.writeHead(200, { 'content-type': type, 'request-id': 'req_provider' });
  if (fail?.kind === 'garbage') {
    // A stream without one readable event is a failure of the provider's own making.
    entry.billed = isStream ? undefined : answer.usage;
    response.end('<html>not what was asked for</html>');
    return;
  }
  const parts = isStream ? toEvents(entry, answer) : [toBody(entry, answer)];
  const cutAt = fail?.kind === 'cut' ? fail.atByte : Number.POSITIVE_INFINITY;
  let bytes = 0;
  for (const part of parts) {
    const whole = Buffer.from(part);
    const held = hold && bytes <= hold.atByte && hold.atByte < bytes + whole.length ? hold.atByte - bytes : undefined;
    if (held === 0) await holdOn(hold);
    if (response.destroyed) return;
    // A piece is billed when it is made, not when it arrives.
    const made = Math.min(answer.usage.output, entry.eventsSent + 1);
    entry.billed = { ...answer.usage, output: isStream ? made : answer.usage.output };
    entry.eventsSent += 1;
    if (held !== undefined && held > 0) {
      response.write(whole.subarray(0, held));
      await holdOn(hold);
      if (response.destroyed) return;
    }
    response.write(whole.subarray(held ?? 0, Math.max(0, cutAt - bytes)));
    bytes += whole.length;
    if (bytes >= cutAt) return void response.socket?.destroySoon();
    if (paceMs > 0) await new Promise((resolve) => setTimeout(resolve, paceMs));
  }
  entry.billed = answer.refusal && answer.pieces.length === 0 ? undefined : answer.usage;
  response.end(trailer);
}

async function holdOn(hold: Behaviour['hold']): Promise<void> {
  hold?.reached();
  await hold?.until;
}

function toEvents({ path, body }: SeenRequest, answer: FakeAnswer): string[] {
  if (path.startsWith('/v1/messages')) return anthropicEvents(answer);
  if (path.startsWith('/v1/responses')) return responsesEvents(answer);
  const options = body.stream_options as { include_usage?: boolean } | undefined;
  return chatEvents(answer, options?.include_usage === true);
}

function toBody({ path }: SeenRequest, answer: FakeAnswer): string {
  if (path.startsWith('/v1/messages')) return anthropicBody(answer);
  return path.startsWith('/v1/responses') ? responsesBody(answer) : chatBody(answer);
}
