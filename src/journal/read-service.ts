/** Reading journals: whole batches in their order, each held to its chain. */
import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { type BatchHead, chainOver, chainStart, isTorn, readBatch } from './batch.ts';
import { listSegments, readGap } from './segment-client.ts';

export type JournalRefusal =
  | { readonly kind: 'no-journal'; readonly directory: string }
  | { readonly kind: 'altered'; readonly segment: string; readonly offset: number; readonly why: string }
  | { readonly kind: 'missing-segment'; readonly segment: string }
  /** It ends before, or says something else than, a head that the public log holds. */
  | { readonly kind: 'truncated'; readonly batch: number; readonly last: number }
  /** Segments are gone of which the public log does not say that their time was over. */
  | { readonly kind: 'unproven-gap'; readonly batch: number }
  | { readonly kind: 'forked'; readonly batch: number; readonly logged: string; readonly found: string };

/** A journal that is not what was written. */
export class JournalAltered extends Error {
  override readonly name = 'JournalAltered';
  readonly refusal: JournalRefusal;

  constructor(refusal: JournalRefusal) {
    super(`the journal is not what was written: ${JSON.stringify(refusal)}`);
    this.refusal = refusal;
  }
}

export interface FoundBatch {
  readonly head: BatchHead;
  readonly lines: readonly string[];
  readonly segment: string;
  readonly offset: number;
}

export interface ReadEnd {
  /** Left of a batch that was never acknowledged. */
  readonly tornBytes: number;
}

export interface ReadOptions {
  /** Start at this segment and trust that what stands before it led there; the first one otherwise. */
  readonly from?: string | undefined;
}

/** Yields every whole batch. Throws JournalAltered. */
export async function* readJournal(directory: string, { from }: ReadOptions = {}): AsyncGenerator<FoundBatch, ReadEnd> {
  const segments = await listSegments(directory).catch(() => [] as string[]);
  const gap = await readGap(directory);
  if (segments.length === 0 && !gap) throw new JournalAltered({ kind: 'no-journal', directory });
  const first = from === undefined ? 0 : segments.indexOf(from);
  let place: Place = {
    chain: first !== 0 ? undefined : gap ? Buffer.from(gap.chain, 'hex') : chainStart(basename(directory)),
    number: first !== 0 ? undefined : (gap?.batch ?? 0),
  };
  for (const [index, segment] of segments.entries()) {
    const expected = `${String((gap?.segments ?? 0) + index + 1).padStart(6, '0')}.journal`;
    if (segment !== expected) throw new JournalAltered({ kind: 'missing-segment', segment: expected });
    if (index < first) continue;
    const end = yield* readSegment(directory, segment, index === segments.length - 1, place);
    if (end.tornBytes > 0) return end;
    place = end.place;
  }
  return { tornBytes: 0 };
}

/** Undefined at the start of a segment that is read without those before it. */
interface Place {
  readonly chain: Buffer | undefined;
  readonly number: number | undefined;
}

async function* readSegment(
  directory: string,
  segment: string,
  isLast: boolean,
  start: Place,
): AsyncGenerator<FoundBatch, { readonly tornBytes: number; readonly place: Place }> {
  const bytes = await readFile(join(directory, segment));
  let place = start;
  for (let offset = 0; ; ) {
    const altered = (why: string) => new JournalAltered({ kind: 'altered', segment, offset, why });
    const read = readBatch(bytes, offset);
    if (read.kind === 'end') return { tornBytes: 0, place };
    const trouble = read.kind === 'batch' ? troubleIn(read, place) : read.kind === 'cut' ? 'cut short' : read.why;
    if (trouble !== undefined) {
      if (isLast && isTorn(bytes, offset, place.chain ?? Buffer.alloc(0)))
        return { tornBytes: bytes.length - offset, place };
      throw altered(trouble);
    }
    if (read.kind !== 'batch') throw altered('no batch');
    const { head, payload, next } = read;
    if (payload.at(-1) !== 0x0a) throw altered('the last record has no end');
    yield { head, lines: payload.toString('utf8').split('\n').slice(0, -1), segment, offset };
    place = { chain: Buffer.from(head.chain, 'hex'), number: head.number };
    offset = next;
  }
}

function troubleIn(
  { head, payload }: { readonly head: BatchHead; readonly payload: Uint8Array },
  { chain, number }: Place,
): string | undefined {
  // Without what stands before it, the first batch of a segment can only be taken at its word.
  if (chain === undefined || number === undefined) return undefined;
  if (head.number !== number + 1) return `batch ${head.number} stands where ${number + 1} belongs`;
  return chainOver(chain, head, payload).toString('hex') === head.chain
    ? undefined
    : `batch ${head.number} does not match its chain`;
}
