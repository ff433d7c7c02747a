/** What the two request forms of OpenAI have in common: tools, tiers with prices of their own, and the error form. */
import type { Json } from '../lib/canonical-json.ts';
import { ok, type Result, refuse } from '../lib/result.ts';
import type { UnreadableRequest } from './dialect.ts';
import { isObject, type JsonObject } from './json-text.ts';
import { type Refusal, toWire } from './refusal.ts';
import { MAX_TOOLS, pickFields, ROUTING_FIELDS } from './request-field.ts';
import { nameOf, readTokens, type Usage } from './usage.ts';

export type Read<T> = Result<T, UnreadableRequest>;

export const wrong = (field: string, expected: string) =>
  refuse<UnreadableRequest>({ kind: 'wrong-field', field, expected });
export const unpriced = (feature: string) => refuse<UnreadableRequest>({ kind: 'unpriced', feature });

export const stored = (what: string) => refuse<UnreadableRequest>({ kind: 'stored', what });

/** Counts of what the input holds. */
export interface Seen {
  images: number;
  pointsElsewhere: boolean;
  /** What of it is kept at the provider. */
  stored: string | undefined;
}

const DECLARED = ['safety_identifier', 'user', 'metadata', 'access_programs', 'service_tier', 'prompt_cache_key'];
/** `auto` is the project's own setting at the provider; the others are dearer or cheaper than the list. */
const PRICED_TIERS = new Set<Json>(['auto', 'default']);
/** Tools that the client runs. */
const CLIENT_TOOLS = new Set([
  'function',
  'custom',
  'namespace',
  'computer',
  'computer_use_preview',
  'local_shell',
  'apply_patch',
]);

export function pickDeclared(body: JsonObject): Record<string, Json> {
  return pickFields(body, DECLARED);
}

/** Chosen by the request, and in no list of token prices: other models, searches, answers that nobody gets to see. */
const UNPRICED_FIELDS = [
  ...ROUTING_FIELDS,
  ...['fallbacks', 'prediction', 'best_of', 'use_beam_search'],
  ...['audio', 'web_search_options', 'search_parameters', 'enable_search', 'web_search'],
  ...['background', 'deferred', 'context_management', 'image', 'moderation'],
];

export function checkPriced(body: JsonObject): Read<undefined> {
  for (const field of UNPRICED_FIELDS) {
    const value = body[field] ?? false;
    if (value !== false && !(Array.isArray(value) && value.length === 0)) return unpriced(field);
  }
  return PRICED_TIERS.has(body.service_tier ?? 'auto') ? ok(undefined) : unpriced('service_tier');
}

/** Undefined where the request leaves it to the model. */
export function readLimit(body: JsonObject, field: string): Read<number | undefined> {
  const value = body[field] ?? null;
  if (value === null) return ok(undefined);
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 1) return ok(value);
  return wrong(field, 'a whole number from 1');
}

export function readTools(value: Json | undefined): Read<string[]> {
  if (value === undefined || value === null) return ok([]);
  if (!Array.isArray(value)) return wrong('tools', 'a list');
  if (value.length > MAX_TOOLS) return wrong('tools', `at most ${MAX_TOOLS}`);
  const names: string[] = [];
  for (const tool of value as readonly Json[]) {
    if (!isObject(tool) || typeof tool.type !== 'string') return wrong('tools', 'a list of objects with a type');
    const { type } = tool;
    // A shell runs with the client only where it says so.
    const isClients =
      type === 'shell' ? isObject(tool.environment) && tool.environment.type === 'local' : CLIENT_TOOLS.has(type);
    if (!isClients) return unpriced('a tool that the provider runs');
    const places = [tool, tool.function, tool.custom];
    const named = places.flatMap((place) => (isObject(place) ? (nameOf(place.name) ?? []) : []));
    const within = readTools(tool.tools);
    if (!within.ok) return within;
    names.push(...(named.length > 0 ? named : [type]), ...within.value);
    if (names.length > MAX_TOOLS) return wrong('tools', `at most ${MAX_TOOLS}`);
  }
  return ok(names);
}

/** A picture given by address is fetched by the provider; one in the body is counted. */
export function lookAtImage(address: Json | undefined, seen: Seen): void {
  seen.images += 1;
  if (typeof address !== 'string' || !address.startsWith('data:')) seen.pointsElsewhere = true;
}

/** Input tokens include what was read from the cache and what was written to it. NaN anywhere means unreadable. */
export function toUsage(usage: JsonObject, input: string, inputDetails: string, output: string): Usage | undefined {
  const details = partOf(usage[inputDetails]);
  const all = readTokens(usage[input]) ?? Number.NaN;
  const cacheRead = readTokens(details?.cached_tokens) ?? 0;
  const written = readTokens(details?.cache_write_tokens) ?? 0;
  const long = readTokens(partOf(details?.cache_write_tokens_details)?.ttl_12h_tokens) ?? 0;
  const outputTokens = readTokens(usage[output]) ?? Number.NaN;
  const rest = all - cacheRead - written;
  // Comparisons with NaN are false: whatever could not be read ends here.
  if (!(rest >= 0 && written >= long && outputTokens >= 0)) return undefined;
  return { input: rest, cacheRead, cacheWrite5m: written - long, cacheWrite1h: long, output: outputTokens };
}

const partOf = (value: Json | undefined): JsonObject | undefined => (isObject(value) ? value : undefined);

export function toErrorBody(refusal: Refusal): string {
  const { code, message } = toWire(refusal);
  return JSON.stringify({ error: { message, type: ERROR_TYPES[refusal.kind], param: null, code } });
}

const ERROR_TYPES: Readonly<Record<Refusal['kind'], string>> = {
  unauthenticated: 'authentication_error',
  'proof-required': 'authentication_error',
  'model-not-found': 'not_found_error',
  'wrong-protocol': 'invalid_request_error',
  'no-such-route': 'not_found_error',
  'receipt-not-found': 'not_found_error',
  stopped: 'permission_error',
  revoked: 'permission_error',
  'invalid-access-program': 'invalid_request_error',
  'scope-required': 'invalid_request_error',
  'scope-unknown': 'permission_error',
  guarded: 'permission_error',
  'invalid-request': 'invalid_request_error',
  'too-large': 'invalid_request_error',
  'too-slow': 'timeout_error',
  'rate-limited': 'rate_limit_error',
  'over-budget': 'insufficient_quota',
  unavailable: 'server_error',
  draining: 'server_error',
  'upstream-unreachable': 'server_error',
  'upstream-timeout': 'server_error',
  'call-too-long': 'server_error',
  'upstream-broken': 'server_error',
  'upstream-refused-us': 'server_error',
  'answer-too-large': 'server_error',
};
