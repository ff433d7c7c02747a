/** A partner's first call, ready to be pasted: with curl, and with the protocol's official client. */
import type { ModelView } from '../program/index.ts';

export interface FirstCall {
  readonly name: string;
  readonly text: string;
}

export function firstCalls(
  { id, protocol }: Pick<ModelView, 'id' | 'protocol'>,
  key: string,
  gate: string,
): FirstCall[] {
  const ask = 'Which input reaches this sink?';
  if (protocol === 'anthropic') {
    const body = { model: id, max_tokens: 256, messages: [{ role: 'user', content: ask }] };
    return [
      {
        name: 'curl',
        text: `curl ${gate}/v1/messages \\\n  -H "x-api-key: ${key}" \\\n  -H "anthropic-version: 2023-06-01" \\\n  -H "content-type: application/json" \\\n  -d '${JSON.stringify(body)}'`,
      },
      {
        name: '@anthropic-ai/sdk',
        text: `const client = new Anthropic({ baseURL: '${gate}', apiKey: process.env.HEADSTART_KEY });\nawait client.messages.create(${JSON.stringify(body)});`,
      },
    ];
  }
  const body = { model: id, max_completion_tokens: 256, messages: [{ role: 'user', content: ask }] };
  return [
    {
      name: 'curl',
      text: `curl ${gate}/v1/chat/completions \\\n  -H "authorization: Bearer ${key}" \\\n  -H "content-type: application/json" \\\n  -d '${JSON.stringify(body)}'`,
    },
    {
      name: 'openai',
      text: `const client = new OpenAI({ baseURL: '${gate}/v1', apiKey: process.env.HEADSTART_KEY });\nawait client.chat.completions.create(${JSON.stringify(body)});`,
    },
  ];
}
