/**
 * A mail that came in, as far as we look into it: whose it is an answer to, what kind it is, and the plain words by which
 * a maintainer may answer without a page. Everything in it is a claim of a stranger.
 *
 * A word stands alone on a line that is not quoted, after our name:
 *
 *   Headstart: acknowledge            Headstart: not a bug: it is documented
 *   Headstart: more time              Headstart: send fewer   (or: more)
 *   Headstart: fixed in 1.2.3
 */
import PostalMime, { type Address, type Email } from 'postal-mime';
import { ok, type Result, refuse } from '../lib/result.ts';

export type IncomingKind = 'answer' | 'receipt' | 'bounce' | 'automatic';

export type Word =
  | { readonly word: 'acknowledge' | 'more-time' | 'send-fewer' | 'send-more' }
  | { readonly word: 'fixed-in'; readonly version: string }
  | { readonly word: 'not-a-bug'; readonly because: string };

export interface IncomingMail {
  readonly kind: IncomingKind;
  readonly from: string | null;
  readonly subject: string;
  /** Plain text; of HTML alone, its text. */
  readonly text: string;
  /** What it may be an answer to, the likeliest first: ids of mails, and markers in its text. */
  readonly names: readonly string[];
  readonly words: readonly Word[];
  /** What came with it; named and counted, never unpacked. */
  readonly attachments: readonly { readonly name: string; readonly bytes: number }[];
  /** It was encrypted to us: opened, or closed where no key of ours fits. */
  readonly encrypted: 'opened' | 'closed' | null;
  /** It says something beside its words and what it quotes. */
  readonly hasMore: boolean;
  /** It reads as if the flaw were known to others. Only a person may take it so: that ends an embargo. */
  readonly mayBePublic: boolean;
}

/** What is encrypted in a text, opened; undefined where no key fits. */
export type OpenEncrypted = (text: string) => Promise<string | undefined>;

export interface MailRefusal {
  readonly kind: 'not-a-mail';
  readonly why: string;
}

const MAX_TEXT = 100_000;
const MAX_NAMES = 100;
const MAX_WORDS = 10;
const MAX_NESTING = 20;
const MAX_HEADERS_BYTES = 256 << 10;
const MAX_REASON = 500;
const MAX_ATTACHMENTS = 100;
/** Of armour that is opened. */
const MAX_ARMOUR_BYTES = 5 << 20;
const ARMOURS = ['AGE ENCRYPTED FILE', 'PGP MESSAGE'] as const;
const ID = /<[^<>\s]{1,300}>/g;
const MARKER = /message_[0-9a-f]{32}/g;
const WORD = /^\s*headstart:\s*(.+?)\s*$/i;
/** `On 2 Nov 2026, Us <us@example.org> wrote:` */
const QUOTING = /^(on|am|le|el)\b.{1,300}:$/i;
const VERSION = /^fixed in v?(\d[\w.+-]{0,60})\.?$/i;
const NOT_A_BUG = /^not a bug(?:\s*[:,-]|\s+because)?\s+(.+)$/i;
const PUBLIC_SIGNS: readonly RegExp[] = [
  /\b(?:is|are|was|were|been|went|gone|being|now|already|made)\s+(?:\w+\s+){0,2}(?:public|publicly|published|disclosed|leaked|posted|exploited|tweeted|blogged)\b/i,
  /\bin the wild\b|\b0-?day\b|\bfull[ -]disclosure\b|\boss-security\b/i,
];
const PLAIN = new Map<string, Word>([
  ['acknowledge', { word: 'acknowledge' }],
  ['acknowledged', { word: 'acknowledge' }],
  ['more time', { word: 'more-time' }],
  ['send fewer', { word: 'send-fewer' }],
  ['send more', { word: 'send-more' }],
]);

const PARSING = { maxNestingDepth: MAX_NESTING, maxHeadersSize: MAX_HEADERS_BYTES };

export async function readIncomingMail(
  raw: Uint8Array,
  open: OpenEncrypted = async () => undefined,
): Promise<Result<IncomingMail, MailRefusal>> {
  let mail: Email;
  try {
    mail = await PostalMime.parse(raw, PARSING);
  } catch (error) {
    return refuse({ kind: 'not-a-mail', why: error instanceof Error ? error.message : String(error) });
  }
  if (!mail.from && !mail.messageId && !mail.date) {
    return refuse({ kind: 'not-a-mail', why: 'it has no sender, no date and no name' });
  }
  const { text: whole, attachments, encrypted } = await readBody(mail, open);
  const text = whole.slice(0, MAX_TEXT);
  const report = reportOf(mail);
  const kind = kindOf(mail, report);
  return ok({
    kind,
    from: mailOf(mail.from),
    subject: (mail.subject ?? '').slice(0, MAX_REASON),
    text,
    names: namesOf(mail, `${mail.subject ?? ''}\n${text}\n${report}`),
    words:
      kind === 'answer'
        ? ownLines(text)
            .flatMap((line) => wordOf(line) ?? [])
            .slice(0, MAX_WORDS)
        : [],
    attachments: attachments.slice(0, MAX_ATTACHMENTS).map(({ filename, mimeType, content }) => ({
      name: (filename ?? mimeType).slice(0, MAX_REASON),
      bytes: typeof content === 'string' ? Buffer.byteLength(content) : content.byteLength,
    })),
    encrypted,
    hasMore: attachments.length > 0 || encrypted === 'closed' || ownLines(text).some((line) => !wordOf(line)),
    mayBePublic: ownLines(text).some((line) => PUBLIC_SIGNS.some((sign) => sign.test(line))),
  });
}

interface Body extends Pick<IncomingMail, 'text' | 'encrypted'>, Pick<Email, 'attachments'> {}

/** The text of a mail, with what of it was encrypted to us in its place: armour in the text, or PGP/MIME (RFC 3156). */
async function readBody(mail: Email, open: OpenEncrypted): Promise<Body> {
  const body = mail.text ?? withoutMarkup(mail.html ?? '');
  const { attachments } = mail;
  const inText = findArmour(body.slice(0, MAX_ARMOUR_BYTES));
  const carrier = inText === undefined ? attachments.find((each) => armourIn(each) !== undefined) : undefined;
  const armour = inText ?? (carrier && armourIn(carrier));
  if (armour === undefined) return { text: body, attachments: withoutSignatures(attachments), encrypted: null };
  const opened = await open(armour);
  if (opened === undefined) return { text: body, attachments, encrypted: 'closed' };
  const inner = await readOpened(opened);
  // The version part of PGP/MIME says nothing.
  const others = attachments.filter((each) => each !== carrier && each.mimeType !== 'application/pgp-encrypted');
  return {
    text: inText === undefined ? `${body}\n${inner.text}`.trim() : body.replace(inText, () => inner.text),
    attachments: withoutSignatures([...others, ...inner.attachments]),
    encrypted: 'opened',
  };
}

/** A signature that nobody here checks is nothing that waits for a reader. */
const withoutSignatures = (attachments: Email['attachments']): Email['attachments'] =>
  attachments.filter(({ mimeType }) => mimeType !== 'application/pgp-signature');

function armourIn({ content }: Email['attachments'][number]): string | undefined {
  const bytes = typeof content === 'string' ? Buffer.byteLength(content) : content.byteLength;
  return bytes > MAX_ARMOUR_BYTES ? undefined : findArmour(toText(content));
}

/** The first block. Each text is walked twice at most, however often a block begins in it. */
function findArmour(text: string): string | undefined {
  for (const name of ARMOURS) {
    const from = text.indexOf(`-----BEGIN ${name}-----`);
    const end = `-----END ${name}-----`;
    const to = from < 0 ? -1 : text.indexOf(end, from);
    if (to >= 0) return text.slice(from, to + end.length);
  }
  return undefined;
}

/** A message of its own, or plain text. */
async function readOpened(opened: string): Promise<Pick<Body, 'text' | 'attachments'>> {
  if (!/^(?:content-type|mime-version|content-transfer-encoding):/i.test(opened)) {
    return { text: opened, attachments: [] };
  }
  try {
    const inner = await PostalMime.parse(opened, PARSING);
    return { text: inner.text ?? withoutMarkup(inner.html ?? ''), attachments: inner.attachments };
  } catch {
    return { text: opened, attachments: [] };
  }
}

function kindOf(mail: Email, report: string): IncomingKind {
  if (/^action:\s*(failed|delayed)/im.test(report)) return 'bounce';
  if (/^action:\s*(delivered|relayed|expanded)/im.test(report)) return 'receipt';
  const automatic = headerOf(mail, 'auto-submitted');
  return report !== '' || (automatic !== '' && automatic.toLowerCase() !== 'no') ? 'automatic' : 'answer';
}

/** The parts for machines of a delivery report (RFC 3464), and the headers of the mail that it is about. */
function reportOf({ attachments }: Email): string {
  const parts = attachments.filter(({ mimeType }) =>
    ['message/delivery-status', 'text/rfc822-headers', 'message/rfc822'].includes(mimeType),
  );
  const isReport = parts.some(({ mimeType }) => mimeType === 'message/delivery-status');
  return isReport ? parts.map(({ content }) => toText(content).slice(0, MAX_TEXT)).join('\n') : '';
}

const toText = (content: string | ArrayBuffer | Uint8Array): string =>
  typeof content === 'string' ? content : Buffer.from(content as ArrayBuffer).toString('utf8');

function namesOf(mail: Email, text: string): readonly string[] {
  const ids = (header: string | undefined) => header?.match(ID) ?? [];
  const named = [
    ...ids(mail.inReplyTo),
    // The last of them is the nearest.
    ...ids(mail.references).toReversed(),
    ...ids(mail.messageId),
    ...(text.match(ID) ?? []),
    ...(text.match(MARKER) ?? []),
  ];
  return [...new Set(named)].slice(0, MAX_NAMES);
}

/** What the writer says himself: no quotation and its announcement, no signature. */
function ownLines(text: string): readonly string[] {
  const lines = text.split(/\r?\n/).map((line) => line.trimEnd());
  const signature = lines.indexOf('--');
  return lines
    .slice(0, signature < 0 ? lines.length : signature)
    .filter((line) => line.trim() !== '' && !line.startsWith('>') && !QUOTING.test(line));
}

function wordOf(line: string): Word | undefined {
  const [, words] = WORD.exec(line) ?? [];
  return words === undefined ? undefined : readWord(words);
}

function readWord(text: string): Word | undefined {
  const plain = PLAIN.get(text.toLowerCase().replace(/[.!]$/, ''));
  if (plain) return plain;
  const [, version] = VERSION.exec(text) ?? [];
  if (version !== undefined) return { word: 'fixed-in', version };
  const [, because] = NOT_A_BUG.exec(text) ?? [];
  return because === undefined ? undefined : { word: 'not-a-bug', because: because.slice(0, MAX_REASON) };
}

const headerOf = ({ headers }: Email, name: string): string => headers.find(({ key }) => key === name)?.value ?? '';

const mailOf = (from: Address | undefined): string | null => (from && 'address' in from && from.address) || null;

/** Only to be read by a person: what is markup is left out, not understood. */
const withoutMarkup = (html: string): string =>
  html
    .slice(0, 4 * MAX_TEXT)
    .replaceAll(/<(style|script)\b.*?<\/\1\s*>/gis, ' ')
    .replaceAll(/<br\s*\/?>|<\/(p|div|li|tr|h\d)>/gi, '\n')
    .replaceAll(/<[^<>]*>/g, ' ');
