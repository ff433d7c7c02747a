/**
 * The profile full where only version 2 of the control groups exists: on Debian's user-mode Linux, a kernel that is a
 * program, with this machine's files as its root. `apt-get install user-mode-linux`, or name one with HEADSTART_UML.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { accessSync, constants, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { REPOSITORY } from '../support/installation.ts';

const KERNEL = process.env.HEADSTART_UML ?? '/usr/bin/linux.uml';
const LIMIT_MS = 20 * 60_000;

function whyNot(): string | false {
  // As a plain user all files of the host belong to one uid, and the sandbox finds no other to become.
  if (process.getuid?.() !== 0) return 'only root';
  try {
    accessSync(KERNEL, constants.X_OK);
    return false;
  } catch {
    return `there is no ${KERNEL}`;
  }
}

/** The first process of that machine. Its file systems are its own where the tests write; the rest is the host's. */
const init = (result: string): string => `#!/bin/bash
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/tmp LANG=C.UTF-8
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mkdir -p /dev/shm && mount -t tmpfs -o mode=1777 shm /dev/shm
mount -t tmpfs run /run
mount -t cgroup2 cgroup2 /sys/fs/cgroup
cd ${REPOSITORY}
${process.execPath} --disable-warning=ExperimentalWarning --test-reporter=spec --test test/support/cgroup-v2-inside.ts > ${result}/said 2>&1
echo $? > ${result}/status
echo o > /proc/sysrq-trigger
sleep 60
`;

test('the profile full holds on a machine with version 2 of the control groups only', {
  skip: whyNot(),
  timeout: LIMIT_MS,
}, () => {
  const directory = mkdtempSync(join(tmpdir(), 'headstart-uml-'));
  try {
    const first = join(directory, 'init');
    writeFileSync(first, init(directory), { mode: 0o755 });
    const machine = ['mem=4096M', 'root=/dev/root', 'rootfstype=hostfs', 'rootflags=/', 'rw', 'quiet'];
    const consoles = ['con=null', 'con0=null,fd:1', `uml_dir=${directory}`];
    const ended = spawnSync(KERNEL, [...machine, `init=${first}`, ...consoles], {
      encoding: 'utf8',
      timeout: LIMIT_MS,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const said = readFileSync(join(directory, 'said'), 'utf8');
    assert.equal(readFileSync(join(directory, 'status'), 'utf8'), '0\n', `${said}\n${ended.stderr}`);
    assert.match(said, /pass 4/);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});
