/**
 * Answers of HTTP/1.1 (RFC 9112) as bytes come, one at a time on a connection. Read strictly: what could be read in two
 * ways is refused, and with it the connection.
 *
 *   head ──▶ body of known length ──▶ end          head of 1xx ──▶ head
 *      ├───▶ chunks ──▶ trailer ────▶ end
 *      └───▶ until the connection closes ──▶ end
 */

export class BadAnswer extends Error {
  override readonly name = 'BadAnswer';
}

/** By names in lower case. */
export type AnswerHeaders = Readonly<Record<string, string | string[] | undefined>>;

export interface AnswerSink {
  onStart(status: number, headers: AnswerHeaders): void;
  /** A copy; what came in one piece is told in one piece, whatever its chunks were. */
  onData(bytes: Buffer): void;
  onEnd(): void;
}

type State =
  | 'head'
  | 'length'
  | 'size'
  | 'extension'
  | 'size-lf'
  | 'chunk'
  | 'chunk-cr'
  | 'chunk-lf'
  | 'trailer'
  | 'close'
  | 'end';

const MAX_HEAD_BYTES = 65_536;
const MAX_EXTENSION_BYTES = 1_024;
/** Digits: no chunk is as large as that. */
const MAX_SIZE_DIGITS = 8;
const CR = 13;
const LF = 10;
const SEMICOLON = 59;

/** One for each connection; `begin` for each answer on it. */
export class HttpAnswer {
  #sink: AnswerSink | undefined = undefined;
  #state: State = 'end';
  /** Of the body or the chunk that is being read. */
  #left = 0;
  #digits = 0;
  /** Of head or trailer, while it is not whole. */
  #text = '';
  /** The connection can carry another request when this one has ended. */
  #isKept = true;
  #keptMs: number | undefined = undefined;

  begin(sink: AnswerSink): void {
    this.#sink = sink;
    this.#state = 'head';
    this.#text = '';
    this.#isKept = true;
  }

  get isKept(): boolean {
    return this.#isKept;
  }

  /** For how long the other side says that it keeps the connection. */
  get keptMs(): number | undefined {
    return this.#keptMs;
  }

  get hasEnded(): boolean {
    return this.#state === 'end';
  }

  /** Throws BadAnswer. `bytes` are moved about in their place. */
  push(bytes: Buffer): void {
    let index = 0;
    while (index < bytes.length) {
      switch (this.#state) {
        case 'head':
          index = this.#readHead(bytes, index);
          break;
        case 'length':
          index = this.#readLength(bytes, index);
          break;
        case 'close':
          this.#sink?.onData(copyOf(bytes, index, bytes.length));
          return;
        case 'trailer':
          index = this.#readTrailer(bytes, index);
          break;
        case 'end':
          throw new BadAnswer('bytes that no request asked for');
        default:
          index = this.#readChunks(bytes, index);
      }
    }
  }

  /** The other side has closed. Throws BadAnswer where that is not the end of the answer. */
  close(): void {
    if (this.#state !== 'close') throw new BadAnswer('the connection was closed');
    this.#finish();
  }

  #finish(): void {
    this.#state = 'end';
    this.#sink?.onEnd();
  }

  #readHead(bytes: Buffer, from: number): number {
    const index = this.#readBlock(bytes, from);
    if (index < 0) return bytes.length;
    const { status, minor, headers } = readHead(this.#text);
    this.#text = '';
    if (status === 101) throw new BadAnswer('another protocol than was asked for');
    if (status < 200) return index;
    const framing = readFraming(status, headers);
    this.#isKept = framing !== 'close' && isKept(minor, headers);
    this.#keptMs = readKeptMs(headers['keep-alive']);
    this.#sink?.onStart(status, headers);
    if (framing === 'chunked') {
      this.#state = 'size';
      this.#left = 0;
      this.#digits = 0;
    } else if (framing === 'close') this.#state = 'close';
    else if (framing === 0) this.#finish();
    else {
      this.#state = 'length';
      this.#left = framing;
    }
    return index;
  }

  /** Gathers text until its empty line. Gives the index after that, or -1. */
  #readBlock(bytes: Buffer, from: number): number {
    const kept = this.#text.length;
    const text = this.#text + bytes.toString('latin1', from, Math.min(bytes.length, from + MAX_HEAD_BYTES));
    const end = text.indexOf('\r\n\r\n', Math.max(0, kept - 3));
    if (end < 0 ? text.length >= MAX_HEAD_BYTES : end > MAX_HEAD_BYTES) throw new BadAnswer('its head is too large');
    this.#text = end < 0 ? text : text.slice(0, end);
    return end < 0 ? -1 : from + end + 4 - kept;
  }

  #readLength(bytes: Buffer, from: number): number {
    const to = Math.min(bytes.length, from + this.#left);
    this.#left -= to - from;
    this.#sink?.onData(copyOf(bytes, from, to));
    if (this.#left === 0) this.#finish();
    return to;
  }

  /** What the chunks hold is moved together and told at once. */
  #readChunks(bytes: Buffer, from: number): number {
    let index = from;
    let held = from;
    while (index < bytes.length && this.#state !== 'trailer') {
      if (this.#state === 'chunk') {
        const to = Math.min(bytes.length, index + this.#left);
        if (held !== index) bytes.copyWithin(held, index, to);
        held += to - index;
        this.#left -= to - index;
        index = to;
        if (this.#left === 0) this.#state = 'chunk-cr';
      } else {
        this.#takeFraming(bytes[index] as number);
        index += 1;
      }
    }
    if (held > from) this.#sink?.onData(copyOf(bytes, from, held));
    return index;
  }

  #takeFraming(byte: number): void {
    switch (this.#state) {
      case 'size': {
        const digit = hexDigit(byte);
        if (digit >= 0 && this.#digits < MAX_SIZE_DIGITS) {
          this.#left = this.#left * 16 + digit;
          this.#digits += 1;
        } else if (this.#digits > 0 && byte === CR) this.#state = 'size-lf';
        else if (this.#digits > 0 && byte === SEMICOLON) [this.#state, this.#digits] = ['extension', 0];
        else throw new BadAnswer('a chunk without its size');
        return;
      }
      case 'extension':
        this.#digits += 1;
        if (byte === LF || this.#digits > MAX_EXTENSION_BYTES) throw new BadAnswer('a chunk with a broken extension');
        if (byte === CR) this.#state = 'size-lf';
        return;
      case 'size-lf':
        if (byte !== LF) throw new BadAnswer('a chunk without its size');
        this.#state = this.#left === 0 ? 'trailer' : 'chunk';
        // A trailer may hold nothing but its empty line.
        if (this.#left === 0) this.#text = '\r\n';
        return;
      case 'chunk-cr':
        if (byte !== CR) throw new BadAnswer('a chunk longer than its size');
        this.#state = 'chunk-lf';
        return;
      default:
        if (byte !== LF) throw new BadAnswer('a chunk longer than its size');
        [this.#state, this.#left, this.#digits] = ['size', 0, 0];
    }
  }

  /** Nobody is told of it. */
  #readTrailer(bytes: Buffer, from: number): number {
    const index = this.#readBlock(bytes, from);
    if (index < 0) return bytes.length;
    for (const line of this.#text.split('\r\n')) if (line !== '') readField(line);
    this.#text = '';
    this.#finish();
    return index;
  }
}

function copyOf(bytes: Buffer, from: number, to: number): Buffer {
  const copy = Buffer.allocUnsafe(to - from);
  bytes.copy(copy, 0, from, to);
  return copy;
}

function hexDigit(byte: number): number {
  if (byte >= 48 && byte <= 57) return byte - 48;
  const lower = byte | 32;
  return lower >= 97 && lower <= 102 ? lower - 87 : -1;
}

const STATUS_LINE = /^HTTP\/1\.([01]) ([1-9]\d\d)(?: [\t\x20-\x7e\x80-\xff]*)?$/;
const FIELD = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[\t ]*([\t\x20-\x7e\x80-\xff]*)$/;

interface Head {
  readonly status: number;
  readonly minor: string | undefined;
  readonly headers: AnswerHeaders;
}

/** Once at most: a second one could say something else. */
const SINGLE = new Set(['content-length', 'transfer-encoding', 'content-type']);

function readHead(text: string): Head {
  const lines = text.split('\r\n');
  const status = STATUS_LINE.exec(lines[0] ?? '');
  if (!status) throw new BadAnswer('no answer of HTTP/1.1');
  const headers: Record<string, string | string[] | undefined> = Object.create(null);
  for (let index = 1; index < lines.length; index += 1) {
    const [name, value] = readField(lines[index] ?? '');
    const before = headers[name];
    if (before === undefined) headers[name] = value;
    else if (SINGLE.has(name)) throw new BadAnswer(`its header ${name} stands twice`);
    else headers[name] = Array.isArray(before) ? [...before, value] : [before, value];
  }
  return { status: Number(status[2]), minor: status[1], headers };
}

function readField(line: string): [string, string] {
  const field = FIELD.exec(line);
  if (!field) throw new BadAnswer('a header that is none');
  return [(field[1] as string).toLowerCase(), (field[2] as string).trimEnd()];
}

/** Bytes of the body, or how its end is known (RFC 9112, section 6.3). */
function readFraming(status: number, headers: AnswerHeaders): number | 'chunked' | 'close' {
  const { 'transfer-encoding': coding, 'content-length': length } = headers;
  if (coding !== undefined && length !== undefined) throw new BadAnswer('two lengths');
  if (status === 204 || status === 304) return 0;
  if (coding !== undefined) {
    if (String(coding).toLowerCase() !== 'chunked') throw new BadAnswer('a coding of transfer that was not asked for');
    return 'chunked';
  }
  if (length === undefined) return 'close';
  if (!/^\d{1,15}$/.test(String(length))) throw new BadAnswer('its length is no number');
  return Number(length);
}

function isKept(minor: string | undefined, { connection }: AnswerHeaders): boolean {
  const options = String(connection ?? '').toLowerCase();
  return minor === '1' ? !/\bclose\b/.test(options) : /\bkeep-alive\b/.test(options);
}

function readKeptMs(value: string | string[] | undefined): number | undefined {
  const seconds = /\btimeout=(\d{1,6})\b/.exec(String(value ?? ''))?.[1];
  return seconds === undefined ? undefined : Number(seconds) * 1_000;
}
