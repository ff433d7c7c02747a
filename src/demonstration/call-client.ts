/** Calls through a gateway, as a client makes them. */
import { request } from 'undici';

export interface CallAnswer {
  readonly status: number;
  /** The stable code of a refusal of ours. */
  readonly refusal: string | undefined;
  readonly receipt: string | undefined;
}

export interface CallOptions {
  readonly key?: string;
  readonly scope?: string;
}

export async function callModel(gateway: string, model: string, { key, scope }: CallOptions): Promise<CallAnswer> {
  const { statusCode, headers, body } = await request(`${gateway}/v1/messages`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(key !== undefined && { 'x-api-key': key }),
      ...(scope !== undefined && { 'headstart-scope': scope }),
    },
    body: JSON.stringify({ model, max_tokens: 40, messages: [{ role: 'user', content: 'Hello?' }] }),
  });
  await body.dump();
  const header = (name: string): string | undefined => (typeof headers[name] === 'string' ? headers[name] : undefined);
  return { status: statusCode, refusal: header('headstart-refusal'), receipt: header('headstart-receipt') };
}
