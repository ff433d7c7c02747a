/** The ways out of an installation, as it is configured: each is absent until it is. */
import type { Config } from './config.ts';
import {
  type Carriers,
  createGithubClients,
  createMailbox,
  createSmtpClient,
  createVinceClient,
  createWebhookClient,
  lookAtRepository,
  type Mailbox,
  type RepositoryLook,
  readAddress,
} from './contact/index.ts';
import { createEgress, namedOrigins } from './egress/index.ts';
import type { Clock } from './lib/clock.ts';

export function createCarriers(config: Config, from: string, clock: Clock): Carriers {
  const { github, vince, webhook } = config.channels;
  // What stands in the configuration was named by the operator; an address of a case was not.
  const servers = [github?.apiUrl, vince?.url].filter((url) => url !== undefined);
  const egress = createEgress({ named: namedOrigins([...config.allowedOrigins, ...servers]) });
  const mailbox = openMailbox(config);
  return {
    ...(config.smtp && { smtp: createSmtpClient(config.smtp, { from, ...(mailbox && { mailbox }) }) }),
    ...(github && createGithubClients(github, { egress })),
    ...(vince && { vince: createVinceClient(vince, { egress }) }),
    ...(webhook && { webhook: createWebhookClient(webhook, { egress, clock }) }),
  };
}

export const openMailbox = ({ maildir }: Config): Mailbox | undefined =>
  maildir === undefined ? undefined : createMailbox({ directory: maildir });

/** Undefined where the address is no repository, or GitHub is not configured. */
export async function lookAtGithub(
  { channels, allowedOrigins }: Config,
  to: string,
): Promise<RepositoryLook | undefined> {
  const { github } = channels;
  const address = readAddress(to);
  if (!github || !address || !('owner' in address)) return undefined;
  const egress = createEgress({ named: namedOrigins([...allowedOrigins, github.apiUrl]) });
  return await lookAtRepository(github, { egress }, address);
}

/** What is configured and what is not, without a word of any secret. */
export function inspectChannels(config: Config): readonly { name: string; ok: boolean; detail: string }[] {
  const { github, vince, webhook } = config.channels;
  const { inbound } = config;
  const say = (name: string, server: string | undefined, variable: string) => ({
    name,
    ok: true,
    detail: server === undefined ? `off: ${variable} is not set` : `on: ${server}`,
  });
  return [
    say('mail out', config.smtp && `${config.smtp.host}:${config.smtp.port}`, 'HEADSTART_SMTP_URL'),
    say('mail in', config.maildir, 'HEADSTART_MAILDIR'),
    say('mail server', inbound && `port ${inbound.port} of ${inbound.host}`, 'HEADSTART_INBOUND_LISTEN'),
    say('GitHub', github?.apiUrl, 'HEADSTART_GITHUB_TOKEN'),
    say('CERT/CC', vince?.url, 'HEADSTART_VINCE_TOKEN'),
    say('webhooks', webhook && 'signed', 'HEADSTART_WEBHOOK_SECRET'),
  ];
}
