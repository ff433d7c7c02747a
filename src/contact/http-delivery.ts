/** What an answer by HTTP, or the lack of one, says of a message that was posted. */
import type { EgressRefusal } from '../egress/index.ts';
import type { Delivery } from './channel.ts';

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | number | undefined>>;
}

/** Seconds, at most a day: whoever names more is not waited for so long. */
const MAX_RETRY_AFTER = 86_400;
/** Answers after which the very same request may do better: rate limits, and a token that is to be replaced. */
const TO_BE_MENDED = new Set([401, 407, 429]);

export function deliveryOfRefusal(refusal: EgressRefusal): Delivery {
  switch (refusal.kind) {
    case 'not-public':
      return { kind: 'declined', reason: 'its address is not public, and the operator has not named it' };
    case 'not-a-web-address':
      return { kind: 'declined', reason: `no web address: ${refusal.why}` };
    case 'timed-out':
    case 'unreachable': {
      const reason = refusal.kind === 'timed-out' ? `no answer within ${refusal.limitMs} ms` : refusal.why;
      return { kind: refusal.wasSent ? 'unknown' : 'not-delivered', reason };
    }
    case 'too-large':
    case 'too-many-redirects':
      return { kind: 'unknown', reason: `the answer was unusable: ${refusal.kind}` };
  }
}

/** Undefined for 2xx: its body has to say more. */
export function deliveryOfStatus({ status, headers }: Answer): Delivery | undefined {
  const reason = `answered with ${status}`;
  if (status >= 200 && status < 300) return undefined;
  // It may have been done before it went wrong.
  if (status >= 500 || status === 408 || status < 200) return { kind: 'unknown', reason };
  const retryAfterMs = retryAfter(headers) * 1000;
  if (TO_BE_MENDED.has(status) || (status === 403 && isRateLimited(headers))) {
    return { kind: 'not-delivered', reason, ...(retryAfterMs > 0 && { retryAfterMs }) };
  }
  return { kind: 'declined', reason };
}

const isRateLimited = (headers: Answer['headers']): boolean =>
  headers['x-ratelimit-remaining'] === '0' || headers['retry-after'] !== undefined;

function retryAfter(headers: Answer['headers']): number {
  const seconds = Number(headers['retry-after'] ?? 0);
  return Number.isFinite(seconds) && seconds > 0 ? Math.min(seconds, MAX_RETRY_AFTER) : 0;
}
