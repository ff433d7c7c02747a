/**
 * Reports in Markdown: one a document, or one a heading where it has several of the highest level (or numbered ones
 * below its title). Labelled lines (`**Severity:** high`, `CWE: 79`) and front matter are its fields, the rest its text.
 * Nothing of it is rendered here.
 */
import { readUtf8 } from '../lib/bytes.ts';
import { claimOf, type FieldBag, plainName } from './field-bag.ts';
import type { FileRefusal, Piece, Reading, Source } from './piece.ts';

const MAX_DOCUMENT_BYTES = 16 * 1024 * 1024;
const MAX_LABEL = 40;
const MAX_VALUE = 2_000;
/** Characters of a line that are looked at for a heading or a label. */
const MAX_LINE = 1_000;
/** Beginnings of headings that are a finding each. */
const NUMBERED =
  /^(?:(?:finding|vulnerability|vuln|issue|bug|report|flaw)\b|[A-Z]{1,8}-\d+\b|\d{1,4}[.):]\s|\[?(?:critical|high|medium|low)\]?\b)/i;

export async function readMarkdown(source: Source): Promise<Reading | FileRefusal> {
  if (source.bytes > MAX_DOCUMENT_BYTES) {
    const detail = `${source.bytes} bytes; the limit for Markdown is ${MAX_DOCUMENT_BYTES} bytes`;
    return { reason: 'file-too-large', detail };
  }
  const chunks: Buffer[] = [];
  for await (const chunk of source.read()) chunks.push(chunk);
  const bytes = Buffer.concat(chunks);
  const text = readUtf8(bytes);
  if (text === undefined) return { reason: 'unreadable-file', detail: 'it is no UTF-8' };
  const pieces = sectionsOf(text).map(({ from, to, level }): Piece => {
    const start = Buffer.byteLength(text.slice(0, from));
    const section = text.slice(from, to);
    const end = start + Buffer.byteLength(section);
    const place = { from: start, to: end, bytes: bytes.subarray(start, end) };
    const claim = claimOf(fieldsOf(section, level));
    if (!claim) return { ...place, claim, rejection: { reason: 'empty', detail: 'neither heading nor text' } };
    return claim.dismissed === undefined
      ? { ...place, claim }
      : { ...place, claim, rejection: { reason: 'dismissed', detail: claim.dismissed } };
  });
  return {
    format: 'markdown',
    notes: [],
    pieces: (async function* () {
      yield* pieces;
    })(),
  };
}

interface Heading {
  readonly level: number;
  readonly at: number;
  readonly title: string;
}

interface Section {
  readonly from: number;
  readonly to: number;
  /** Of the heading that is its title. */
  readonly level: number;
}

/** From each heading that is a finding to the next; the first takes what stands before it. */
function sectionsOf(text: string): Section[] {
  const headings = headingsOf(text);
  const top = headings.filter(({ level }) => level === 1);
  const below = headings.filter(({ level, title }) => level === 2 && NUMBERED.test(title));
  const starts = top.length > 1 ? top : below.length > 1 ? below : [];
  if (starts.length === 0) return text.trim() === '' ? [] : [{ from: 0, to: text.length, level: 1 }];
  return starts.map(({ at, level }, index) => {
    return { from: index === 0 ? 0 : at, to: starts[index + 1]?.at ?? text.length, level };
  });
}

/** Outside fenced code, where a line that begins with # is code. */
function headingsOf(text: string): Heading[] {
  const headings: Heading[] = [];
  let fence: string | undefined;
  let at = 0;
  for (const whole of text.split('\n')) {
    const line = whole.slice(0, MAX_LINE);
    const mark = /^ {0,3}(`{3,}|~{3,})/.exec(line)?.[1];
    if (mark && (fence === undefined || mark.startsWith(fence))) fence = fence === undefined ? mark : undefined;
    const heading = fence === undefined ? /^(#{1,6})[ \t]+(.+?)[ \t]*#*\r?$/.exec(line) : null;
    if (heading?.[1] && heading[2]) headings.push({ level: heading[1].length, at, title: heading[2] });
    at += whole.length + 1;
  }
  return headings;
}

function fieldsOf(section: string, level: number): FieldBag {
  const bag = new Map<string, string>();
  const front = /^\uFEFF?---\r?\n([\s\S]{0,20000}?)\r?\n---\r?\n/.exec(section);
  const body = front ? section.slice(front[0].length) : section;
  for (const line of front?.[1]?.split('\n') ?? []) {
    const field = /^([A-Za-z][\w -]{0,40}):\s*(.+?)\s*$/.exec(line);
    if (field?.[1] && field[2]) addTo(bag, field[1], field[2].replace(/^(["'])(.*)\1$/, '$2'));
  }
  const headings = headingsOf(body);
  const title = headings.find((heading) => heading.level === level) ?? headings[0];
  if (title) addTo(bag, 'title', title.title);
  for (const [name, value] of labelledFields(body)) if (!bag.has(name)) bag.set(name, value);
  bag.set('description', body.trim());
  return bag;
}

function addTo(bag: Map<string, string>, name: string, value: string): void {
  const key = plainName(name);
  if (key !== '' && !bag.has(key)) bag.set(key, value);
}

/** `Severity: high`, `- **CWE:** 79`, `| File | src/a.c |`; the first of each name. */
export function labelledFields(text: string): FieldBag {
  const bag = new Map<string, string>();
  for (const whole of text.split('\n')) {
    const line = whole.slice(0, MAX_LINE);
    const label =
      /^\s*(?:[-*+]\s+)?(?:\*\*|__)?([A-Za-z][A-Za-z0-9 /_-]{1,38}?)(?:\*\*|__)?\s*:\s*(?:\*\*|__)?\s*(\S.*?)\s*$/.exec(
        line,
      );
    const row = label
      ? null
      : /^\s*\|\s*(?:\*\*)?([A-Za-z][A-Za-z0-9 /_-]{1,38}?)(?:\*\*)?\s*\|\s*([^|]+?)\s*\|\s*$/.exec(line);
    const [, name, value] = label ?? row ?? [];
    if (name && value && name.length <= MAX_LABEL)
      addTo(bag, name, value.slice(0, MAX_VALUE).replace(/^`(.*)`$/, '$1'));
  }
  return bag;
}
