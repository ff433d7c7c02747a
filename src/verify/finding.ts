/**
 * What `verify` makes of a candidate: a finding, or a rejection with its reason. Shapes only.
 *
 *   candidate ──▶ confirmed ──▶ (disclosure opens a case)
 *       └───────▶ rejected (reason)
 *
 * Everything here names a target or shows how a flaw is reached, so it is stored sealed only.
 */
import type { SourcePosition } from '../finder/index.ts';
import type { FlawClass } from '../formats/flaw-class.ts';
import type { Id } from '../lib/id.ts';
import type { ProbePlan } from '../probe/index.ts';
import type { AffectedVersions } from './affected.ts';
import type { RootCause } from './fingerprint.ts';
import type { ProposedSeverity } from './severity.ts';

export type FindingId = Id<'finding'>;

/** One self-contained script with a harmless oracle; see `probe/verdict.ts` for how it is run and what it says. */
export interface Reproducer {
  readonly file: 'reproduce.cjs' | 'reproduce.mjs';
  readonly text: string;
  readonly sha256: string;
}

/** How often the reproducer fired in fresh sandboxes; `recordSha256` covers the records of all runs, in order. */
export interface Reproduction {
  readonly reproduced: number;
  readonly of: number;
  readonly oracle: string;
  readonly recordSha256: string;
}

export interface ConfirmedFinding {
  /** `pkg:npm/name@version`. */
  readonly target: string;
  /** The target as it was given, where that is a path: what a registry has under the same name is something else. */
  readonly origin?: string;
  readonly flaw: FlawClass;
  /** How the flaw is reached, readable. */
  readonly entry: string;
  /** Further ways to the same root cause, readable, sorted. */
  readonly otherEntries: readonly string[];
  readonly sink: SourcePosition | null;
  /** One sentence: what was seen. */
  readonly oracle: string;
  /** Absent where the reproducer was written by hand. */
  readonly plan: ProbePlan | null;
  readonly reproducer: Reproducer;
  readonly reproduction: Reproduction;
  /** Hashes of the records of the control runs: target absent, target replaced by a stub. */
  readonly controls: readonly { readonly kind: ControlKind; readonly recordSha256: string }[];
  /** Frames of the target at the effect, innermost first, `path:line` below `node_modules`, as the observer saw them. */
  readonly frames: readonly string[];
  readonly rootCause: RootCause;
  readonly severity: ProposedSeverity;
  /** Absent until `measureAffected` has run. */
  readonly affected: AffectedVersions | null;
}

/**
 * `command-replay`: the command the target gave to a shell, run again by a shell alone. `without-climb`: the same script
 * with every `..` levelled. `without-route`: the same plan with names that do not lead to the prototype.
 */
export type ControlKind = 'target-absent' | 'stub' | 'command-replay' | 'without-climb' | 'without-route';

export type RejectionReason =
  /** The script itself brings the effect about, or could. */
  | 'self-inflicted'
  | 'fires-without-target'
  | 'fires-on-stub'
  /** Fired in some of the runs only. */
  | 'flaky'
  /** The call was reached and nothing happened, in every run. */
  | 'silent'
  /** The target could not be loaded, or the call could not be reached. */
  | 'not-reached'
  /** Killed by a limit, or ended without a verdict. */
  | 'no-verdict'
  /** The script says it fired; the observer, or the outside, did not see the effect come from the target. */
  | 'unwitnessed'
  /** The script interfered with the observer. */
  | 'meddled'
  /** The effect is what the function is documented to do: it runs the command, or evaluates the code, it is given. */
  | 'by-contract';

export interface Rejection {
  readonly kind: 'rejected';
  readonly reason: RejectionReason;
  /** One sentence for people: what happened. */
  readonly detail: string;
}
