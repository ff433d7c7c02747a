/** The door: what the outside may know of calls. */
export type { CallFacts } from './gen-ai.ts';
export { createMetrics, type Metrics } from './metrics.ts';
export { createSpanExporter, type SpanExporter } from './otlp-client.ts';
