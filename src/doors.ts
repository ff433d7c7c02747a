/** The doors that strangers come in by, joined: the SMTP server, and the report form on the web role. */
import type { FastifyInstance } from 'fastify';
import { CommandEnd, readFileText, readIdentities } from './cli/index.ts';
import { policyOf } from './disclosure/index.ts';
import { addReportRoutes } from './http/index.ts';
import { createInbound, createTurningAway, type Inbound, openMailDoor, type TurningAway } from './inbound/index.ts';
import { type DecryptionKeys, publicKeysOf } from './intake/index.ts';
import type { Parts } from './parts.ts';
import { identityOf, type Services } from './services.ts';

export interface Doors {
  readonly inbound: Inbound;
  readonly turningAway: TurningAway;
  readonly keys: DecryptionKeys;
}

export async function openDoors(
  parts: Parts,
  { intake, answers }: Pick<Services, 'intake' | 'answers'>,
): Promise<Doors> {
  const { random, clock, config } = parts;
  const [database, vault, keys] = await Promise.all([
    parts.database(),
    parts.vault(),
    readIdentities(config.identities),
  ]);
  const onFault = (error: unknown): void => sayFault(parts, error);
  const turningAway = createTurningAway({ database, clock, onFault });
  parts.onClose(() => turningAway.close());
  const authority = config.inbound?.authority;
  return {
    inbound: createInbound({ database, vault, random, clock, intake, answers, keys, authority }),
    turningAway,
    keys,
  };
}

/** Details may name what a report says: they stay out of what is printed. */
const sayFault = ({ terminal }: Parts, error: unknown): void =>
  terminal.say(`doors: ${error instanceof Error ? error.name : 'fault'}`);

export async function addReportForm(
  server: FastifyInstance,
  parts: Parts,
  { inbound, turningAway, keys }: Doors,
  origin: () => string,
): Promise<void> {
  const { publisher, mailFrom } = parts.config;
  await addReportRoutes(server, {
    inbound,
    turnAway: turningAway.add,
    clock: parts.clock,
    monotonicMs: () => performance.now(),
    origin,
    frame: {
      recipient: identityOf(parts.config).publisher.name,
      contact: publisher?.contact ?? (mailFrom && `mailto:${mailFrom}`),
      policy: `How long it stays private: ${policyOf(parts.config.policy).title}.`,
    },
    publicKeys: await publicKeysOf(keys),
  });
}

/** Gives its address; null where none is configured. */
export async function openMail(parts: Parts, { inbound, turningAway }: Doors): Promise<string | null> {
  const settings = parts.config.inbound;
  if (!settings) return null;
  const tls = settings.tls && {
    certificate: await readFileText(settings.tls.certificate),
    key: await readFileText(settings.tls.key),
  };
  const door = await openMailDoor({
    settings: { ...settings, tls },
    take: inbound.takeMail,
    turnAway: (reason) => turningAway.add('mail', reason),
    monotonicMs: () => performance.now(),
    onFault: (error) => sayFault(parts, error),
  }).catch((error: NodeJS.ErrnoException) => endUnopened(error, settings.port));
  parts.onClose(() => door.close());
  return `smtp://${settings.host.includes(':') ? `[${settings.host}]` : settings.host}:${door.port}`;
}

function endUnopened(error: NodeJS.ErrnoException, port: number): never {
  const { code = '' } = error;
  if (code === 'EADDRINUSE' || code === 'EACCES' || code === 'EADDRNOTAVAIL') {
    throw new CommandEnd('conflict', `HEADSTART_INBOUND_LISTEN: port ${port} cannot be had (${code})`);
  }
  if (code.startsWith('ERR_OSSL')) {
    throw new CommandEnd('usage', 'HEADSTART_INBOUND_CERTIFICATE and HEADSTART_INBOUND_KEY are no pair in PEM');
  }
  throw error;
}
