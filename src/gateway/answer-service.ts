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
  type SseParser,
  SseTooLong,
} from '../dialect/index.ts';
import { REACH_MS } from '../journal/index.ts';
import type { Later } from '../lib/backlog.ts';
import type { Json } from '../lib/canonical-json.ts';
import type { GuardBlock, GuardSession } from './guard-hook.ts';
import type { AnswerHeaders } from './http-answer.ts';
import { type ClientWatcher, createReply, type Reply } from './reply-service.ts';
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

/** After the answer's own end the connection may be kept if the provider closes the answer by then. */
const TAIL_MS = 1_000;

const FAILURES: Readonly<Record<UpstreamFailure, Refusal>> = {
  unreachable: { kind: 'upstream-unreachable' },
  timeout: { kind: 'upstream-timeout' },
  broken: { kind: 'upstream-broken' },
};

/**
 * One object for each call, where closures would be two dozen: with these, what a call held was collected late, and every
 * collection moved it about.
 */
export class RunningAnswer implements UpstreamListener, ClientWatcher {
  readonly outcome: Promise<Outcome>;
  readonly #resolve: (outcome: Outcome) => void;
  readonly #parts: AnswerParts;
  readonly #reply: Reply;
  readonly #upstream: UpstreamCall;
  #pieces: Pieces | undefined = undefined;
  #status: number | undefined = undefined;
  #providerRequestId: string | undefined = undefined;
  #answerBytes = 0;
  /** The client has its ending. */
  #isTold = false;
  /** The outcome is told, and what the provider sent until then is counted. */
  #isSettled = false;
  /** The provider ended. */
  #isOver = false;
  readonly #longest: NodeJS.Timeout;
  #timer: NodeJS.Timeout | undefined = undefined;

  constructor(parts: AnswerParts) {
    const { promise, resolve } = Promise.withResolvers<Outcome>();
    const { response, dialect, headers, limits } = parts;
    this.outcome = promise;
    this.#resolve = resolve;
    this.#parts = parts;
    // First: where it throws, nothing is left behind.
    this.#upstream = parts.send(this);
    this.#longest = setTimeout(endTooLong, limits.callMs, this, limits.callMs).unref();
    this.#reply = createReply({ response, dialect, headers, slowClientMs: limits.slowClientMs, watcher: this });
  }

  /** A stop ends thousands at once: every client is told before the first of the calls is settled. */
  end(refusal: Refusal): void {
    this.refuse(refusal, 'cut', this.#parts.later);
  }

  onStart(code: number, headers: AnswerHeaders): void {
    this.#status = code;
    this.#providerRequestId = oneOf(headers['request-id'] ?? headers['x-request-id']);
    this.#reply.setHead(code, headers);
    const isStream = code < 300 && String(headers['content-type']).startsWith('text/event-stream');
    this.#pieces = isStream ? new StreamPieces(this.#parts, this) : new WholePieces(this.#parts, code, this);
  }

  onData(chunk: Buffer): void {
    if (this.#isSettled) return;
    this.#answerBytes += chunk.length;
    this.#pieces?.take(chunk);
  }

  onEnd(): void {
    this.#isOver = true;
    if (this.#isTold) clearTimeout(this.#timer);
    else this.#pieces?.end();
  }

  onFailure(failure: UpstreamFailure): void {
    this.#isOver = true;
    if (this.#isTold) {
      clearTimeout(this.#timer);
      return;
    }
    const isError = this.#status !== undefined && this.#status >= 300;
    this.refuse(FAILURES[failure], failure === 'unreachable' || isError ? 'not-served' : 'broken');
  }

  onGone(): void {
    if (this.#isTold) return;
    const { onLeave, limits } = this.#parts;
    if (onLeave === 'abort') {
      this.refuse({ kind: 'upstream-broken' }, 'cut');
      return;
    }
    this.#timer = setTimeout(() => this.refuse({ kind: 'upstream-timeout' }, 'cut'), limits.drainMs).unref();
    this.#upstream.resume();
  }

  onFull(): void {
    this.#upstream.pause();
  }

  onRoom(): void {
    this.#upstream.resume();
  }

  write(bytes: Buffer): void {
    if (!this.#isTold) this.#reply.write(bytes);
  }

  finish(body?: Buffer, ending: Ending = 'complete'): void {
    if (this.#isTold) return;
    this.#isTold = true;
    this.#reply.end(body);
    this.#tell(ending);
  }

  refuse(refusal: Refusal, ending: Ending, later: Later = atOnce): void {
    if (this.#isTold) return;
    // Before the abort, which may come back here as a failure of the provider.
    this.#isTold = true;
    this.#reply.refuse(refusal);
    this.#reply.release();
    later(() => {
      this.abort();
      this.#tell(ending, refusal);
    });
  }

  abort(): void {
    if (!this.#isOver) this.#upstream.abort();
  }

  #tell(ending: Ending, refusal?: Refusal): void {
    this.#isSettled = true;
    clearTimeout(this.#timer);
    clearTimeout(this.#longest);
    this.#reply.release();
    if (!this.#isOver) this.#timer = setTimeout(abortTail, TAIL_MS, this).unref();
    this.#resolve({
      ending,
      status: this.#status,
      providerRequestId: this.#providerRequestId,
      reading: this.#parts.reader.reading,
      answerBytes: this.#answerBytes,
      left: this.#reply.isGone,
      refusal,
    });
  }
}

const atOnce: Later = (work) => work();
const abortTail = (answer: RunningAnswer): void => answer.abort();
const endTooLong = (answer: RunningAnswer, limitMs: number): void =>
  answer.refuse({ kind: 'call-too-long', limitMs }, 'cut');

interface Pieces {
  take(chunk: Buffer): void;
  end(): void;
}

class StreamPieces implements Pieces {
  readonly #reader: AnswerReader;
  readonly #guards: readonly GuardSession[];
  readonly #answer: RunningAnswer;
  readonly #parser: SseParser;

  constructor({ reader, guards, limits }: AnswerParts, answer: RunningAnswer) {
    this.#reader = reader;
    this.#guards = guards;
    this.#answer = answer;
    // Guards look at every event.
    this.#parser = createSseParser(limits.answerBytes, guards.length === 0 ? reader.skip : undefined);
  }

  take(chunk: Buffer): void {
    try {
      this.#parser.feed(chunk, (event) => this.#takeEvent(event));
    } catch (error) {
      if (!(error instanceof SseTooLong)) throw error;
      this.#answer.refuse({ kind: 'upstream-broken' }, 'cut');
    }
  }

  end(): void {
    const rest = this.#parser.end();
    if (rest) this.#reader.event(rest);
    const { isFinal, hasFailed, stopReason } = this.#reader.reading;
    if (!isFinal && !hasFailed && stopReason === undefined) {
      this.#answer.refuse({ kind: 'upstream-broken' }, 'broken');
      return;
    }
    // A last event without its blank line counts if it is whole; half an event would break the client's reader.
    if (rest && isWhole(rest)) this.#takeEvent(rest);
    this.#answer.finish();
  }

  #takeEvent(event: SseEvent): boolean {
    const isOurs = !event.isSkipped && this.#reader.event(event);
    const block = firstBlock(this.#guards, event);
    if (block) {
      this.#answer.refuse({ kind: 'guarded', ...block }, 'cut');
      return false;
    }
    if (!isOurs) this.#answer.write(event.raw);
    if (!this.#reader.reading.hasEnded) return true;
    this.#answer.finish();
    return false;
  }
}

class WholePieces implements Pieces {
  readonly #parts: AnswerParts;
  readonly #status: number;
  readonly #answer: RunningAnswer;
  readonly #kept: Buffer[] = [];
  #bytes = 0;

  constructor(parts: AnswerParts, status: number, answer: RunningAnswer) {
    this.#parts = parts;
    this.#status = status;
    this.#answer = answer;
  }

  take(chunk: Buffer): void {
    const { answerBytes } = this.#parts.limits;
    this.#kept.push(chunk);
    this.#bytes += chunk.length;
    if (this.#bytes > answerBytes) {
      this.#answer.refuse({ kind: 'answer-too-large', limitBytes: answerBytes }, 'cut');
    }
  }

  end(): void {
    const kept = this.#kept;
    const body = kept.length === 1 && kept[0] ? kept[0] : Buffer.concat(kept);
    if (this.#status < 300) {
      this.#readWhole(body);
    } else if (this.#status < 400) {
      this.#answer.refuse({ kind: 'upstream-broken' }, 'not-served');
    } else if (this.#status === 401) {
      // That the gateway's own key is wrong is not the caller's affair.
      this.#answer.refuse({ kind: 'upstream-refused-us' }, 'not-served');
    } else {
      this.#answer.finish(body, 'not-served');
    }
  }

  #readWhole(body: Buffer): void {
    const { reader, guards } = this.#parts;
    const said = parseJson(body);
    reader.body(said);
    if (said === undefined) this.#answer.refuse({ kind: 'upstream-broken' }, 'complete');
    else if (guards.length === 0) this.#answer.finish(body);
    else {
      this.#screen(body).catch(() =>
        this.#answer.refuse({ kind: 'unavailable', detail: 'a guard failed' }, 'complete'),
      );
    }
  }

  async #screen(body: Buffer): Promise<void> {
    for (const guard of this.#parts.guards) {
      const block = await guard.answer(body);
      if (block) {
        this.#answer.refuse({ kind: 'guarded', ...block }, 'complete');
        return;
      }
    }
    this.#answer.finish(body);
  }
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
