/**
 * Tokens by class, as the provider counts them. Figures that a provider repeats during a stream are running totals: the
 * last one stands, zero included, and they are never added up and never compared (`message_delta.usage` is cumulative).
 */
import type { Json } from '../lib/canonical-json.ts';
import { isObject, type JsonObject } from './json-text.ts';

/** No token stands in two classes. */
export interface Usage {
  readonly input: number;
  readonly cacheRead: number;
  readonly cacheWrite5m: number;
  readonly cacheWrite1h: number;
  readonly output: number;
}

export interface Hop {
  /** As the provider names it; undefined means the model asked for. */
  readonly model: string | undefined;
  readonly usage: Usage;
}

/** What an answer has shown so far. */
export interface Reading {
  /** Everything on the input side is known. */
  readonly inputIsKnown: boolean;
  /** The provider gave its last figures. */
  readonly isFinal: boolean;
  readonly usage: Usage;
  /** More than one model worked on the answer and each is billed; empty otherwise. */
  readonly hops: readonly Hop[];
  /** A figure was no number of tokens. */
  readonly isUnreadable: boolean;
  /** The answer's own end was seen: nothing that follows counts. */
  readonly hasEnded: boolean;
  /** Bytes of text, thinking and tool input: each token is at least one. */
  readonly contentBytes: number;
  readonly hidesOutput: boolean;
  readonly servedModel: string | undefined;
  readonly stopReason: string | undefined;
  readonly stopDetails: Json | undefined;
  /** The provider's own id of the answer. */
  readonly answerId: string | undefined;
  /** The provider said that it failed, inside an answer that had begun with success. */
  readonly hasFailed: boolean;
}

export type MutableReading = { -readonly [Field in keyof Reading]: Reading[Field] };

export function createReading(hidesOutput: boolean): MutableReading {
  return {
    inputIsKnown: false,
    isFinal: false,
    usage: { input: 0, cacheRead: 0, cacheWrite5m: 0, cacheWrite1h: 0, output: 0 },
    hops: [],
    isUnreadable: false,
    hasEnded: false,
    contentBytes: 0,
    hidesOutput,
    servedModel: undefined,
    stopReason: undefined,
    stopDetails: undefined,
    answerId: undefined,
    hasFailed: false,
  };
}

/** Undefined where the field is absent or null; NaN where it is there and no number of tokens. */
export function readTokens(value: Json | undefined): number | undefined {
  if (value === undefined || value === null) return undefined;
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 && value <= MAX_TOKENS
    ? value
    : Number.NaN;
}

/** More than any model holds, and small enough that its price stays exact. */
const MAX_TOKENS = 1_000_000_000;

export function bytesOf(value: Json | undefined): number {
  return typeof value === 'string' ? Buffer.byteLength(value) : 0;
}

export function textOf(value: Json | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

const MAX_NAME_CHARS = 256;

/** Of a tool: compared with stops and kept beside live calls. */
export function nameOf(value: Json | undefined): string | undefined {
  return typeof value === 'string' ? value.slice(0, MAX_NAME_CHARS).toWellFormed().replaceAll('\0', '') : undefined;
}

/** Answers come from outside: what is no JSON is no event. */
export function parseData(data: string | undefined): JsonObject | undefined {
  if (data === undefined) return undefined;
  try {
    const value: Json = JSON.parse(data);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
