/** Runs the ordinary calls of `benign.ts` against one version in the sandbox and reads what they did. */
import { readFile } from 'node:fs/promises';
import type { Json } from '../lib/canonical-json.ts';
import { toPlainScript } from '../lib/inside.ts';
import type { ProbePlan } from '../probe/index.ts';
import type { RunInSandbox, Version } from './attack-service.ts';
import { mountsOf, SandboxRefused } from './attack-service.ts';
import type { Behaviour, BenignCall, ExportEntry } from './benign.ts';

/** The first is started, and loads the others. */
const SCRIPTS = ['benign-inside', 'image-inside', 'waiting-inside'];
/** A call that ends the process is left out and the rest is tried again, so often. */
const RESTARTS = 6;
/** A busy machine may take many times the processor's own time; a call that is cut off would look like a change. */
const LIMITS = { seconds: 400, cpuSeconds: 30, memoryMiB: 768, pids: 64, outputBytes: 8 * 1024 * 1024 };

export interface BehaviourRequest {
  readonly name: string;
  readonly file: string;
  readonly format: 'cjs' | 'esm';
  /** To the attacked function, so that it is known under its other names too. */
  readonly reach: ProbePlan['reach'];
  readonly calls: readonly BenignCall[];
  /** Before every line of the answer; unguessable for the code under test. */
  readonly token: string;
}

interface Line {
  readonly kind?: unknown;
  readonly id?: unknown;
  readonly outcome?: Json;
  readonly entries?: unknown;
}

export async function observeBehaviour(
  run: RunInSandbox,
  version: Version,
  request: BehaviourRequest,
): Promise<Behaviour> {
  const scripts = await Promise.all(SCRIPTS.map(readScript));
  const outcomes = new Map<string, Json>();
  let exports: readonly ExportEntry[] | null = null;
  let waiting = [...request.calls];
  for (let round = 0; round <= RESTARTS; round += 1) {
    const { token, name, file, format, reach } = request;
    const answer = await run({
      command: ['node', '--no-warnings', 'benign-inside.mjs', 'job.json'],
      readOnly: mountsOf(version),
      files: [
        ...scripts,
        { path: 'package.json', content: '{"private":true}' },
        { path: 'job.json', content: JSON.stringify({ token, name, file, format, reach, calls: waiting }) },
      ],
      limits: LIMITS,
    });
    if (!answer.ok) throw new SandboxRefused(answer.refusal);
    let at: string | undefined;
    for (const line of readLines(answer.value.stdout.toString('utf8'), token)) {
      if (line.kind === 'exports' && exports === null) exports = readExports(line.entries);
      if (line.kind === 'at' && typeof line.id === 'string') at = line.id;
      if (line.kind === 'did' && typeof line.id === 'string' && line.outcome !== undefined)
        outcomes.set(line.id, line.outcome);
      if (line.kind === 'done') return { exports, outcomes };
    }
    if (at === undefined) break;
    if (!outcomes.has(at)) outcomes.set(at, 'ended the process');
    waiting = waiting.filter(({ id }) => !outcomes.has(id));
  }
  return { exports, outcomes };
}

async function readScript(name: string): Promise<{ path: string; content: string }> {
  const text = await readFile(new URL(`./${name}.ts`, import.meta.url), 'utf8');
  return { path: `${name}.mjs`, content: toPlainScript(text) };
}

function readLines(stdout: string, token: string): Line[] {
  return stdout.split('\n').flatMap((line) => {
    if (!line.startsWith(`${token} `)) return [];
    try {
      const value: unknown = JSON.parse(line.slice(token.length + 1));
      return typeof value === 'object' && value !== null ? [value as Line] : [];
    } catch {
      return [];
    }
  });
}

function readExports(entries: unknown): readonly ExportEntry[] | null {
  if (!Array.isArray(entries)) return null;
  return entries.filter(
    (entry): entry is ExportEntry =>
      Array.isArray(entry?.path) &&
      entry.path.every((part: unknown) => typeof part === 'string') &&
      typeof entry.type === 'string' &&
      typeof entry.isAttacked === 'boolean',
  );
}
