/**
 * Reads JSON of any length (RFC 8259, strictly) without holding it: bytes go in as they come, and out come the whole
 * values somebody wants, as the bytes they were written in, each with its place in the file. Everything between is
 * checked and dropped.
 *
 *   object/array ── want? ──▶ enter (ask again for each member) · take (give its bytes) · skip (check only)
 *
 * Written here because the streaming parsers on npm give values, not the bytes they stood in, which intake has to keep;
 * bound neither depth nor length; and build every value in JavaScript, a tenth as fast as a check of bytes.
 */
export type JsonPath = readonly (string | number)[];
export type JsonKind = 'object' | 'array' | 'scalar';
export type Want = 'enter' | 'take' | 'skip';

export interface TakenJson {
  readonly path: JsonPath;
  readonly kind: JsonKind;
  /** Bytes from the start of the file; `to` is the first after it. */
  readonly from: number;
  readonly to: number;
  /** Undefined where it is longer than the limit. */
  readonly bytes: Buffer | undefined;
}

export interface JsonScanOptions {
  /** Asked for the outermost value and for each member of an entered one. A scalar that is entered is skipped. */
  readonly want: (path: JsonPath, kind: JsonKind) => Want;
  readonly maxDepth: number;
  readonly maxTakenBytes: number;
}

/** The text is no JSON, or passes a limit; `at` counts bytes from the start of the file. */
export class JsonScanError extends Error {
  override readonly name = 'JsonScanError';
  readonly at: number;
  /** One whole value stands before it: the text may be several, one after the other. */
  readonly isAfterValue: boolean;

  constructor(message: string, at: number, isAfterValue = false) {
    super(message);
    this.at = at;
    this.isAfterValue = isAfterValue;
  }
}

const MAX_NAME_BYTES = 4_096;

const OBJECT = 1;
const ARRAY = 2;

const VALUE = 0;
const VALUE_OR_END = 1;
const NAME_OR_END = 2;
const NAME = 3;
const COLON = 4;
const COMMA_OR_END = 5;
const DONE = 6;
const STRING = 7;
const NUMBER = 8;
const LITERAL = 9;

/** States of a number, by RFC 8259 section 6; the last of each pair may end it. */
const MINUS = 0;
const ZERO = 1;
const INTEGER = 2;
const POINT = 3;
const FRACTION = 4;
const EXPONENT = 5;
const EXPONENT_SIGN = 6;
const EXPONENT_DIGITS = 7;
const MAY_END: ReadonlySet<number> = new Set([ZERO, INTEGER, FRACTION, EXPONENT_DIGITS]);

const BYTE_ORDER_MARK = [0xef, 0xbb, 0xbf];
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const LITERALS: Readonly<Record<number, string>> = { 116: 'true', 102: 'false', 110: 'null' };
const SHORT_ESCAPES: ReadonlySet<number> = new Set(Buffer.from('"\\/bfnrt'));

const isSpace = (byte: number): boolean => byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
const isDigit = (byte: number): boolean => byte >= 0x30 && byte <= 0x39;
const isHex = (byte: number): boolean =>
  isDigit(byte) || (byte >= 0x41 && byte <= 0x46) || (byte >= 0x61 && byte <= 0x66);

export class JsonScanner {
  readonly #options: JsonScanOptions;
  readonly #kinds: Uint8Array;
  #state = VALUE;
  #depth = 0;
  /** How many of the open containers were entered: they are the outermost ones. */
  #entered = 0;
  readonly #path: (string | number)[] = [];
  /** Bytes before the current chunk. */
  #before = 0;
  #taken: TakenJson[] = [];
  /** Of the value being taken. */
  #taking: { from: number; kind: JsonKind; parts: Buffer[]; bytes: number } | undefined;
  #chunkFrom = 0;
  #isName = false;
  #isNameKept = false;
  #name: number[] = [];
  /** 0 none, 1 after a backslash, 2 to 5 hexadecimal digits to come plus one. */
  #escape = 0;
  #number = MINUS;
  #literal = '';
  #literalAt = 0;
  #marks = 0;

  constructor(options: JsonScanOptions) {
    this.#options = options;
    this.#kinds = new Uint8Array(options.maxDepth);
  }

  /** Whole values that ended in this chunk. The chunk must not be changed afterwards. Throws JsonScanError. */
  write(chunk: Buffer): TakenJson[] {
    this.#chunkFrom = 0;
    let at = 0;
    while (at < chunk.length) {
      if (this.#state === STRING) at = this.#string(chunk, at);
      else if (this.#state === NUMBER) at = this.#digits(chunk, at);
      else if (this.#state === LITERAL) at = this.#letter(chunk, at);
      else at = this.#structure(chunk, at);
    }
    if (this.#taking) this.#keep(chunk.subarray(this.#chunkFrom));
    this.#before += chunk.length;
    const taken = this.#taken;
    this.#taken = [];
    return taken;
  }

  /** Values that only the end of the text ended (a bare number). Throws where the text breaks off. */
  end(): TakenJson[] {
    if (this.#state === NUMBER && MAY_END.has(this.#number)) this.#endValue(Buffer.alloc(0), 0);
    if (this.#state !== DONE) throw this.#error('the text breaks off before its end', 0);
    return this.#taken;
  }

  #error(message: string, at: number): JsonScanError {
    return new JsonScanError(`${message} (byte ${this.#before + at})`, this.#before + at, this.#state === DONE);
  }

  #unexpected(expected: string, byte: number, at: number): JsonScanError {
    const found =
      byte > 0x20 && byte < 0x7f
        ? JSON.stringify(String.fromCharCode(byte))
        : `byte 0x${byte.toString(16).padStart(2, '0')}`;
    return this.#error(`no JSON: ${expected} expected, found ${found}`, at);
  }

  /** True for a byte of the byte order mark at the very start. */
  #isMark(byte: number, at: number): boolean {
    if (this.#before + at !== this.#marks) return false;
    if (this.#marks === 0 && (byte === 0xff || byte === 0xfe)) {
      throw this.#error('the text is UTF-16; JSON between systems is UTF-8 (RFC 8259 section 8.1)', 0);
    }
    if (byte !== BYTE_ORDER_MARK[this.#marks]) return false;
    this.#marks += 1;
    return true;
  }

  #structure(chunk: Buffer, at: number): number {
    const byte = chunk[at] as number;
    if (isSpace(byte) || this.#isMark(byte, at)) return at + 1;
    switch (this.#state) {
      case DONE:
        throw this.#unexpected('the end', byte, at);
      case VALUE_OR_END:
        if (byte === 0x5d) return this.#close(chunk, at);
        return this.#value(chunk, at, byte);
      case VALUE:
        return this.#value(chunk, at, byte);
      case NAME_OR_END:
        if (byte === 0x7d) return this.#close(chunk, at);
        return this.#beginName(byte, at);
      case NAME:
        return this.#beginName(byte, at);
      case COLON:
        if (byte !== 0x3a) throw this.#unexpected('":"', byte, at);
        this.#state = VALUE;
        return at + 1;
      default:
        return this.#separate(chunk, at, byte);
    }
  }

  #separate(chunk: Buffer, at: number, byte: number): number {
    const isArray = this.#kinds[this.#depth - 1] === ARRAY;
    if (byte === (isArray ? 0x5d : 0x7d)) return this.#close(chunk, at);
    if (byte !== 0x2c) throw this.#unexpected(isArray ? '"," or "]"' : '"," or "}"', byte, at);
    if (isArray && this.#entered === this.#depth) {
      this.#path[this.#path.length - 1] = (this.#path.at(-1) as number) + 1;
    }
    this.#state = isArray ? VALUE : NAME;
    return at + 1;
  }

  #beginName(byte: number, at: number): number {
    if (byte !== QUOTE) throw this.#unexpected('a member name in double quotes', byte, at);
    this.#state = STRING;
    this.#isName = true;
    this.#isNameKept = this.#entered === this.#depth;
    this.#name = [];
    return at + 1;
  }

  #value(chunk: Buffer, at: number, byte: number): number {
    const kind = byte === 0x7b ? 'object' : byte === 0x5b ? 'array' : 'scalar';
    const isEntered = this.#entered === this.#depth && this.#ask(kind, at);
    if (kind !== 'scalar') return this.#open(kind, isEntered, at);
    if (byte === QUOTE) {
      this.#state = STRING;
      this.#isName = false;
      this.#isNameKept = false;
      return at + 1;
    }
    if (byte === 0x2d || isDigit(byte)) {
      this.#state = NUMBER;
      this.#number = byte === 0x2d ? MINUS : byte === 0x30 ? ZERO : INTEGER;
      return at + 1;
    }
    const literal = LITERALS[byte];
    if (literal === undefined) throw this.#unexpected('a value', byte, at);
    this.#state = LITERAL;
    this.#literal = literal;
    this.#literalAt = 1;
    return this.#letter(chunk, at + 1);
  }

  /** True where it is to be entered. */
  #ask(kind: JsonKind, at: number): boolean {
    const want = this.#options.want(this.#path, kind);
    if (want === 'take') {
      this.#taking = { from: this.#before + at, kind, parts: [], bytes: 0 };
      this.#chunkFrom = at;
    }
    return want === 'enter';
  }

  #open(kind: 'object' | 'array', isEntered: boolean, at: number): number {
    if (this.#depth === this.#options.maxDepth) {
      throw this.#error(`nested deeper than ${this.#options.maxDepth} levels`, at);
    }
    this.#kinds[this.#depth] = kind === 'object' ? OBJECT : ARRAY;
    this.#depth += 1;
    if (isEntered) {
      this.#entered = this.#depth;
      this.#path.push(kind === 'object' ? '' : 0);
    }
    this.#state = kind === 'object' ? NAME_OR_END : VALUE_OR_END;
    return at + 1;
  }

  #close(chunk: Buffer, at: number): number {
    this.#depth -= 1;
    if (this.#entered > this.#depth) {
      this.#entered = this.#depth;
      this.#path.pop();
    }
    this.#endValue(chunk, at + 1);
    return at + 1;
  }

  #endValue(chunk: Buffer, end: number): void {
    this.#state = this.#depth === 0 ? DONE : COMMA_OR_END;
    const taking = this.#taking;
    if (!taking || this.#depth !== this.#entered) return;
    this.#keep(chunk.subarray(this.#chunkFrom, end));
    const isShort = taking.bytes <= this.#options.maxTakenBytes;
    const [only] = taking.parts;
    const bytes = isShort ? (taking.parts.length === 1 ? only : Buffer.concat(taking.parts)) : undefined;
    const { from, kind } = taking;
    this.#taken.push({ path: [...this.#path], kind, from, to: this.#before + end, bytes });
    this.#taking = undefined;
  }

  #keep(part: Buffer): void {
    const taking = this.#taking;
    if (!taking) return;
    taking.bytes += part.length;
    if (taking.bytes > this.#options.maxTakenBytes) taking.parts = [];
    else taking.parts.push(part);
  }

  #string(chunk: Buffer, start: number): number {
    let at = start;
    const end = chunk.length;
    while (at < end) {
      const byte = chunk[at] as number;
      if (this.#escape > 0) this.#escaped(byte, at);
      else if (byte === QUOTE) {
        this.#collect(chunk, start, at);
        this.#endString(chunk, at + 1);
        return at + 1;
      } else if (byte === BACKSLASH) this.#escape = 1;
      else if (byte < 0x20) throw this.#unexpected('a character of a string', byte, at);
      at += 1;
    }
    this.#collect(chunk, start, end);
    return end;
  }

  #escaped(byte: number, at: number): void {
    if (this.#escape === 1) {
      if (byte === 0x75) this.#escape = 5;
      else if (SHORT_ESCAPES.has(byte)) this.#escape = 0;
      else throw this.#unexpected('an escape', byte, at);
      return;
    }
    if (!isHex(byte)) throw this.#unexpected('a hexadecimal digit', byte, at);
    this.#escape = this.#escape === 2 ? 0 : this.#escape - 1;
  }

  #collect(chunk: Buffer, from: number, to: number): void {
    if (!this.#isNameKept) return;
    if (this.#name.length + to - from > MAX_NAME_BYTES) {
      throw this.#error(`a member name is longer than ${MAX_NAME_BYTES} bytes`, from);
    }
    for (let at = from; at < to; at += 1) this.#name.push(chunk[at] as number);
  }

  #endString(chunk: Buffer, end: number): void {
    if (!this.#isName) {
      this.#endValue(chunk, end);
      return;
    }
    if (this.#isNameKept) {
      this.#path[this.#path.length - 1] = JSON.parse(`"${Buffer.from(this.#name).toString('utf8')}"`) as string;
    }
    this.#state = COLON;
  }

  #digits(chunk: Buffer, start: number): number {
    for (let at = start; at < chunk.length; at += 1) {
      const byte = chunk[at] as number;
      const next = nextOfNumber(this.#number, byte);
      if (next === undefined) {
        if (!MAY_END.has(this.#number)) throw this.#unexpected('a digit', byte, at);
        this.#endValue(chunk, at);
        return at;
      }
      this.#number = next;
    }
    return chunk.length;
  }

  #letter(chunk: Buffer, start: number): number {
    for (let at = start; at < chunk.length; at += 1) {
      if (chunk[at] !== this.#literal.charCodeAt(this.#literalAt)) {
        throw this.#unexpected(this.#literal, chunk[at] as number, at);
      }
      this.#literalAt += 1;
      if (this.#literalAt === this.#literal.length) {
        this.#endValue(chunk, at + 1);
        return at + 1;
      }
    }
    return chunk.length;
  }
}

/** Undefined where this byte is no part of the number. */
function nextOfNumber(state: number, byte: number): number | undefined {
  if (isDigit(byte)) {
    if (state === MINUS) return byte === 0x30 ? ZERO : INTEGER;
    if (state === ZERO) return undefined;
    if (state === POINT) return FRACTION;
    if (state === EXPONENT || state === EXPONENT_SIGN) return EXPONENT_DIGITS;
    return state;
  }
  if (byte === 0x2e && (state === ZERO || state === INTEGER)) return POINT;
  const isExponent = byte === 0x65 || byte === 0x45;
  if (isExponent && (state === ZERO || state === INTEGER || state === FRACTION)) return EXPONENT;
  if ((byte === 0x2b || byte === 0x2d) && state === EXPONENT) return EXPONENT_SIGN;
  return undefined;
}

/** Every value that is wanted, as it comes. Throws JsonScanError. */
export async function* scanJson(chunks: AsyncIterable<Buffer>, options: JsonScanOptions): AsyncGenerator<TakenJson> {
  const scanner = new JsonScanner(options);
  for await (const chunk of chunks) yield* scanner.write(chunk);
  yield* scanner.end();
}
