/** A data directory that is not as it should be: a clear word, the right exit code, and nothing of it changed. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statfsSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { createInstallation, type Ended, type Installation } from '../support/installation.ts';

const isRoot = process.getuid?.() === 0;

let installation: Installation;

before(async () => {
  installation = await createInstallation();
  await installation.expect(0, 'case', 'list');
});

after(() => installation?.close());

/** Every file with its mode and content; times and the lock files of those who looked are left out. */
function fingerprint(directory: string): string {
  const hash = createHash('sha256');
  const entries = readdirSync(directory, { recursive: true, withFileTypes: true })
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => !path.endsWith('.lock'))
    .sort();
  for (const path of entries) {
    const found = lstatSync(path);
    hash.update(`${path} ${found.mode} ${found.uid} ${found.size}\n`);
    if (found.isFile()) hash.update(readFileSync(path));
  }
  return hash.digest('hex');
}

/** Runs with the directory as it is, and holds that it stays so. */
async function refusedUntouched(code: number, ...args: readonly string[]): Promise<Ended> {
  const was = fingerprint(installation.home);
  const ended = await installation.expect(code, ...args);
  assert.equal(fingerprint(installation.home), was, 'the data directory was changed');
  assert.doesNotMatch(ended.stderr, /\n {4}at /, 'no stack trace for a state of the machine');
  return ended;
}

test('a data directory open to other accounts is refused with the command that mends it', async () => {
  chmodSync(installation.home, 0o755);
  const { stderr } = await refusedUntouched(7, 'case', 'list');
  assert.match(stderr, new RegExp(`${installation.home} is open to other accounts \\(755\\); run: chmod 700`));
  const checks = JSON.parse((await installation.expect(1, 'doctor', '--json')).stdout) as {
    checks: { name: string; ok: boolean }[];
  };
  assert.equal(checks.checks.find(({ name }) => name === 'data directory')?.ok, false);
  chmodSync(installation.home, 0o700);
  await installation.expect(0, 'case', 'list');
});

test('a master key that others may read is refused', async () => {
  const key = join(installation.home, 'master.key');
  chmodSync(key, 0o644);
  const { stderr } = await installation.expect(7, 'case', 'list');
  assert.match(stderr, /master\.key/);
  chmodSync(key, 0o600);
  await installation.expect(0, 'case', 'list');
});

test('a database of another Postgres version is refused with the way over, and nothing is changed', async () => {
  const file = join(installation.home, 'postgres/data/PG_VERSION');
  const version = readFileSync(file, 'utf8');
  writeFileSync(file, '15\n');
  const { stderr } = await refusedUntouched(7, 'case', 'list');
  assert.match(
    stderr,
    /was made by PostgreSQL 15, this release runs PostgreSQL 18\. Nothing was changed\. Run `backup FILE`/,
  );
  writeFileSync(file, version);
  await installation.expect(0, 'case', 'list');
});

test('a file where the data directory should be is refused', async () => {
  const aside = `${installation.home}-aside`;
  renameSync(installation.home, aside);
  try {
    writeFileSync(installation.home, 'not a directory');
    const { stderr } = await installation.expect(7, 'case', 'list');
    assert.match(stderr, /is not a directory/);
    assert.equal(readFileSync(installation.home, 'utf8'), 'not a directory');
  } finally {
    rmSync(installation.home, { force: true });
    renameSync(aside, installation.home);
  }
});

test('a disk too full to begin on is refused before anything is written', {
  skip: !isRoot && 'mounting a small disk takes root',
}, async () => {
  await onDisk(64, async (disk) => {
    const other = { ...installation.environment, HEADSTART_HOME: join(disk, 'home') };
    const ended = spawnSync(process.execPath, [main, 'case', 'list'], { env: other, encoding: 'utf8' });
    assert.equal(ended.status, 7, ended.stderr);
    assert.match(ended.stderr, /\d+ MB are free on the disk of .*, 256 MB are needed\. Nothing was changed/);
    assert.deepEqual(readdirSync(join(disk, 'home')), []);
  });
});

test('a disk that fills up in the middle of work stops it with a word, and with space again all is there', {
  skip: !isRoot && 'mounting a small disk takes root',
}, async () => {
  await onDisk(420, async (disk) => {
    const env = { ...installation.environment, HEADSTART_HOME: join(disk, 'home') };
    const run = (...args: string[]) =>
      spawnSync(process.execPath, [main, ...args], { env, encoding: 'utf8', timeout: 120_000 });
    assert.equal(run('log', 'overdue').status, 4);
    const first = run('case', 'list', '--json');
    assert.equal(first.status, 0, first.stderr);
    const filler = join(disk, 'filler');
    const { bavail, bsize } = statfsSync(disk);
    writeFileSync(filler, Buffer.alloc(Math.max(0, bavail * bsize - 4096)));
    const full = run('case', 'list', '--json');
    assert.equal(full.status, 7, full.stderr);
    assert.match(full.stderr, /MB are free|No space|takes no files/);
    rmSync(filler);
    const again = run('case', 'list', '--json');
    assert.deepEqual([again.status, again.stdout], [0, first.stdout], again.stderr);
  });
});

const main = join(import.meta.dirname, '..', '..', 'src', 'main.ts');

async function onDisk(megabytes: number, work: (disk: string) => Promise<void>): Promise<void> {
  const disk = join(installation.folder, `disk-${megabytes}`);
  mkdirSync(disk, { mode: 0o755 });
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', disk], { encoding: 'utf8' });
  assert.equal(mounted.status, 0, mounted.stderr);
  try {
    await work(disk);
  } finally {
    spawnSync('umount', [disk]);
  }
}
