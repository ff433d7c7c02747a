/** How runs are started: what is refused, what is inherited, what stays when the launcher dies, what is below a 0700 home. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { systemClock } from '../lib/clock.ts';
import { systemRandom } from '../lib/id.ts';
import {
  chooseProfile,
  createSandbox,
  type Sandbox,
  type SandboxOptions,
  type SandboxProfile,
  type SandboxRequest,
  type SandboxRun,
} from './index.ts';

const isRoot = process.getuid?.() === 0;
const profiles: readonly SandboxProfile[] = isRoot && chooseProfile() === 'full' ? ['full', 'user'] : ['user'];
const options = (profile: SandboxProfile): SandboxOptions => ({
  profile,
  stateDirectory: '/nonexistent',
  nodeBinary: process.execPath,
  random: systemRandom,
  clock: systemClock,
});

async function open(profile: SandboxProfile, changes: Partial<SandboxOptions> = {}): Promise<Sandbox> {
  const made = await createSandbox({ ...options(profile), ...changes });
  assert.ok(made.ok, made.ok ? '' : `${made.refusal.layer}: ${made.refusal.reason}`);
  return made.value;
}

async function finish(sandbox: Sandbox, request: SandboxRequest): Promise<SandboxRun> {
  const run = await sandbox.run(request);
  assert.ok(run.ok, run.ok ? '' : `${run.refusal.layer}: ${run.refusal.reason}`);
  return run.value;
}

/** Processes of the host that have `marker` among their arguments. */
function findMarked(marker: string): string[] {
  return readdirSync('/proc').filter((pid) => {
    try {
      return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/cmdline`, 'latin1').split('\0').includes(marker);
    } catch {
      return false;
    }
  });
}

test('a missing layer is refused by its name, and no profile stands in for another', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'headstart-sandbox-'));
  writeFileSync(join(directory, 'mountinfo'), '');
  writeFileSync(join(directory, 'cgroup'), '');
  const broken: readonly [Partial<SandboxOptions>, string][] = [
    [{ profile: 'full', cgroupRoot: directory }, 'cgroup memory'],
    [{ architecture: 'riscv64' }, 'system call filter'],
    [{ nodeBinary: join(directory, 'node') }, 'pinned Node'],
    [{ bubblewrap: { command: ['/bin/false'], version: 'none' } }, 'bubblewrap'],
  ];
  for (const [changes, layer] of broken) {
    const made = await createSandbox({ ...options('user'), ...changes });
    assert.ok(!made.ok);
    assert.deepEqual([made.refusal.kind, made.refusal.layer], ['layer-missing', layer]);
  }
  rmSync(directory, { recursive: true });
});

test('inherited descriptors are not inside, also not 37 and 251', async () => {
  const program = `
    import { createSandbox } from ${JSON.stringify(new URL('./index.ts', import.meta.url).href)};
    const made = await createSandbox({ profile: 'user', stateDirectory: '/nonexistent', nodeBinary: process.execPath,
      random: (size) => crypto.getRandomValues(new Uint8Array(size)), clock: { now: () => new Date() } });
    const run = await made.value.run({ command: ['sh', '-c', 'echo /proc/self/fd/*'] });
    await made.value.close();
    process.stdout.write(run.value.stdout);`;
  const started = spawnSync(
    '/bin/bash',
    [
      '-c',
      'exec 9</etc/hostname 37</etc/hostname 251</etc/hostname; ls /proc/self/fd >&2; exec "$0" --input-type=module -e "$1"',
      process.execPath,
      program,
    ],
    { encoding: 'utf8' },
  );
  assert.match(started.stderr, /^37$/m);
  assert.match(started.stderr, /^251$/m);
  // The shell's own listing of the directory is number 3.
  assert.equal(started.stdout, '/proc/self/fd/0 /proc/self/fd/1 /proc/self/fd/2 /proc/self/fd/3\n');
});

test('a launcher killed with -9 takes its runs along, and its uids and groups are used again', {
  timeout: 30_000,
}, async () => {
  const marker = `9${Buffer.from(systemRandom(4)).readUInt32LE()}`;
  const program = `
    import { createSandbox } from ${JSON.stringify(new URL('./index.ts', import.meta.url).href)};
    const made = await createSandbox({ profile: '${profiles[0]}', stateDirectory: '/nonexistent', nodeBinary: process.execPath,
      random: (size) => crypto.getRandomValues(new Uint8Array(size)), clock: { now: () => new Date() } });
    setInterval(() => { if (process.ppid === 1) process.exit(1) }, 100);
    setTimeout(() => process.kill(process.pid, 'SIGKILL'), 500);
    await made.value.run({ command: ['sleep', '${marker}'] });`;
  const started = spawnSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8' });
  assert.equal(started.signal, 'SIGKILL', started.stderr);
  while (findMarked(marker).length > 0) await new Promise((resolve) => setTimeout(resolve, 20));
  const sandbox = await open(profiles[0] ?? 'user');
  assert.equal((await finish(sandbox, { command: ['true'] })).exitCode, 0);
  await sandbox.close();
});

test('a launcher process that is killed takes its runs along, and the next run has another', {
  timeout: 30_000,
}, async () => {
  const launchers = () => findMarked(String(process.pid));
  const before = new Set(launchers());
  const sandbox = await open(profiles[0] ?? 'user');
  const marker = `9${Buffer.from(systemRandom(4)).readUInt32LE()}`;
  const running = finish(sandbox, { command: ['sleep', marker] });
  const isRunning = () =>
    findMarked(marker).some((pid) => readFileSync(`/proc/${pid}/cmdline`, 'latin1').startsWith('sleep'));
  while (!isRunning()) await new Promise((resolve) => setTimeout(resolve, 20));
  const [launcher] = launchers().filter((pid) => !before.has(pid));
  process.kill(Number(launcher), 'SIGKILL');
  assert.equal((await running).exitCode, 137);
  assert.deepEqual(findMarked(marker), []);
  const descriptors = readdirSync('/proc/self/fd').length;
  for (let run = 0; run < 5; run += 1) assert.equal((await finish(sandbox, { command: ['true'] })).exitCode, 0);
  assert.ok(readdirSync('/proc/self/fd').length <= descriptors + 5, 'runs leave no descriptors open');
  await sandbox.close();
  assert.deepEqual(
    launchers().filter((pid) => !before.has(pid)),
    [],
  );
});

test('a sandbox that nobody closes keeps no process alive', () => {
  const program = `
    import { createSandbox } from ${JSON.stringify(new URL('./index.ts', import.meta.url).href)};
    const made = await createSandbox({ profile: 'user', stateDirectory: '/nonexistent', nodeBinary: process.execPath,
      random: (size) => crypto.getRandomValues(new Uint8Array(size)), clock: { now: () => new Date() } });
    process.stdout.write(String((await made.value.run({ command: ['true'] })).value.exitCode));`;
  const started = spawnSync(process.execPath, ['--input-type=module', '-e', program], {
    encoding: 'utf8',
    timeout: 60_000,
  });
  assert.deepEqual([started.stdout, started.status], ['0', 0], started.stderr);
});

test('Node and inputs may lie below a directory that only root can enter', {
  skip: isRoot ? false : 'only root has one',
}, async () => {
  const home = mkdtempSync(join(tmpdir(), 'headstart-home-'));
  try {
    chmodSync(home, 0o700);
    const node = join(home, 'bin', 'node');
    mkdirSync(dirname(node), { mode: 0o700 });
    try {
      linkSync(process.execPath, node);
    } catch {
      copyFileSync(process.execPath, node);
    }
    for (const [name, mode] of [
      ['open', 0o755],
      ['closed', 0o700],
    ] as const) {
      mkdirSync(join(home, name, 'deep'), { recursive: true });
      writeFileSync(join(home, name, 'deep', 'file'), name, { mode: mode & 0o644 });
      chmodSync(join(home, name, 'deep'), mode);
      chmodSync(join(home, name), mode);
    }
    const sandbox = await open('user', { nodeBinary: node });
    const run = await finish(sandbox, {
      command: [
        'node',
        '-p',
        'fs.readFileSync("/given/open/deep/file", "utf8") + fs.readFileSync("/given/closed/deep/file", "utf8")',
      ],
      readOnly: ['open', 'closed'].map((name) => ({ host: join(home, name), inside: `/given/${name}` })),
    });
    await sandbox.close();
    assert.equal(run.stdout.toString(), 'openclosed\n', run.stderr.toString());
    copyFileSync(process.execPath, join(home, 'node'));
    chmodSync(join(home, 'node'), 0o700);
    const closed = await open('user', { nodeBinary: join(home, 'node') });
    const version = await finish(closed, { command: ['node', '-v'] });
    await closed.close();
    assert.equal(version.stdout.toString(), `${process.version}\n`);
    const staged = readdirSync('/run/headstart-sandbox/node');
    assert.ok(!staged.some((name) => name.startsWith(`${process.pid}-`)), 'the copy is removed');
    assert.doesNotMatch(readFileSync('/proc/self/mountinfo', 'utf8'), /headstart-home/);
  } finally {
    rmSync(home, { recursive: true });
  }
});
