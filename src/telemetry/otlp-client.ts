/**
 * Spans to an OpenTelemetry collector: OTLP over HTTP with JSON. Telemetry never holds up a call: what cannot be sent
 * is dropped and counted.
 */
import { request } from 'undici';
import type { RandomBytes } from '../lib/id.ts';
import { type AttributeValue, type CallFacts, GEN_AI_SCHEMA_URL, toSpanAttributes, toSpanName } from './gen-ai.ts';

export interface SpanExporter {
  add(facts: CallFacts): void;
  readonly dropped: number;
  close(): Promise<void>;
}

const BATCH_SPANS = 512;
const QUEUE_SPANS = 4_096;
const FLUSH_MS = 2_000;
const SEND_MS = 5_000;
const CLIENT_KIND = 3;
const ERROR_STATUS = 2;

/** `endpoint` as OTEL_EXPORTER_OTLP_ENDPOINT has it: without `/v1/traces`. */
export function createSpanExporter(endpoint: string, random: RandomBytes): SpanExporter {
  const url = `${endpoint.replace(/\/+$/, '')}/v1/traces`;
  let queue: object[] = [];
  let dropped = 0;
  let sending: Promise<void> = Promise.resolve();
  const send = async (spans: readonly object[]): Promise<void> => {
    try {
      const answer = await request(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(toPayload(spans)),
        headersTimeout: SEND_MS,
        bodyTimeout: SEND_MS,
      });
      await answer.body.dump();
      if (answer.statusCode >= 300) dropped += spans.length;
    } catch {
      dropped += spans.length;
    }
  };
  const flush = (): void => {
    const spans = queue.slice(0, BATCH_SPANS);
    queue = queue.slice(BATCH_SPANS);
    if (spans.length > 0) sending = sending.then(() => send(spans));
  };
  const timer = setInterval(flush, FLUSH_MS).unref();
  return {
    add(facts) {
      if (queue.length >= QUEUE_SPANS) dropped += 1;
      else queue.push(toSpan(facts, random));
    },
    get dropped() {
      return dropped;
    },
    async close() {
      clearInterval(timer);
      while (queue.length > 0) flush();
      await sending;
    },
  };
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const nanos = (ms: number): string => `${BigInt(Math.round(ms * 1_000)) * 1_000n}`;

/** Version, trace id, parent span id, flags. */
const TRACEPARENT = /^00-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}$/;

function toSpan(facts: CallFacts, random: RandomBytes): object {
  const [, traceId = hex(random(16)), parentSpanId] = TRACEPARENT.exec(facts.traceparent ?? '') ?? [];
  return {
    ...{ traceId, spanId: hex(random(8)), name: toSpanName(facts), kind: CLIENT_KIND },
    ...(parentSpanId !== undefined && { parentSpanId }),
    startTimeUnixNano: nanos(facts.startedMs),
    endTimeUnixNano: nanos(facts.endedMs),
    attributes: Object.entries(toSpanAttributes(facts)).map(([key, value]) => ({ key, value: toValue(value) })),
    status: facts.code === undefined ? {} : { code: ERROR_STATUS, message: facts.code },
  };
}

function toValue(value: AttributeValue): object {
  if (typeof value === 'string') return { stringValue: value };
  if (typeof value === 'boolean') return { boolValue: value };
  if (typeof value === 'number') return { intValue: String(value) };
  return { arrayValue: { values: value.map((each) => ({ stringValue: each })) } };
}

function toPayload(spans: readonly object[]): object {
  const attributes = [{ key: 'service.name', value: { stringValue: 'headstart-gateway' } }];
  const scopeSpans = [{ scope: { name: 'headstart' }, spans, schemaUrl: GEN_AI_SCHEMA_URL }];
  return { resourceSpans: [{ resource: { attributes }, scopeSpans, schemaUrl: GEN_AI_SCHEMA_URL }] };
}
