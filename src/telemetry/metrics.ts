/** Counters of one gateway in the Prometheus text format. Labels are models, protocols and closed sets: few and nobody's. */
import { type CallFacts, toTokenAttributes } from './gen-ai.ts';

export interface Metrics {
  observe(facts: CallFacts): void;
  refused(code: string): void;
  text(liveCalls: number): string;
}

/** Upper bounds of the duration's buckets, seconds, as the conventions advise. */
const BUCKETS = [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92];

interface Histogram {
  readonly counts: number[];
  sum: number;
  count: number;
}

export function createMetrics(): Metrics {
  const counters = new Map<string, Map<string, number>>();
  const durations = new Map<string, Histogram>();
  const add = (name: string, labels: string, amount: number): void => {
    const series = counters.get(name) ?? new Map<string, number>();
    series.set(labels, (series.get(labels) ?? 0) + amount);
    counters.set(name, series);
  };
  return {
    observe(facts) {
      const { model, protocol, outcome, stream } = facts;
      const labels = toLabels({ model, protocol });
      add('headstart_calls_total', toLabels({ model, protocol, outcome, stream: String(stream) }), 1);
      add('headstart_cost_micro_dollars_total', labels, facts.costMicro);
      for (const [name, tokens] of Object.entries(toTokenAttributes(facts.tokens))) {
        const metric = name.replace('gen_ai.usage.', 'gen_ai.client.inference.usage.').replaceAll('.', '_');
        add(`${metric}_total`, labels, tokens);
      }
      observeDuration(durations, labels, (facts.endedMs - facts.startedMs) / 1_000);
    },
    refused: (code) => add('headstart_refusals_total', toLabels({ code }), 1),
    text(liveCalls) {
      const lines = ['# TYPE headstart_live_calls gauge', `headstart_live_calls ${liveCalls}`];
      for (const [name, series] of counters) {
        lines.push(`# TYPE ${name} counter`);
        for (const [labels, value] of series) lines.push(`${name}{${labels}} ${value}`);
      }
      return `${[...lines, ...toHistogramLines('gen_ai_client_operation_duration_seconds', durations)].join('\n')}\n`;
    },
  };
}

function observeDuration(durations: Map<string, Histogram>, labels: string, seconds: number): void {
  const histogram = durations.get(labels) ?? { counts: BUCKETS.map(() => 0), sum: 0, count: 0 };
  for (const [index, bound] of BUCKETS.entries()) {
    if (seconds <= bound) histogram.counts[index] = (histogram.counts[index] ?? 0) + 1;
  }
  histogram.sum += seconds;
  histogram.count += 1;
  durations.set(labels, histogram);
}

function toHistogramLines(name: string, series: ReadonlyMap<string, Histogram>): string[] {
  const lines = series.size === 0 ? [] : [`# TYPE ${name} histogram`];
  for (const [labels, { counts, sum, count }] of series) {
    for (const [index, bound] of BUCKETS.entries())
      lines.push(`${name}_bucket{${labels},le="${bound}"} ${counts[index]}`);
    lines.push(
      `${name}_bucket{${labels},le="+Inf"} ${count}`,
      `${name}_sum{${labels}} ${sum}`,
      `${name}_count{${labels}} ${count}`,
    );
  }
  return lines;
}

function toLabels(labels: Readonly<Record<string, string>>): string {
  return Object.entries(labels)
    .map(
      ([name, value]) => `${name}="${value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')}"`,
    )
    .join(',');
}
