/** The frame of a bench's report: under which conditions, where it is kept, and how it ends. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg } from 'node:os';
import { join } from 'node:path';

const load = (): string => (loadavg()[0] ?? 0).toFixed(1);

export interface Frame {
  /** The second line of the report: where and how busy. */
  conditions(more: string): string;
  /** Prints it; with `keep` also writes `bench/reports/<day>-<name>.md`. Ends the process, 1 where `isHeld` is false. */
  end(lines: readonly string[], isHeld: boolean): never;
}

export function openReport(name: string, title: string, keep: boolean): Frame {
  const before = load();
  const started = performance.now();
  const day = new Date().toISOString().slice(0, 10);
  return {
    conditions(more) {
      const minutes = ((performance.now() - started) / 60_000).toFixed(1);
      const machine = `${availableParallelism()} cores (${cpus()[0]?.model ?? 'unknown'}) shared with other work`;
      return `Node ${process.version}, ${machine}, load ${before} before and ${load()} after, ${minutes} minutes; embedded Postgres. ${more}`;
    },
    end(lines, isHeld) {
      const text = [`# ${title}, ${day}`, '', ...lines, ''].join('\n');
      process.stdout.write(text);
      if (keep) {
        const folder = join(import.meta.dirname, '..', 'reports');
        mkdirSync(folder, { recursive: true });
        writeFileSync(join(folder, `${day}-${name}.md`), text);
      }
      process.exit(isHeld ? 0 : 1);
    },
  };
}

/** `50: 1.2, 99: 3.4` of what is measured, in its own unit. */
export function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
