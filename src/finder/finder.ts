/**
 * Searches one unpacked package for flaws of all classes, without being told class, sink or entry.
 *
 *   hints (read outside) ──▶ lanes ──▶ groups ──▶ one sandbox run each ──▶ candidates, deduplicated by class and sink
 *
 * The same tree, engine and seed give the same candidates; with a cache the second search runs nothing.
 */

import { join } from 'node:path';
import type { FlawClass } from '../formats/flaw-class.ts';
import { canonicalJson } from '../lib/canonical-json.ts';
import { sha256Hex } from '../lib/hash.ts';
import { PACKAGES_INSIDE } from '../lib/inside.ts';
import type { Result } from '../lib/result.ts';
import { createLanes, type Lane, type LaneGroup, type LaneOutput, type LaneTarget } from '../probe/index.ts';
import type { SandboxRefusal, SandboxRequest, SandboxRun } from '../sandbox/index.ts';
import type { PackageTree } from '../target/index.ts';
import type { Candidate } from './candidate.ts';
import { loadEngine, type StagedFile } from './engine-client.ts';
import { readPackageHints } from './package-text-client.ts';

const ROUNDS = 3;

/** What the finder needs of the sandbox. */
export interface FinderSandbox {
  run(request: SandboxRequest): Promise<Result<SandboxRun, SandboxRefusal>>;
}

/** Keeps results by key; what is kept names flaws, so an implementation encrypts it. */
export interface ResultCache {
  get(key: string): Promise<Uint8Array | undefined>;
  put(key: string, bytes: Uint8Array): Promise<void>;
}

export interface ScanCoverage {
  /** Names of what was driven to its end. */
  readonly examined: readonly string[];
  readonly skipped: readonly { readonly what: string; readonly reason: string }[];
}

export interface ScanResult {
  readonly candidates: readonly Candidate[];
  readonly coverage: ScanCoverage;
  readonly cpuMs: number;
  readonly wallMs: number;
  /** Sandbox runs it took; 0 where the cache answered. */
  readonly runs: number;
}

export type ScanProgress =
  | { readonly kind: 'group-started'; readonly flaw: FlawClass; readonly group: string }
  | {
      readonly kind: 'group-ended';
      readonly flaw: FlawClass;
      readonly group: string;
      readonly cpuMs: number;
      readonly wallMs: number;
    }
  | { readonly kind: 'candidate'; readonly flaw: FlawClass };

export interface ScanInput {
  readonly tree: PackageTree;
  readonly sandbox: FinderSandbox;
  /** Draws, together with the content of the package, what is tried beyond the core; 0 where absent. */
  readonly seed?: number;
  /** Groups run at once. */
  readonly concurrency?: number;
  readonly classes?: readonly FlawClass[];
  readonly cache?: ResultCache;
  readonly onProgress?: (progress: ScanProgress) => void;
}

/** Throws where the sandbox refuses to run at all: that is no property of the target. */
export async function scanTree(input: ScanInput): Promise<ScanResult> {
  const seed = input.seed ?? 0;
  const started = performance.now();
  const engine = await loadEngine();
  const lanes = createLanes().filter((lane) => input.classes?.includes(lane.flaw) ?? true);
  const key = sha256Hex(
    canonicalJson([input.tree.purl, input.tree.contentSha256, engine.version, seed, lanes.map((lane) => lane.flaw)]),
  );
  const kept = await input.cache?.get(key);
  if (kept) {
    const { candidates, coverage } = JSON.parse(Buffer.from(kept).toString('utf8')) as ScanResult;
    return { candidates, coverage, cpuMs: 0, wallMs: performance.now() - started, runs: 0 };
  }
  const hints = await readPackageHints(input.tree.directory, input.tree.packagePath);
  const token = `t${sha256Hex(`${key} ${seed}`).slice(0, 24)}`;
  const { name, version, contentSha256 } = input.tree;
  const drawn = Number.parseInt(sha256Hex(`${seed} ${contentSha256}`).slice(0, 8), 16);
  const target: LaneTarget = { name, version, token, seed: drawn, hints };
  const run = new Scan(input, target, engine.files);
  await run.all(lanes);
  const result = run.result(performance.now() - started);
  const bytes = Buffer.from(JSON.stringify({ candidates: result.candidates, coverage: result.coverage }));
  await input.cache?.put(key, bytes);
  return result;
}

class Scan {
  readonly #input: ScanInput;
  readonly #target: LaneTarget;
  readonly #files: readonly StagedFile[];
  readonly #candidates = new Map<string, Candidate>();
  readonly #examined: string[] = [];
  readonly #skipped: { what: string; reason: string }[] = [];
  #free: number;
  readonly #waiting: (() => void)[] = [];
  #cpuMs = 0;
  #runs = 0;

  constructor(input: ScanInput, target: LaneTarget, files: readonly StagedFile[]) {
    this.#input = input;
    this.#target = target;
    this.#files = files;
    this.#free = Math.max(1, input.concurrency ?? 1);
    for (const part of input.tree.uncovered) this.#skipped.push({ what: input.tree.purl, reason: part });
  }

  async all(lanes: readonly Lane[]): Promise<void> {
    await Promise.all(lanes.map((lane) => this.#lane(lane)));
  }

  result(wallMs: number): ScanResult {
    const candidates = [...this.#candidates.entries()].sort(([left], [right]) => (left < right ? -1 : 1));
    return {
      candidates: candidates.map(([, candidate]) => candidate),
      coverage: {
        examined: [...this.#examined].sort(),
        skipped: [...this.#skipped].sort((left, right) =>
          left.what + left.reason < right.what + right.reason ? -1 : 1,
        ),
      },
      cpuMs: Math.round(this.#cpuMs),
      wallMs: Math.round(wallMs),
      runs: this.#runs,
    };
  }

  async #lane(lane: Lane): Promise<void> {
    let groups = lane.prepare(this.#target);
    for (let round = 0; round < ROUNDS && groups.length > 0; round++) {
      const outputs = await Promise.all(groups.map((group) => this.#group(lane, group)));
      const reading = await lane.read(this.#target, round, outputs);
      for (const found of reading.candidates) this.#keep({ target: this.#input.tree.purl, ...found });
      for (const reason of reading.uncovered) this.#skipped.push({ what: lane.flaw, reason });
      groups = reading.next;
    }
    this.#examined.push(lane.flaw);
  }

  #keep(candidate: Candidate): void {
    const sink = candidate.sink ? `${candidate.sink.file}:${candidate.sink.line}` : candidate.entry;
    const key = `${candidate.flaw} ${sink}`;
    if (this.#candidates.has(key)) return;
    this.#candidates.set(key, candidate);
    this.#input.onProgress?.({ kind: 'candidate', flaw: candidate.flaw });
  }

  async #group(lane: Lane, group: LaneGroup): Promise<LaneOutput> {
    await this.#enter();
    try {
      this.#input.onProgress?.({ kind: 'group-started', flaw: lane.flaw, group: group.name });
      const { tree, sandbox } = this.#input;
      const answer = await sandbox.run({
        command: group.command.map((word) => word.replace(/-inside\.ts$/, '-inside.mjs')),
        readOnly: [{ host: join(tree.directory, 'node_modules'), inside: PACKAGES_INSIDE }],
        files: [...this.#files, { path: 'package.json', content: '{"private":true}' }, ...group.files],
        limits: group.limits,
      });
      if (!answer.ok) throw new Error(`the sandbox refuses: ${answer.refusal.layer}: ${answer.refusal.reason}`);
      const { cpuMs, wallMs, end, stdout } = answer.value;
      this.#cpuMs += cpuMs;
      this.#runs++;
      if (end !== 'exited')
        this.#skipped.push({ what: `${lane.flaw}: ${group.name}`, reason: `ended by limit: ${end}` });
      this.#input.onProgress?.({ kind: 'group-ended', flaw: lane.flaw, group: group.name, cpuMs, wallMs });
      return { group: group.name, stdout: stdout.toString('utf8') };
    } finally {
      this.#leave();
    }
  }

  async #enter(): Promise<void> {
    while (this.#free === 0) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.#free--;
  }

  #leave(): void {
    this.#free++;
    this.#waiting.shift()?.();
  }
}
