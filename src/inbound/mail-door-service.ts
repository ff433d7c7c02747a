/**
 * The SMTP server that reports and answers come in by. It takes mail for its own addresses from anybody, relays nothing,
 * and says 250 only when the mail lies in the database. What a client can take of time, memory and connections is bounded.
 */
import type { AddressInfo, Socket } from 'node:net';
import { SMTPServer, type SMTPServerDataStream, type SMTPServerSession } from 'smtp-server';
import { isLoopback } from '../lib/loopback.ts';
import { createRate } from '../lib/rate.ts';
import type { Envelope } from './sender-check.ts';

export interface MailDoorSettings {
  readonly host: string;
  /** 0 for any. */
  readonly port: number;
  /** Bare addresses; a part after `+` is let pass. */
  readonly recipients: readonly string[];
  /** STARTTLS is offered where both are given, in PEM. */
  readonly tls?: { readonly certificate: string; readonly key: string } | undefined;
}

export interface MailDoorParts {
  readonly settings: MailDoorSettings;
  /** Settles when the mail is durable. */
  readonly take: (raw: Buffer, envelope: Envelope) => Promise<unknown>;
  readonly turnAway: (reason: MailTrouble) => void;
  readonly monotonicMs: () => number;
  /** Told of a fault of ours; the client learns that it may try again. */
  readonly onFault: (error: unknown) => void;
  readonly limits?: Partial<MailLimits>;
}

export type MailTrouble =
  | 'no-such-recipient'
  | 'too-many-recipients'
  | 'too-large'
  | 'too-often'
  | 'broken-off'
  | 'our-fault';

export interface MailLimits {
  /** Of one mail. */
  readonly mailBytes: number;
  /** At once. */
  readonly connections: number;
  readonly recipients: number;
  /** Between two bytes of a client, and for all a connection may last. */
  readonly idleMs: number;
  readonly connectionMs: number;
  /** Connections of one address. A mail server of this machine brings everybody's, and has limits of its own. */
  readonly perSecond: number;
  readonly burst: number;
  readonly isFrontLimited: boolean;
}

const LIMITS: MailLimits = {
  mailBytes: 10 * 1024 * 1024,
  connections: 20,
  recipients: 10,
  idleMs: 60_000,
  connectionMs: 600_000,
  perSecond: 0.5,
  burst: 30,
  isFrontLimited: false,
};
const CLOSE_MS = 5_000;
/** Addresses whose connections are remembered. */
const MAX_ADDRESSES = 10_000;

export interface MailDoor {
  readonly port: number;
  close(): Promise<void>;
}

/** Throws what `listen` does: a port in use, one that this account may not have. */
export async function openMailDoor(parts: MailDoorParts): Promise<MailDoor> {
  const limits = { ...LIMITS, ...parts.limits };
  const { settings, turnAway } = parts;
  const rate = createRate({ perSecond: limits.perSecond, burst: limits.burst, most: MAX_ADDRESSES });
  // One after the other: records are decided so anyway, and what a mail takes while it is read is taken once.
  let turn: Promise<unknown> = Promise.resolve();
  const takeInTurn = (raw: Buffer, envelope: Envelope): Promise<unknown> => {
    const taking = turn.then(() => parts.take(raw, envelope));
    turn = taking.catch(() => {});
    return taking;
  };
  const refuse = (code: number, text: string, trouble: MailTrouble) => {
    turnAway(trouble);
    return Object.assign(new Error(text), { responseCode: code });
  };
  const server = new SMTPServer({
    name: 'headstart',
    banner: 'reports of flaws',
    authOptional: true,
    disabledCommands: settings.tls ? ['AUTH'] : ['AUTH', 'STARTTLS'],
    ...(settings.tls && { cert: settings.tls.certificate, key: settings.tls.key }),
    disableReverseLookup: true,
    logger: false,
    size: limits.mailBytes,
    maxClients: limits.connections,
    socketTimeout: limits.idleMs,
    closeTimeout: CLOSE_MS,
    onConnect({ remoteAddress }, done) {
      const isLimited = limits.isFrontLimited || !isLoopback(remoteAddress);
      const isTooOften = isLimited && rate(remoteAddress, parts.monotonicMs()) !== undefined;
      done(isTooOften ? refuse(421, 'Too many connections from your address; try later', 'too-often') : undefined);
    },
    onRcptTo({ address }, session, done) {
      if (!isOurs(address, settings.recipients)) {
        return done(refuse(550, 'No such address here, and nothing is relayed', 'no-such-recipient'));
      }
      const isTooMany = session.envelope.rcptTo.length >= limits.recipients;
      return done(isTooMany ? refuse(452, 'Too many recipients', 'too-many-recipients') : undefined);
    },
    async onData(stream, session, done) {
      const raw = await readWhole(stream, limits.mailBytes).catch(() => 'broken-off' as const);
      if (raw === 'broken-off') return done(refuse(451, 'The mail broke off', 'broken-off'));
      if (raw === 'too-large') return done(refuse(552, `A mail has at most ${limits.mailBytes} bytes`, 'too-large'));
      try {
        await takeInTurn(raw, envelopeOf(session));
        return done(undefined, 'Taken: it is kept');
      } catch (error) {
        parts.onFault(error);
        return done(refuse(451, 'It could not be kept; send it again later', 'our-fault'));
      }
    },
  });
  // A client that hangs up, or no TLS where TLS was asked for: its own trouble, and no reason to say a word of it.
  server.on('error', () => {});
  server.server.on('connection', (socket: Socket) => {
    const end = setTimeout(() => socket.destroy(), limits.connectionMs).unref();
    socket.once('close', () => clearTimeout(end));
  });
  await new Promise<void>((resolve, reject) => {
    server.server.once('error', reject);
    server.listen(settings.port, settings.host, () => {
      server.server.off('error', reject);
      resolve();
    });
  });
  return {
    port: (server.server.address() as AddressInfo).port,
    close: () => new Promise((resolve) => server.close(resolve)),
  };
}

function isOurs(address: string, recipients: readonly string[]): boolean {
  const [, local = '', domain = ''] = /^([^@]+)@([^@]+)$/.exec(address.toLowerCase()) ?? [];
  const bare = `${local.split('+', 1)[0]}@${domain}`;
  return recipients.some((each) => each.toLowerCase() === bare || each.toLowerCase() === `${local}@${domain}`);
}

/** All of it is read in any case: the client has to be answered. */
async function readWhole(stream: SMTPServerDataStream, maxBytes: number): Promise<Buffer | 'too-large'> {
  let chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > maxBytes) chunks = [];
    else chunks.push(chunk);
  }
  return bytes > maxBytes ? 'too-large' : Buffer.concat(chunks);
}

const envelopeOf = ({ envelope, remoteAddress }: SMTPServerSession): Envelope => ({
  mailFrom: envelope.mailFrom ? envelope.mailFrom.address : '',
  recipients: envelope.rcptTo.map(({ address }) => address),
  remoteAddress,
});
