/**
 * A whole mail server (smtp-server) that keeps what it took, may lose its answer before or after it took a message, and
 * leaves a receipt (RFC 3464) for the sender where one was asked for.
 */
import { mkdir, rename, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { SMTPServer } from 'smtp-server';

export type MailFault = 'none' | 'lose-before' | 'lose-after' | 'refuse';

export interface MailServerOptions {
  readonly fault?: () => MailFault;
  /** A Maildir that receipts are left in. */
  readonly maildir?: string;
}

export async function startMailServer({ fault = () => 'none', maildir }: MailServerOptions = {}) {
  const received: string[] = [];
  let receipts = 0;
  if (maildir) for (const folder of ['tmp', 'new', 'cur']) await mkdir(join(maildir, folder), { recursive: true });
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS', 'AUTH'],
    disableReverseLookup: true,
    logger: false,
    onData(stream, session, done) {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', async () => {
        const fate = fault();
        const raw = Buffer.concat(chunks).toString('utf8');
        if (fate === 'refuse') return done(Object.assign(new Error('no such user'), { responseCode: 550 }));
        if (fate !== 'lose-before') {
          received.push(raw);
          receipts += 1;
          if (maildir) await leaveReceipt(maildir, receipts, raw);
        }
        if (fate === 'none') return done();
        for (const connection of server.connections) if (connection.id === session.id) connection._socket.destroy();
      });
    },
  });
  server.on('error', () => {});
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.server.address() as AddressInfo).port,
    /** Every message that was taken, in the order in which it was. */
    received,
    close: () => new Promise<void>((resolve) => server.close(resolve)),
  };
}

async function leaveReceipt(maildir: string, number: number, raw: string): Promise<void> {
  const header = raw.slice(0, raw.indexOf('\r\n\r\n'));
  const text = [
    'From: Mail Delivery System <mailer-daemon@example.org>',
    'To: security@example.org',
    'Subject: Successful Mail Delivery Report',
    `Message-ID: <receipt-${number}@example.org>`,
    'MIME-Version: 1.0',
    'Content-Type: multipart/report; report-type=delivery-status; boundary="b"',
    '',
    '--b',
    'Content-Type: message/delivery-status',
    '',
    'Reporting-MTA: dns; example.org',
    '',
    'Final-Recipient: rfc822; them@example.org',
    'Action: delivered',
    'Status: 2.0.0',
    '',
    '--b',
    'Content-Type: text/rfc822-headers',
    '',
    header,
    '',
    '--b--',
    '',
  ].join('\r\n');
  const name = `${number}.receipt`;
  await writeFile(join(maildir, 'tmp', name), text);
  await rename(join(maildir, 'tmp', name), join(maildir, 'new', name));
}
