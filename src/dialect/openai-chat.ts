/** Chat Completions of OpenAI and of the many that speak it. */
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
  unpriced,
  wrong,
} from './openai-request.ts';
import { toWire } from './refusal.ts';
import { bytesOf, createReading, type MutableReading, nameOf, parseData, textOf } from './usage.ts';

export const openaiChat: Dialect = {
  protocol: 'openai',
  path: '/v1/chat/completions',
  isFree: false,
  readRequest,
  toEdits,
  createReader: ({ value }) => createReader(canReason(value), asksForUsage(value), Number(value.n ?? 1)),
  toStatus: (refusal) => toWire(refusal).status,
  toErrorBody,
  toErrorEvent: (refusal) => `data: ${toErrorBody(refusal)}\n\ndata: [DONE]\n\n`,
};

const MAX_ANSWERS = 128;

function readRequest(body: JsonObject): Read<CallRequest> {
  if (typeof body.model !== 'string') return wrong('model', 'the name of a model');
  if (!Array.isArray(body.messages)) return wrong('messages', 'a list');
  if (body.stream !== undefined && body.stream !== null && typeof body.stream !== 'boolean') {
    return wrong('stream', 'true or false');
  }
  const answers = readLimit(body, 'n');
  if (!answers.ok) return answers;
  if ((answers.value ?? 1) > MAX_ANSWERS) return wrong('n', `at most ${MAX_ANSWERS}`);
  const newer = readLimit(body, 'max_completion_tokens');
  const older = readLimit(body, 'max_tokens');
  if (!newer.ok) return newer;
  if (!older.ok) return older;
  const priced = checkText(body);
  if (!priced.ok) return priced;
  const seen: Seen = { images: 0, pointsElsewhere: false, stored: undefined };
  for (const message of body.messages as readonly Json[]) {
    if (!isObject(message)) return wrong('messages', 'a list of objects');
    const read = lookAtMessage(message, seen);
    if (!read.ok) return read;
  }
  if (seen.stored !== undefined) return stored(seen.stored);
  const tools = readTools(body.tools);
  if (!tools.ok) return tools;
  const functions = Array.isArray(body.functions) ? (body.functions as readonly Json[]) : [];
  const limits = [newer.value, older.value].filter((limit) => limit !== undefined);
  return ok({
    attempts: [{ model: body.model, maxOutputTokens: limits.length > 0 ? Math.max(...limits) : undefined }],
    stream: body.stream === true,
    answers: answers.value ?? 1,
    images: seen.images,
    pointsElsewhere: seen.pointsElsewhere,
    // The cache fills by itself, and for as long as the provider likes.
    cacheWrites: '1h',
    hidesOutput: canReason(body),
    tools: [...tools.value, ...functions.map((entry) => (isObject(entry) ? (nameOf(entry.name) ?? '') : ''))],
    declared: pickDeclared(body),
  });
}

function checkText(body: JsonObject): Read<undefined> {
  const modalities = Array.isArray(body.modalities) ? (body.modalities as readonly Json[]) : ['text'];
  return modalities.some((modality) => modality !== 'text') ? unpriced('audio') : checkPriced(body);
}

function lookAtMessage(message: JsonObject, seen: Seen): Read<undefined> {
  const { content } = message;
  if (isObject(message.audio)) return unpriced('audio');
  if (content === undefined || content === null || typeof content === 'string') return ok(undefined);
  if (!Array.isArray(content)) return wrong('messages', 'text or a list as content');
  for (const part of content as readonly Json[]) {
    if (!isObject(part)) return wrong('messages', 'a list of objects as content');
    if (part.type === 'input_audio') return unpriced('audio');
    if (part.type === 'file' && !(isObject(part.file) && typeof part.file.file_data === 'string'))
      seen.stored = 'a file';
    if (part.type === 'image_url') lookAtImage(isObject(part.image_url) ? part.image_url.url : undefined, seen);
    else if (part.type !== 'text' && part.type !== 'refusal') seen.pointsElsewhere = true;
  }
  return ok(undefined);
}

/** A reasoning model reasons unless told not to, and no field of a request says whether the model is one. */
function canReason(body: JsonObject): boolean {
  return body.reasoning_effort !== 'none';
}

function asksForUsage(body: JsonObject): boolean {
  return isObject(body.stream_options) && body.stream_options.include_usage === true;
}

function toEdits({ value, spans, text }: JsonDocument, [name]: readonly string[]): Edit[] {
  const edits: Edit[] = [];
  const model = spans.get('model');
  if (model && name !== undefined && value.model !== name) edits.push({ ...model, text: JSON.stringify(name) });
  if (value.stream !== true || asksForUsage(value)) return edits;
  const options = spans.get('stream_options');
  const asked = isObject(value.stream_options) ? value.stream_options : {};
  const wish = JSON.stringify({ ...asked, include_usage: true });
  if (options) return [...edits, { ...options, text: wish }];
  const start = text.indexOf('{') + 1;
  return [...edits, { start, end: start, text: `"stream_options":${wish},` }];
}

function createReader(hidesOutput: boolean, usageIsForClient: boolean, answers: number) {
  const reading = createReading(hidesOutput);
  const finished = new Set<Json>();
  return {
    reading,
    event({ data }: { readonly data: string | undefined }): boolean {
      if (data === '[DONE]') {
        reading.hasEnded = true;
        reading.isFinal ||= reading.inputIsKnown && reading.stopReason !== undefined;
        return false;
      }
      const chunk = parseData(data);
      if (!chunk) return false;
      if (chunk.error !== undefined && chunk.error !== null) {
        reading.hasFailed = true;
        return false;
      }
      begin(chunk, reading);
      const choices = Array.isArray(chunk.choices) ? (chunk.choices as readonly Json[]) : [];
      for (const choice of choices) {
        if (!isObject(choice)) continue;
        lookAtChoice(choice, choice.delta, reading);
        if (textOf(choice.finish_reason) !== undefined) finished.add(choice.index ?? 0);
      }
      // Until all answers have ended, figures are those of the way.
      takeUsage(chunk, reading, finished.size >= answers);
      return !usageIsForClient && choices.length === 0 && isObject(chunk.usage);
    },
    body(answer: Json | undefined): void {
      if (!isObject(answer)) return;
      begin(answer, reading);
      const choices = Array.isArray(answer.choices) ? (answer.choices as readonly Json[]) : [];
      for (const choice of choices) if (isObject(choice)) lookAtChoice(choice, choice.message, reading);
      takeUsage(answer, reading, reading.stopReason !== undefined);
      reading.hasEnded = true;
    },
  };
}

function begin(chunk: JsonObject, reading: MutableReading): void {
  reading.servedModel = textOf(chunk.model) ?? reading.servedModel;
  reading.answerId = textOf(chunk.id) ?? reading.answerId;
}

function lookAtChoice(choice: JsonObject, said: Json | undefined, reading: MutableReading): void {
  reading.stopReason = textOf(choice.finish_reason) ?? reading.stopReason;
  if (!isObject(said)) return;
  const reasoning = bytesOf(said.reasoning_content) + bytesOf(said.reasoning);
  if (reasoning > 0) reading.hidesOutput = true;
  reading.contentBytes += bytesOf(said.content) + bytesOf(said.refusal) + reasoning;
  const calls = Array.isArray(said.tool_calls) ? (said.tool_calls as readonly Json[]) : [];
  for (const call of [...calls, { function: said.function_call ?? null }]) {
    const called = isObject(call) ? (call.function ?? call.custom) : undefined;
    if (isObject(called)) {
      reading.contentBytes += bytesOf(called.name) + bytesOf(called.arguments) + bytesOf(called.input);
    }
  }
}

/** The figures stand in one chunk at the end; where a provider repeats them they are running totals. */
function takeUsage(chunk: JsonObject, reading: MutableReading, isLast: boolean): void {
  if (!isObject(chunk.usage)) return;
  const usage = toUsage(chunk.usage, 'prompt_tokens', 'prompt_tokens_details', 'completion_tokens');
  reading.isUnreadable = usage === undefined;
  if (!usage) return;
  reading.usage = usage;
  reading.inputIsKnown = true;
  reading.isFinal = isLast;
}
