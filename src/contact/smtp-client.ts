/**
 * Sends one message by SMTP.
 *
 * A server takes responsibility only when it answers to the end of the data (RFC 5321 section 4.2.5): whatever goes
 * wrong before the first byte of the message was handed over, nothing has arrived. After that, only an answer tells.
 * A lost one is looked for in the mailbox that answers and receipts come to, where there is one; that a message is
 * absent there proves nothing.
 */
import { Readable } from 'node:stream';
import SMTPConnection from 'nodemailer/lib/smtp-connection/index.js';
import type { Secret } from '../lib/secret.ts';
import { type Carrier, type Delivery, isRealMatter } from './channel.ts';
import type { MailLetter } from './letter.ts';
import type { Mailbox } from './mailbox-client.ts';

export interface SmtpSettings {
  readonly host: string;
  readonly port: number;
  /** TLS from the first byte. Else STARTTLS, which is demanded of every server but one on this machine. */
  readonly secure: boolean;
  readonly login?: { readonly user: string; readonly password: Secret };
}

export interface SmtpOptions {
  /** The sender's address, in the envelope. */
  readonly from: string;
  /** Where answers and receipts arrive. */
  readonly mailbox?: Pick<Mailbox, 'shows'>;
  readonly timeoutMs?: number;
  readonly settleMs?: number;
}

export type SmtpClient = Carrier<MailLetter>;

const TIMEOUT_MS = 20_000;
/** A receipt may take its time; the attempt itself is over long before. */
const SETTLE_MS = 10 * 60_000;
const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|::1)$/;

export function createSmtpClient(settings: SmtpSettings, options: SmtpOptions): SmtpClient {
  const { from, mailbox } = options;
  return {
    settleMs: mailbox ? (options.settleMs ?? SETTLE_MS) : 0,
    async send(it, letter) {
      if (!isRealMatter(it)) return { kind: 'declined', reason: 'a demonstration reaches no real channel' };
      const how = { from, timeoutMs: options.timeoutMs ?? TIMEOUT_MS, wantsReceipt: mailbox !== undefined };
      return await converse(settings, how, letter);
    },
    async readBack(_it, letter) {
      const marker = /^Message-ID: *(<[^<>\s]+>)/im.exec(letter.raw)?.[1];
      if (mailbox && marker && (await mailbox.shows(marker))) return { kind: 'there', remote: null };
      const reason = mailbox ? 'no answer or receipt has come' : 'a mail server cannot be asked what it has taken';
      return { kind: 'cannot-say', reason, isForGood: true };
    },
  };
}

interface Conversation {
  readonly from: string;
  readonly timeoutMs: number;
  /** Ask for a receipt, where the server knows how (RFC 3461): headers only, no copy of the text. */
  readonly wantsReceipt: boolean;
}

async function converse(settings: SmtpSettings, how: Conversation, { to, raw }: MailLetter): Promise<Delivery> {
  const { from, timeoutMs, wantsReceipt } = how;
  const connection = connectionTo(settings, timeoutMs);
  // Read only once the server has said that it wants the data.
  let handedOver = false;
  const message = new Readable({
    read() {
      handedOver = true;
      this.push(Buffer.from(raw));
      this.push(null);
    },
  });
  const envelope = {
    from,
    to: [to],
    ...(wantsReceipt && { dsn: { return: 'HDRS', notify: ['SUCCESS', 'FAILURE'] } }),
  };
  let deadline: NodeJS.Timeout | undefined;
  try {
    const remote = await new Promise<string | null>((resolve, reject) => {
      const stop = (error: Error): void => reject(error);
      deadline = setTimeout(() => stop(new Error(`no end after ${2 * timeoutMs} ms`)), 2 * timeoutMs);
      connection.on('error', stop);
      const send = (): void =>
        connection.send(envelope, message, (error, info) =>
          error ? stop(error) : resolve(info?.serverMessageId ?? null),
        );
      connection.connect((error) => {
        if (error) return stop(error);
        const { login } = settings;
        if (!login) return send();
        // The login is used or nothing is sent, whatever the server claims to need.
        const words = { user: login.user, pass: login.password.reveal() };
        connection.login(words, (refused) => (refused ? stop(refused) : send()));
      });
    });
    return { kind: 'delivered', remote };
  } catch (error) {
    return judge(error, handedOver);
  } finally {
    clearTimeout(deadline);
    connection.close();
  }
}

function connectionTo({ host, port, secure }: SmtpSettings, timeoutMs: number): SMTPConnection {
  const isLocal = LOOPBACK.test(host);
  return new SMTPConnection({
    host,
    port,
    secure,
    // Who stands between could strike STARTTLS from the greeting, and read an embargoed report and the password.
    requireTLS: !isLocal,
    // A relay on this machine rarely has a certificate that names it.
    ignoreTLS: isLocal,
    connectionTimeout: timeoutMs,
    greetingTimeout: timeoutMs,
    socketTimeout: timeoutMs,
  });
}

function judge(error: unknown, handedOver: boolean): Delivery {
  const { command, responseCode } = error as { readonly command?: unknown; readonly responseCode?: unknown };
  const reason = error instanceof Error ? error.message : String(error);
  const code = typeof responseCode === 'number' ? responseCode : 0;
  // A no to recipient or text. A no to STARTTLS, login or sender is a fault of the configuration, which can be mended.
  const isOfMessage = command === 'RCPT TO' || command === 'DATA';
  if (isOfMessage && code >= 500 && code < 600) return { kind: 'declined', reason };
  if (!handedOver || (command === 'DATA' && code >= 400 && code < 500)) return { kind: 'not-delivered', reason };
  return { kind: 'unknown', reason };
}
