/**
 * What may be asked of the sandbox and what it answers. Shapes only: `sandbox.ts` runs them.
 */
import type { Json } from '../lib/canonical-json.ts';

/** `full` needs cgroups (root or delegation); `user` needs neither and watches from outside. Neither falls back. */
export type SandboxProfile = 'full' | 'user';

export interface SandboxLimits {
  /** Memory of all processes together, MiB. */
  readonly memoryMiB: number;
  /** Processes and threads alive at once. */
  readonly pids: number;
  /** Wall-clock seconds until the run is killed. */
  readonly seconds: number;
  /** CPU seconds of all processes together. */
  readonly cpuSeconds: number;
  /** Size of the working tmpfs, MiB. */
  readonly diskMiB: number;
  /** Bytes kept of each of stdout and stderr; more ends the run. */
  readonly outputBytes: number;
}

export interface SandboxRequest {
  /** Program and arguments; `node` means the pinned Node, staged inside. */
  readonly command: readonly string[];
  /** Directories seen read-only inside. Hosts paths may lie below a 0700 home. */
  readonly readOnly?: readonly { readonly host: string; readonly inside: string }[];
  /** Files written into the working directory (`/work`, a tmpfs) before the start; paths are relative to it. */
  readonly files?: readonly { readonly path: string; readonly content: string | Uint8Array }[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly stdin?: string | Uint8Array;
  readonly limits?: Partial<SandboxLimits>;
  /** Collect what the run left in its working directory (regular files only, within the limits). */
  readonly collect?: boolean;
}

/** Why a run ended. `exited` says nothing about success: see `exitCode`. */
export type SandboxEnd = 'exited' | 'signal' | 'time' | 'memory' | 'cpu' | 'pids' | 'output';

export interface SandboxRun {
  readonly end: SandboxEnd;
  /** Exit status as a shell would tell it: 124 for time, 137 for a kill by a limit. */
  readonly exitCode: number;
  readonly stdout: Buffer;
  readonly stderr: Buffer;
  readonly wallMs: number;
  readonly cpuMs: number;
  /** Files left in the working directory, by path relative to it; empty unless `collect`. */
  readonly outputs: ReadonlyMap<string, Buffer>;
  /** What ran, under which layers and limits, how it ended, what was refused. Canonical JSON; holds no file content. */
  readonly record: Json;
  readonly recordSha256: string;
}

/** The sandbox will not start: a layer is missing or the request is not allowed. Names the layer and what to do. */
export interface SandboxRefusal {
  readonly kind: 'layer-missing' | 'bad-request';
  readonly layer: string;
  readonly reason: string;
}
