/**
 * Request bodies are read strictly: what two parsers could read differently (a key given twice, or once more in other
 * letters, broken UTF-8) is refused, because then the gateway would judge one request and the provider answer another. Where top-level values stand is kept,
 * so that one of them can be replaced and every other byte passed on as it came.
 */
import { isUtf8 } from 'node:buffer';
import type { Json } from '../lib/canonical-json.ts';
import { ok, type Result, refuse } from '../lib/result.ts';

export type JsonObject = Readonly<Record<string, Json>>;

/** UTF-16 positions in the text. */
interface Span {
  readonly start: number;
  readonly end: number;
}

export interface JsonDocument {
  readonly text: string;
  readonly value: JsonObject;
  readonly spans: ReadonlyMap<string, Span>;
}

export interface JsonRefusal {
  readonly kind: 'not-json' | 'not-utf8' | 'not-an-object' | 'duplicate-key' | 'too-deep';
  readonly detail: string;
}

export const MAX_JSON_DEPTH = 128;

export function readJsonDocument(bytes: Uint8Array): Result<JsonDocument, JsonRefusal> {
  if (!isUtf8(bytes)) return refuse({ kind: 'not-utf8', detail: 'the body is not valid UTF-8' });
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
  let value: Json;
  try {
    value = JSON.parse(text);
  } catch {
    return refuse({ kind: 'not-json', detail: 'the body is not valid JSON' });
  }
  if (!isObject(value)) return refuse({ kind: 'not-an-object', detail: 'the body is not a JSON object' });
  const spans = scan(text);
  return spans.ok ? ok({ text, value, spans: spans.value }) : spans;
}

export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function applyEdits(text: string, edits: readonly { start: number; end: number; text: string }[]): string {
  let result = '';
  let from = 0;
  for (const edit of [...edits].sort((left, right) => left.start - right.start)) {
    result += text.slice(from, edit.start) + edit.text;
    from = edit.end;
  }
  return result + text.slice(from);
}

/** One open object (`keys`) or array. */
interface Level {
  readonly keys: Set<string> | undefined;
  /** What tools take and give is the caller's own: there `id` and `ID` may well be two things. */
  readonly isData: boolean;
  expectsKey: boolean;
  key: string;
}

/** Members of the protocols whose names are not the protocols'. At the top `input` is: the turns of a conversation. */
const DATA_KEYS: ReadonlySet<string> = new Set([
  'input',
  'input_schema',
  'input_examples',
  'parameters',
  'schema',
  'env',
]);

const PLAIN_KEY = /^[a-z0-9_.-]*$/;

/** Parsers that take `Type` for `type` also take the long s and the sign for kelvin for letters. */
const fold = (key: string): string => (PLAIN_KEY.test(key) ? key : key.toUpperCase().toLowerCase());

/** Walks text that JSON.parse has already accepted: only structure is looked at, strings are skipped natively. */
function scan(text: string): Result<ReadonlyMap<string, Span>, JsonRefusal> {
  const spans = new Map<string, Span>();
  const levels: Level[] = [];
  let level: Level | undefined;
  let topKey = '';
  let valueStart = 0;
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    if (code === QUOTE) {
      const end = endOfString(text, index);
      if (level?.keys && level.expectsKey) {
        const written = text.slice(index + 1, end - 1);
        const key: string = written.includes('\\') ? JSON.parse(`"${written}"`) : written;
        const name = level.isData ? key : fold(key);
        if (level.keys.has(name)) {
          const rule = level.isData ? '' : ' (upper and lower case are one)';
          return refuse({ kind: 'duplicate-key', detail: `the key ${show(key)} stands twice${rule}` });
        }
        level.keys.add(name);
        level.expectsKey = false;
        level.key = key;
        if (levels.length === 1) topKey = key;
      }
      index = end - 1;
    } else if (code === COLON) {
      if (levels.length === 1) valueStart = index + 1;
    } else if (code === OPEN_OBJECT || code === OPEN_ARRAY) {
      if (levels.length === MAX_JSON_DEPTH)
        return refuse({ kind: 'too-deep', detail: 'the body is nested too deeply' });
      const isObject = code === OPEN_OBJECT;
      const isData = level !== undefined && (level.isData || (levels.length > 1 && DATA_KEYS.has(level.key)));
      level = { keys: isObject ? new Set() : undefined, isData, expectsKey: isObject, key: '' };
      levels.push(level);
    } else if (code === COMMA || code === CLOSE_OBJECT || code === CLOSE_ARRAY) {
      if (levels.length === 1 && level?.keys?.size) spans.set(topKey, trim(text, valueStart, index));
      if (code === COMMA) {
        if (level) level.expectsKey = level.keys !== undefined;
      } else {
        levels.pop();
        level = levels.at(-1);
      }
    }
  }
  return ok(spans);
}

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const BACKSLASH = 0x5c;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/** The index after the closing quote. */
function endOfString(text: string, start: number): number {
  let quote = text.indexOf('"', start + 1);
  for (;;) {
    let backslashes = 0;
    while (text.charCodeAt(quote - 1 - backslashes) === BACKSLASH) backslashes += 1;
    if (backslashes % 2 === 0) return quote + 1;
    quote = text.indexOf('"', quote + 1);
  }
}

function trim(text: string, start: number, end: number): Span {
  let from = start;
  let to = end;
  while (text.charCodeAt(from) <= SPACE) from += 1;
  while (text.charCodeAt(to - 1) <= SPACE) to -= 1;
  return { start: from, end: to };
}

const SPACE = 0x20;
const MAX_SHOWN = 64;

const show = (key: string): string => JSON.stringify(key.slice(0, MAX_SHOWN));
