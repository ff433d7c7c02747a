/** What an outbox under trial sends to: the fakes' addresses, as carriers with short patience. */
import { createGithubClients } from '../../src/contact/github-client.ts';
import { createMailbox } from '../../src/contact/mailbox-client.ts';
import type { Carriers } from '../../src/contact/outbox-service.ts';
import { createSmtpClient } from '../../src/contact/smtp-client.ts';
import { createVinceClient } from '../../src/contact/vince-client.ts';
import { createWebhookClient } from '../../src/contact/webhook-client.ts';
import { createEgress, namedOrigins } from '../../src/egress/index.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { toSecret } from '../../src/lib/secret.ts';
import { GITHUB_TOKEN } from './fake-github.ts';
import { VINCE_TOKEN } from './fake-vince.ts';

export interface Fakes {
  readonly github: string;
  readonly vince: string;
  readonly hook: string;
  readonly smtpPort: number;
  readonly maildir: string;
}

export const SENDER = { name: 'Example coordination', address: 'security@example.org' };
/** How long an attempt may take. */
const TIMEOUT_MS = 2_000;
/** After so long its effect shows or never will, on a machine with much else to do too. */
const SETTLE_MS = 12_000;

export function carriersTo({ github, vince, hook, smtpPort, maildir }: Fakes): Carriers {
  const egress = createEgress({ named: namedOrigins([github, vince, hook]) });
  const patience = { egress, timeoutMs: TIMEOUT_MS, settleMs: SETTLE_MS };
  return {
    ...createGithubClients({ token: toSecret(GITHUB_TOKEN), apiUrl: github }, patience),
    vince: createVinceClient({ token: toSecret(VINCE_TOKEN), url: vince }, patience),
    webhook: createWebhookClient(
      { secret: toSecret('a-secret-of-the-trial') },
      { egress, clock: systemClock, timeoutMs: TIMEOUT_MS },
    ),
    smtp: createSmtpClient(
      { host: '127.0.0.1', port: smtpPort, secure: false },
      {
        from: SENDER.address,
        mailbox: createMailbox({ directory: maildir }),
        timeoutMs: TIMEOUT_MS,
        settleMs: SETTLE_MS,
      },
    ),
  };
}
