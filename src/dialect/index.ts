/** The door: how the model protocols are read and written. */
export { anthropicMessages } from './anthropic.ts';
export type { AnswerReader, Attempt, CallRequest, Dialect, Protocol } from './dialect.ts';
export { DIALECTS } from './dialects.ts';
export { applyEdits, isObject, type JsonDocument, readJsonDocument } from './json-text.ts';
export { openaiChat } from './openai-chat.ts';
export { type Refusal, toWire } from './refusal.ts';
export { createSseParser, type SseEvent, type SseParser, SseTooLong } from './sse.ts';
export type { Hop, Reading, Usage } from './usage.ts';
