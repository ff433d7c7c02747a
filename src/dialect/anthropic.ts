/** The Messages API of Anthropic. Field names are the protocol's own. */
import type { Json } from '../lib/canonical-json.ts';
import { ok, type Result, refuse } from '../lib/result.ts';
import { toErrorBody } from './anthropic-error.ts';
import type { Attempt, CallRequest, Dialect, Edit, UnreadableRequest } from './dialect.ts';
import { isObject, type JsonDocument, type JsonObject } from './json-text.ts';
import { toWire } from './refusal.ts';
import { MAX_TOOLS, pickFields, ROUTING_FIELDS } from './request-field.ts';
import type { SseEvent } from './sse.ts';
import {
  bytesOf,
  createReading,
  type Hop,
  type MutableReading,
  nameOf,
  parseData,
  readTokens,
  textOf,
  type Usage,
} from './usage.ts';

export const anthropicMessages: Dialect = {
  protocol: 'anthropic',
  path: '/v1/messages',
  isFree: false,
  readRequest: (body) => readRequest(body, true),
  toEdits,
  createReader: (document) => createReader(isThinking(document.value.thinking), () => wantsHourCache(document)),
  toStatus: (refusal) => toWire(refusal).status,
  toErrorBody,
  toErrorEvent: (refusal) => `event: error\ndata: ${toErrorBody(refusal)}\n\n`,
};

/** Counting is free and streams nothing; every other step is the same. */
export const anthropicCountTokens: Dialect = {
  ...anthropicMessages,
  path: '/v1/messages/count_tokens',
  isFree: true,
  readRequest: (body) => readRequest(body, false),
};

type Read<T> = Result<T, UnreadableRequest>;

const wrong = (field: string, expected: string) => refuse<UnreadableRequest>({ kind: 'wrong-field', field, expected });
const unpriced = (feature: string) => refuse<UnreadableRequest>({ kind: 'unpriced', feature });

/** Runs where the provider runs it, or costs more than its tokens: none has a place in a list of token prices. */
const UNPRICED_FIELDS = [
  ...ROUTING_FIELDS,
  ...['mcp_servers', 'container', 'compaction', 'inference_geo', 'billing_policy', 'thread'],
];
/** Tools that the client runs; a tool without a type, or of type custom, is one too. */
const CLIENT_TOOL = /^(custom|bash|text_editor|computer|computer_toolset|browser_toolset|memory)(_\d{8})?$/;
const DECLARED = [
  'metadata',
  'user_profile_id',
  'access_programs',
  'fallbacks',
  'fallback_credit_token',
  'service_tier',
];

function readRequest(body: JsonObject, needsMaxTokens: boolean): Read<CallRequest> {
  if (typeof body.model !== 'string') return wrong('model', 'the name of a model');
  const maxTokens = body.max_tokens;
  if (needsMaxTokens && !isCount(maxTokens)) return wrong('max_tokens', 'a whole number from 1');
  if (!Array.isArray(body.messages)) return wrong('messages', 'a list');
  if (body.stream !== undefined && typeof body.stream !== 'boolean') return wrong('stream', 'true or false');
  const fallbacks = readFallbacks(body.fallbacks ?? null, maxTokens);
  if (!fallbacks.ok) return fallbacks;
  const priced = checkPriced(body);
  if (!priced.ok) return priced;
  const seen: Seen = {
    images: 0,
    pointsElsewhere: false,
    stored: false,
    cacheWrites: cacheOf(body.cache_control, 'none'),
  };
  lookAtContent(body.system, seen);
  for (const message of body.messages as readonly Json[]) {
    if (!isObject(message)) return wrong('messages', 'a list of objects');
    lookAtContent(message.content, seen);
  }
  if (seen.stored) return refuse({ kind: 'stored', what: 'a file' });
  const tools = readTools(body.tools, seen);
  if (!tools.ok) return tools;
  return ok({
    attempts: [{ model: body.model, maxOutputTokens: isCount(maxTokens) ? maxTokens : undefined }, ...fallbacks.value],
    stream: needsMaxTokens && body.stream === true,
    answers: 1,
    images: seen.images,
    pointsElsewhere: seen.pointsElsewhere,
    cacheWrites: seen.cacheWrites,
    hidesOutput: isThinking(body.thinking),
    tools: tools.value,
    declared: pickFields(body, DECLARED),
  });
}

function isCount(value: Json | undefined): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 1;
}

function readFallbacks(value: Json, maxTokens: Json | undefined): Read<Attempt[]> {
  if (value === null) return ok([]);
  // The string "default" leaves the choice of models to the provider: they could not be checked against the grants.
  if (!Array.isArray(value)) return wrong('fallbacks', 'a list that names its models');
  const attempts: Attempt[] = [];
  for (const entry of value as readonly Json[]) {
    if (!isObject(entry) || typeof entry.model !== 'string') return wrong('fallbacks', 'objects with a model');
    const asked = entry.max_tokens ?? maxTokens;
    if (!isCount(asked)) return wrong('fallbacks', 'a max_tokens from 1');
    if ((entry.speed ?? 'standard') !== 'standard') return unpriced('speed');
    attempts.push({ model: entry.model, maxOutputTokens: asked });
  }
  if (attempts.length > MAX_FALLBACKS) return wrong('fallbacks', `at most ${MAX_FALLBACKS} models`);
  return ok(attempts);
}

const MAX_FALLBACKS = 8;

function checkPriced(body: JsonObject): Read<undefined> {
  for (const field of UNPRICED_FIELDS) {
    const value = body[field] ?? null;
    if (value !== null && !(Array.isArray(value) && value.length === 0)) return unpriced(field);
  }
  if ((body.speed ?? 'standard') !== 'standard') return unpriced('speed');
  const edits = isObject(body.context_management) ? body.context_management.edits : undefined;
  const named = Array.isArray(edits) ? (edits as readonly Json[]) : [];
  const clearing = (edit: Json): boolean => isObject(edit) && /^clear_/.test(String(edit.type));
  return named.every(clearing) ? ok(undefined) : unpriced('context_management');
}

interface Seen {
  images: number;
  pointsElsewhere: boolean;
  stored: boolean;
  cacheWrites: 'none' | '5m' | '1h';
}

function cacheOf(control: Json | undefined, before: Seen['cacheWrites']): Seen['cacheWrites'] {
  if (!isObject(control) || before === '1h') return before;
  return (control.ttl ?? '5m') === '5m' ? '5m' : '1h';
}

/** What is not known to lie in the body whole counts as lying elsewhere. */
function lookAtContent(content: Json | undefined, seen: Seen): void {
  if (!Array.isArray(content)) {
    if (content !== undefined && typeof content !== 'string') seen.pointsElsewhere = true;
    return;
  }
  for (const block of content as readonly Json[]) {
    if (!isObject(block)) seen.pointsElsewhere = true;
    else lookAtBlock(block, seen);
  }
}

function lookAtBlock(block: JsonObject, seen: Seen): void {
  seen.cacheWrites = cacheOf(block.cache_control, seen.cacheWrites);
  const source = isObject(block.source) ? block.source.type : undefined;
  if (source === 'file' || block.type === 'container_upload') seen.stored = true;
  switch (block.type) {
    case 'text':
    case 'thinking':
    case 'redacted_thinking':
    case 'tool_use':
    case 'fallback':
      return;
    case 'search_result':
    case 'tool_result':
      if (block.content !== undefined) lookAtContent(block.content, seen);
      return;
    case 'image':
      seen.images += 1;
      if (source !== 'base64') seen.pointsElsewhere = true;
      return;
    case 'document':
      // A page of a PDF is a picture and text that lie compressed in it: bytes bound nothing.
      if (source === 'content' && isObject(block.source)) lookAtContent(block.source.content, seen);
      else if (source !== 'text') seen.pointsElsewhere = true;
      return;
    default:
      seen.pointsElsewhere = true;
  }
}

function readTools(value: Json | undefined, seen: Seen): Read<string[]> {
  if (value === undefined || value === null) return ok([]);
  if (!Array.isArray(value)) return wrong('tools', 'a list');
  if (value.length > MAX_TOOLS) return wrong('tools', `at most ${MAX_TOOLS}`);
  const names: string[] = [];
  for (const tool of value as readonly Json[]) {
    if (!isObject(tool)) return wrong('tools', 'a list of objects');
    const type = tool.type ?? 'custom';
    if (typeof type !== 'string') return wrong('tools', 'a type in words');
    if (!CLIENT_TOOL.test(type)) return unpriced('a tool that the provider runs');
    seen.cacheWrites = cacheOf(tool.cache_control, seen.cacheWrites);
    names.push(nameOf(tool.name) ?? type);
  }
  return ok(names);
}

function isThinking(thinking: Json | undefined): boolean {
  return isObject(thinking) && thinking.type !== 'disabled';
}

const wantsHourCache = ({ text }: JsonDocument): boolean => text.includes('"1h"');

function toEdits({ value, spans }: JsonDocument, upstreamNames: readonly string[]): Edit[] {
  const edits: Edit[] = [];
  const replace = (field: string, to: Json): void => {
    const span = spans.get(field);
    if (span) edits.push({ ...span, text: JSON.stringify(to) });
  };
  const [first, ...others] = upstreamNames;
  if (first !== undefined && value.model !== first) replace('model', first);
  const named = Array.isArray(value.fallbacks) ? (value.fallbacks as readonly JsonObject[]) : [];
  if (named.some((entry, index) => entry.model !== others[index])) {
    replace(
      'fallbacks',
      named.map((entry, index) => ({ ...entry, model: others[index] ?? null })),
    );
  }
  return edits;
}

/** Running totals of one account; null and absent mean "as before". */
interface Totals {
  input: number | undefined;
  output: number | undefined;
  cacheRead: number | undefined;
  created: number | undefined;
  created5m: number | undefined;
  created1h: number | undefined;
}

function createReader(hidesOutput: boolean, hourCache: () => boolean) {
  const reading = createReading(hidesOutput);
  const totals = noTotals();
  const take = (usage: Json | undefined): void => {
    if (!isObject(usage)) return;
    if (!merge(totals, usage)) reading.isUnreadable = true;
    reading.inputIsKnown ||= totals.input !== undefined;
    reading.usage = toUsage(totals, hourCache);
    readHops(usage.iterations, reading, hourCache);
  };
  const begin = (message: JsonObject): void => {
    reading.servedModel = textOf(message.model) ?? reading.servedModel;
    reading.answerId = textOf(message.id) ?? reading.answerId;
    take(message.usage);
  };
  const stop = (delta: JsonObject): void => {
    reading.stopReason = textOf(delta.stop_reason) ?? reading.stopReason;
    if (delta.stop_details !== undefined && delta.stop_details !== null) reading.stopDetails = delta.stop_details;
  };
  return {
    reading,
    skip(text: string, from: number): number {
      let end = from;
      for (let bytes = plainTextBytes(text, end); bytes >= 0; bytes = plainTextBytes(text, end)) {
        reading.contentBytes += bytes;
        end = PLAIN_TEXT.lastIndex;
      }
      return end;
    },
    event(read: SseEvent): boolean {
      const event = parseData(read.data);
      switch (event?.type) {
        case 'message_start':
          if (isObject(event.message)) begin(event.message);
          break;
        case 'content_block_start':
          lookAtOutput(event.content_block, reading);
          break;
        case 'content_block_delta':
          lookAtDelta(event.delta, reading);
          break;
        case 'message_delta':
          if (isObject(event.delta)) stop(event.delta);
          take(event.usage);
          reading.isFinal = reading.stopReason !== undefined && isObject(event.usage);
          break;
        case 'message_stop':
          reading.hasEnded = true;
          break;
        case 'error':
          reading.hasFailed = true;
          reading.hasEnded = true;
          break;
        default:
          break;
      }
      return false;
    },
    body(answer: Json | undefined): void {
      if (!isObject(answer)) return;
      begin(answer);
      stop(answer);
      if (Array.isArray(answer.content)) for (const block of answer.content) lookAtOutput(block, reading);
      reading.isFinal = isObject(answer.usage);
      reading.hasEnded = true;
    },
  };
}

/**
 * The event that a stream mostly consists of, as the API writes it: a piece of text without escapes. What is not exactly
 * that is read as JSON.
 */
const PLAIN_TEXT =
  /event: content_block_delta\ndata: \{"type":"content_block_delta","index":(?:0|[1-9]\d{0,8}),"delta":\{"type":"text_delta","text":"([ !#-[\]-\xff]*)"\} *\} *\n\n/y;

/** Negative where another event stands there. */
function plainTextBytes(text: string, from: number): number {
  PLAIN_TEXT.lastIndex = from;
  return PLAIN_TEXT.exec(text)?.[1]?.length ?? -1;
}

function lookAtOutput(block: Json | undefined, reading: MutableReading): void {
  if (!isObject(block)) return;
  if (block.type === 'thinking' || block.type === 'redacted_thinking') reading.hidesOutput = true;
  // What produced it is billed, whatever it shows; that one hop gave way to the next is no output.
  if (block.type === 'fallback') {
    if (isObject(block.to)) reading.servedModel = textOf(block.to.model) ?? reading.servedModel;
    return;
  }
  reading.contentBytes += bytesOf(block.text) + bytesOf(block.thinking) + bytesOf(block.data) + bytesOf(block.name);
  if (isObject(block.input) && Object.keys(block.input).length > 0) {
    reading.contentBytes += Buffer.byteLength(JSON.stringify(block.input));
  }
}

function lookAtDelta(delta: Json | undefined, reading: MutableReading): void {
  if (!isObject(delta)) return;
  if (delta.type === 'thinking_delta' || delta.type === 'signature_delta') reading.hidesOutput = true;
  reading.contentBytes +=
    bytesOf(delta.text) + bytesOf(delta.thinking) + bytesOf(delta.partial_json) + bytesOf(delta.signature);
}

function noTotals(): Totals {
  return {
    input: undefined,
    output: undefined,
    cacheRead: undefined,
    created: undefined,
    created5m: undefined,
    created1h: undefined,
  };
}

/** False where a figure was no number of tokens; that one is left as it was. */
function merge(totals: Totals, usage: JsonObject): boolean {
  const split = isObject(usage.cache_creation) ? usage.cache_creation : undefined;
  let isReadable = true;
  const take = (field: keyof Totals, value: Json | undefined): void => {
    const tokens = readTokens(value);
    if (Number.isNaN(tokens)) isReadable = false;
    else if (tokens !== undefined) totals[field] = tokens;
  };
  take('input', usage.input_tokens);
  take('output', usage.output_tokens);
  take('cacheRead', usage.cache_read_input_tokens);
  take('created', usage.cache_creation_input_tokens);
  take('created5m', split?.ephemeral_5m_input_tokens);
  take('created1h', split?.ephemeral_1h_input_tokens);
  return isReadable;
}

/** `input_tokens` excludes both cache classes. A write without its lifetime has the longest that was asked for. */
function toUsage(totals: Totals, hourCache: () => boolean): Usage {
  const split = (totals.created5m ?? 0) + (totals.created1h ?? 0);
  const created = totals.created ?? split;
  const hour = split === 0 && created > 0 && hourCache() ? created : Math.min(totals.created1h ?? 0, created);
  return {
    input: totals.input ?? 0,
    cacheRead: totals.cacheRead ?? 0,
    cacheWrite5m: created - hour,
    cacheWrite1h: hour,
    output: totals.output ?? 0,
  };
}

/** Of several hops each is billed at the prices of its own model; one that was refused before output is not billed. */
function readHops(iterations: Json | undefined, reading: MutableReading, hourCache: () => boolean): void {
  if (!Array.isArray(iterations)) return;
  const hops: Hop[] = [];
  let servedByFallback = false;
  for (const entry of iterations as readonly Json[]) {
    if (!isObject(entry)) continue;
    const totals = noTotals();
    if (!merge(totals, entry)) reading.isUnreadable = true;
    if (entry.type === 'fallback_message') servedByFallback = true;
    const usage = toUsage(totals, hourCache);
    if (entry.type === 'fallback_message' || usage.output > 0) hops.push({ model: textOf(entry.model), usage });
  }
  reading.hops = servedByFallback ? hops : [];
}
