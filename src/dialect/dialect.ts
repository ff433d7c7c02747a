/**
 * What the gateway asks of a model protocol: read a request far enough to bound its price, read an answer far enough to
 * settle it, and say no in the protocol's own words. Nothing here changes what is passed on.
 */
import type { Json } from '../lib/canonical-json.ts';
import type { Result } from '../lib/result.ts';
import type { JsonDocument } from './json-text.ts';
import type { Refusal } from './refusal.ts';
import type { Skip, SseEvent } from './sse.ts';
import type { Reading } from './usage.ts';

export type Protocol = 'anthropic' | 'openai';

/** One model that may answer: the one asked for, or a fallback of the request's own. */
export interface Attempt {
  readonly model: string;
  /** Tokens for one answer; the model's own limit where undefined. */
  readonly maxOutputTokens: number | undefined;
}

export interface CallRequest {
  /** The model asked for, then its fallbacks in order. Never empty. */
  readonly attempts: readonly [Attempt, ...Attempt[]];
  readonly stream: boolean;
  /** Alternative answers asked for at once. */
  readonly answers: number;
  /** Pictures carried in the body: a few bytes can be many tokens. */
  readonly images: number;
  /** The input holds something that the body does not: a URL, a file, an earlier response. */
  readonly pointsElsewhere: boolean;
  /** The longest-lived cache entry that the request can write. */
  readonly cacheWrites: 'none' | '5m' | '1h';
  /** Output tokens can be produced that are not sent: thinking, reasoning. */
  readonly hidesOutput: boolean;
  /** By name, or by type where a tool has no name. */
  readonly tools: readonly string[];
  /** Passed on untouched, and kept in the receipt. */
  readonly declared: Readonly<Record<string, Json>>;
}

export type UnreadableRequest =
  | { readonly kind: 'wrong-field'; readonly field: string; readonly expected: string }
  /** A feature with a price of its own that the price list does not have. */
  | { readonly kind: 'unpriced'; readonly feature: string }
  /** Kept at the provider, where one key serves everybody: whose it is cannot be told. */
  | { readonly kind: 'stored'; readonly what: string };

/** Replaces `[start, end)` of the request's text. */
export interface Edit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

export interface AnswerReader {
  /** Counts what is known by its bytes, in place of `event`. */
  readonly skip?: Skip;
  /** True where the event is there only because we asked for it, and is not for the client. */
  event(event: SseEvent): boolean;
  body(answer: Json | undefined): void;
  readonly reading: Reading;
}

export interface Dialect {
  readonly protocol: Protocol;
  readonly path: string;
  /** Costs nothing at the provider. */
  readonly isFree: boolean;
  readRequest(body: Readonly<Record<string, Json>>): Result<CallRequest, UnreadableRequest>;
  /** What must change before it is passed on: names of models, and the wish for usage figures. */
  toEdits(document: JsonDocument, upstreamNames: readonly string[]): readonly Edit[];
  createReader(document: JsonDocument): AnswerReader;
  toStatus(refusal: Refusal): number;
  toErrorBody(refusal: Refusal): string;
  /** Ends a stream that has begun; the stream stands at the boundary of two events. */
  toErrorEvent(refusal: Refusal): string;
}
