/**
 * What a mail claims of its sender, and what the operator's own mail server found of that (RFC 8601). All of it is a
 * claim that stands beside the mail: nothing is done or left undone because of it. Keys of domains are not asked for here;
 * who has no such server in front learns only whether the two senders of a mail agree.
 */
export interface Envelope {
  /** Of `MAIL FROM`; empty for reports of mail systems. */
  readonly mailFrom: string;
  readonly recipients: readonly string[];
  readonly remoteAddress: string;
}

export interface SenderClaims {
  /** Words of a closed list, without any address. */
  readonly words: string;
  /** The same with the addresses: to be sealed. */
  readonly notes: readonly string[];
}

const MAX_HEADER_BYTES = 256 * 1024;
const MAX_SHOWN = 300;
const METHODS = ['spf', 'dkim', 'dmarc'] as const;
/** RFC 8601, section 2.7. */
const RESULTS: ReadonlySet<string> = new Set([
  ...['none', 'pass', 'fail', 'policy', 'neutral', 'temperror', 'permerror', 'softfail'],
]);

/** `authority` is the name that the operator's mail server writes its findings under; others may write what they like. */
export function claimsOf(raw: Uint8Array, envelope: Envelope, authority: string | undefined): SenderClaims {
  const headers = headersOf(raw);
  const from = addressIn(headers.find(([name]) => name === 'from')?.[1] ?? '');
  const agreement = agreementOf(domainOf(envelope.mailFrom), domainOf(from));
  const found = authority === undefined ? undefined : findingsOf(headers, authority);
  const checked =
    found ??
    `not checked: ${authority === undefined ? 'no mail server in front is named' : 'the mail server in front said nothing'}`;
  return {
    words: `${agreement}; ${checked}`,
    notes: [
      shown(`sent from ${envelope.remoteAddress}, envelope <${envelope.mailFrom}>, From <${from}>: ${agreement}`),
      shown(`claims of the sender, ${checked}`),
    ],
  };
}

const shown = (text: string): string => text.replace(/[\p{Cc}\p{Cf}]+/gu, ' ').slice(0, MAX_SHOWN);

function agreementOf(envelope: string, header: string): string {
  if (header === '') return 'no sender in the mail';
  if (envelope === '') return 'no envelope sender';
  if (envelope === header) return 'envelope and mail name one domain';
  return header.endsWith(`.${envelope}`) || envelope.endsWith(`.${header}`)
    ? 'envelope and mail name domains of one another'
    : 'envelope and mail name different domains';
}

/** Of the topmost header under that name: what stands below was there before, whoever wrote it. */
function findingsOf(headers: readonly Header[], authority: string): string | undefined {
  for (const [name, value] of headers) {
    if (name !== 'authentication-results') continue;
    const [by = '', ...parts] = withoutComments(value).split(';');
    if (by.trim().split(/\s+/)[0]?.toLowerCase() !== authority.toLowerCase()) continue;
    return METHODS.map((method) => `${method} ${resultOf(method, parts)}`).join(', ');
  }
  return undefined;
}

/** A mail with several signatures passes by any of them. */
function resultOf(method: string, parts: readonly string[]): string {
  const results = parts.flatMap((part) => {
    const [, named, result = ''] = /^\s*([a-z0-9-]{1,20})(?:\/\d+)?\s*=\s*([a-z]{1,20})\b/i.exec(part) ?? [];
    return named?.toLowerCase() === method && RESULTS.has(result.toLowerCase()) ? [result.toLowerCase()] : [];
  });
  return results.includes('pass') ? 'pass' : (results[0] ?? 'not said');
}

type Header = readonly [name: string, value: string];

function headersOf(raw: Uint8Array): readonly Header[] {
  const text = Buffer.from(raw.buffer, raw.byteOffset, Math.min(raw.byteLength, MAX_HEADER_BYTES)).toString('latin1');
  const end = text.search(/\r?\n\r?\n/);
  return (end < 0 ? text : text.slice(0, end))
    .replace(/\r?\n[ \t]+/g, ' ')
    .split(/\r?\n/)
    .flatMap((line): Header[] => {
      const colon = line.indexOf(':');
      return colon < 1 ? [] : [[line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim()]];
    });
}

const withoutComments = (text: string): string => text.replace(/\([^()]*\)/g, ' ');

/** The last one in angle brackets, else the whole. */
const addressIn = (text: string): string => /<([^<>\s]{1,254})>[^<>]*$/.exec(text)?.[1] ?? text.split(/\s/, 1)[0] ?? '';

const domainOf = (address: string): string => /@([a-z0-9.-]{1,253})$/i.exec(address)?.[1]?.toLowerCase() ?? '';
