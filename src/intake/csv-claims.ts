/** Records of a table: one a row, its fields named by the first row. */
import { findSeparator, type Row, readRows, type Separator } from '../formats/csv.ts';
import { claimOf, plainName, toBag } from './field-bag.ts';
import type { FileRefusal, Piece, Reading, Source } from './piece.ts';

const MAX_ROW_BYTES = 1024 * 1024;
const MAX_COLUMNS = 500;
const HEAD_BYTES = 64 * 1024;

export async function readCsv(source: Source): Promise<Reading | FileRefusal> {
  let start = '';
  for await (const chunk of source.read(0, Math.min(source.bytes, HEAD_BYTES))) start += chunk.toString('utf8');
  const separator = findSeparator(start.split('\n', 1)[0] ?? '');
  const header = await readHeader(source, separator);
  if ('reason' in header) return header;
  return {
    format: 'csv',
    notes: [],
    pieces: (async function* () {
      let isFirst = true;
      for await (const row of readRows(source.read(), { separator, maxRowBytes: MAX_ROW_BYTES })) {
        if (!isFirst) yield toPiece(row, header);
        isFirst = false;
      }
    })(),
  };
}

async function readHeader(source: Source, separator: Separator): Promise<readonly string[] | FileRefusal> {
  const refused = (detail: string): FileRefusal => ({ reason: 'unreadable-file', detail });
  for await (const { fields } of readRows(source.read(), { separator, maxRowBytes: MAX_ROW_BYTES })) {
    if (!fields) return refused('its first row cannot be read');
    if (fields.length > MAX_COLUMNS) return refused(`it has more than ${MAX_COLUMNS} columns`);
    const names = fields.map(plainName);
    // With every field filled, would there be a claim?
    if (claimOf(new Map(names.map((name) => [name, 'x']))) === undefined) {
      return refused('no column says what was found (title, name, description, message, rule)');
    }
    return names;
  }
  return refused('it is empty');
}

function toPiece({ from, to, bytes, fields }: Row, header: readonly string[]): Piece {
  const place = { from, to, bytes };
  if (bytes === undefined) {
    const rejection = { reason: 'record-too-large' as const, detail: `the limit is ${MAX_ROW_BYTES} bytes` };
    return { ...place, claim: undefined, rejection };
  }
  if (!fields) {
    const rejection = { reason: 'unreadable' as const, detail: 'a quote that does not end its field, or no UTF-8' };
    return { ...place, claim: undefined, rejection };
  }
  const claim = claimOf(toBag(Object.fromEntries(header.map((name, index) => [name, fields[index] ?? '']))));
  if (!claim) return { ...place, claim, rejection: { reason: 'empty', detail: 'no field says what was found' } };
  return claim.dismissed === undefined
    ? { ...place, claim }
    : { ...place, claim, rejection: { reason: 'dismissed', detail: claim.dismissed } };
}
