/**
 * Records of JSON: the elements of an array, of the list an export wraps them in, or one a line. Exports of bug-bounty
 * platforms and transcripts of evaluations are told by their elements.
 */
import { JsonScanError, JsonScanner, scanJson, type TakenJson, type Want } from '../formats/json-scan.ts';
import { readLines } from '../formats/lines.ts';
import { asObject } from '../formats/loose.ts';
import { readUtf8 } from '../lib/bytes.ts';
import { bountyClaim } from './bounty-claims.ts';
import type { Claim } from './claim.ts';
import { claimOf, toBag } from './field-bag.ts';
import type { FileRefusal, Piece, Reading, Source } from './piece.ts';
import { transcriptClaim } from './transcript-claims.ts';

const MAX_DEPTH = 128;
const BYTE_ORDER_MARK = /^\uFEFF/;
/** Of one element. Transcripts are long. */
const MAX_ELEMENT_BYTES = 16 * 1024 * 1024;

/** Members of an outermost object that hold the records of an export. */
const LISTS: ReadonlySet<unknown> = new Set([
  ...['findings', 'vulnerabilities', 'results', 'issues', 'reports', 'records', 'data', 'items', 'alerts'],
  ...['submissions', 'samples', 'matches', 'defects', 'rows'],
]);

type Shape = 'array' | 'lists' | 'single' | 'lines';

export async function readJson(source: Source): Promise<Reading | FileRefusal> {
  const shape = await shapeOf(source);
  if (typeof shape !== 'string') return shape;
  return {
    format: 'json',
    notes: [],
    pieces: shape === 'lines' ? linePieces(source) : elementPieces(source, shape),
  };
}

async function shapeOf(source: Source): Promise<Shape | FileRefusal> {
  let shape: Shape = 'single';
  const want = ([name]: readonly (string | number)[], kind: TakenJson['kind']): Want => {
    if (name === undefined) {
      if (kind === 'array') shape = 'array';
      return kind === 'object' ? 'enter' : 'skip';
    }
    if (LISTS.has(name) && kind === 'array') shape = 'lists';
    return 'skip';
  };
  try {
    for await (const _ of scanJson(source.read(), { want, maxDepth: MAX_DEPTH, maxTakenBytes: 0 }));
    return shape;
  } catch (error) {
    if (!(error instanceof JsonScanError)) throw error;
    return error.isAfterValue ? 'lines' : { reason: 'unreadable-file', detail: error.message };
  }
}

async function* elementPieces(source: Source, shape: Exclude<Shape, 'lines'>): AsyncGenerator<Piece> {
  const depth = shape === 'array' ? 1 : shape === 'lists' ? 2 : 0;
  const want = (path: readonly (string | number)[], kind: TakenJson['kind']): Want => {
    if (path.length === depth) return 'take';
    return path.length === 0 || (LISTS.has(path[0]) && kind === 'array') ? 'enter' : 'skip';
  };
  for await (const taken of scanJson(source.read(), { want, maxDepth: MAX_DEPTH, maxTakenBytes: MAX_ELEMENT_BYTES })) {
    yield toPiece(taken, taken.path[0]);
  }
}

async function* linePieces(source: Source): AsyncGenerator<Piece> {
  for await (const { from, to, bytes } of readLines(source.read(), MAX_ELEMENT_BYTES)) {
    if (bytes === undefined || bytes.some((byte) => byte > 0x20)) yield toPiece({ from, to, bytes }, undefined);
  }
}

function toPiece({ from, to, bytes }: Pick<TakenJson, 'from' | 'to' | 'bytes'>, list: unknown): Piece {
  const place = { from, to, bytes };
  if (bytes === undefined) {
    const detail = `${to - from} bytes; the limit is ${MAX_ELEMENT_BYTES} bytes`;
    return { ...place, claim: undefined, rejection: { reason: 'record-too-large', detail } };
  }
  const value = parse(bytes);
  if (typeof value === 'string') {
    return { ...place, claim: undefined, rejection: { reason: 'unreadable', detail: value } };
  }
  const claim = toClaim(value.value, list);
  if (!claim) return { ...place, claim, rejection: { reason: 'empty', detail: 'no member says what was found' } };
  return claim.dismissed === undefined
    ? { ...place, claim }
    : { ...place, claim, rejection: { reason: 'dismissed', detail: claim.dismissed } };
}

function toClaim(value: unknown, list: unknown): Claim | undefined {
  if (!asObject(value)) return undefined;
  return bountyClaim(value) ?? transcriptClaim(value, list) ?? claimOf(toBag(value));
}

/** A text where it cannot be parsed: why. Elements were checked as part of the whole, lines were not. */
function parse(bytes: Buffer): { readonly value: unknown } | string {
  try {
    const scanner = new JsonScanner({ want: () => 'skip', maxDepth: MAX_DEPTH, maxTakenBytes: 0 });
    scanner.write(bytes);
    scanner.end();
  } catch (error) {
    if (error instanceof JsonScanError) return error.message;
    throw error;
  }
  const text = readUtf8(bytes)?.replace(BYTE_ORDER_MARK, '');
  return text === undefined ? 'no UTF-8' : { value: JSON.parse(text) as unknown };
}
