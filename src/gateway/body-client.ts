/** A request's body, kept whole because the gateway judges all of it: capped in size, in time, and over all calls. */
import type { IncomingMessage } from 'node:http';
import type { Refusal } from '../dialect/index.ts';
import { ok, type Result, refuse } from '../lib/result.ts';

export interface BodyLimits {
  readonly requestBytes: number;
  /** Of all bodies that are being received or judged. */
  readonly totalBytes: number;
  readonly receiveMs: number;
}

export const BODY_LIMITS: BodyLimits = { requestBytes: 32 << 20, totalBytes: 512 << 20, receiveMs: 60_000 };

type Received = Result<Buffer, Refusal> | undefined;

export interface Bodies {
  /** Resolves with undefined where the client left before the end. */
  receive(request: IncomingMessage): Promise<Received> | Received;
  /** The body is not needed any more. */
  release(bytes: number): void;
}

export function createBodies(limits: BodyLimits): Bodies {
  let held = 0;
  const receive = (request: IncomingMessage) =>
    new Promise<Received>((resolve) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      let isDone = false;
      const done = (result: Received): void => {
        // A request that ended is closed some time later.
        if (isDone) return;
        isDone = true;
        clearTimeout(timer);
        if (!result?.ok) held -= bytes;
        if (result && !result.ok) {
          request.off('data', onData);
          request.resume();
        }
        resolve(result);
      };
      const timer = setTimeout(() => done(refuse({ kind: 'too-slow' })), limits.receiveMs);
      const onData = (chunk: Buffer): void => {
        bytes += chunk.length;
        held += chunk.length;
        chunks.push(chunk);
        if (bytes > limits.requestBytes) done(refuse({ kind: 'too-large', limitBytes: limits.requestBytes }));
        else if (held > limits.totalBytes) done(refuse({ kind: 'unavailable', detail: 'it holds too many requests' }));
      };
      request.on('data', onData);
      request.on('end', () => done(ok(chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks))));
      const onLeave = (): void => done(undefined);
      request.on('close', onLeave);
      request.on('error', onLeave);
    });
  return {
    receive(request) {
      const { 'content-length': length, 'content-encoding': encoding = 'identity' } = request.headers;
      if (encoding !== 'identity') return refuse({ kind: 'invalid-request', detail: 'The body is compressed' });
      if (Number(length) > limits.requestBytes) {
        request.resume();
        return refuse({ kind: 'too-large', limitBytes: limits.requestBytes });
      }
      return receive(request);
    },
    release(bytes) {
      held -= bytes;
    },
  };
}
