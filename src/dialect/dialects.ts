/** Every route that a model answers on. */
import { anthropicCountTokens, anthropicMessages } from './anthropic.ts';
import type { Dialect } from './dialect.ts';
import { openaiChat } from './openai-chat.ts';
import { openaiResponses } from './openai-responses.ts';

export const DIALECTS: readonly Dialect[] = [anthropicMessages, anthropicCountTokens, openaiChat, openaiResponses];
