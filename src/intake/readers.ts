/** Which form a file has, and who reads it. What cannot be told is refused, not guessed at. */
import { SEPARATORS } from '../formats/csv.ts';
import { readCsv } from './csv-claims.ts';
import type { DecryptionKeys } from './decryption.ts';
import { readJson } from './json-claims.ts';
import { readMail, readMailbox } from './mail-claims.ts';
import { readMarkdown } from './markdown-claims.ts';
import type { FileRefusal, Reading, Source } from './piece.ts';
import { readSarif } from './sarif-claims.ts';

export const FORMATS = ['sarif', 'csv', 'json', 'markdown', 'mail', 'mbox'] as const;
export type Format = (typeof FORMATS)[number];

/** What is looked at to tell a form. */
const HEAD_BYTES = 64 * 1024;

export async function readAs(
  source: Source,
  format: Format | 'auto',
  keys: DecryptionKeys,
): Promise<Reading | FileRefusal> {
  const head = await headOf(source);
  const trouble = troubleOf(head);
  if (trouble) return { reason: 'unreadable-file', detail: trouble };
  const told: Format | undefined = format === 'auto' ? tell(source.name, head.toString('utf8')) : format;
  switch (told) {
    case 'sarif':
      return await readSarif(source);
    case 'csv':
      return await readCsv(source);
    case 'json':
      return await readJson(source);
    case 'markdown':
      return await readMarkdown(source);
    case 'mail':
      return await readMail(source, keys);
    case 'mbox':
      return readMailbox(source, keys);
    case undefined:
      return { reason: 'unreadable-file', detail: `its form cannot be told; --format takes ${FORMATS.join(', ')}` };
  }
}

async function headOf(source: Source): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of source.read(0, Math.min(source.bytes, HEAD_BYTES))) chunks.push(chunk);
  return Buffer.concat(chunks);
}

const PACKED: readonly (readonly [string, string])[] = [
  ['504b0304', 'zip'],
  ['504b0506', 'zip'],
  ['1f8b', 'gzip'],
  ['425a68', 'bzip2'],
  ['fd377a585a00', 'xz'],
  ['28b52ffd', 'zstd'],
  ['377abcaf271c', '7z'],
  ['526172211a07', 'rar'],
];

/** Packed files are never unpacked here: what they hold cannot be bounded before. */
function troubleOf(head: Buffer): string | undefined {
  if (head.length === 0) return 'it is empty';
  const start = head.subarray(0, 8).toString('hex');
  const packed = PACKED.find(([magic]) => start.startsWith(magic))?.[1];
  if (packed) return `it is packed (${packed}) and is not unpacked here; unpack it and import what is inside`;
  const isUtf16 = start.startsWith('fffe') || start.startsWith('feff');
  if (isUtf16) return 'it is UTF-16; save it as UTF-8';
  return head.includes(0) ? 'it holds zero bytes: no text' : undefined;
}

const BY_NAME: readonly (readonly [RegExp, Format])[] = [
  [/\.sarif(?:\.json)?$/i, 'sarif'],
  [/\.(?:csv|tsv)$/i, 'csv'],
  [/\.(?:jsonl|ndjson)$/i, 'json'],
  [/\.(?:md|markdown|mdown)$/i, 'markdown'],
  [/\.eml$/i, 'mail'],
  [/\.(?:mbox|mbx)$/i, 'mbox'],
];

const MAIL_HEADER =
  /^(?:return-path|received|delivered-to|from|to|subject|date|message-id|mime-version|x-[a-z0-9-]+|dkim-signature|reply-to):/i;
const ARMOR = /^\s*-----BEGIN (?:AGE ENCRYPTED FILE|PGP MESSAGE)-----/;

function tell(name: string, head: string): Format | undefined {
  const text = head.replace(/^\uFEFF/, '').trimStart();
  const named = BY_NAME.find(([ending]) => ending.test(name))?.[1];
  if (text.startsWith('{') || text.startsWith('[')) {
    return named === 'sarif' || /"(?:runs|\$schema)"\s*:\s*(?:\[|"[^"]{0,300}sarif)/i.test(text) ? 'sarif' : 'json';
  }
  if (named) return named;
  if (text.startsWith('From ')) return 'mbox';
  if (MAIL_HEADER.test(text) || ARMOR.test(text)) return 'mail';
  if (/^(?:#{1,6}[ \t]|---\r?\n)|\n#{1,6}[ \t]/.test(text)) return 'markdown';
  const [first = ''] = text.split('\n', 1);
  return SEPARATORS.some((separator) => first.includes(separator)) && text.includes('\n') ? 'csv' : undefined;
}
