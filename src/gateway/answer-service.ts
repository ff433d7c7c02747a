/**
 * Passes one answer on. Bytes are the provider's own; a stream is cut only between events, so that it can always end with
 * an error its client understands. Whatever happens first — the end, a fault, the client leaving, a stop — decides; the
 * outcome is told exactly once.
 *
 *   waiting ──▶ streaming ──▶ told        an answer that is not streamed is kept until it is whole
 *      │            │
 *      └─ client leaves: aborted, or drained (read to its end and thrown away) by the model's policy
 */
import type { ServerResponse } from 'node:http';
import {
  type AnswerReader,
  createSseParser,
  type Dialect,
  type Reading,
  type Refusal,
  type SseEvent,
  SseTooLong,
} from '../dialect/index.ts';
import { REACH_MS } from '../journal/index.ts';
import type { Later } from '../lib/backlog.ts';
import type { Json } from '../lib/canonical-json.ts';
import type { GuardBlock, GuardSession } from './guard-hook.ts';
import type { AnswerHeaders } from './http-answer.ts';
import { createReply } from './reply-service.ts';
import type { Ending } from './settlement.ts';
import type { UpstreamCall, UpstreamFailure, UpstreamListener } from './upstream-client.ts';

export interface AnswerParts {
  readonly response: ServerResponse;
  readonly dialect: Dialect;
  readonly reader: AnswerReader;
  readonly guards: readonly GuardSession[];
  readonly onLeave: 'abort' | 'drain';
  readonly headers: Readonly<Record<string, string>>;
  readonly limits: AnswerLimits;
  readonly send: (listener: UpstreamListener) => UpstreamCall;
  /** For what has to be done after a stop has told the client. */
  readonly later: Later;
}

export interface AnswerLimits {
  /** Of an answer that is not streamed, and of one event. */
  readonly answerBytes: number;
  readonly slowClientMs: number;
  /** A drained answer is read for so long at most. */
  readonly drainMs: number;
  /** From sending it on to the last byte, drained or not. */
  readonly callMs: number;
}

export const ANSWER_LIMITS: AnswerLimits = {
  answerBytes: 64 << 20,
  slowClientMs: 30_000,
  drainMs: 600_000,
  // What a gateway that was killed had admitted is sought in its journal no further back than that.
  callMs: REACH_MS / 2,
};

export interface Outcome {
  readonly ending: Ending;
  /** Of the provider; undefined where it did not answer. */
  readonly status: number | undefined;
  readonly providerRequestId: string | undefined;
  readonly reading: Reading;
  readonly answerBytes: number;
  readonly left: boolean;
  /** Why we ended it, where we did. */
  readonly refusal: Refusal | undefined;
}

export interface RunningAnswer {
  readonly outcome: Promise<Outcome>;
  end(refusal: Refusal): void;
}

/** After the answer's own end the connection may be kept if the provider closes the answer by then. */
const TAIL_MS = 1_000;

const FAILURES: Readonly<Record<UpstreamFailure, Refusal>> = {
  unreachable: { kind: 'upstream-unreachable' },
  timeout: { kind: 'upstream-timeout' },
  broken: { kind: 'upstream-broken' },
};

export function passAnswer(parts: AnswerParts): RunningAnswer {
  const { reader, limits } = parts;
  const { promise, resolve } = Promise.withResolvers<Outcome>();
  let [status, providerRequestId]: [number?, string?] = [];
  let answerBytes = 0;
  // The client has its ending; the outcome is told, and what the provider sent until then is counted; the provider ended.
  let [isTold, isSettled, isOver] = [false, false, false];
  let timer: NodeJS.Timeout | undefined;
  let upstream: UpstreamCall | undefined;
  let pieces: Pieces | undefined;

  const abort = (): void => {
    if (!isOver) upstream?.abort();
  };
  const tell = (ending: Ending, refusal?: Refusal): void => {
    isSettled = true;
    clearTimeout(timer);
    clearTimeout(longest);
    reply.release();
    if (!isOver) timer = setTimeout(abort, TAIL_MS).unref();
    const { reading } = reader;
    resolve({ ending, status, providerRequestId, reading, answerBytes, left: reply.isGone, refusal });
  };
  const refuse = (refusal: Refusal, ending: Ending, then = (settle: () => void): unknown => settle()): void => {
    if (isTold) return;
    // Before the abort, which may come back here as a failure of the provider.
    isTold = true;
    reply.refuse(refusal);
    reply.release();
    then(() => {
      abort();
      tell(ending, refusal);
    });
  };
  const finish = (body?: Buffer, ending: Ending = 'complete'): void => {
    if (isTold) return;
    isTold = true;
    reply.end(body);
    tell(ending);
  };
  const tooLong: Refusal = { kind: 'call-too-long', limitMs: limits.callMs };
  const longest = setTimeout(() => refuse(tooLong, 'cut'), limits.callMs).unref();
  const reply = createReply({
    response: parts.response,
    dialect: parts.dialect,
    headers: parts.headers,
    slowClientMs: limits.slowClientMs,
    onGone() {
      if (isTold) return;
      if (parts.onLeave === 'abort') return refuse({ kind: 'upstream-broken' }, 'cut');
      timer = setTimeout(() => refuse({ kind: 'upstream-timeout' }, 'cut'), limits.drainMs).unref();
      upstream?.resume();
    },
    onFull: () => upstream?.pause(),
    onRoom: () => upstream?.resume(),
  });
  upstream = parts.send({
    onStart(code, headers) {
      status = code;
      providerRequestId = oneOf(headers['request-id'] ?? headers['x-request-id']);
      reply.setHead(code, headers);
      const write = (bytes: Buffer): void => void (isTold || reply.write(bytes));
      pieces = createPieces(parts, code, headers, { write, finish, refuse });
    },
    onData(chunk) {
      if (isSettled) return;
      answerBytes += chunk.length;
      pieces?.take(chunk);
    },
    onEnd() {
      isOver = true;
      if (isTold) clearTimeout(timer);
      else pieces?.end();
    },
    onFailure(failure) {
      isOver = true;
      if (isTold) return clearTimeout(timer);
      const isError = status !== undefined && status >= 300;
      refuse(FAILURES[failure], failure === 'unreachable' || isError ? 'not-served' : 'broken');
    },
  });
  // A stop ends thousands at once: every client is told before the first of the calls is settled.
  return { outcome: promise, end: (refusal) => refuse(refusal, 'cut', parts.later) };
}

/** Takes the pieces of an answer as they come. */
interface Pieces {
  take(chunk: Buffer): void;
  end(): void;
}

function createPieces(parts: AnswerParts, status: number, headers: AnswerHeaders, outlets: Outlets): Pieces {
  const isStream = status < 300 && String(headers['content-type']).startsWith('text/event-stream');
  return isStream ? createStream(parts, outlets) : createWhole(parts, status, outlets);
}

interface Outlets {
  write(bytes: Buffer): void;
  finish(body?: Buffer, ending?: Ending): void;
  refuse(refusal: Refusal, ending: Ending): void;
}

function createStream({ reader, guards, limits }: AnswerParts, { write, finish, refuse }: Outlets): Pieces {
  // Guards look at every event.
  const parser = createSseParser(limits.answerBytes, guards.length === 0 ? reader.skip : undefined);
  const takeEvent = (event: SseEvent): boolean => {
    const isOurs = !event.isSkipped && reader.event(event);
    const block = firstBlock(guards, event);
    if (block) {
      refuse({ kind: 'guarded', ...block }, 'cut');
      return false;
    }
    if (!isOurs) write(event.raw);
    if (!reader.reading.hasEnded) return true;
    finish();
    return false;
  };
  return {
    take(chunk) {
      try {
        parser.feed(chunk, takeEvent);
      } catch (error) {
        if (!(error instanceof SseTooLong)) throw error;
        refuse({ kind: 'upstream-broken' }, 'cut');
      }
    },
    end() {
      const rest = parser.end();
      if (rest) reader.event(rest);
      const { isFinal, hasFailed, stopReason } = reader.reading;
      if (!isFinal && !hasFailed && stopReason === undefined) return refuse({ kind: 'upstream-broken' }, 'broken');
      // A last event without its blank line counts if it is whole; half an event would break the client's reader.
      if (rest && isWhole(rest)) takeEvent(rest);
      finish();
    },
  };
}

function createWhole({ reader, guards, limits }: AnswerParts, status: number, outlets: Outlets): Pieces {
  const kept: Buffer[] = [];
  let bytes = 0;
  const screen = async (body: Buffer): Promise<void> => {
    for (const guard of guards) {
      const block = await guard.answer(body);
      if (block) return outlets.refuse({ kind: 'guarded', ...block }, 'complete');
    }
    outlets.finish(body);
  };
  const readWhole = (body: Buffer): void => {
    const answer = parseJson(body);
    reader.body(answer);
    if (answer === undefined) outlets.refuse({ kind: 'upstream-broken' }, 'complete');
    else if (guards.length === 0) outlets.finish(body);
    else screen(body).catch(() => outlets.refuse({ kind: 'unavailable', detail: 'a guard failed' }, 'complete'));
  };
  return {
    take(chunk) {
      kept.push(chunk);
      bytes += chunk.length;
      if (bytes > limits.answerBytes) {
        outlets.refuse({ kind: 'answer-too-large', limitBytes: limits.answerBytes }, 'cut');
      }
    },
    end() {
      const body = kept.length === 1 && kept[0] ? kept[0] : Buffer.concat(kept);
      if (status < 300) {
        readWhole(body);
      } else if (status < 400) {
        outlets.refuse({ kind: 'upstream-broken' }, 'not-served');
      } else if (status === 401) {
        // That the gateway's own key is wrong is not the caller's affair.
        outlets.refuse({ kind: 'upstream-refused-us' }, 'not-served');
      } else {
        outlets.finish(body, 'not-served');
      }
    },
  };
}

function isWhole({ data }: SseEvent): boolean {
  return data === '[DONE]' || parseJson(Buffer.from(data ?? '')) !== undefined;
}

function firstBlock(guards: readonly GuardSession[], event: SseEvent): GuardBlock | undefined {
  for (const guard of guards) {
    const block = guard.event(event);
    if (block) return block;
  }
  return undefined;
}

function parseJson(body: Buffer): Json | undefined {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    return undefined;
  }
}

const oneOf = (value: string | string[] | undefined): string | undefined => (Array.isArray(value) ? value[0] : value);
