/** What of the configuration is about the doors that strangers come in by. */
import { resolve } from 'node:path';
import { isMailAddress } from './lib/mail-address.ts';

export interface InboundSettings {
  readonly host: string;
  readonly port: number;
  readonly recipients: readonly string[];
  /** Files in PEM. */
  readonly tls: { readonly certificate: string; readonly key: string } | undefined;
  /** Under which name the operator's mail server in front writes what it found of a sender (RFC 8601). */
  readonly authority: string | undefined;
}

type Environment = Readonly<Record<string, string | undefined>>;

const LOOPBACK = '127.0.0.1';
const LISTEN = /^(?:(\[[0-9a-f:.]+\]|[^\s:]+):)?(\d{1,5})$/i;
const HOST_NAME = /^[a-z0-9.-]{1,253}$/i;

const listOf = (text: string | undefined): readonly string[] => (text ?? '').split(/[\s,]+/).filter(Boolean);

/** Says in `wrong` what cannot be used. */
export function readInbound(
  env: Environment,
  wrong: string[],
): { readonly inbound: InboundSettings | undefined; readonly identities: readonly string[] } {
  const identities = listOf(env.HEADSTART_INBOUND_IDENTITY).map((path) => resolve(path));
  const listen = env.HEADSTART_INBOUND_LISTEN || undefined;
  if (!listen) return { inbound: undefined, identities };
  const [, host = LOOPBACK, port = ''] = LISTEN.exec(listen) ?? [];
  if (port === '' || Number(port) > 65_535) {
    wrong.push('HEADSTART_INBOUND_LISTEN is not a port or host:port, such as 2525 or 127.0.0.1:2525');
  }
  const recipients = listOf(env.HEADSTART_INBOUND_RECIPIENTS ?? env.HEADSTART_MAIL_FROM);
  if (recipients.length === 0 || !recipients.every(isMailAddress)) {
    wrong.push('HEADSTART_INBOUND_RECIPIENTS is not a list of bare mail addresses: mail for nobody else is taken');
  }
  const { HEADSTART_INBOUND_CERTIFICATE: certificate, HEADSTART_INBOUND_KEY: key } = env;
  if (Boolean(certificate) !== Boolean(key)) {
    wrong.push('HEADSTART_INBOUND_CERTIFICATE and HEADSTART_INBOUND_KEY are set together or not at all');
  }
  const authority = env.HEADSTART_INBOUND_AUTHORITY || undefined;
  if (authority && !HOST_NAME.test(authority))
    wrong.push('HEADSTART_INBOUND_AUTHORITY is not the name of a mail server');
  return {
    inbound: {
      host: host.replace(/^\[(.*)\]$/, '$1'),
      port: Number(port),
      recipients,
      tls: certificate && key ? { certificate: resolve(certificate), key: resolve(key) } : undefined,
      authority,
    },
    identities,
  };
}
