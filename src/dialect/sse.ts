/**
 * Server-sent events from bytes that may be split anywhere (WHATWG HTML, section 9.2). Every byte that goes in comes out
 * again in the `raw` of exactly one event, so that a stream can be passed on whole and cut only between events.
 */
export interface SseEvent {
  /** With the blank line that ends it. */
  readonly raw: Buffer;
  readonly name: string | undefined;
  /** Undefined where the event carries none, such as a comment. */
  readonly data: string | undefined;
}

export class SseTooLong extends Error {
  override readonly name = 'SseTooLong';
}

export interface SseParser {
  /** Throws SseTooLong where an event does not end within the limit. */
  push(chunk: Buffer): SseEvent[];
  /** What stands after the last complete event, read as one; undefined where nothing does. */
  end(): SseEvent | undefined;
}

const LF = 10;
const CR = 13;

export function createSseParser(maxEventBytes: number): SseParser {
  let parts: Buffer[] = [];
  let partBytes = 0;
  /** Of the line that is being read. */
  let lineIsEmpty = true;
  /** The bytes so far end with CR: LF may follow and belongs to it. */
  let afterCr = false;
  /** And that CR ended a blank line. */
  let endsAfterCr = false;

  const keep = (bytes: Buffer): void => {
    if (bytes.length === 0) return;
    parts.push(bytes);
    partBytes += bytes.length;
    if (partBytes > maxEventBytes) throw new SseTooLong(`an event of more than ${maxEventBytes} bytes`);
  };
  const take = (): SseEvent => {
    const raw = parts.length === 1 && parts[0] ? parts[0] : Buffer.concat(parts);
    parts = [];
    partBytes = 0;
    return new ReadEvent(raw);
  };
  const endWith = (bytes: Buffer): SseEvent => {
    keep(bytes);
    return take();
  };
  return {
    push(chunk) {
      const events: SseEvent[] = [];
      const { length } = chunk;
      let [start, index] = [0, 0];
      if (afterCr && length > 0) {
        if (chunk[0] === LF) index = 1;
        if (endsAfterCr) {
          events.push(endWith(chunk.subarray(0, index)));
          start = index;
        }
        [afterCr, endsAfterCr] = [false, false];
      }
      // Where the line began, if nothing of it stood in an earlier chunk. Most bytes take one turn of two comparisons.
      let lineStart = lineIsEmpty ? index : -1;
      for (; index < length; index += 1) {
        const byte = chunk[index];
        if (byte !== LF && byte !== CR) continue;
        const isBlank = index === lineStart;
        if (byte === CR && index + 1 === length) {
          [afterCr, endsAfterCr, lineStart] = [true, isBlank, length];
          break;
        }
        if (byte === CR && chunk[index + 1] === LF) index += 1;
        lineStart = index + 1;
        if (!isBlank) continue;
        events.push(endWith(chunk.subarray(start, lineStart)));
        start = lineStart;
      }
      lineIsEmpty = lineStart === length;
      keep(chunk.subarray(start));
      return events;
    },
    end() {
      [lineIsEmpty, afterCr, endsAfterCr] = [true, false, false];
      return parts.length === 0 ? undefined : take();
    },
  };
}

/** Its fields are read when they are asked for: most events of a stream show by their bytes alone what they are. */
class ReadEvent implements SseEvent {
  readonly raw: Buffer;
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
