/**
 * Unpacked targets, shared by the jobs of this process: the search of a target and the verification of each of its
 * candidates need the same files. Kept while in use and a little longer; nothing is lost when the process dies, because
 * any job can open its target again.
 */
import type { Result } from '../lib/result.ts';
import type { PackageTree, TargetRefusal } from '../target/index.ts';

/** Trees kept although nobody uses them. */
const KEPT_IDLE = 3;

interface Kept {
  readonly opened: Promise<Result<PackageTree, TargetRefusal>>;
  users: number;
}

export type OpenTree = (target: string) => Promise<Result<PackageTree, TargetRefusal>>;

export function createTreeKeeper(open: OpenTree) {
  const kept = new Map<string, Kept>();

  const release = async (target: string, entry: Kept): Promise<void> => {
    entry.users -= 1;
    const opened = await entry.opened.catch(() => undefined);
    if (!opened?.ok) {
      if (kept.get(target) === entry) kept.delete(target);
      return;
    }
    const idle = [...kept].filter(([, it]) => it.users === 0);
    for (const [name, it] of idle.slice(0, Math.max(0, idle.length - KEPT_IDLE))) {
      kept.delete(name);
      const tree = await it.opened;
      if (tree.ok) await tree.value.dispose();
    }
  };

  return {
    /** Runs `work` on the target's tree. A refusal is passed on and not kept. */
    async use<T>(
      target: string,
      work: (tree: PackageTree) => Promise<T>,
    ): Promise<{ readonly ok: true; readonly value: T } | { readonly ok: false; readonly refusal: TargetRefusal }> {
      const entry = kept.get(target) ?? { opened: open(target), users: 0 };
      // Newest last, so that the oldest idle one goes first.
      kept.delete(target);
      kept.set(target, entry);
      entry.users += 1;
      try {
        const opened = await entry.opened;
        return opened.ok ? { ok: true, value: await work(opened.value) } : opened;
      } finally {
        await release(target, entry);
      }
    },

    async close(): Promise<void> {
      const entries = [...kept.values()];
      kept.clear();
      for (const entry of entries) {
        const tree = await entry.opened.catch(() => undefined);
        if (tree?.ok) await tree.value.dispose();
      }
    },
  };
}

export type TreeKeeper = ReturnType<typeof createTreeKeeper>;
