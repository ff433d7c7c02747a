/**
 * The one place that knows the OpenTelemetry conventions for generative AI. None of their attributes is stable, so the
 * version is pinned here; where two names are in use for one figure both are given. No prompt, no answer, no key and no
 * name of a person is in any of it.
 */
export const GEN_AI_SCHEMA_URL = 'https://opentelemetry.io/schemas/1.42.0';

export interface CallFacts {
  readonly call: string;
  readonly protocol: 'anthropic' | 'openai';
  readonly operation: 'chat' | 'count_tokens';
  /** Public name of a granted model. */
  readonly model: string;
  readonly servedModel: string | undefined;
  readonly answerId: string | undefined;
  readonly stopReason: string | undefined;
  readonly stream: boolean;
  /** How it ended: a closed set. */
  readonly outcome: string;
  /** The stable code of a refusal of ours, or undefined. */
  readonly code: string | undefined;
  readonly tokens: TokenFigures;
  readonly costMicro: number;
  /** Milliseconds since 1970. */
  readonly startedMs: number;
  readonly endedMs: number;
  /** W3C trace context of the client, where it sent one. */
  readonly traceparent: string | undefined;
}

export interface TokenFigures {
  readonly input: number;
  readonly cacheRead: number;
  readonly cacheWrite5m: number;
  readonly cacheWrite1h: number;
  readonly output: number;
}

export type AttributeValue = string | number | boolean | readonly string[];

/** The conventions count cached tokens within input; providers and our own books do not. */
export function toTokenAttributes(tokens: TokenFigures): Record<string, number> {
  const written = tokens.cacheWrite5m + tokens.cacheWrite1h;
  return {
    'gen_ai.usage.input_tokens': tokens.input + tokens.cacheRead + written,
    'gen_ai.usage.output_tokens': tokens.output,
    'gen_ai.usage.cache_read.input_tokens': tokens.cacheRead,
    'gen_ai.usage.cache_write.input_tokens': written,
    'gen_ai.usage.cache_creation.input_tokens': written,
  };
}

export function toSpanName({ operation, model }: CallFacts): string {
  return `${operation} ${model}`;
}

export function toSpanAttributes(facts: CallFacts): Record<string, AttributeValue> {
  return {
    'gen_ai.operation.name': facts.operation,
    'gen_ai.provider.name': facts.protocol,
    'gen_ai.request.model': facts.model,
    'gen_ai.request.stream': facts.stream,
    ...(facts.servedModel !== undefined && { 'gen_ai.response.model': facts.servedModel }),
    ...(facts.answerId !== undefined && { 'gen_ai.response.id': facts.answerId }),
    ...(facts.stopReason !== undefined && { 'gen_ai.response.finish_reasons': [facts.stopReason] }),
    ...(facts.code !== undefined && { 'error.type': facts.code }),
    ...toTokenAttributes(facts.tokens),
    'headstart.call': facts.call,
    'headstart.outcome': facts.outcome,
    'headstart.cost_micro': facts.costMicro,
  };
}
