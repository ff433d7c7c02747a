/**
 * The record of a run: what was started, under which layers and limits, how it ended, what was refused. Pure.
 * It holds hashes and counts, never the content of a file, an argument, a variable or the output.
 */
import { canonicalJson, type Json } from '../lib/canonical-json.ts';
import { sha256Hex } from '../lib/hash.ts';
import type { Layer } from './layers.ts';
import type { CheckedRequest } from './request.ts';
import type { SandboxEnd, SandboxProfile } from './run.ts';

export interface Outcome {
  readonly end: SandboxEnd;
  readonly exitCode: number;
  readonly stdout: Buffer;
  readonly stderr: Buffer;
  readonly truncated: boolean;
  readonly wallMs: number;
  readonly cpuMs: number;
  /** Largest use seen of all processes together; by the kernel's count in `full`, by the watcher's in `user`. */
  readonly peakBytes: number;
  readonly survivors: number;
  readonly outputs: ReadonlyMap<string, Buffer>;
  /** What was tried and stopped, as far as the host sees it. */
  readonly refused: readonly string[];
}

export interface RecordFacts {
  readonly id: string;
  readonly profile: SandboxProfile;
  readonly layers: readonly Layer[];
  readonly startedAt: Date;
  readonly hostUid: number;
  readonly bubblewrap: string;
  readonly nodeSha256: string;
  readonly filterSha256: string;
  readonly request: CheckedRequest;
  readonly outcome: Outcome;
}

const digest = (content: Buffer): Json => ({ bytes: content.length, sha256: sha256Hex(content) });

export function toRecord(facts: RecordFacts): { readonly record: Json; readonly recordSha256: string } {
  const { request, outcome } = facts;
  const record: Json = {
    schema: 'headstart/sandbox-record/1',
    id: facts.id,
    startedAt: facts.startedAt.toISOString(),
    profile: facts.profile,
    layers: [...facts.layers],
    limits: { ...request.limits },
    network: 'none',
    hostUid: facts.hostUid,
    bubblewrap: facts.bubblewrap,
    nodeSha256: facts.nodeSha256,
    filterSha256: facts.filterSha256,
    command: {
      program: request.command[0] ?? '',
      arguments: request.command.length - 1,
      sha256: sha256Hex(canonicalJson([...request.command])),
    },
    environment: Object.keys(request.environment).sort(),
    stdin: digest(request.stdin),
    files: request.files.map(({ path, content }) => ({ path, bytes: content.length, sha256: sha256Hex(content) })),
    readOnly: request.readOnly.map(({ inside }) => inside),
    end: outcome.end,
    exitCode: outcome.exitCode,
    wallMs: Math.round(outcome.wallMs),
    cpuMs: Math.round(outcome.cpuMs),
    peakBytes: outcome.peakBytes,
    survivors: outcome.survivors,
    output: { stdout: digest(outcome.stdout), stderr: digest(outcome.stderr), truncated: outcome.truncated },
    collected: [...outcome.outputs].map(([path, content]) => ({
      path,
      bytes: content.length,
      sha256: sha256Hex(content),
    })),
    refused: [...outcome.refused],
  };
  return { record, recordSha256: sha256Hex(canonicalJson(record)) };
}
