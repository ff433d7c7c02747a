/**
 * Start to exit of a sandbox run beside bare bubblewrap, one at a time and a hundred at once. Prints, and writes a dated
 * report. Rounds of all subjects alternate, so that a busy machine is busy for each of them.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism, getPriority, loadavg } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../src/lib/clock.ts';
import { systemRandom } from '../src/lib/id.ts';
import { chooseProfile, createSandbox, type Sandbox, type SandboxProfile } from '../src/sandbox/index.ts';

const ROUNDS = 60;
const AT_ONCE = 100;
const TARGET_MS = 20;

type Subject = readonly [name: string, start: () => Promise<unknown>];

/** What anybody gets by typing it; an unprivileged uid, as ours, where the bench runs as root. */
async function bareBubblewrap(namespaces: readonly string[], command: readonly string[]): Promise<void> {
  const uid = process.getuid?.() === 0 ? { uid: 64_990, gid: 64_990 } : {};
  const child = spawn('bwrap', ['--ro-bind', '/', '/', ...namespaces, ...command], { ...uid, stdio: 'pipe' });
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`bare bubblewrap ended with ${code}`);
}

async function inSandbox(sandbox: Sandbox, command: readonly string[]): Promise<void> {
  const run = await sandbox.run({ command });
  if (!run.ok) throw new Error(run.refusal.reason);
  if (run.value.exitCode !== 0) throw new Error(`${command[0]} ended with ${run.value.exitCode}`);
}

const quantile = (sorted: readonly number[], part: number): number =>
  sorted[Math.floor((sorted.length - 1) * part)] ?? 0;

async function measure(subjects: readonly Subject[]): Promise<Map<string, number[]>> {
  const times = new Map<string, number[]>(subjects.map(([name]) => [name, []]));
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const [name, start] of subjects) {
      const from = performance.now();
      await start();
      times.get(name)?.push(performance.now() - from);
    }
  }
  for (const list of times.values()) list.sort((left, right) => left - right);
  return times;
}

async function measureAtOnce([name, start]: Subject): Promise<string> {
  const from = performance.now();
  await Promise.all(Array.from({ length: AT_ONCE }, start));
  return `| ${AT_ONCE} × ${name} | ${(performance.now() - from).toFixed(0)} |`;
}

const unshareAll = [
  '--unshare-user',
  '--unshare-pid',
  '--unshare-net',
  '--unshare-ipc',
  '--unshare-uts',
  '--unshare-cgroup',
];
const profiles: readonly SandboxProfile[] = chooseProfile() === 'full' ? ['full', 'user'] : ['user'];
const sandboxes = await Promise.all(
  profiles.map(async (profile) => {
    const made = await createSandbox({
      profile,
      stateDirectory: '/nonexistent',
      nodeBinary: process.execPath,
      random: systemRandom,
      clock: systemClock,
    });
    if (!made.ok) throw new Error(`${made.refusal.layer}: ${made.refusal.reason}`);
    return made.value;
  }),
);

const bareTrue: Subject = ['bwrap --ro-bind / /, true', () => bareBubblewrap([], ['/bin/true'])];
const subjects: Subject[] = [
  bareTrue,
  ['bwrap, all namespaces, true', () => bareBubblewrap(unshareAll, ['/bin/true'])],
  ...sandboxes.map((sandbox): Subject => [`sandbox ${sandbox.profile}, true`, () => inSandbox(sandbox, ['/bin/true'])]),
  ['bwrap --ro-bind / /, node -e 0', () => bareBubblewrap([], [process.execPath, '-e', '0'])],
  ...sandboxes.map(
    (sandbox): Subject => [`sandbox ${sandbox.profile}, node -e 0`, () => inSandbox(sandbox, ['node', '-e', '0'])],
  ),
];

const loadBefore = loadavg()[0] ?? 0;
const times = await measure(subjects);
const bare = (name: string): number => {
  const peer = name.endsWith('true') ? 'bwrap --ro-bind / /, true' : 'bwrap --ro-bind / /, node -e 0';
  return quantile(times.get(peer) ?? [], 0.5);
};
const rows = [...times].map(([name, sorted]) => {
  const [p50, p95] = [quantile(sorted, 0.5), quantile(sorted, 0.95)];
  return `| ${name} | ${p50.toFixed(1)} | ${p95.toFixed(1)} | ${quantile(sorted, 0).toFixed(1)} | ${(p50 / bare(name)).toFixed(1)} |`;
});
const atOnce: string[] = [await measureAtOnce(bareTrue)];
for (const sandbox of sandboxes) {
  atOnce.push(await measureAtOnce([`sandbox ${sandbox.profile}, true`, () => inSandbox(sandbox, ['/bin/true'])]));
}
await Promise.all(sandboxes.map((sandbox) => sandbox.close()));

const best = Math.min(...sandboxes.map(({ profile }) => quantile(times.get(`sandbox ${profile}, true`) ?? [], 0.5)));
const date = systemClock.now().toISOString().slice(0, 10);
const model = /^model name\s*: (.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1] ?? 'unknown';
const report = `# Sandbox, start to exit

${date}, Node ${process.version}, ${availableParallelism()} processors (${model}), load ${loadBefore.toFixed(1)} before and ${(loadavg()[0] ?? 0).toFixed(1)} after,
uid ${process.getuid?.()}, priority ${getPriority()}, ${ROUNDS} alternating rounds. Milliseconds; the ratio is to bare \`bwrap --ro-bind / /\` with the same command.

| Subject | p50 | p95 | least | ratio |
|---|---|---|---|---|
${rows.join('\n')}

| At once | ms |
|---|---|
${atOnce.join('\n')}

Target: p50 of \`true\` at most ${TARGET_MS} ms: ${best <= TARGET_MS ? 'met' : 'not met in this run'} (${best.toFixed(1)} ms).
`;
process.stdout.write(report);
const directory = join(import.meta.dirname, 'reports');
mkdirSync(directory, { recursive: true });
writeFileSync(join(directory, `${date}-sandbox.md`), report);
