/**
 * Server-sent events from bytes that may be split anywhere (WHATWG HTML, section 9.2). Every byte that goes in comes out
 * again in the `raw` of exactly one event, so that a stream can be passed on whole and cut only between events.
 */
import { isUtf8 } from 'node:buffer';

export interface SseEvent {
  /** With the blank line that ends it. */
  readonly raw: Buffer;
  readonly name: string | undefined;
  /** Undefined where the event carries none, such as a comment. */
  readonly data: string | undefined;
  /** Several that were known by their bytes, and are counted already: without name and data. */
  readonly isSkipped: boolean;
}

export class SseTooLong extends Error {
  override readonly name = 'SseTooLong';
}

/** False where nothing after this event is wanted. */
export type TakeEvent = (event: SseEvent) => boolean;

export interface SseParser {
  /** Gives events one by one. Throws SseTooLong where an event does not end within the limit. */
  feed(chunk: Buffer, take: TakeEvent): void;
  /** The same as a list. */
  push(chunk: Buffer): SseEvent[];
  /** What stands after the last complete event, read as one; undefined where nothing does. */
  end(): SseEvent | undefined;
}

/**
 * Knows events by their bytes: gives the index after all those that begin at `from` and need no further reading, or `from`.
 * `text` has a character for each byte, which are valid UTF-8.
 */
export type Skip = (text: string, from: number) => number;

const LF = 10;
const CR = 13;

export function createSseParser(maxEventBytes: number, skip?: Skip): SseParser {
  return new Parser(maxEventBytes, skip);
}

class Parser implements SseParser {
  readonly #maxEventBytes: number;
  readonly #skip: Skip | undefined;
  /** Of the event that is being read. */
  #parts: Buffer[] = [];
  #partBytes = 0;
  /** Of the line that is being read. */
  #lineIsEmpty = true;
  /** The bytes so far end with CR: LF may follow and belongs to it. */
  #afterCr = false;
  /** And that CR ended a blank line. */
  #endsAfterCr = false;

  constructor(maxEventBytes: number, skip: Skip | undefined) {
    this.#maxEventBytes = maxEventBytes;
    this.#skip = skip;
  }

  push(chunk: Buffer): SseEvent[] {
    const events: SseEvent[] = [];
    this.feed(chunk, (event) => events.push(event) > 0);
    return events;
  }

  feed(chunk: Buffer, take: TakeEvent): void {
    const isWhole = this.#parts.length === 0 && !this.#afterCr && !chunk.includes(CR);
    const from = isWhole ? this.#feedWhole(chunk, take) : 0;
    if (from !== undefined) this.#feedLines(chunk, from, take);
  }

  end(): SseEvent | undefined {
    [this.#lineIsEmpty, this.#afterCr, this.#endsAfterCr] = [true, false, false];
    return this.#parts.length === 0 ? undefined : this.#take();
  }

  /** From the boundary of two events, in bytes without CR. Gives the index after the last whole event; undefined: no more is wanted. */
  #feedWhole(chunk: Buffer, take: TakeEvent): number | undefined {
    const text = chunk.toString('latin1');
    const skip = this.#skip !== undefined && isUtf8(chunk) ? this.#skip : undefined;
    let start = 0;
    while (start < chunk.length) {
      const skipped = skip ? skip(text, start) : start;
      if (skipped > start) {
        if (!take(new SkippedEvents(chunk.subarray(start, skipped)))) return undefined;
        start = skipped;
      } else {
        const end = endOfEvent(text, start);
        if (end < 0 || end - start > this.#maxEventBytes) return start;
        if (!take(new ReadEvent(chunk.subarray(start, end)))) return undefined;
        start = end;
      }
    }
    return start;
  }

  #feedLines(chunk: Buffer, from: number, take: TakeEvent): void {
    const { length } = chunk;
    let [start, index] = [from, from];
    if (this.#afterCr && length > 0) {
      if (chunk[0] === LF) index = 1;
      if (this.#endsAfterCr) {
        if (!take(this.#endWith(chunk.subarray(0, index)))) return;
        start = index;
      }
      [this.#afterCr, this.#endsAfterCr] = [false, false];
    }
    // Where the line began, if nothing of it stood in an earlier chunk. Most bytes take one turn of two comparisons.
    let lineStart = this.#lineIsEmpty ? index : -1;
    for (; index < length; index += 1) {
      const byte = chunk[index];
      if (byte !== LF && byte !== CR) continue;
      const isBlank = index === lineStart;
      if (byte === CR && index + 1 === length) {
        [this.#afterCr, this.#endsAfterCr, lineStart] = [true, isBlank, length];
        break;
      }
      if (byte === CR && chunk[index + 1] === LF) index += 1;
      lineStart = index + 1;
      if (!isBlank) continue;
      if (!take(this.#endWith(chunk.subarray(start, lineStart)))) return;
      start = lineStart;
    }
    this.#lineIsEmpty = lineStart === length;
    this.#keep(chunk.subarray(start));
  }

  #keep(bytes: Buffer): void {
    if (bytes.length === 0) return;
    this.#parts.push(bytes);
    this.#partBytes += bytes.length;
    if (this.#partBytes > this.#maxEventBytes)
      throw new SseTooLong(`an event of more than ${this.#maxEventBytes} bytes`);
  }

  #take(): SseEvent {
    const raw = this.#parts.length === 1 && this.#parts[0] ? this.#parts[0] : Buffer.concat(this.#parts);
    this.#parts = [];
    this.#partBytes = 0;
    return new ReadEvent(raw);
  }

  #endWith(bytes: Buffer): SseEvent {
    this.#keep(bytes);
    return this.#take();
  }
}

/** After its blank line, or -1. Lines end with LF alone. */
function endOfEvent(text: string, start: number): number {
  if (text.charCodeAt(start) === LF) return start + 1;
  const end = text.indexOf('\n\n', start);
  return end < 0 ? -1 : end + 2;
}

/** Its fields are read when they are asked for: most events of a stream show by their bytes alone what they are. */
class ReadEvent implements SseEvent {
  readonly raw: Buffer;
  readonly isSkipped = false;
  #fields: Pick<SseEvent, 'name' | 'data'> | undefined = undefined;

  constructor(raw: Buffer) {
    this.raw = raw;
  }

  get name(): string | undefined {
    this.#fields ??= readFields(this.raw);
    return this.#fields.name;
  }

  get data(): string | undefined {
    this.#fields ??= readFields(this.raw);
    return this.#fields.data;
  }
}

class SkippedEvents implements SseEvent {
  readonly raw: Buffer;
  readonly name = undefined;
  readonly data = undefined;
  readonly isSkipped = true;

  constructor(raw: Buffer) {
    this.raw = raw;
  }
}

function readFields(raw: Buffer): Pick<SseEvent, 'name' | 'data'> {
  let name: string | undefined;
  let data: string | undefined;
  const text = raw.toString('utf8');
  for (const line of text.includes('\r') ? text.split(/\r\n|\n|\r/) : text.split('\n')) {
    const colon = line.indexOf(':');
    const field = colon < 0 ? line : line.slice(0, colon);
    if (field !== 'data' && field !== 'event') continue;
    const value = colon < 0 ? '' : line.slice(line.charCodeAt(colon + 1) === 32 ? colon + 2 : colon + 1);
    if (field === 'event') name = value;
    else data = data === undefined ? value : `${data}\n${value}`;
  }
  return { name, data };
}
