/**
 * What `test/scenarios/cgroup-v2.slow.ts` runs on a machine that has version 2 of the control groups and nothing else:
 * the profile full on the kernel's own interface, from each place in the tree a process may find itself in.
 */
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { chooseProfile, createSandbox, type Sandbox, type SandboxRequest } from '../../src/sandbox/index.ts';
import { openSandbox, sandboxOptions } from './sandbox.ts';

const ROOT = '/sys/fs/cgroup';
const SERVICE = `${ROOT}/system.slice/job.scope`;
const CONTROLLERS = '+memory +pids +cpu';

async function withSandbox(work: (sandbox: Sandbox) => Promise<void>): Promise<void> {
  const sandbox = await openSandbox('full');
  await work(sandbox).finally(() => sandbox.close());
}

async function finish(sandbox: Sandbox, request: SandboxRequest) {
  const run = await sandbox.run(request);
  assert.ok(run.ok, run.ok ? '' : `${run.refusal.layer}: ${run.refusal.reason}`);
  return run.value;
}

const perl = (program: string): readonly string[] => ['perl', '-e', program];
const groupsIn = (directory: string): string[] => readdirSync(directory).filter((name) => name.startsWith('headstart'));
const moveTo = (group: string): void => writeFileSync(`${group}/cgroup.procs`, String(process.pid));

test('only version 2 is here', () => {
  const types = readFileSync('/proc/self/mountinfo', 'utf8').match(/ - cgroup2? /g);
  assert.deepEqual(types, [' - cgroup2 ']);
  assert.equal(chooseProfile(), 'full');
});

test('every limit ends a run, what it used is counted, and no group is left', async () => {
  await withSandbox(async (sandbox) => {
    // Two of them: the kernel ends one by its own count of seconds, which this machine counts otherwise.
    const spin = perl('fork; 1 while 1');
    const memory = await finish(sandbox, { command: perl('$x = "x" x 3e8; sleep 9'), limits: { memoryMiB: 64 } });
    assert.deepEqual([memory.end, memory.exitCode], ['memory', 137]);
    assert.equal((memory.record as { peakBytes: number }).peakBytes, 64 * 1_048_576);
    const forks = perl('for (1 .. 99) { defined(my $pid = fork) or last; $pid or sleep 99 } sleep 99');
    const pids = await finish(sandbox, { command: forks, limits: { pids: 16 } });
    assert.deepEqual([pids.end, pids.exitCode], ['pids', 137]);
    const cpu = await finish(sandbox, { command: spin, limits: { cpuSeconds: 1 } });
    assert.deepEqual([cpu.end, cpu.exitCode], ['cpu', 137]);
    assert.ok(cpu.cpuMs >= 1_000);
    const time = await finish(sandbox, { command: perl('sleep 99'), limits: { seconds: 1 } });
    assert.deepEqual([time.end, time.exitCode], ['time', 124]);
    // A group of version 2 is used once: the next run starts with counters of its own.
    const small = await finish(sandbox, { command: ['true'] });
    assert.ok((small.record as { peakBytes: number }).peakBytes < 32 * 1_048_576);
  });
  assert.deepEqual(groupsIn(ROOT), []);
});

test('a process of a service gets its groups beside it, and the service keeps its own', async () => {
  writeFileSync(`${ROOT}/cgroup.subtree_control`, CONTROLLERS);
  mkdirSync(SERVICE, { recursive: true });
  moveTo(SERVICE);
  try {
    await withSandbox(async (sandbox) => {
      assert.equal((await finish(sandbox, { command: ['true'] })).exitCode, 0);
      assert.equal(groupsIn(`${ROOT}/system.slice`).length, 2);
      const attested = await sandbox.attest();
      assert.ok(attested.ok);
      // So slow a machine ends floods, and the program inside, by their time: then the host's own looks are what counts.
      const { failed, stopped } = attested.value;
      assert.deepEqual(
        failed.filter((probe) => !/^(resource\.|attestation\.complete$)/.test(probe)),
        [],
      );
      assert.ok(stopped > 20, `only ${stopped} attempts were made`);
    });
    assert.deepEqual(groupsIn(`${ROOT}/system.slice`), []);
    assert.equal(readFileSync(`${SERVICE}/cgroup.subtree_control`, 'utf8').trim(), '');
  } finally {
    moveTo(ROOT);
    rmdirSync(SERVICE);
  }
});

test('a service with limits of its own is not escaped from: the profile full is refused there', async () => {
  mkdirSync(SERVICE, { recursive: true });
  writeFileSync(`${SERVICE}/memory.max`, String(1_024 ** 3));
  moveTo(SERVICE);
  try {
    assert.equal(chooseProfile(), 'user');
    const made = await createSandbox(sandboxOptions('full'));
    assert.ok(!made.ok);
    assert.equal(made.refusal.layer, 'cgroup memory');
  } finally {
    moveTo(ROOT);
    rmdirSync(SERVICE);
  }
});
