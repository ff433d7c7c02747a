/** Something an engine saw happen. A candidate is a claim with evidence; only `verify` makes a finding of it. */
import type { FlawClass } from '../formats/flaw-class.ts';
import type { ProbePlan } from '../probe/index.ts';

export interface SourcePosition {
  /** Path below `node_modules`, e.g. `name/lib/index.js`; a dependency's file counts as the dependency's flaw. */
  readonly file: string;
  /** 1-based. */
  readonly line: number;
}

export interface Candidate {
  /** `pkg:npm/name@version`. */
  readonly target: string;
  readonly flaw: FlawClass;
  /** How the flaw is reached, readable: `require('name').set(object, path, value)`. */
  readonly entry: string;
  readonly sink: SourcePosition | null;
  /** What was seen, one sentence. */
  readonly oracle: string;
  readonly plan: ProbePlan;
}
