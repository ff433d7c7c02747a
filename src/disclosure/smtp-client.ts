/**
 * Sends one message by SMTP. Takes only what belongs to a real case: the type says so, and it is looked at again here,
 * because a type does not survive a cast.
 *
 * SMTP cannot be asked whether a message has arrived. Every attempt therefore carries the same bytes and the same
 * Message-ID, by which the receiving side knows a repeat.
 */
import { createTransport } from 'nodemailer';
import { ok, type Result, refuse } from '../lib/result.ts';
import { isRealCase, type RealCase } from './case.ts';

export interface SmtpSettings {
  readonly host: string;
  readonly port: number;
  readonly secure: boolean;
  readonly user?: string;
  readonly password?: string;
}

export interface OutgoingMessage {
  readonly from: string;
  readonly to: string;
  /** The whole message, RFC 5322, CRLF. */
  readonly raw: Uint8Array;
}

export type SmtpRefusal =
  /** The server said no for good (5xx). Trying again changes nothing. */
  | { readonly kind: 'rejected'; readonly reason: string }
  /** Not accepted, or the answer was lost after it may have been. */
  | { readonly kind: 'uncertain'; readonly reason: string }
  | { readonly kind: 'not-a-real-case' };

export type SmtpClient = ReturnType<typeof createSmtpClient>;

const TIMEOUT_MS = 20_000;

export function createSmtpClient(settings: SmtpSettings, timeoutMs = TIMEOUT_MS) {
  return {
    async send(it: RealCase, message: OutgoingMessage): Promise<Result<{ readonly answer: string }, SmtpRefusal>> {
      if (!isRealCase(it)) return refuse({ kind: 'not-a-real-case' });
      const transport = createTransport({
        host: settings.host,
        port: settings.port,
        secure: settings.secure,
        ...(settings.user ? { auth: { user: settings.user, pass: settings.password ?? '' } } : {}),
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

function isFinal(error: unknown): boolean {
  const code = (error as { readonly responseCode?: unknown }).responseCode;
  return typeof code === 'number' && code >= 500 && code < 600;
}
