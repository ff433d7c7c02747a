/**
 * What a run may do and what ends it, on the real kernel, in every profile this process can have. As root the whole file
 * runs a second time as a plain user.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  accessSync,
  constants,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { canonicalJson } from '../lib/canonical-json.ts';
import { systemClock } from '../lib/clock.ts';
import { sha256Hex } from '../lib/hash.ts';
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
const NOBODY = 65_534;
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

const perl = (program: string): string[] => ['/usr/bin/perl', '-e', program];
/** The error number of one system call made inside. */
const errnoOf = async (sandbox: Sandbox, call: string): Promise<number> => {
  const run = await finish(sandbox, { command: perl(`my $z = "\\0" x 4096; $! = 0; syscall(${call}); print $! + 0`) });
  return Number(run.stdout.toString());
};

interface Facts {
  readonly hostUid: number;
  readonly survivors: number;
  readonly refused: readonly string[];
}
const factsOf = (run: SandboxRun): Facts => run.record as unknown as Facts;

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

function testCommands(get: () => Sandbox): void {
  test('a command runs as nobody on the files it was given and what it leaves comes back', async () => {
    const run = await finish(get(), {
      command: ['sh', '-c', 'id -u; cat a/b -; echo out >c; mkdir d; echo deep >d/e'],
      files: [{ path: 'a/b', content: 'given\n' }],
      stdin: 'typed\n',
      collect: true,
    });
    assert.equal(run.stdout.toString(), '65534\ngiven\ntyped\n');
    const left = new Map([...run.outputs].map(([path, content]) => [path, content.toString()]));
    assert.deepEqual(
      left,
      new Map([
        ['a/b', 'given\n'],
        ['c', 'out\n'],
        ['d/e', 'deep\n'],
      ]),
    );
  });

  test('node is the pinned Node and has what it needs: threads, WebAssembly, children, loopback', async () => {
    const program = `
      const { Worker } = require('node:worker_threads');
      fetch; new WebAssembly.Memory({ initial: 1 });
      const child = require('node:child_process').execFileSync('echo', ['child']).toString().trim();
      const server = require('node:http').createServer((q, a) => a.end('served')).listen(0, '127.0.0.1', async () => {
        const body = await (await fetch('http://127.0.0.1:' + server.address().port)).text();
        new Worker('require("node:worker_threads").parentPort.postMessage("thread")', { eval: true }).on('message', (m) => {
          console.log(process.version, child, body, m, require('node:os').userInfo().username);
          process.exit(0);
        });
      });`;
    const run = await finish(get(), { command: ['node', '-e', program] });
    assert.equal(run.stderr.toString(), '');
    assert.equal(run.stdout.toString(), `${process.version} child served thread sandbox\n`);
  });

  test('the exit status is as a shell tells it', async () => {
    const exits = new Map<readonly string[], [string, number]>([
      [
        ['sh', '-c', 'exit 7'],
        ['exited', 7],
      ],
      [['no-such-program'], ['exited', 127]],
      [['/etc/passwd'], ['exited', 126]],
      [
        ['node', '-e', 'process.abort()'],
        ['signal', 139],
      ],
    ]);
    for (const [command, [end, exitCode]] of exits) {
      const run = await finish(get(), { command });
      // abort() of the first process of a namespace ends in SIGSEGV or SIGTRAP: its SIGABRT has no effect there.
      const plain = end === 'signal' ? Math.min(run.exitCode, 139) : run.exitCode;
      assert.deepEqual([run.end, end === 'signal' ? plain > 128 : plain], [end, end === 'signal' ? true : exitCode]);
    }
  });

  test('the environment of a command is the default one and what was asked for', async () => {
    const run = await finish(get(), {
      command: ['/usr/bin/env'],
      environment: { PATH: '/work/bin:/usr/bin', OWN: 'a b=c' },
    });
    assert.deepEqual(run.stdout.toString().trim().split('\n').sort(), [
      'HOME=/work',
      'LANG=C.UTF-8',
      'OWN=a b=c',
      'PATH=/work/bin:/usr/bin',
      'PWD=/work',
      'TMPDIR=/tmp',
    ]);
  });

  test('what is given read-only can be read and not written', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'headstart-sandbox-'));
    mkdirSync(join(directory, 'package'));
    writeFileSync(join(directory, 'package', 'index.js'), 'module.exports = 41 + 1;\n');
    const run = await finish(get(), {
      command: [
        'node',
        '-e',
        'console.log(require("/work/node_modules/package")); fs.writeFileSync("/work/node_modules/package/x", "")',
      ],
      readOnly: [{ host: join(directory, 'package'), inside: '/work/node_modules/package' }],
    });
    rmSync(directory, { recursive: true });
    assert.equal(run.stdout.toString(), '42\n');
    assert.match(run.stderr.toString(), /EROFS/);
  });
}

function testWalls(get: () => Sandbox): void {
  test('the network of the host is not there: not its loopback, not its sockets, no way out', async () => {
    let connections = 0;
    const server = net.createServer(() => {
      connections += 1;
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as net.AddressInfo;
    const program = `for (const host of ['127.0.0.1', '192.0.2.1'])
      require('node:net').connect(${port}, host).on('error', (e) => console.log(e.code)).on('connect', () => console.log('open'));`;
    const run = await finish(get(), { command: ['node', '-e', program] });
    server.close();
    assert.deepEqual(run.stdout.toString().trim().split('\n').sort(), ['ECONNREFUSED', 'ENETUNREACH']);
    assert.equal(connections, 0);
  });

  test('AF_VSOCK, AF_UNIX, x32 numbers, io_uring, ptrace and nested user namespaces are refused', async () => {
    assert.equal(await errnoOf(get(), '41, 40, 1, 0'), 97);
    assert.equal(await errnoOf(get(), '41, 1, 1, 0'), 97);
    assert.equal(await errnoOf(get(), '0x40000000 + 39'), 38);
    assert.equal(await errnoOf(get(), '425, 1, $z'), 1);
    assert.equal(await errnoOf(get(), '101, 0, 0, 0, 0'), 1);
    assert.equal(await errnoOf(get(), '272, 0x10000000'), 1);
  });

  test('nothing of the launcher is inside: environment, arguments, process', async () => {
    const name = 'HEADSTART_TEST_SECRET';
    const secret = Buffer.from(systemRandom(16)).toString('hex');
    process.env[name] = secret;
    const run = await finish(get(), {
      command: ['sh', '-c', 'cat /proc/[0-9]*/environ /proc/[0-9]*/cmdline; env; echo; echo pids /proc/[0-9]*'],
    });
    delete process.env[name];
    assert.ok(!run.stdout.includes(secret));
    assert.doesNotMatch(run.stdout.toString(), /bwrap|unshare/);
    assert.match(run.stdout.toString(), /pids \/proc\/1$/m);
  });

  test('kernel settings cannot be opened for writing and files of the host are not there', async () => {
    const run = await finish(get(), {
      command: [
        'sh',
        '-c',
        'for f in /proc/sys/vm/overcommit_memory /proc/sys/kernel/core_pattern /etc/passwd /usr/x /x /dev/x; do (: >>$f) 2>/dev/null && echo $f; done; cat /etc/shadow /proc/cmdline /proc/kallsyms 2>/dev/null; ls /root /home /sys /run 2>/dev/null; true',
      ],
    });
    assert.equal(run.stdout.toString(), '');
  });

  test('every attempt to get out is stopped', async () => {
    const attested = await get().attest();
    assert.ok(attested.ok);
    assert.deepEqual(attested.value.failed, []);
    assert.equal(attested.value.stopped, attested.value.probes);
    assert.ok(attested.value.probes >= 100);
  });
}

function testLimits(get: () => Sandbox): void {
  test('a fork bomb is ended', async () => {
    const run = await finish(get(), {
      command: perl('while (1) { my $p = fork; select undef, undef, undef, 0.2 unless defined $p }'),
      limits: { pids: 20, seconds: 20 },
    });
    assert.deepEqual([run.end, run.exitCode, factsOf(run).survivors], ['pids', 137, 0]);
  });

  test('a memory bomb is ended, of one process and of several together', async () => {
    const alone = 'my @k; while (1) { push @k, "x" x 1048576 }';
    const together =
      'fork for 1 .. 3; my @k; for (1 .. 30) { push @k, "x" x 1048576; select undef, undef, undef, 0.01 } sleep 9';
    for (const program of [alone, together]) {
      const run = await finish(get(), { command: perl(program), limits: { memoryMiB: 128, seconds: 20 } });
      assert.deepEqual([run.end, run.exitCode], ['memory', 137]);
      assert.deepEqual(factsOf(run).refused, ['memory above 128 MiB']);
    }
  });

  test('a CPU burner is ended by the CPU of all its processes together', async () => {
    const run = await finish(get(), {
      command: perl('fork; fork; 1 while 1'),
      limits: { cpuSeconds: 0.6, seconds: 20 },
    });
    assert.deepEqual([run.end, run.exitCode], ['cpu', 137]);
    assert.ok(run.cpuMs >= 600);
  });

  test('a full disk is an error for the command and not for the host', async () => {
    const run = await finish(get(), {
      command: [
        'sh',
        '-c',
        'for d in /work /tmp /dev/shm; do for i in 1 2 3 4 5; do head -c 8m /dev/zero >$d/$i || :; done; done; du -sm /work',
      ],
      limits: { diskMiB: 16, memoryMiB: 256 },
    });
    assert.equal(run.end, 'exited');
    assert.match(run.stderr.toString(), /No space left on device/);
    assert.match(run.stdout.toString(), /^16\t/);
  });

  test('a flood of output is cut at the limit and ends the run', async () => {
    const run = await finish(get(), { command: ['sh', '-c', 'yes'], limits: { outputBytes: 1_000 } });
    assert.deepEqual([run.end, run.exitCode, run.stdout.length], ['output', 137, 1_000]);
  });
}

function testEnds(get: () => Sandbox): void {
  test('time ends a run with 124 whatever it ignores, and nothing survives it', async () => {
    const marker = `9${Buffer.from(systemRandom(4)).readUInt32LE()}`;
    const run = await finish(get(), {
      command: ['sh', '-c', `trap '' TERM INT HUP; (setsid sleep ${marker} &) ; sleep ${marker}`],
      limits: { seconds: 0.5 },
    });
    assert.deepEqual([run.end, run.exitCode, factsOf(run).survivors], ['time', 124, 0]);
    assert.deepEqual(findMarked(marker), []);
  });

  test('a daemon does not outlive its run', async () => {
    const marker = `9${Buffer.from(systemRandom(4)).readUInt32LE()}`;
    const run = await finish(get(), {
      command: ['sh', '-c', `(setsid sleep ${marker} </dev/null >/dev/null 2>&1 &); exit 0`],
    });
    assert.deepEqual([run.end, factsOf(run).survivors], ['exited', 0]);
    assert.deepEqual(findMarked(marker), []);
  });

  test('twenty runs at once do not disturb each other, and as root no two share a host uid', async () => {
    const runs = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        finish(get(), { command: ['sh', '-c', `echo ${index} >n; sleep 0.3; cat n; ls /proc | grep -c '^[0-9]'`] }),
      ),
    );
    runs.forEach((run, index) => {
      assert.equal(run.stdout.toString().split('\n')[0], String(index));
    });
    const uids = new Set(runs.map((run) => factsOf(run).hostUid));
    assert.equal(uids.size, isRoot ? 20 : 1);
    assert.ok([...uids].every((uid) => (isRoot ? uid >= 64_000 && uid <= 64_999 : uid === process.getuid?.())));
  });
}

function testRecords(get: () => Sandbox, profile: SandboxProfile): void {
  test('links and mounts are left behind by the collector, links are said in the record', async () => {
    const run = await finish(get(), {
      command: [
        'sh',
        '-c',
        'ln -s /etc/passwd link; ln -s / dir; echo 1 >file; chmod 4755 file; mkdir -p a/b; truncate -s 15M sparse',
      ],
      readOnly: [{ host: import.meta.dirname, inside: '/work/given' }],
      limits: { diskMiB: 16 },
      collect: true,
    });
    assert.equal(run.exitCode, 0, run.stderr.toString());
    assert.deepEqual([...run.outputs.keys()], ['file', 'sparse']);
    assert.deepEqual([...factsOf(run).refused], ['link: dir', 'link: link']);
  });

  test('the record says what ran and holds no content', async () => {
    const secret = Buffer.from(systemRandom(16)).toString('hex');
    const run = await finish(get(), {
      command: ['sh', '-c', `cat in; echo ${secret}; cat >out`],
      files: [{ path: 'in', content: secret }],
      stdin: secret,
      environment: { SECRET: secret },
      collect: true,
    });
    const text = canonicalJson(run.record);
    assert.ok(!text.includes(secret));
    assert.equal(run.recordSha256, sha256Hex(text));
    const record = run.record as Record<string, unknown>;
    assert.equal(record.profile, profile);
    assert.deepEqual(record.layers, get().layers);
    assert.equal(record.exitCode, 0);
    assert.notEqual(record.hostUid, 0);
  });
}

for (const profile of profiles) {
  describe(`profile ${profile}, uid ${process.getuid?.()}`, () => {
    let sandbox: Sandbox;
    before(async () => {
      sandbox = await open(profile);
    });
    after(() => sandbox.close());
    const get = (): Sandbox => sandbox;
    testCommands(get);
    testWalls(get);
    testLimits(get);
    testEnds(get);
    testRecords(get, profile);
  });
}

function nobodyReaches(path: string): boolean {
  return spawnSync('/usr/bin/test', ['-r', path], { uid: NOBODY, gid: NOBODY }).status === 0;
}

const canRunAsNobody = isRoot && nobodyReaches(fileURLToPath(import.meta.url)) && nobodyReaches(process.execPath);

test('all of this holds as a plain user too', {
  skip: canRunAsNobody ? false : 'needs root and a checkout that others can read',
  timeout: 120_000,
}, () => {
  accessSync(process.execPath, constants.X_OK);
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const started = spawnSync(process.execPath, ['--test', fileURLToPath(import.meta.url)], {
    uid: NOBODY,
    gid: NOBODY,
    encoding: 'utf8',
    env: { ...env, HOME: '/nonexistent' },
  });
  assert.equal(started.status, 0, started.stdout);
  assert.match(started.stdout, /pass [1-9]\d/);
});
