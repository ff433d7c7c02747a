/**
 * Sends one message by SMTP. Takes only what belongs to a real case: the type says so, and it is looked at again here,
 * because a type does not survive a cast.
 *
 * SMTP cannot be asked whether a message has arrived. Every attempt therefore carries the same bytes and the same
 * Message-ID, by which the receiving side knows a repeat.
 */
import { createTransport } from 'nodemailer';
import { ok, type Result, refuse } from '../lib/result.ts';
import type { Secret } from '../lib/secret.ts';
import { isRealCase, type RealCase } from './case.ts';

export interface SmtpSettings {
  readonly host: string;
  readonly port: number;
  /** TLS from the first byte. Else STARTTLS, which is demanded of every server but one on this machine. */
  readonly secure: boolean;
  readonly login?: { readonly user: string; readonly password: Secret };
}

export interface OutgoingMessage {
  readonly from: string;
  readonly to: string;
  /** The whole message, RFC 5322, CRLF. */
  readonly raw: Uint8Array;
}

export type SmtpRefusal =
  /** The server said no to this message for good (5xx). Trying again changes nothing. */
  | { readonly kind: 'rejected'; readonly reason: string }
  /** Not accepted, or the answer was lost after it may have been. */
  | { readonly kind: 'uncertain'; readonly reason: string }
  | { readonly kind: 'not-a-real-case' };

export type SmtpClient = ReturnType<typeof createSmtpClient>;

const TIMEOUT_MS = 20_000;
const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|::1)$/;

export function createSmtpClient(settings: SmtpSettings, timeoutMs = TIMEOUT_MS) {
  const { login } = settings;
  const isLocal = LOOPBACK.test(settings.host);
  return {
    async send(it: RealCase, message: OutgoingMessage): Promise<Result<{ readonly answer: string }, SmtpRefusal>> {
      if (!isRealCase(it)) return refuse({ kind: 'not-a-real-case' });
      const transport = createTransport({
        host: settings.host,
        port: settings.port,
        secure: settings.secure,
        // Who stands between could strike STARTTLS from the greeting, and read an embargoed report and the password.
        requireTLS: !isLocal,
        // A relay on this machine rarely has a certificate that names it.
        ignoreTLS: isLocal,
        // The login is used or nothing is sent, whatever the server claims to need.
        ...(login && { forceAuth: true, auth: { user: login.user, pass: login.password.reveal() } }),
        connectionTimeout: timeoutMs,
        greetingTimeout: timeoutMs,
        socketTimeout: timeoutMs,
        disableFileAccess: true,
        disableUrlAccess: true,
      });
      try {
        const info = await transport.sendMail({
          envelope: { from: message.from, to: [message.to] },
          raw: Buffer.from(message.raw),
        });
        return ok({ answer: info.response });
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        return refuse({ kind: isFinal(error) ? 'rejected' : 'uncertain', reason });
      } finally {
        transport.close();
      }
    },
  };
}

/** A no to recipient or text. A no to STARTTLS, login or sender is a fault of the configuration, which can be mended. */
function isFinal(error: unknown): boolean {
  const { command, responseCode } = error as { readonly command?: unknown; readonly responseCode?: unknown };
  const isOfMessage = command === 'RCPT TO' || command === 'DATA';
  return isOfMessage && typeof responseCode === 'number' && responseCode >= 500 && responseCode < 600;
}
