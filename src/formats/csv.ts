/**
 * Separated values (RFC 4180, and what spreadsheets make of it), row by row, each with its place in the file. A quoted
 * field may hold line ends; a quote that is never closed ends the file as one row that cannot be read.
 */
import { readUtf8 } from '../lib/bytes.ts';
import { readLines } from './lines.ts';

export interface Row {
  readonly from: number;
  readonly to: number;
  /** As written, without its line ending. Undefined where it is longer than the limit. */
  readonly bytes: Buffer | undefined;
  /** Undefined where it cannot be read. */
  readonly fields: readonly string[] | undefined;
}

export const SEPARATORS = [',', ';', '\t', '|'] as const;
export type Separator = (typeof SEPARATORS)[number];

const QUOTE = 0x22;
const BYTE_ORDER_MARK = '\uFEFF';

export async function* readRows(
  chunks: AsyncIterable<Buffer>,
  { separator, maxRowBytes }: { readonly separator: Separator; readonly maxRowBytes: number },
): AsyncGenerator<Row> {
  let from = 0;
  let to = 0;
  let parts: Buffer[] = [];
  let isOpen = false;
  let isLong = false;
  const take = (): Row => {
    const bytes = isLong ? undefined : join(parts);
    const row = { from, to, bytes, fields: bytes && !isOpen ? splitRow(bytes, separator) : undefined };
    parts = [];
    isOpen = false;
    isLong = false;
    return row;
  };
  for await (const line of readLines(chunks, maxRowBytes)) {
    if (parts.length === 0 && !isLong) from = line.from;
    isLong ||= line.bytes === undefined || line.to - from > maxRowBytes;
    to = line.to;
    if (isLong) parts = [];
    else if (line.bytes) parts.push(line.bytes);
    if (line.bytes) for (const byte of line.bytes) if (byte === QUOTE) isOpen = !isOpen;
    // A row that passes the limit is given up at its line end: what an unclosed quote swallows is bounded.
    if (isOpen && !isLong) continue;
    if (isLong || (parts[0]?.length ?? 0) > 0 || parts.length > 1) yield take();
    else parts = [];
  }
  if (parts.length > 0) yield take();
}

const LINE_END = Buffer.from('\n');

function join(parts: readonly Buffer[]): Buffer {
  return Buffer.concat(parts.flatMap((part, index) => (index === 0 ? [part] : [LINE_END, part])));
}

/** Undefined where the bytes are no UTF-8, or text follows a closing quote. */
function splitRow(bytes: Buffer, separator: Separator): readonly string[] | undefined {
  const text = readUtf8(bytes)?.replace(BYTE_ORDER_MARK, '');
  if (text === undefined) return undefined;
  const fields: string[] = [];
  let at = 0;
  for (;;) {
    if (text[at] === '"') {
      const end = closing(text, at + 1);
      if (end === -1 || (end + 1 < text.length && text[end + 1] !== separator)) return undefined;
      fields.push(text.slice(at + 1, end).replaceAll('""', '"'));
      at = end + 1;
    } else {
      const end = text.indexOf(separator, at);
      fields.push(text.slice(at, end === -1 ? undefined : end));
      at = end === -1 ? text.length : end;
    }
    if (at >= text.length) return fields;
    at += 1;
  }
}

function closing(text: string, from: number): number {
  for (let at = text.indexOf('"', from); at !== -1; at = text.indexOf('"', at + 1)) {
    if (text[at + 1] !== '"') return at;
    at += 1;
  }
  return -1;
}

/** The one that the first line has most of. */
export function findSeparator(line: string): Separator {
  const counts = SEPARATORS.map((separator) => line.split(separator).length);
  return SEPARATORS[counts.indexOf(Math.max(...counts))] ?? ',';
}
