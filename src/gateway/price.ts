/** What a call can cost at most, and what it did cost: whole micro-dollars, rounded up once a call. */
import type { Attempt, CallRequest, Usage } from '../dialect/index.ts';
import { ok, type Result, refuse } from '../lib/result.ts';

/** Micro-dollars per million tokens. */
interface FlatPrices {
  readonly input: number;
  readonly output: number;
  readonly cacheWrite5m: number;
  readonly cacheWrite1h: number;
  readonly cacheRead: number;
}

interface PriceTier extends FlatPrices {
  readonly aboveInputTokens: number;
}

export interface Prices extends FlatPrices {
  /** For every token of a request whose input, cached or not, is longer; rising. */
  readonly tiers?: readonly PriceTier[] | undefined;
}

export interface PricedModel {
  readonly upstreamName: string;
  readonly prices: Prices;
  readonly contextTokens: number;
  readonly maxOutputTokens: number;
}

/** What the provider adds to any request: role marks, a prompt for structured output. */
export const REQUEST_OVERHEAD_TOKENS = 512;
/** The prompt that explains the use of tools, once a request. */
export const TOOL_OVERHEAD_TOKENS = 4_096;
/** The most that any known model counts for one picture. */
export const IMAGE_TOKENS = 49_152;

const MILLION = 1_000_000n;

/** The price of tokens, in millionths of a micro-dollar. */
export function weigh(usage: Usage, all: Prices): bigint {
  const inputTokens = usage.input + usage.cacheRead + usage.cacheWrite5m + usage.cacheWrite1h;
  const prices = all.tiers?.findLast(({ aboveInputTokens }) => inputTokens > aboveInputTokens) ?? all;
  // Every term is a whole number from 0: where the sum is exact as a number, so is each of them.
  const weight =
    usage.input * prices.input +
    usage.cacheRead * prices.cacheRead +
    usage.cacheWrite5m * prices.cacheWrite5m +
    usage.cacheWrite1h * prices.cacheWrite1h +
    usage.output * prices.output;
  return Number.isSafeInteger(weight) ? BigInt(weight) : weighLarge(usage, prices);
}

function weighLarge(usage: Usage, prices: FlatPrices): bigint {
  return (
    BigInt(usage.input) * BigInt(prices.input) +
    BigInt(usage.cacheRead) * BigInt(prices.cacheRead) +
    BigInt(usage.cacheWrite5m) * BigInt(prices.cacheWrite5m) +
    BigInt(usage.cacheWrite1h) * BigInt(prices.cacheWrite1h) +
    BigInt(usage.output) * BigInt(prices.output)
  );
}

/** Rounded up. */
export function toMicro(weight: bigint): bigint {
  return (weight + MILLION - 1n) / MILLION;
}

export interface Bound {
  readonly reservedMicro: number;
  /** Of the model asked for. */
  readonly inputTokens: number;
  /** The dearest class of input at each length it can have, with the price of output there. */
  readonly rates: readonly Rate[];
}

interface Rate {
  readonly input: number;
  readonly output: number;
}

export interface TooDear {
  readonly kind: 'too-dear';
}

/**
 * Every token is at least one byte of the body, except where the request says otherwise. With fallbacks each model may
 * work and be billed, one after the other: a model that gives up in mid-answer is.
 */
export function boundCall(
  request: CallRequest,
  bodyBytes: number,
  models: readonly PricedModel[],
): Result<Bound, TooDear> {
  let weight = 0n;
  let next = 0;
  for (const attempt of request.attempts) {
    const model = models[next];
    if (!model) return refuse({ kind: 'too-dear' });
    next += 1;
    const output = BigInt(outputTokens(attempt, model)) * BigInt(request.answers);
    const input = inputTokens(request, bodyBytes, model);
    weight += weighDearest(input, output, reachableRates(request, input, model.prices));
  }
  const reservedMicro = Number(toMicro(weight));
  const first = models[0];
  if (!first || !Number.isSafeInteger(reservedMicro)) return refuse({ kind: 'too-dear' });
  const input = inputTokens(request, bodyBytes, first);
  return ok({ reservedMicro, inputTokens: input, rates: reachableRates(request, input, first.prices) });
}

/** The most that so many tokens can cost where it is not known at which of the rates. */
export function weighDearest(inputTokens: number, outputTokens: bigint, rates: readonly Rate[]): bigint {
  let most = 0n;
  for (const { input, output } of rates) {
    const weight = BigInt(inputTokens) * BigInt(input) + outputTokens * BigInt(output);
    if (weight > most) most = weight;
  }
  return most;
}

/** A request may turn out shorter than its bound, and shorter may be dearer. */
function reachableRates(request: CallRequest, inputTokens: number, prices: Prices): readonly Rate[] {
  const flat = { input: inputPrice(request, prices), output: prices.output };
  if (!prices.tiers) return [flat];
  const tiers = prices.tiers.filter(({ aboveInputTokens }) => inputTokens > aboveInputTokens);
  return [flat, ...tiers.map((each) => ({ input: inputPrice(request, each), output: each.output }))];
}

function inputTokens(request: CallRequest, bodyBytes: number, { contextTokens }: PricedModel): number {
  if (request.pointsElsewhere) return contextTokens;
  const tools = request.tools.length > 0 ? TOOL_OVERHEAD_TOKENS : 0;
  return Math.min(contextTokens, bodyBytes + REQUEST_OVERHEAD_TOKENS + tools + request.images * IMAGE_TOKENS);
}

function outputTokens({ maxOutputTokens }: Attempt, model: PricedModel): number {
  return maxOutputTokens ?? model.maxOutputTokens;
}

/** The dearest class that the input can fall into. */
function inputPrice({ cacheWrites }: CallRequest, prices: FlatPrices): number {
  const write5m = cacheWrites === 'none' ? 0 : prices.cacheWrite5m;
  const write1h = cacheWrites === '1h' ? prices.cacheWrite1h : 0;
  return Math.max(prices.input, prices.cacheRead, write5m, write1h);
}
