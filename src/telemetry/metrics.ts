/** Counters of one gateway in the Prometheus text format. Labels are models, protocols and closed sets: few and nobody's. */
import { type CallFacts, type TokenFigures, toTokenAttributes } from './gen-ai.ts';

export interface Metrics {
  observe(facts: CallFacts): void;
  refused(code: string): void;
  text(liveCalls: number): string;
}

/** Upper bounds of the duration's buckets, seconds, as the conventions advise. */
const BUCKETS = [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92];

interface Histogram {
  /** Of each bucket by itself; added up when they are asked for. */
  readonly counts: number[];
  sum: number;
  count: number;
}

/** What is counted for one model and protocol. Labels are written out when they are asked for, not call by call. */
interface Series {
  readonly labels: string;
  /** By stream, then by outcome. */
  readonly calls: readonly [Map<string, number>, Map<string, number>];
  readonly tokens: { -readonly [Kind in keyof TokenFigures]: number };
  readonly duration: Histogram;
  costMicro: number;
}

const countUp = (counts: Map<string, number>, name: string, by: number): void =>
  void counts.set(name, (counts.get(name) ?? 0) + by);

export function createMetrics(): Metrics {
  const byModel = new Map<string, Series>();
  const refusals = new Map<string, number>();
  const open = (name: string, labels: string): Series => {
    const duration: Histogram = { counts: BUCKETS.map(() => 0), sum: 0, count: 0 };
    const tokens = { input: 0, cacheRead: 0, cacheWrite5m: 0, cacheWrite1h: 0, output: 0 };
    const series: Series = { labels, calls: [new Map(), new Map()], tokens, duration, costMicro: 0 };
    byModel.set(name, series);
    return series;
  };
  return {
    observe({ model, protocol, outcome, stream, costMicro, tokens, startedMs, endedMs }) {
      const name = `${protocol} ${model}`;
      const series = byModel.get(name) ?? open(name, toLabels({ model, protocol }));
      countUp(series.calls[stream ? 1 : 0], outcome, 1);
      series.costMicro += costMicro;
      addTokens(series.tokens, tokens);
      observeDuration(series.duration, (endedMs - startedMs) / 1_000);
    },
    refused: (code) => countUp(refusals, code, 1),
    text(liveCalls) {
      const all = [...byModel.values()];
      const lines = [
        ...['# TYPE headstart_live_calls gauge', `headstart_live_calls ${liveCalls}`],
        ...toCounterLines(all, refusals),
        ...toHistogramLines('gen_ai_client_operation_duration_seconds', all),
      ];
      return `${lines.join('\n')}\n`;
    },
  };
}

function addTokens(sum: Series['tokens'], tokens: TokenFigures): void {
  sum.input += tokens.input;
  sum.cacheRead += tokens.cacheRead;
  sum.cacheWrite5m += tokens.cacheWrite5m;
  sum.cacheWrite1h += tokens.cacheWrite1h;
  sum.output += tokens.output;
}

function observeDuration(histogram: Histogram, seconds: number): void {
  const bucket = BUCKETS.findIndex((bound) => seconds <= bound);
  if (bucket >= 0) histogram.counts[bucket] = (histogram.counts[bucket] ?? 0) + 1;
  histogram.sum += seconds;
  histogram.count += 1;
}

function toCounterLines(all: readonly Series[], refusals: ReadonlyMap<string, number>): string[] {
  const counters = new Map<string, string[]>();
  const say = (name: string, labels: string, value: number): void => {
    const lines = counters.get(name) ?? [`# TYPE ${name} counter`];
    lines.push(`${name}{${labels}} ${value}`);
    counters.set(name, lines);
  };
  for (const { labels, calls, tokens, costMicro } of all) {
    for (const [index, counts] of calls.entries()) {
      const stream = String(index === 1);
      for (const [outcome, count] of counts) {
        say('headstart_calls_total', `${labels},${toLabels({ outcome, stream })}`, count);
      }
    }
    say('headstart_cost_micro_dollars_total', labels, costMicro);
    for (const [name, count] of Object.entries(toTokenAttributes(tokens))) {
      const metric = name.replace('gen_ai.usage.', 'gen_ai.client.inference.usage.').replaceAll('.', '_');
      say(`${metric}_total`, labels, count);
    }
  }
  for (const [code, count] of refusals) say('headstart_refusals_total', toLabels({ code }), count);
  return [...counters.values()].flat();
}

function toHistogramLines(name: string, all: readonly Series[]): string[] {
  const lines = all.length === 0 ? [] : [`# TYPE ${name} histogram`];
  for (const { labels, duration } of all) {
    let upTo = 0;
    for (const [index, bound] of BUCKETS.entries()) {
      upTo += duration.counts[index] ?? 0;
      lines.push(`${name}_bucket{${labels},le="${bound}"} ${upTo}`);
    }
    lines.push(
      `${name}_bucket{${labels},le="+Inf"} ${duration.count}`,
      `${name}_sum{${labels}} ${duration.sum}`,
      `${name}_count{${labels}} ${duration.count}`,
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
