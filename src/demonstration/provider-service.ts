/**
 * The provider behind the demonstration model: on loopback, of our own, and saying so in every answer. No model runs here;
 * each call gets the same words, so that what can be seen is the gate and the decisions, not an answer.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { canonicalJson } from '../lib/canonical-json.ts';
import { sha256Hex } from '../lib/hash.ts';

export const DEMONSTRATION_MODEL = 'headstart-demonstration';
/** Names no variable that could be set: the key beside it is no secret, since nothing behind it is worth one. */
export const PROVIDER_VARIABLE = 'HEADSTART_DEMONSTRATION_PROVIDER';
export const PROVIDER_KEY = 'demonstration';

const WORDS =
  'This is the mock provider of a Headstart demonstration. No model answered: what you see is the gate in front of it.';
const USAGE = { input_tokens: 12, output_tokens: 24 };
const MAX_BODY_BYTES = 1_000_000;

/** What stands for the bytes of a model here. */
export const modelDigest = (): string =>
  `sha256:${sha256Hex(canonicalJson({ provider: 'headstart-demonstration-mock', words: WORDS }))}`;

export interface DemonstrationProvider {
  readonly url: string;
  close(): Promise<void>;
}

/** On any free port where none is given. */
export async function startDemonstrationProvider(port = 0): Promise<DemonstrationProvider> {
  const server = createServer((request, response) => {
    answer(request, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  const { port: bound } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${bound}`,
    async close() {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const body = await readBody(request);
  if (request.method !== 'POST' || request.url !== '/v1/messages' || !body) {
    sendJson(response, 400, { type: 'error', error: { type: 'invalid_request_error', message: 'A mock provider' } });
    return;
  }
  const message = {
    ...{ id: 'msg_demonstration', type: 'message', role: 'assistant', model: String(body.model) },
    ...{ stop_reason: 'end_turn', stop_sequence: null, usage: USAGE },
  };
  if (body.stream !== true) {
    sendJson(response, 200, { ...message, content: [{ type: 'text', text: WORDS }] });
    return;
  }
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  const send = (type: string, more: object): void =>
    void response.write(`event: ${type}\ndata: ${JSON.stringify({ type, ...more })}\n\n`);
  const begun = { ...message, content: [], stop_reason: null, usage: { ...USAGE, output_tokens: 1 } };
  send('message_start', { message: begun });
  send('content_block_start', { index: 0, content_block: { type: 'text', text: '' } });
  send('content_block_delta', { index: 0, delta: { type: 'text_delta', text: WORDS } });
  send('content_block_stop', { index: 0 });
  send('message_delta', {
    delta: { stop_reason: 'end_turn', stop_sequence: null },
    usage: { output_tokens: USAGE.output_tokens },
  });
  send('message_stop', {});
  response.end();
}

async function readBody(request: IncomingMessage): Promise<Readonly<Record<string, unknown>> | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request) {
    bytes += chunk.length;
    if (bytes > MAX_BODY_BYTES) return undefined;
    chunks.push(chunk);
  }
  try {
    const body: unknown = JSON.parse(Buffer.concat(chunks).toString());
    return typeof body === 'object' && body !== null ? (body as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

function sendJson(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}
