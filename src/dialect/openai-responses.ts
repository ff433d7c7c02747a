/** Responses of OpenAI. */
import type { Json } from '../lib/canonical-json.ts';
import { ok } from '../lib/result.ts';
import type { CallRequest, Dialect, Edit } from './dialect.ts';
import { isObject, type JsonDocument, type JsonObject } from './json-text.ts';
import {
  checkPriced,
  lookAtImage,
  pickDeclared,
  type Read,
  readLimit,
  readTools,
  type Seen,
  stored,
  toErrorBody,
  toUsage,
  wrong,
} from './openai-request.ts';
import { type Refusal, toWire } from './refusal.ts';
import { bytesOf, createReading, type MutableReading, parseData, textOf } from './usage.ts';

export const openaiResponses: Dialect = {
  protocol: 'openai',
  path: '/v1/responses',
  isFree: false,
  readRequest,
  toEdits({ value, spans }: JsonDocument, [name]: readonly string[]): Edit[] {
    const model = spans.get('model');
    return model && name !== undefined && value.model !== name ? [{ ...model, text: JSON.stringify(name) }] : [];
  },
  createReader: ({ value }) => createReader(canReason(value)),
  toStatus: (refusal) => toWire(refusal).status,
  toErrorBody,
  toErrorEvent,
};

/** Of earlier calls, or of the operator. */
const STORED_FIELDS = ['previous_response_id', 'conversation', 'prompt'];

function readRequest(body: JsonObject): Read<CallRequest> {
  if (typeof body.model !== 'string') return wrong('model', 'the name of a model');
  if (body.stream !== undefined && body.stream !== null && typeof body.stream !== 'boolean') {
    return wrong('stream', 'true or false');
  }
  const limit = readLimit(body, 'max_output_tokens');
  if (!limit.ok) return limit;
  const priced = checkPriced(body);
  if (!priced.ok) return priced;
  const seen: Seen = {
    images: 0,
    pointsElsewhere: false,
    stored: STORED_FIELDS.find((field) => (body[field] ?? null) !== null),
  };
  const input = lookAtInput(body.input, seen);
  if (!input.ok) return input;
  if (seen.stored !== undefined) return stored(seen.stored);
  const tools = readTools(body.tools);
  if (!tools.ok) return tools;
  return ok({
    attempts: [{ model: body.model, maxOutputTokens: limit.value }],
    stream: body.stream === true,
    answers: 1,
    images: seen.images,
    pointsElsewhere: seen.pointsElsewhere,
    cacheWrites: '1h',
    hidesOutput: canReason(body),
    tools: tools.value,
    declared: pickDeclared(body),
  });
}

function lookAtInput(input: Json | undefined, seen: Seen): Read<undefined> {
  if (input === undefined || input === null || typeof input === 'string') return ok(undefined);
  if (!Array.isArray(input)) return wrong('input', 'text or a list');
  for (const item of input as readonly Json[]) {
    if (!isObject(item)) return wrong('input', 'a list of objects');
    lookAtItem(item, seen);
  }
  return ok(undefined);
}

/** What is not known to lie in the body whole counts as lying elsewhere. */
function lookAtItem(item: JsonObject, seen: Seen): void {
  // Without type and role an item is a reference to one.
  const type = item.type ?? (item.role === undefined ? 'item_reference' : 'message');
  switch (type) {
    case 'item_reference':
      seen.stored = 'item_reference';
      return;
    case 'message':
      lookAtParts(item.content, seen);
      return;
    case 'function_call_output':
    case 'custom_tool_call_output':
    case 'computer_call_output':
      lookAtParts(isObject(item.output) ? [item.output] : item.output, seen);
      return;
    case 'reasoning':
      if (typeof item.encrypted_content !== 'string') seen.pointsElsewhere = true;
      return;
    case 'function_call':
    case 'custom_tool_call':
    case 'computer_call':
    case 'local_shell_call':
    case 'local_shell_call_output':
    case 'shell_call':
    case 'shell_call_output':
    case 'apply_patch_call':
    case 'apply_patch_call_output':
      return;
    default:
      seen.pointsElsewhere = true;
  }
}

function lookAtParts(parts: Json | undefined, seen: Seen): void {
  if (!Array.isArray(parts)) return;
  for (const part of parts as readonly Json[]) {
    const type = isObject(part) ? part.type : undefined;
    if (isObject(part) && (part.file_id ?? null) !== null) seen.stored = 'a file';
    if (isObject(part) && (type === 'input_image' || type === 'computer_screenshot')) lookAtImage(part.image_url, seen);
    else if (type !== 'input_text' && type !== 'output_text' && type !== 'refusal') seen.pointsElsewhere = true;
  }
}

function canReason(body: JsonObject): boolean {
  return !(isObject(body.reasoning) && body.reasoning.effort === 'none');
}

const TERMINAL = new Set<Json | undefined>(['response.completed', 'response.incomplete', 'response.failed']);

function createReader(hidesOutput: boolean) {
  const reading = createReading(hidesOutput);
  return {
    reading,
    event({ data }: { readonly data: string | undefined }): boolean {
      const event = parseData(data);
      if (!event) return false;
      if (event.type === 'error' || (event.type === undefined && isObject(event.error))) {
        reading.hasFailed = true;
        reading.hasEnded = true;
      } else if (typeof event.delta === 'string') {
        reading.contentBytes += bytesOf(event.delta);
        if (String(event.type).startsWith('response.reasoning')) reading.hidesOutput = true;
      } else if (event.type === 'response.output_item.added' && isObject(event.item)) {
        if (event.item.type === 'reasoning') reading.hidesOutput = true;
        reading.contentBytes += bytesOf(event.item.name);
      }
      if (isObject(event.response)) lookAtResponse(event.response, reading, TERMINAL.has(event.type));
      return false;
    },
    body(answer: Json | undefined): void {
      if (!isObject(answer)) return;
      lookAtResponse(answer, reading, true);
      // Without figures, everything in the answer counts as output.
      if (Array.isArray(answer.output)) reading.contentBytes += Buffer.byteLength(JSON.stringify(answer.output));
    },
  };
}

function lookAtResponse(response: JsonObject, reading: MutableReading, isLast: boolean): void {
  reading.servedModel = textOf(response.model) ?? reading.servedModel;
  reading.answerId = textOf(response.id) ?? reading.answerId;
  if (response.status === 'failed') reading.hasFailed = true;
  if (!isLast) return;
  reading.hasEnded = true;
  reading.stopReason = textOf(response.status);
  if (isObject(response.error)) reading.stopDetails = response.error;
  else if (isObject(response.incomplete_details)) reading.stopDetails = response.incomplete_details;
  if (!isObject(response.usage)) return;
  const usage = toUsage(response.usage, 'input_tokens', 'input_tokens_details', 'output_tokens');
  reading.isUnreadable = usage === undefined;
  if (!usage) return;
  reading.usage = usage;
  reading.inputIsKnown = true;
  reading.isFinal = true;
}

function toErrorEvent(refusal: Refusal): string {
  const { code, message } = toWire(refusal);
  const data = { type: 'error', code, message, param: null, sequence_number: 0 };
  return `event: error\ndata: ${JSON.stringify(data)}\n\n`;
}
