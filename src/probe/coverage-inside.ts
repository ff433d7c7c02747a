/**
 * Which blocks of the target a call entered, told by V8's own coverage, and what stands before the blocks that no call
 * has entered yet. It has to begin before the target is loaded: only functions compiled after that are counted by block.
 */
import { readFileSync } from 'node:fs';
import inspector from 'node:inspector';
import { fileURLToPath } from 'node:url';

export interface Progress {
  /** Characters of the target's text entered for the first time. */
  readonly opened: number;
  /** Texts around the beginnings of blocks that were passed by, in functions that were entered. */
  readonly passedBy: readonly string[];
}

type Span = readonly [start: number, end: number];

const FILES = 400;
const FILE_CHARACTERS = 600_000;
const PASSED_BY = 12;
const BEFORE = 160;
const WITHIN = 40;

export class BlockCoverage {
  readonly #session = new inspector.Session();
  readonly #post = this.#session.post.bind(this.#session) as (
    method: string,
    parameters: object,
    done: (error: unknown, answer: unknown) => void,
  ) => void;
  /** By function: what was never entered. */
  readonly #closed = new Map<string, readonly Span[]>();
  readonly #texts = new Map<string, string>();
  readonly #read = readFileSync;

  constructor() {
    this.#session.connect();
    this.#post('Profiler.enable', {}, () => undefined);
    this.#post('Profiler.startPreciseCoverage', { callCount: true, detailed: true }, () => undefined);
  }

  /** What happened since it was last asked. */
  take(): Progress {
    let scripts: readonly inspector.Profiler.ScriptCoverage[] = [];
    this.#post('Profiler.takePreciseCoverage', {}, (error, answer) => {
      if (!error) scripts = (answer as inspector.Profiler.TakePreciseCoverageReturnType).result;
    });
    let opened = 0;
    const passedBy: string[] = [];
    for (const { url, functions } of scripts) {
      if (!url.startsWith('file:') || !url.includes('/node_modules/')) continue;
      for (const { ranges } of functions) {
        const [whole, ...blocks] = ranges;
        if (!whole || whole.count === 0) continue;
        const closed = blocks
          .filter(({ count }) => count === 0)
          .map(({ startOffset, endOffset }): Span => [startOffset, endOffset]);
        const key = `${url} ${whole.startOffset} ${whole.endOffset}`;
        const before = this.#closed.get(key) ?? [[whole.startOffset, whole.endOffset]];
        const after = common(before, closed);
        opened += lengthOf(before) - lengthOf(after);
        this.#closed.set(key, after);
        for (const [start, end] of after) {
          if (passedBy.length >= PASSED_BY) break;
          passedBy.push(this.#around(url, whole.startOffset, start, end));
        }
      }
    }
    return { opened, passedBy };
  }

  #around(url: string, from: number, start: number, end: number): string {
    return this.#textOf(url).slice(Math.max(from, start - BEFORE), Math.min(end, start + WITHIN));
  }

  #textOf(url: string): string {
    const known = this.#texts.get(url);
    if (known !== undefined) return known;
    let text = '';
    try {
      if (this.#texts.size < FILES) text = this.#read(fileURLToPath(url), 'utf8').slice(0, FILE_CHARACTERS);
    } catch {
      // Text that was made at run time lies in no file.
    }
    this.#texts.set(url, text);
    return text;
  }
}

const lengthOf = (spans: readonly Span[]): number => spans.reduce((sum, [start, end]) => sum + end - start, 0);

/** What lies in both; each list is ordered and free of overlaps but for nesting, which is cut. */
function common(left: readonly Span[], right: readonly Span[]): Span[] {
  const found: Span[] = [];
  for (const [start, end] of left)
    for (const [from, to] of right) {
      const span: Span = [Math.max(start, from), Math.min(end, to)];
      const last = found.at(-1);
      if (span[0] < span[1] && !(last && span[0] < last[1])) found.push(span);
    }
  return found;
}
