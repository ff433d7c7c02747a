/**
 * Where checks of meaning hook in: of the request before anything is reserved, of every event of a stream before the
 * client sees it, of the whole answer where it is not streamed. A guard that cannot decide refuses. Which guards looked
 * and what they said stands in the receipt; where no guard is set, the receipt says so by an empty list.
 */
import type { CallRequest, JsonDocument, SseEvent } from '../dialect/index.ts';

export interface GuardedCall {
  readonly organisation: string;
  readonly person: string;
  readonly model: string;
  readonly scope: string | null;
  readonly request: CallRequest;
  readonly document: JsonDocument;
}

export interface GuardBlock {
  readonly rule: string;
  /** For the caller: says nothing of the texts that others sent. */
  readonly reason: string;
}

export interface GuardVerdict {
  readonly guard: string;
  readonly verdict: 'passed' | 'blocked' | 'not-run';
  readonly rule?: string;
}

/** Made anew for each call. */
export interface GuardSession {
  request(): GuardBlock | undefined | Promise<GuardBlock | undefined>;
  /** Before the event is passed on. A block ends the stream; nothing of this event or after it reaches the client. */
  event(event: SseEvent): GuardBlock | undefined;
  answer(body: Buffer): GuardBlock | undefined | Promise<GuardBlock | undefined>;
  verdict(): GuardVerdict;
}

export interface Guard {
  readonly name: string;
  open(call: GuardedCall): GuardSession;
}
