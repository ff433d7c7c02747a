/**
 * Posts a message to a web address, signed as the Standard Webhooks specification says: `webhook-signature` is
 * `v1,` and the base64 of HMAC-SHA-256 over `id.timestamp.body`. A receiver that keeps the ids can drop repeats, but
 * cannot be asked for them; so nothing is repeated here, and what has no answer waits for a person.
 */
import { createHmac } from 'node:crypto';
import type { Egress } from '../egress/index.ts';
import type { Clock } from '../lib/clock.ts';
import type { Secret } from '../lib/secret.ts';
import { type Carrier, isRealMatter } from './channel.ts';
import { deliveryOfRefusal, deliveryOfStatus } from './http-delivery.ts';
import type { WebhookLetter } from './letter.ts';

export interface WebhookOptions {
  readonly egress: Pick<Egress, 'request'>;
  readonly clock: Clock;
  readonly timeoutMs?: number;
}

const TIMEOUT_MS = 20_000;

export function createWebhookClient(
  { secret }: { readonly secret: Secret },
  options: WebhookOptions,
): Carrier<WebhookLetter> {
  return {
    settleMs: 0,
    async send(it, { marker, url, body }) {
      if (!isRealMatter(it)) return { kind: 'declined', reason: 'a demonstration reaches no real channel' };
      const timestamp = String(Math.floor(options.clock.now().getTime() / 1000));
      const answer = await options.egress.request({
        url,
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          'webhook-id': marker,
          'webhook-timestamp': timestamp,
          'webhook-signature': signature(secret, `${marker}.${timestamp}.${body}`),
        },
        body,
        timeoutMs: options.timeoutMs ?? TIMEOUT_MS,
      });
      if (!answer.ok) return deliveryOfRefusal(answer.refusal);
      return deliveryOfStatus(answer.value) ?? { kind: 'delivered', remote: null };
    },
    readBack: async () => ({
      kind: 'cannot-say',
      reason: 'a webhook cannot be asked what it has taken',
      isForGood: true,
    }),
  };
}

/** A secret as the specification writes it is base64 after its prefix; any other is taken as it stands. */
function signature(secret: Secret, signed: string): string {
  const [, encoded] = /^whsec_(.+)$/.exec(secret.reveal()) ?? [];
  const key = encoded === undefined ? secret.reveal() : Buffer.from(encoded, 'base64');
  return `v1,${createHmac('sha256', key).update(signed).digest('base64')}`;
}
