/** A model behind the gate: where it is, what it costs, to whom it is open. */
import { sha256Hex } from '../lib/hash.ts';
import { ok, type Result, refuse } from '../lib/result.ts';
import { isTier, type Stage, stricter, type Tier } from './tier.ts';

/** Micro-dollars per million tokens. */
export interface FlatPrices {
  readonly input: number;
  readonly output: number;
  readonly cacheWrite5m: number;
  readonly cacheWrite1h: number;
  readonly cacheRead: number;
}

/** What every token of a request costs whose input, cached or not, is longer than that. */
export interface PriceTier extends FlatPrices {
  readonly aboveInputTokens: number;
}

export interface Prices extends FlatPrices {
  /** From the shortest on; absent where one price holds for every length. */
  readonly tiers?: readonly PriceTier[] | undefined;
}

export interface ModelView {
  /** The public name, which callers ask for. */
  readonly id: string;
  readonly protocol: 'anthropic' | 'openai';
  readonly url: string;
  readonly upstreamName: string;
  /** The environment variable that holds the provider's key. */
  readonly apiKeyEnv: string;
  readonly prices: Prices;
  readonly contextTokens: number;
  readonly maxOutputTokens: number;
  /** What becomes of the upstream call when the client leaves. */
  readonly onLeave: 'abort' | 'drain';
  readonly minTier: Tier;
}

export interface Model extends ModelView {
  /** The lowest tier to which a decision opened it; undefined where none speaks. */
  readonly stage: Stage | undefined;
  /** By the database's clock; absent where the stage stays open until somebody decides otherwise. */
  readonly stageEndsAt?: Date;
  /** Only a decision opens it; the operator's word narrows it. */
  readonly isByDecision?: true;
}

/** As it is at an instant of the database's clock: from its end on a stage is closed. */
export const modelAt = (model: Model, at: Date): Model =>
  model.stageEndsAt !== undefined && model.stageEndsAt <= at ? { ...model, stage: 'closed' } : model;

/** The lowest tier that may use it now. */
export const openTo = ({ minTier, stage }: Model): Stage => (stage === undefined ? minTier : stricter(minTier, stage));

/** Tells one state of a model from another, and from there being none. */
export const versionOf = (model: Model | undefined): string => sha256Hex(JSON.stringify(model ?? null));

/** What release says of a model, and nobody writes down. */
const RELEASES: ReadonlySet<keyof Model> = new Set(['stage', 'stageEndsAt', 'isByDecision'] as const);

/** Names of what differs. */
export function changedFields(before: Model, after: Model): readonly string[] {
  const names = Object.keys(after) as (keyof Model)[];
  return names.filter((name) => !RELEASES.has(name) && JSON.stringify(before[name]) !== JSON.stringify(after[name]));
}

export interface ModelRefusal {
  readonly kind: 'malformed-model';
  readonly why: string;
}

const MODEL_ID = /^[a-zA-Z0-9][a-zA-Z0-9._:/@-]{0,127}$/;
const VARIABLE = /^[A-Za-z_][A-Za-z0-9_]{0,127}$/;
const PRICES = ['input', 'output', 'cacheWrite5m', 'cacheWrite1h', 'cacheRead'] as const;
/** A million dollars a million tokens. */
const MAX_PRICE = 1_000_000_000_000;
const MAX_PRICE_TIERS = 8;
const MAX_TOKENS = 100_000_000;
const DEFAULT_CONTEXT_TOKENS = 1_000_000;
const DEFAULT_MAX_OUTPUT_TOKENS = 128_000;

/** What somebody wrote down of a model, checked. */
export interface ModelInput {
  readonly id: string;
  readonly protocol: string;
  readonly url: string;
  readonly apiKeyEnv: string;
  readonly prices: unknown;
  readonly upstreamName?: string | undefined;
  readonly contextTokens?: number | undefined;
  readonly maxOutputTokens?: number | undefined;
  readonly onLeave?: string | undefined;
  readonly minTier?: string | undefined;
}

export function readModel(input: ModelInput): Result<Model, ModelRefusal> {
  const malformed = (why: string) => refuse<ModelRefusal>({ kind: 'malformed-model', why });
  const { id, protocol, url, apiKeyEnv, onLeave = 'abort', minTier = 'general' } = input;
  const { contextTokens = DEFAULT_CONTEXT_TOKENS } = input;
  const { maxOutputTokens = Math.min(DEFAULT_MAX_OUTPUT_TOKENS, contextTokens) } = input;
  const upstreamName = input.upstreamName ?? id;
  if (!MODEL_ID.test(id)) return malformed('the id is letters, digits and . _ : / @ -, at most 128');
  if (!MODEL_ID.test(upstreamName)) return malformed('the upstream name is letters, digits and . _ : / @ -');
  if (protocol !== 'anthropic' && protocol !== 'openai') return malformed('the protocol is anthropic or openai');
  if (!isUpstreamUrl(url)) return malformed('the address is http:// or https://, without login, query or fragment');
  if (!VARIABLE.test(apiKeyEnv)) return malformed('the key is named by an environment variable, not given');
  if (onLeave !== 'abort' && onLeave !== 'drain') return malformed('on leave: abort or drain');
  if (!isTier(minTier)) return malformed('there is no such tier');
  if (!isCount(contextTokens) || !isCount(maxOutputTokens)) return malformed('token counts are whole and positive');
  if (maxOutputTokens > contextTokens) return malformed('the longest answer is within the context');
  const prices = readPrices(input.prices);
  if (!prices.ok) return prices;
  const limits = { contextTokens, maxOutputTokens };
  return ok({
    id,
    protocol,
    url,
    upstreamName,
    apiKeyEnv,
    prices: prices.value,
    ...limits,
    onLeave,
    minTier,
    stage: undefined,
  });
}

type Loose = Readonly<Record<string, unknown>>;
const toLoose = (value: unknown): Loose => (typeof value === 'object' && value !== null ? (value as Loose) : {});

function readPrices(value: unknown): Result<Prices, ModelRefusal> {
  const { tiers, ...given } = toLoose(value);
  const flat = readFlatPrices(given);
  if (!flat.ok || tiers === undefined) return flat;
  if (!Array.isArray(tiers) || tiers.length > MAX_PRICE_TIERS) {
    return refuse({ kind: 'malformed-model', why: `the price tiers are a list of ${MAX_PRICE_TIERS} at most` });
  }
  const read: PriceTier[] = [];
  for (const each of tiers) {
    const { aboveInputTokens, ...rest } = toLoose(each);
    const prices = readFlatPrices(rest);
    if (!prices.ok) return prices;
    const floor = read.at(-1)?.aboveInputTokens ?? 0;
    if (typeof aboveInputTokens !== 'number' || !isCount(aboveInputTokens) || aboveInputTokens <= floor) {
      return refuse({ kind: 'malformed-model', why: 'aboveInputTokens is a whole number, rising from tier to tier' });
    }
    read.push({ aboveInputTokens, ...prices.value });
  }
  return ok(read.length === 0 ? flat.value : { ...flat.value, tiers: read });
}

/** Every price is named: an unknown price could not be reserved for. */
function readFlatPrices(given: Loose): Result<FlatPrices, ModelRefusal> {
  for (const name of PRICES) {
    const price = given[name];
    if (typeof price !== 'number' || !Number.isSafeInteger(price) || price < 0 || price > MAX_PRICE) {
      return refuse({ kind: 'malformed-model', why: `the price ${name} is not a whole number of micro-dollars` });
    }
  }
  const unknown = Object.keys(given).find((name) => !PRICES.some((each) => each === name));
  if (unknown !== undefined) return refuse({ kind: 'malformed-model', why: `there is no price ${unknown}` });
  const { input, output, cacheWrite5m, cacheWrite1h, cacheRead } = given as unknown as FlatPrices;
  return ok({ input, output, cacheWrite5m, cacheWrite1h, cacheRead });
}

const isCount = (value: number): boolean => Number.isSafeInteger(value) && value > 0 && value <= MAX_TOKENS;

function isUpstreamUrl(text: string): boolean {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || !['http:', 'https:'].includes(url.protocol)) return false;
  return !url.username && !url.password && !url.search && !url.hash;
}
