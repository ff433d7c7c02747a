/**
 * Reports by mail: one message (.eml) or a mailbox (mbox, RFC 4155), parsed by postal-mime. Attachments are named and
 * counted, never unpacked. Encrypted bodies are opened with the keys at hand; without one the mail is kept as it came.
 */
import PostalMime, { type Address, type Email } from 'postal-mime';
import { readLines } from '../formats/lines.ts';
import type { Claim } from './claim.ts';
import { clip, clipTitle } from './claim.ts';
import { type DecryptionKeys, decrypt, findEncrypted } from './decryption.ts';
import { claimOf, type FieldBag } from './field-bag.ts';
import { labelledFields } from './markdown-claims.ts';
import type { FileRefusal, Piece, Reading, Source } from './piece.ts';

const MAX_MESSAGE_BYTES = 32 * 1024 * 1024;
const MAX_LINE_BYTES = 1024 * 1024;
const PARSING = {
  attachmentEncoding: 'arraybuffer',
  maxNestingDepth: 32,
  maxHeadersSize: 256 * 1024,
  maxRfc822NestingDepth: 4,
} as const;
const MAX_ATTACHMENTS = 100;
/** Characters of a body that are turned into text. */
const MAX_HTML = 400_000;

/** Mails opened with keys are read as another form than the same mails without: they come out as other records. */
const formatOf = (name: 'mail' | 'mbox', keys: DecryptionKeys): string =>
  keys.age.length + keys.pgp.length > 0 ? `${name}, opened` : name;

export async function readMail(source: Source, keys: DecryptionKeys): Promise<Reading | FileRefusal> {
  if (source.bytes > MAX_MESSAGE_BYTES) {
    const detail = `${source.bytes} bytes; the limit for one mail is ${MAX_MESSAGE_BYTES} bytes`;
    return { reason: 'file-too-large', detail };
  }
  return {
    format: formatOf('mail', keys),
    notes: [],
    pieces: (async function* () {
      const chunks: Buffer[] = [];
      for await (const chunk of source.read()) chunks.push(chunk);
      yield await toPiece(0, Buffer.concat(chunks), keys);
    })(),
  };
}

export function readMailbox(source: Source, keys: DecryptionKeys): Reading {
  return { format: formatOf('mbox', keys), notes: [], pieces: messagesOf(source, keys) };
}

const SEPARATOR = Buffer.from('From ');

async function* messagesOf(source: Source, keys: DecryptionKeys): AsyncGenerator<Piece> {
  let from: number | undefined;
  let isLong = false;
  let isAfterBlank = true;
  const end = async function* (to: number): AsyncGenerator<Piece> {
    if (from === undefined || to <= from) return;
    const detail = `the limit for one mail is ${MAX_MESSAGE_BYTES} bytes`;
    const rejection = { reason: 'record-too-large' as const, detail };
    if (isLong) yield { from, to, bytes: undefined, claim: undefined, rejection };
    else yield await toPiece(from, await slice(source, from, to), keys);
  };
  for await (const line of readLines(source.read(), MAX_LINE_BYTES)) {
    const isSeparator = isAfterBlank && line.bytes?.subarray(0, SEPARATOR.length).equals(SEPARATOR);
    if (isSeparator) {
      yield* end(line.from);
      from = line.to + 1;
      isLong = false;
    } else isLong ||= line.to - (from ?? 0) > MAX_MESSAGE_BYTES;
    isAfterBlank = line.to === line.from;
  }
  yield* end(source.bytes);
}

async function slice(source: Source, from: number, to: number): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of source.read(from, to)) parts.push(part);
  return Buffer.concat(parts);
}

async function toPiece(from: number, bytes: Buffer, keys: DecryptionKeys): Promise<Piece> {
  const place = { from, to: from + bytes.length, bytes };
  let mail: Email;
  try {
    mail = await PostalMime.parse(bytes, PARSING);
  } catch (error) {
    const detail = error instanceof Error ? (clip(error.message) ?? '') : 'no mail';
    return { ...place, claim: undefined, rejection: { reason: 'unreadable', detail } };
  }
  const found =
    findEncrypted(bodyOf(mail)) ?? mail.attachments.map((it) => findEncrypted(latin(it.content))).find(Boolean);
  const opened = found && (await decrypt(found, keys));
  if (found && !opened) {
    const detail = `a ${found.kind === 'age' ? 'age' : 'PGP'} message, and no key here opens it; import it again with --identity FILE`;
    return { ...place, claim: toClaim(mail, ''), rejection: { reason: 'encrypted', detail } };
  }
  const text = opened ? await plainOf(opened) : bodyOf(mail);
  const claim = toClaim(mail, text);
  const isEmpty = text.trim() === '' && mail.attachments.length === 0;
  return isEmpty
    ? { ...place, claim, rejection: { reason: 'empty', detail: 'the mail has no text' } }
    : { ...place, claim };
}

/** What was encrypted may be a MIME message itself (PGP/MIME), or plain text. */
async function plainOf(opened: Buffer): Promise<string> {
  if (!/^(?:content-type|mime-version|content-transfer-encoding):/i.test(opened.subarray(0, 64).toString('latin1'))) {
    return opened.toString('utf8');
  }
  return bodyOf(await PostalMime.parse(opened, PARSING));
}

const bodyOf = ({ text, html }: Email): string => (text?.trim() ? text : textOfHtml(html ?? ''));

function latin(content: ArrayBuffer | Uint8Array | string): string {
  if (typeof content === 'string') return content;
  const bytes =
    content instanceof ArrayBuffer
      ? Buffer.from(content)
      : Buffer.from(content.buffer, content.byteOffset, content.byteLength);
  return bytes.toString('latin1');
}

function toClaim(mail: Email, text: string): Claim {
  const bag: FieldBag = new Map([...labelledFields(text), ['title', mail.subject ?? ''], ['description', text]]);
  const claim = claimOf(bag) ?? claimOf(new Map([['title', mail.subject ?? 'a mail without subject and text']]));
  if (!claim) throw new Error('a title is a claim');
  return {
    ...claim,
    title: clipTitle(mail.subject ?? claim.title),
    sourceId: clip(mail.messageId),
    reporter: clip(addressOf(mail.from)),
    reportedAt: clip(mail.date),
    attachments: mail.attachments.slice(0, MAX_ATTACHMENTS).map(({ filename, mimeType, content }) => ({
      name: clip(filename ?? mimeType) ?? '',
      bytes: typeof content === 'string' ? Buffer.byteLength(content) : content.byteLength,
    })),
  };
}

const addressOf = (from: Address | undefined): string | undefined => from?.address ?? from?.group?.[0]?.address;

/** Tags out, the commonest entities back: enough to read and compare; it is never shown as HTML. */
function textOfHtml(html: string): string {
  const parts: string[] = [];
  const source = html.slice(0, MAX_HTML);
  let at = 0;
  while (at < source.length) {
    const open = source.indexOf('<', at);
    if (open === -1) break;
    parts.push(source.slice(at, open), ' ');
    const close = source.indexOf('>', open);
    if (close === -1) return decodeEntities(parts.join(''));
    at = close + 1;
  }
  parts.push(source.slice(at));
  return decodeEntities(parts.join(''));
}

const ENTITIES: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"', nbsp: ' ', '#39': "'" };

const decodeEntities = (text: string): string =>
  text.replace(/&(lt|gt|amp|quot|nbsp|#39);/g, (whole, name: string) => ENTITIES[name] ?? whole);
