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
  let lineIsEmpty = true;
  let afterCr = false;
  /** A blank line ended with CR: LF may follow and belongs to it. */
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
    lineIsEmpty = true;
    endsAfterCr = false;
    return { raw, ...readFields(raw) };
  };
  return {
    push(chunk) {
      const events: SseEvent[] = [];
      let start = 0;
      const endAt = (index: number): void => {
        keep(chunk.subarray(start, index));
        start = index;
        events.push(take());
      };
      for (let index = 0; index < chunk.length; index += 1) {
        const byte = chunk[index];
        if (byte === LF && afterCr) {
          if (endsAfterCr) endAt(index + 1);
          afterCr = false;
          continue;
        }
        if (endsAfterCr) endAt(index);
        afterCr = byte === CR;
        if (byte !== LF && byte !== CR) lineIsEmpty = false;
        else if (!lineIsEmpty) lineIsEmpty = true;
        else if (byte === CR) endsAfterCr = true;
        else endAt(index + 1);
      }
      keep(chunk.subarray(start));
      return events;
    },
    end: () => (parts.length === 0 ? undefined : take()),
  };
}

function readFields(raw: Buffer): Pick<SseEvent, 'name' | 'data'> {
  let name: string | undefined;
  let data: string | undefined;
  for (const line of raw.toString('utf8').split(/\r\n|\n|\r/)) {
    const colon = line.indexOf(':');
    const field = colon < 0 ? line : line.slice(0, colon);
    if (field !== 'data' && field !== 'event') continue;
    const value = colon < 0 ? '' : line.slice(line.charCodeAt(colon + 1) === 32 ? colon + 2 : colon + 1);
    if (field === 'event') name = value;
    else data = data === undefined ? value : `${data}\n${value}`;
  }
  return { name, data };
}
