/**
 * What a reproducer says at its end, as one line on standard output: `headstart-verdict <canary> <json>`.
 *
 * A reproducer is one file, `reproduce.cjs` or `reproduce.mjs`, run as `node reproduce.cjs [canary]` in a directory
 * with `node_modules/<package>`. Without an argument it makes its own canary. Exit status: 0 the flaw showed, 1 it did
 * not, 2 the target could not be loaded or the call could not be reached.
 */
export interface ReproducerVerdict {
  /** The oracle saw its fact. */
  readonly fired: boolean;
  /** The call the reproducer makes was entered (not merely attempted). */
  readonly reached: boolean;
  /** One sentence: the fact that was looked for, and what was seen. */
  readonly oracle: string;
  /** Stack frames at the effect that lie in the target or its dependencies, `path:line` relative to `node_modules`. */
  readonly frames: readonly string[];
  /** For redos: sizes (characters), CPU milliseconds at each, the fitted exponent, and the harmless control's times. */
  readonly growth?: {
    readonly sizes: readonly number[];
    readonly cpuMs: readonly number[];
    readonly exponent: number;
    readonly controlMs: readonly number[];
  };
}

export const VERDICT_PREFIX = 'headstart-verdict';

/** The verdict for this canary, or undefined where the run printed none (killed, crashed, flooded). Hostile input. */
export function readVerdict(stdout: string, canary: string): ReproducerVerdict | undefined {
  const marker = `${VERDICT_PREFIX} ${canary} `;
  const line = stdout
    .split('\n')
    .reverse()
    .find((candidate) => candidate.startsWith(marker));
  if (!line) return undefined;
  try {
    const value = JSON.parse(line.slice(marker.length)) as Partial<ReproducerVerdict>;
    if (typeof value.fired !== 'boolean' || typeof value.reached !== 'boolean') return undefined;
    const frames = Array.isArray(value.frames) ? value.frames.filter((frame) => typeof frame === 'string') : [];
    return {
      fired: value.fired,
      reached: value.reached,
      oracle: typeof value.oracle === 'string' ? value.oracle : '',
      frames: frames.slice(0, 32),
      ...(value.growth ? { growth: value.growth } : {}),
    };
  } catch {
    return undefined;
  }
}
