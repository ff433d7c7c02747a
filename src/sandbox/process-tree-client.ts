/**
 * A run's processes as the host's /proc shows them: what the outside watcher judges by. Nothing inside is asked.
 */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

const PAGE_BYTES = 4_096;
/** USER_HZ, fixed by the kernel's interface on every architecture we run on. */
const TICK_MS = 10;

export interface TreeReading {
  readonly processes: readonly number[];
  readonly threads: number;
  /** Upper bound: pages that processes share count once for each. */
  readonly residentBytes: number;
  readonly cpuMs: ReadonlyMap<number, number>;
  /** CPU of children that processes still alive have waited for. */
  readonly waitedMs: number;
}

/** As UTF-8, which Node reads without 64 KiB of buffer for each file of unknown size. */
function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

function childrenOf(pid: number): number[] {
  let threads: string[];
  try {
    threads = readdirSync(`/proc/${pid}/task`);
  } catch {
    return [];
  }
  return threads.flatMap((thread) => {
    const children = readText(`/proc/${pid}/task/${thread}/children`) ?? '';
    return children.trim() === '' ? [] : children.trim().split(' ').map(Number);
  });
}

/** Everything below the run's first process: what loses its parent inside becomes a child of that first process. */
export function readTree(init: number): TreeReading {
  const processes: number[] = [];
  const cpuMs = new Map<number, number>();
  let [threads, residentBytes, waitedMs] = [0, 0, 0];
  const waiting = [init];
  for (let pid = waiting.pop(); pid !== undefined; pid = waiting.pop()) {
    const stat = readText(`/proc/${pid}/stat`);
    if (stat === undefined || cpuMs.has(pid)) continue;
    const fields = stat
      .slice(stat.lastIndexOf(')') + 2)
      .split(' ')
      .map(Number);
    const at = (number: number): number => fields[number - 3] ?? 0;
    processes.push(pid);
    cpuMs.set(pid, (at(14) + at(15)) * TICK_MS);
    waitedMs += (at(16) + at(17)) * TICK_MS;
    threads += at(20);
    residentBytes += at(24) * PAGE_BYTES;
    waiting.push(...childrenOf(pid));
  }
  return { processes, threads, residentBytes, cpuMs, waitedMs };
}

/** Proportional share: shared pages count once in all. Slow, so asked only when the upper bound is passed. */
export function readProportionalBytes(processes: readonly number[]): number {
  return processes.reduce((sum, pid) => {
    const rollup = readText(`/proc/${pid}/smaps_rollup`) ?? '';
    return sum + Number(/^Pss:\s+(\d+) kB$/m.exec(rollup)?.[1] ?? 0) * 1_024;
  }, 0);
}

/** The process id namespace of `pid`, as `pid:[4026532000]`. */
export function readPidNamespace(pid: number): string {
  return readlinkSync(`/proc/${pid}/ns/pid`);
}

/** A dead process that nobody has waited for yet holds nothing and runs nothing. */
function livesInPidNamespace(pid: number, namespace: string): boolean {
  try {
    return readPidNamespace(pid) === namespace && readStartTime(pid) !== undefined;
  } catch {
    return false;
  }
}

/** Living processes of the host in the namespace open at `descriptor`; those of others are not seen by a plain user. */
export function countInPidNamespace(descriptor: number): number {
  const namespace = readlinkSync(`/proc/self/fd/${descriptor}`);
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return pids.filter((pid) => livesInPidNamespace(Number(pid), namespace)).length;
}

/** Whether `pid` is still the child of `parent`, so that a signal cannot reach a stranger with a number used again. */
export function isChildOf(pid: number, parent: number): boolean {
  const stat = readText(`/proc/${pid}/stat`);
  return stat !== undefined && Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]) === parent;
}

/** Start time of a process in ticks since boot (field 22 of its stat): with the id it names a process for good. */
function readStartTime(pid: number): string | undefined {
  const stat = readText(`/proc/${pid}/stat`);
  const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields?.[0] === 'Z' ? undefined : fields?.[19];
}

/** This process as `<pid>-<start time>`. */
export function ownIdentity(): string {
  return `${process.pid}-${readStartTime(process.pid)}`;
}

/** Whether the process named by `ownIdentity` still lives; false for anything that is not such a name. */
export function isOwnerAlive(owner: string): boolean {
  const [pid, started] = owner.split('-');
  return started !== undefined && readStartTime(Number(pid)) === started;
}
