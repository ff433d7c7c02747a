/**
 * What leaves by each channel, made once and kept, so that every attempt and every reading back is about the same bytes.
 * Each letter carries its message's marker, by which it is found again where it arrived.
 */
import MailComposer from 'nodemailer/lib/mail-composer/index.js';
import type { Address, Repository } from './address.ts';
import type { Channel } from './channel.ts';

/** What is to be said, by whatever channel. Plain text. */
export interface Content {
  readonly subject: string;
  readonly text: string;
  readonly severity: 'none' | 'low' | 'medium' | 'high' | 'critical';
  /** `CWE-79`. */
  readonly cwe?: string;
  readonly package?: {
    /** As package URLs name it: `npm`. */
    readonly type: string;
    readonly name: string;
    /** The version it was seen in. */
    readonly version: string;
  };
}

export interface MailLetter {
  readonly to: string;
  /** RFC 5322, CRLF. */
  readonly raw: string;
}

export interface ReportLetter extends Repository {
  readonly marker: string;
  readonly content: Content;
}

export interface VinceLetter {
  readonly marker: string;
  readonly vendor: string;
  /** Who reports. */
  readonly reporter: { readonly name: string; readonly address: string };
  readonly content: Content;
}

export interface WebhookLetter {
  readonly marker: string;
  readonly url: string;
  /** JSON; signed as it stands. */
  readonly body: string;
}

export interface Letters {
  readonly file: MailLetter;
  readonly smtp: MailLetter;
  readonly 'github-report': ReportLetter;
  readonly 'github-advisory': ReportLetter;
  readonly 'github-issue': ReportLetter;
  readonly vince: VinceLetter;
  readonly webhook: WebhookLetter;
}

export interface Composition {
  readonly id: `message_${string}`;
  readonly caseId: string;
  /** What is not real says so in its header, and lies in the outbox only. */
  readonly isReal: boolean;
  readonly channel: Channel;
  readonly address: Address | undefined;
  readonly from: { readonly name: string; readonly address: string };
  readonly date: Date;
  readonly content: Content;
}

export interface Composed {
  readonly marker: string;
  readonly letter: Letters[Channel];
}

export async function composeLetter(it: Composition): Promise<Composed> {
  const { channel, address, id, content } = it;
  if (channel === 'file' || channel === 'smtp') return composeMail(it);
  if (address?.channel !== channel) throw new Error(`a message by ${channel} needs an address of that channel`);
  switch (address.channel) {
    case 'vince':
      return { marker: id, letter: { marker: id, vendor: address.vendor, reporter: it.from, content } };
    case 'webhook':
      return { marker: id, letter: { marker: id, url: address.url, body: webhookBody(it) } };
    default:
      return { marker: id, letter: { marker: id, owner: address.owner, repo: address.repo, content } };
  }
}

function webhookBody({ id, caseId, date, content }: Composition): string {
  return JSON.stringify({ type: 'report', id, case: caseId, createdAt: date.toISOString(), ...content });
}

/** `<message_…@…>`: the marker of a mail is its Message-ID. */
async function composeMail(it: Composition): Promise<Composed> {
  const { id, from, date, content, isReal, address, caseId } = it;
  const marker = `<${id}@${from.address.split('@')[1] ?? 'localhost'}>`;
  const to = address?.channel === 'smtp' ? address.mail : `unknown-recipient@${caseId}.invalid`;
  const composer = new MailComposer({
    from: from.address,
    to,
    messageId: marker,
    date,
    subject: content.subject,
    text: content.text,
    textEncoding: 'quoted-printable',
    newline: 'windows',
    headers: isReal ? {} : { 'X-Headstart-Demonstration': 'yes' },
  });
  return { marker, letter: { to, raw: (await composer.compile().build()).toString('utf8') } };
}

/** The last line of what is posted on a forge, and what a listing is searched for. */
export const referenceLine = (marker: string): string => `Reference: ${marker}`;
