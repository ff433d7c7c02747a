/**
 * What leaves by each channel, made once and kept, so that every attempt and every reading back is about the same bytes.
 * Each letter carries its message's marker, by which it is found again where it arrived.
 */
import MailComposer from 'nodemailer/lib/mail-composer/index.js';
import MimeNode from 'nodemailer/lib/mime-node/index.js';
import type { Address, Repository } from './address.ts';
import type { Channel } from './channel.ts';
import { encryptTo, type PublicKey } from './encryption.ts';

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
  /** Of mail: the addressee's. */
  readonly encryptTo?: PublicKey;
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
  const envelope = { from: from.address, to, messageId: marker, date };
  const said = { ...content, text: `${content.text.trimEnd()}\n\n${footer(id)}` };
  const composer = new MailComposer({
    ...envelope,
    subject: it.encryptTo ? `Security report, encrypted (${id})` : content.subject,
    text: it.encryptTo?.kind === 'age' ? await ageText(it.encryptTo, said) : said.text,
    // A block of letters goes as it is.
    ...(it.encryptTo?.kind !== 'age' && { textEncoding: 'quoted-printable' as const }),
    newline: 'windows',
    headers: isReal ? {} : { 'X-Headstart-Demonstration': 'yes' },
  });
  const node = composer.compile();
  if (it.encryptTo?.kind === 'pgp') return { marker, letter: { to, raw: await pgpMime(node, it.encryptTo, said) } };
  return { marker, letter: { to, raw: (await node.build()).toString('utf8') } };
}

/** How to answer outside the thread, and without a page. No line of it is a word by itself: clients quote as they like. */
const footer = (id: string): string =>
  [
    '-- ',
    'To answer outside this thread, keep this line:',
    referenceLine(id),
    'A line of its own that says one of these is understood at once; all else is read by a person:',
    ...['acknowledge', 'more time', 'fixed in 1.2.3', 'not a bug: (why)', 'send fewer'].map(
      (word) => `  "Headstart: ${word}"`,
    ),
    '',
  ].join('\n');

const clearText = ({ subject, text }: Content): string => `Subject: ${subject}\n\n${text}`;

async function ageText(key: PublicKey, content: Content): Promise<string> {
  const said =
    'This report is encrypted to your age key. Save the block below and read it with: age --decrypt -i KEY FILE';
  return `${said}\n\n${(await encryptTo(key, clearText(content))).trimEnd()}\n`;
}

/** RFC 3156: two parts, of which the second holds a whole message. */
async function pgpMime(head: MimeNode, key: PublicKey, content: Content): Promise<string> {
  const inner = [
    'Content-Type: text/plain; charset=utf-8',
    'Content-Transfer-Encoding: 8bit',
    '',
    ...clearText(content).split('\n'),
  ];
  const root = new MimeNode('multipart/encrypted; protocol="application/pgp-encrypted"', { newline: 'windows' });
  for (const name of ['From', 'To', 'Subject', 'Message-ID', 'Date']) root.setHeader(name, head.getHeader(name));
  root.createChild('application/pgp-encrypted').setContent('Version: 1\n');
  const sealed = root.createChild('application/octet-stream; name="encrypted.asc"');
  sealed.setHeader('Content-Disposition', 'inline; filename="encrypted.asc"');
  sealed.setHeader('Content-Transfer-Encoding', '7bit');
  sealed.setContent(await encryptTo(key, inner.join('\r\n')));
  return (await root.build()).toString('utf8');
}

/** The last line of what is posted on a forge, and what a listing is searched for. */
export const referenceLine = (marker: string): string => `Reference: ${marker}`;
