/**
 * Reads what the observer inside wrote and says who caused an effect. Only lines whose keyed checksum holds are read;
 * everything in them that the reproducer could have chosen is still treated as text.
 */

import { timingSafeEqual } from 'node:crypto';
import { sha256Hex } from '../lib/hash.ts';
import { PACKAGES_INSIDE, WORK_INSIDE } from '../lib/inside.ts';

export type EventKind =
  | 'start'
  | 'end'
  | 'pollute'
  | 'evaluate'
  | 'compile'
  | 'start-program'
  | 'touch-file'
  | 'expression';

export interface Frame {
  readonly fn: string;
  /** Absolute path, `node:…`, a made-up name, or empty for evaluated code. */
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** For evaluated code: `eval at f (/file:1:2)`. */
  readonly origin: string;
}

export interface WitnessEvent {
  readonly kind: EventKind;
  /** The two ways to take the stack disagreed: something interfered. */
  readonly bent: boolean;
  readonly frames: readonly Frame[];
  readonly detail: Readonly<Record<string, string>>;
}

/** Whose statement caused an event; `position` is that statement. */
export type Cause =
  | {
      readonly by: 'target';
      readonly position: Position;
      readonly evaluated: boolean;
      readonly frames: readonly string[];
    }
  | { readonly by: 'reproducer' | 'nobody'; readonly evaluated: boolean };

export interface Position {
  /** Below the outer `node_modules`. */
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

const PACKAGES = `${PACKAGES_INSIDE}/`;
const OBSERVER = `${WORK_INSIDE}/.headstart/`;
const LINE = /^headstart-observed ([\w-]{1,40}) (\d{1,6}) ([0-9a-f]{64}) (\{.*\})$/gm;
const MAX_EVENTS = 2_000;
const MAX_FRAMES = 24;

/** Every event whose checksum holds, first process first. A line repeated or out of order is dropped. */
export function readWitness(stdout: string, childLog: string, key: string): WitnessEvent[] {
  const childKey = sha256Hex(`${key}child`);
  return [...readLines(stdout, key, /^main$/), ...readLines(childLog, childKey, /^child-\d+$/)];
}

function readLines(text: string, key: string, who: RegExp): WitnessEvent[] {
  const events: WitnessEvent[] = [];
  const last = new Map<string, number>();
  for (const [, name = '', number = '', mac = '', json = ''] of text.matchAll(LINE)) {
    if (events.length >= MAX_EVENTS || !who.test(name)) continue;
    const right = sha256Hex(key + sha256Hex(`${key}${name} ${number} ${json}`));
    if (!timingSafeEqual(Buffer.from(right), Buffer.from(mac))) continue;
    if (Number(number) <= (last.get(name) ?? 0)) continue;
    last.set(name, Number(number));
    events.push(readEvent(json));
  }
  return events;
}

function readEvent(json: string): WitnessEvent {
  const { kind, bent, frames, ...detail } = JSON.parse(json) as {
    kind: EventKind;
    bent: boolean;
    frames: string[];
  } & Record<string, string>;
  return { kind, bent, frames: frames.map(readFrame), detail };
}

function readFrame(text: string): Frame {
  const [fn = '', file = '', line = '', column = '', origin = ''] = text.split('\u001f');
  const path = file.startsWith('file://') ? decodeURIComponent(file.slice('file://'.length)) : file;
  return { fn, file: path, line: Number(line) || 0, column: Number(column) || 0, origin };
}

export interface CauseOptions {
  /**
   * The script is exactly what our renderer makes of its plan, so its own traps on the way are no suspicion: frames of
   * the script are passed over.
   */
  readonly ownScript: boolean;
  /** The text with the canary was handed to a compiler by the target, so generated code is the target's. */
  readonly compiledByTarget: boolean;
  /** Scripts that the target wrote to disk and had run: what they do is its deed, at the place that wrote them. */
  readonly written?: ReadonlyMap<string, TargetCause>;
}

export type TargetCause = Extract<Cause, { readonly by: 'target' }>;

/**
 * The innermost statement that is neither Node's nor the observer's decides. A callback of the reproducer that the
 * target calls is therefore the reproducer's deed, and evaluated code belongs to whoever had it evaluated.
 */
export function causeOf(event: WitnessEvent, options: CauseOptions): Cause {
  let evaluated = false;
  for (const frame of event.frames) {
    if (frame.file === '' && frame.origin === '') continue;
    if (frame.file.startsWith('node:') || frame.file.startsWith(OBSERVER)) continue;
    const written = options.written?.get(frame.file);
    if (written) return written;
    const position = isEvaluated(frame) ? originOf(frame) : frame;
    evaluated ||= isEvaluated(frame);
    // Generated code whose maker is not on the stack: look further out.
    if (!position?.file.startsWith('/')) continue;
    if (position.file.startsWith(PACKAGES)) {
      return { by: 'target', position: below(position), evaluated, frames: framesOf(event) };
    }
    if (evaluated && options.compiledByTarget) continue;
    if (options.ownScript) continue;
    return { by: 'reproducer', evaluated };
  }
  return { by: 'nobody', evaluated };
}

/** Evaluated code has an origin, or a made-up file. A frame with neither is a built-in on the way. */
const isEvaluated = (frame: Frame) => frame.origin !== '' || (frame.file !== '' && !frame.file.startsWith('/'));

/** The innermost real place in `eval at a (eval at b (/file:1:2), <anonymous>:3:4)`. */
function originOf(frame: Frame): Position | undefined {
  if (!frame.origin.startsWith('eval at ')) return undefined;
  const tail = frame.origin.slice(frame.origin.lastIndexOf('(') + 1);
  const match = /^(?:file:\/\/)?(\/[^()]*):(\d+):(\d+)\)/.exec(tail);
  return match ? { file: match[1] ?? '', line: Number(match[2]), column: Number(match[3]) } : undefined;
}

function below({ file, line, column }: Position): Position {
  return { file: file.slice(PACKAGES.length), line, column };
}

/** Frames of the target and its dependencies, innermost first. */
function framesOf(event: WitnessEvent): string[] {
  return event.frames
    .map((frame) => (isEvaluated(frame) ? originOf(frame) : frame))
    .filter((position) => position !== undefined)
    .filter((position) => position.file.startsWith(PACKAGES))
    .map((position) => `${position.file.slice(PACKAGES.length)}:${position.line}`)
    .slice(0, MAX_FRAMES);
}
