/** `sandbox run` and `sandbox attest` as the contract has them: exit statuses, streams, files. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { after, test } from 'node:test';
import { systemClock } from '../lib/clock.ts';
import { systemRandom } from '../lib/id.ts';
import { createSandbox } from '../sandbox/index.ts';
import { runCommandLine } from './cli.ts';
import { registerSandboxCommands } from './sandbox.ts';
import type { Terminal } from './terminal.ts';

const directory = mkdtempSync(join(tmpdir(), 'headstart-cli-sandbox-'));
after(() => rmSync(directory, { recursive: true, force: true }));

async function headstart(...args: string[]) {
  const [out, err]: [string[], string[]] = [[], []];
  const into = (lines: string[]) =>
    new Writable({
      write(chunk, _encoding, done) {
        lines.push(String(chunk));
        done();
      },
    });
  const terminal: Terminal = {
    json: (value) => void out.push(JSON.stringify(value)),
    data: (text) => void out.push(String(text)),
    say: (line) => void err.push(`${line}\n`),
  };
  const before = process.exitCode;
  process.exitCode = undefined;
  const exit = await runCommandLine(args, {
    terminal,
    register: [
      (program) =>
        registerSandboxCommands(program, {
          terminal,
          stdout: into(out),
          stderr: into(err),
          chooseProfile: () => 'user',
          openSandbox: (profile) =>
            createSandbox({
              profile,
              stateDirectory: directory,
              nodeBinary: process.execPath,
              random: systemRandom,
              clock: systemClock,
              ...(profile === 'full' ? { cgroupRoot: directory } : {}),
            }),
        }),
    ],
  });
  process.exitCode = before;
  return { exit, out: out.join(''), err: err.join('') };
}

test('the exit status and the streams are those of the command, and the profile is printed', async () => {
  const run = await headstart('sandbox', 'run', '--', 'sh', '-c', 'echo out; echo err >&2; exit 7');
  assert.deepEqual([run.exit, run.out], [7, 'out\n']);
  assert.match(run.err, /^sandbox profile: user\nerr\n$/);
});

test('124 is time, 137 a limit, 126 and 127 are as in a shell', async () => {
  const cases: [string[], number][] = [
    [['--seconds', '0.3', '--', 'sleep', '9'], 124],
    [['--memory', '64', '--', 'perl', '-e', 'my @k; push @k, "x" x 1048576 while 1'], 137],
    [['--', '/etc/passwd'], 126],
    [['--', 'no-such-program'], 127],
  ];
  for (const [args, exit] of cases) assert.equal((await headstart('sandbox', 'run', ...args)).exit, exit);
});

test('its own refusals are 125: sinks that are not built, a limit out of range, an input that is not there', async () => {
  for (const args of [
    ['--net', 'sinks'],
    ['--memory', '99999999'],
    ['--ro', join(directory, 'nothing')],
  ]) {
    const run = await headstart('sandbox', 'run', ...args, '--', 'true');
    assert.deepEqual([run.exit, run.out], [125, ''], args.join(' '));
  }
});

test('a place that output or record cannot have is refused with 125, whatever the command would have said', async () => {
  const taken = join(directory, 'taken');
  mkdirSync(taken);
  writeFileSync(join(taken, 'file'), 'mine');
  for (const args of [
    ['--record', join(directory, 'nothing', 'record')],
    ['--out', '/proc/nothing'],
    ['--out', join(taken, 'file')],
    ['--out', taken],
  ]) {
    const run = await headstart('sandbox', 'run', ...args, '--', 'sh', '-c', 'echo left > file');
    assert.equal(run.exit, 125, args.join(' '));
    assert.match(run.err, /^headstart: .+/m);
  }
  assert.equal(readFileSync(join(taken, 'file'), 'utf8'), 'mine');
});

test('a full disk is an error that the command is told of', async () => {
  const fill = 'head -c 9000000 /dev/zero > x || echo full';
  const run = await headstart('sandbox', 'run', '--disk', '4', '--', 'sh', '-c', fill);
  assert.deepEqual([run.exit, run.out], [0, 'full\n'], run.err);
  assert.match(run.err, /No space left/);
});

test('wrong usage is 2', async () => {
  for (const args of [['run'], ['run', '--profile', 'half', '--', 'true'], ['run', '--pids', 'many', '--', 'true']]) {
    assert.equal((await headstart('sandbox', ...args)).exit, 2);
  }
});

test('--ro is seen under its own path; --out receives plain files without their mode; --record says how it went', async () => {
  const [out, record] = [join(directory, 'out'), join(directory, 'record.json')];
  const script = `cat ${import.meta.dirname}/sandbox.ts | head -c 3; mkdir d; echo left >d/file; chmod 4777 d/file; ln -s / root`;
  const run = await headstart(
    'sandbox',
    'run',
    '--ro',
    import.meta.dirname,
    '--out',
    out,
    '--record',
    record,
    '--',
    'sh',
    '-c',
    script,
  );
  assert.deepEqual([run.exit, run.out], [0, '/**'], run.err);
  assert.deepEqual(readdirSync(out, { recursive: true }).sort(), ['d', 'd/file']);
  assert.equal(statSync(join(out, 'd', 'file')).mode & 0o7111, 0);
  const written = JSON.parse(readFileSync(record, 'utf8'));
  assert.deepEqual([written.profile, written.end, written.refused], ['user', 'exited', ['link: root']]);
});

test('attest prints one JSON value with profile and layers', async () => {
  const run = await headstart('sandbox', 'attest', '--json');
  assert.equal(run.exit, 0, run.err);
  const { probes, stopped, failed, profile, layers } = JSON.parse(run.out);
  assert.deepEqual([stopped, failed, profile], [probes, [], 'user']);
  assert.ok(layers.includes('outside watcher'));
});
