/** Text of any length, line by line, with the place of each in the file; the ending is no part of a line. */
export interface Line {
  readonly from: number;
  /** The first byte after it, its ending not counted. */
  readonly to: number;
  /** Undefined where it is longer than the limit. */
  readonly bytes: Buffer | undefined;
}

const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;

export async function* readLines(chunks: AsyncIterable<Buffer>, maxLineBytes: number): AsyncGenerator<Line> {
  let before = 0;
  let from = 0;
  let waiting: Buffer[] = [];
  let waitingBytes = 0;
  const keep = (part: Buffer): void => {
    waitingBytes += part.length;
    if (waitingBytes > maxLineBytes) waiting = [];
    else waiting.push(part);
  };
  const take = (): Line => {
    const whole = waitingBytes > maxLineBytes ? undefined : Buffer.concat(waiting);
    const isReturn = whole?.at(-1) === CARRIAGE_RETURN;
    const bytes = isReturn ? whole?.subarray(0, -1) : whole;
    const line = { from, to: from + (bytes?.length ?? waitingBytes), bytes };
    waiting = [];
    waitingBytes = 0;
    return line;
  };
  for await (const chunk of chunks) {
    let start = 0;
    for (;;) {
      const end = chunk.indexOf(LINE_FEED, start);
      if (end === -1) break;
      keep(chunk.subarray(start, end));
      yield take();
      start = end + 1;
      from = before + start;
    }
    keep(chunk.subarray(start));
    before += chunk.length;
  }
  if (waitingBytes > 0) yield take();
}
