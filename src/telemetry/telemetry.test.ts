import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import { test } from 'node:test';
import { systemRandom } from '../lib/id.ts';
import { type CallFacts, createMetrics, createSpanExporter } from './index.ts';

const FACTS: CallFacts = {
  ...{
    call: 'call_1',
    protocol: 'anthropic',
    operation: 'chat',
    model: 'm"1',
    servedModel: 'm-2026',
    answerId: 'msg_1',
  },
  ...{ stopReason: 'end_turn', stream: true, outcome: 'complete', code: undefined, costMicro: 77 },
  tokens: { input: 1, cacheRead: 20, cacheWrite5m: 300, cacheWrite1h: 4_000, output: 9 },
  ...{ startedMs: 1_000, endedMs: 1_250 },
  traceparent: `00-${'ab'.repeat(16)}-${'cd'.repeat(8)}-01`,
};

test('a span joins the trace of its client and counts cached tokens within input, as the conventions do', async () => {
  const bodies: unknown[] = [];
  const server = createServer((request, response) => {
    void json(request).then((body) => {
      bodies.push([request.url, body]);
      response.end('{}');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const exporter = createSpanExporter(`http://127.0.0.1:${port}/`, systemRandom);
  exporter.add(FACTS);
  await exporter.close();
  server.closeAllConnections();
  server.close();
  assert.equal(exporter.dropped, 0);
  const [[url, body]] = bodies as [
    [string, { resourceSpans: { scopeSpans: { spans: Record<string, unknown>[] }[] }[] }],
  ];
  assert.equal(url, '/v1/traces');
  const span = body.resourceSpans[0]?.scopeSpans[0]?.spans[0];
  assert.ok(span);
  assert.equal(span.traceId, 'ab'.repeat(16));
  assert.equal(span.parentSpanId, 'cd'.repeat(8));
  assert.equal(span.endTimeUnixNano, '1250000000');
  const attributes = Object.fromEntries(
    (span.attributes as { key: string; value: object }[]).map(({ key, value }) => [key, Object.values(value)[0]]),
  );
  assert.equal(attributes['gen_ai.usage.input_tokens'], '4321');
  assert.equal(attributes['gen_ai.usage.cache_write.input_tokens'], '4300');
  assert.equal(attributes['gen_ai.usage.cache_creation.input_tokens'], '4300');
  assert.equal(attributes['gen_ai.response.model'], 'm-2026');
});

test('a collector that is away holds nothing up: spans are dropped and counted', async () => {
  const exporter = createSpanExporter('http://127.0.0.1:1', systemRandom);
  exporter.add(FACTS);
  await exporter.close();
  assert.equal(exporter.dropped, 1);
});

test('metrics are in the Prometheus format, with labels escaped', () => {
  const metrics = createMetrics();
  metrics.observe(FACTS);
  metrics.observe({ ...FACTS, endedMs: 100_000 });
  metrics.refused('over_budget');
  const text = metrics.text(3);
  assert.match(text, /^headstart_live_calls 3$/m);
  assert.match(text, /^headstart_cost_micro_dollars_total\{model="m\\"1",protocol="anthropic"\} 154$/m);
  assert.match(text, /^gen_ai_client_inference_usage_output_tokens_total\{.*\} 18$/m);
  assert.match(text, /_bucket\{.*le="0\.32"\} 1$/m);
  assert.match(text, /_bucket\{.*le="\+Inf"\} 2$/m);
  assert.match(text, /^headstart_refusals_total\{code="over_budget"\} 1$/m);
  for (const line of text.trimEnd().split('\n')) assert.match(line, /^(# TYPE \w+ \w+|\w+(\{.*\})? -?[\d.e+]+)$/);
});
