/**
 * One harmless way to make a flaw show itself, as data.
 *
 * The search finds plans, the renderer writes one out as a readable script (`render.ts`), the patch check varies its
 * payload (`payload.ts`). A plan is interpreted the same way by the search and by the script made from it.
 *
 *   load a file ──▶ reach a function (get, construct, call, await) ──▶ drive it ──▶ the oracle looks for a fact
 */
import type { FlawClass } from '../formats/flaw-class.ts';
import type { Json } from '../lib/canonical-json.ts';

/** A value handed to the target. `{{payload}}` inside a text stands for the plan's payload. */
export type PlanValue =
  | { readonly kind: 'json'; readonly value: Json }
  | { readonly kind: 'undefined' }
  /** The payload as a string. */
  | { readonly kind: 'payload' }
  /** A string with the payload inside. */
  | { readonly kind: 'text'; readonly text: string }
  /** `JSON.parse` of a text with the payload inside: the only honest way to an own `__proto__` key. */
  | { readonly kind: 'parse'; readonly text: string }
  | { readonly kind: 'array'; readonly items: readonly PlanValue[] }
  | { readonly kind: 'object'; readonly members: readonly (readonly [string, PlanValue])[] }
  | { readonly kind: 'buffer'; readonly of: PlanValue }
  /** A function that does nothing but remember that it was called. */
  | { readonly kind: 'callback' }
  /** The absolute path of the directory that a server under test is told to serve; the canary lies outside it. */
  | { readonly kind: 'root' }
  /** A port; the run replaces whatever is asked for by a free one on loopback. */
  | { readonly kind: 'port' }
  /** A function that returns the value. */
  | { readonly kind: 'returns'; readonly value: PlanValue }
  /** A function whose name is the text with the payload inside. */
  | { readonly kind: 'named-function'; readonly text: string }
  /**
   * An object whose every unknown property is the value; `deep`: every property is such an object again, which reads as
   * the value where a text is wanted. `seen` are the names that were read when the search met it: the minimiser puts
   * a plain object with one of them in its place.
   */
  | {
      readonly kind: 'any-property';
      readonly value: PlanValue;
      readonly deep?: boolean;
      readonly seen?: readonly string[];
    };

export type PlanReach =
  | { readonly kind: 'get'; readonly name: string }
  | { readonly kind: 'call'; readonly args: readonly PlanValue[] }
  | { readonly kind: 'construct'; readonly args: readonly PlanValue[] }
  /** Calls the method and stays on the object it was called on. */
  | { readonly kind: 'tap'; readonly name: string; readonly args: readonly PlanValue[] }
  | { readonly kind: 'await' };

export type PlanDrive =
  /** Call what was reached; `after` goes on with what came back (a compiled template, a stream, a promise). */
  | { readonly kind: 'call'; readonly args: readonly PlanValue[]; readonly after: readonly PlanReach[] }
  | { readonly kind: 'construct'; readonly args: readonly PlanValue[]; readonly after: readonly PlanReach[] }
  /** After the call something listens on loopback: send this raw request line target. */
  | {
      readonly kind: 'http';
      readonly args: readonly PlanValue[];
      readonly requestTarget: string;
      /** What makes it listen: a call of what was reached (default), `new`, or loading the file alone. */
      readonly start?: 'call' | 'construct' | 'load';
      /** The same request without the climb, which must not give the canary. */
      readonly control?: string;
    }
  /** What was reached is a `(request, response)` handler, or makes one. */
  | {
      readonly kind: 'handler';
      readonly args: readonly PlanValue[];
      readonly requestTarget: string;
      /** `self`: what was reached is the handler. `makes` (default): calling it with the arguments gives one. */
      readonly shape?: 'self' | 'makes';
      readonly control?: string;
    }
  /** Start the package's command-line entry point with the arguments; `requestTarget` where it is a server. */
  | {
      readonly kind: 'bin';
      readonly bin: string;
      readonly args: readonly PlanValue[];
      readonly requestTarget?: string;
      readonly control?: string;
      /** Beside the arguments: `PORT=0` and the like. */
      readonly environment?: Readonly<Record<string, string>>;
    };

export interface ProbePlan {
  readonly flaw: FlawClass;
  /** File of the package relative to its root; empty for what `require(name)` gives. */
  readonly file: string;
  readonly format: 'cjs' | 'esm';
  /** Where it is started from: the working directory, or the package's own. */
  readonly directory?: 'package';
  readonly reach: readonly PlanReach[];
  readonly drive: PlanDrive;
  /**
   * The payload's text with `{{canary}}` where the fresh canary goes, and (redos) `{{repeat}}` where the pump goes. For
   * path traversal `{{canary}}` is the path of the canary file from the root, its separators written as the payload's.
   */
  readonly payload: string;
  /** For redos: what is repeated to grow the input. */
  readonly pump?: string;
  /** For redos: an input of equal length that must stay flat is built from this in the pump's place. */
  readonly controlPump?: string;
  /** For redos: how the time grows, which decides the sizes that are tried. */
  readonly growth?: 'polynomial' | 'exponential';
  /** For redos: the expression that receives the input, to name the statement that runs it. */
  readonly expression?: { readonly source: string; readonly flags: string };
  /** Programs the package starts that may be missing here: stood in for by ones that do nothing. */
  readonly programs?: readonly string[];
  /** The target asks for helpers of node:util that Node has no more: they are put back. */
  readonly legacy?: boolean;
  /** The target asks for the network interfaces, which a sandbox refuses to tell: it is told of loopback alone. */
  readonly loopback?: boolean;
}
