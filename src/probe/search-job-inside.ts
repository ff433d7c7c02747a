/** What a search of one class is told, and what it tells. */
import type { FlawClass } from '../formats/flaw-class.ts';
import type { CallLists } from './hinted-inside.ts';
import type { ProbePlan } from './plan.ts';

export interface SearchJob {
  readonly package: string;
  readonly flaw: FlawClass;
  /** Ways to load it, in order: files relative to the package, empty for its main module. */
  readonly files: readonly string[];
  /** Keys not to call again: they hung or ended the process. */
  readonly leaveOut: readonly string[];
  /** Keys that did so once, and the attempt to go on with. */
  readonly resume: Readonly<Record<string, number>>;
  /** Canaries begin with this. */
  readonly prefix: string;
  /** Argument lists found in documentation and tests, by function name. */
  readonly examples: CallLists;
  /** The same, made from declared types. */
  readonly signatures: CallLists;
  readonly functionMilliseconds: number;
  readonly totalMilliseconds: number;
  readonly functions: number;
  /**
   * `alternates`: only objects that can be made in several ways, the other ways first. `guided`: calls that grow by what
   * they open.
   */
  readonly order: 'usual' | 'alternates' | 'guided';
  /** Draws the order of what is tried beyond the core. */
  readonly seed: number;
}

export type SearchMessage =
  | { readonly kind: 'at'; readonly key: string; readonly attempt: number }
  | { readonly kind: 'loaded'; readonly file: string; readonly functions: number }
  | { readonly kind: 'not-loaded'; readonly file: string; readonly reason: string }
  | { readonly kind: 'tried'; readonly functions: number; readonly calls: number; readonly cut: number }
  | {
      readonly kind: 'hit';
      readonly plan: ProbePlan;
      readonly entry: string;
      readonly frames: readonly string[];
      readonly whole: boolean;
    }
  | { readonly kind: 'has-alternates' }
  | { readonly kind: 'end' };
