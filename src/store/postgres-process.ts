/**
 * One Postgres server as an operating-system process: what its pid file says, whether that is true, starting it.
 *
 * Programs of another account may not be able to walk to the data directory by its path (a 0700 home above it). They
 * are started *in* it and told `/proc/self/cwd`: a path that needs no walk, and after its own chdir the server uses
 * relative paths alone.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { chown, open, readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Account } from './postgres-account.ts';
import type { PostgresPrograms } from './postgres-binaries.ts';
import { StoreError } from './store-error.ts';

const HERE = '/proc/self/cwd';
/**
 * Before release 16, Postgres walks back to where it was started, by path. Root gives these a view of the file system of
 * their own in which the data directory lies here.
 */
const FIRST_WITHOUT_WALK = 16;
const BOUND = '/mnt';
const BIND = `mount --bind . ${BOUND} && cd ${BOUND} && exec "$@"`;
const LOG_TAIL_BYTES = 4096;
const LOG_LIMIT_BYTES = 4 * 1024 * 1024;

/** The fixed part of the configuration; nothing is read from postgresql.conf but initdb's choices. */
const SETTINGS = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: '120',
  timezone: 'UTC',
  jit: 'off',
  // A large import writes to all of its indexes at once: with the defaults a quarter of its time went into pages written twice.
  shared_buffers: '256MB',
  max_wal_size: '2GB',
  logging_collector: 'off',
  // The log lies in the clear beside encrypted rows: it must never quote a statement, a value or a row.
  // ERROR stands below LOG here: the messages of failed statements go to the client alone.
  log_min_messages: 'log',
  log_error_verbosity: 'terse',
  log_min_error_statement: 'panic',
  log_parameter_max_length: '0',
  log_parameter_max_length_on_error: '0',
  log_statement: 'none',
};

/** The last so that a killed server leaves nothing outside its directory. */
const THROWAWAY = {
  fsync: 'off',
  full_page_writes: 'off',
  synchronous_commit: 'off',
  dynamic_shared_memory_type: 'mmap',
};

/** Marks a server as the one of exactly this directory: a copy of the directory has another inode. */
export async function serverMark(dataDirectory: string): Promise<string> {
  const { dev, ino } = await stat(dataDirectory);
  return `headstart-${dev.toString(36)}-${ino.toString(36)}`;
}

export interface PidFile {
  readonly pid: number;
  readonly port: number;
  readonly status: string;
}

export async function readPidFile(dataDirectory: string): Promise<PidFile | undefined> {
  const text = await readFile(join(dataDirectory, 'postmaster.pid'), 'utf8').catch((error) => {
    if (error.code === 'ENOENT') return '';
    throw error;
  });
  const lines = text.split('\n');
  const pid = Number(lines[0]);
  if (!Number.isInteger(pid) || pid <= 0) return undefined;
  return { pid, port: Number(lines[3]) || 0, status: (lines[7] ?? '').trim() };
}

/** What the process table says about the pid in a pid file. */
export type Holder = 'nobody' | 'our-server' | 'foreign-postgres' | 'unrelated';

export async function identify(pid: number, mark: string): Promise<Holder> {
  const commandLine = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => undefined);
  if (commandLine === undefined || commandLine === '') return 'nobody';
  if (bearsMark(commandLine, mark)) return 'our-server';
  // A server of ours for another directory is as unrelated as an editor is; a stranger's may well use this directory.
  if (commandLine.includes('headstart-')) return 'unrelated';
  return /(^|\/)postgres(\0|:|$)/.test(commandLine) ? 'foreign-postgres' : 'unrelated';
}

function bearsMark(commandLine: string, mark: string): boolean {
  return new RegExp(`(^|[^0-9a-z-])${mark}([^0-9a-z]|$)`).test(commandLine);
}

/** Whether any process of this directory's server is left; the backends of a killed one linger for a moment. */
export async function hasProcesses(mark: string): Promise<boolean> {
  for (const name of await readdir('/proc')) {
    if (/^\d+$/.test(name) && (await identify(Number(name), mark)) === 'our-server') return true;
  }
  return false;
}

export async function initCluster(options: {
  readonly programs: PostgresPrograms;
  readonly account: Account;
  /** Empty, and owned by the account. */
  readonly dataDirectory: string;
  readonly passwordFile: string;
  readonly throwaway: boolean;
}): Promise<void> {
  const { programs, account, dataDirectory } = options;
  if (account.lent) await chown(options.passwordFile, account.uid, account.gid);
  const password = openSync(options.passwordFile, 'r');
  try {
    const { status, output } = await run(
      toCommand(programs, account, programs.initdb, (place) => [
        '--pgdata',
        place,
        '--username=postgres',
        '--pwfile=/proc/self/fd/3',
        '--auth=scram-sha-256',
        '--encoding=UTF8',
        '--locale=C',
        '--data-checksums',
        ...(options.throwaway ? ['--no-sync', '--wal-segsize=1'] : []),
      ]),
      { cwd: dataDirectory, extra: password },
    );
    if (status !== 0) throw explainFailure(`initdb ended with status ${status}`, output, dataDirectory);
  } finally {
    closeSync(password);
  }
}

interface Command {
  readonly program: string;
  readonly args: string[];
  readonly identity: { readonly uid?: number; readonly gid?: number };
}

/** `toArgs` is given the name under which the command finds the data directory. */
function toCommand(
  programs: PostgresPrograms,
  account: Account,
  program: string,
  toArgs: (place: string) => string[],
): Command {
  if (!account.lent) return { program, args: toArgs(HERE), identity: {} };
  const { uid, gid } = account;
  if (programs.major >= FIRST_WITHOUT_WALK) return { program, args: toArgs(HERE), identity: { uid, gid } };
  const become = ['setpriv', `--reuid=${uid}`, `--regid=${gid}`, '--clear-groups', '--', program];
  const args = ['--mount', '--propagation', 'private', '--', 'sh', '-c', BIND, 'sh', ...become, ...toArgs(BOUND)];
  // Every step of it is an exec: the server keeps the process number we were given.
  return { program: 'unshare', args, identity: {} };
}

function run(
  { program, args, identity }: Command,
  options: { cwd: string; extra: number },
): Promise<{ status: number | null; output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd: options.cwd,
      env: serverEnvironment(),
      stdio: ['ignore', 'pipe', 'pipe', options.extra],
      ...identity,
    });
    let output = '';
    const collect = (chunk: Buffer): void => {
      output = (output + chunk.toString()).slice(-LOG_TAIL_BYTES);
    };
    child.stdout?.on('data', collect);
    child.stderr?.on('data', collect);
    child.on('error', (cause) => reject(new Error(`cannot run ${program}`, { cause })));
    child.on('close', (status) => resolve({ status, output }));
  });
}

/** Nothing of ours: a server outlives us and its environment can be read by its account. */
function serverEnvironment(): Record<string, string> {
  return { PATH: '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' };
}

/** The server is its own session: the terminal's Ctrl-C, meant for us, must not reach it before we are done. */
export async function spawnServer(options: {
  readonly programs: PostgresPrograms;
  readonly account: Account;
  readonly dataDirectory: string;
  readonly logFile: string;
  readonly mark: string;
  readonly port: number;
  readonly throwaway: boolean;
}): Promise<ChildProcess> {
  const settings: Record<string, string> = {
    ...SETTINGS,
    port: String(options.port),
    cluster_name: options.mark,
    ...(options.throwaway ? THROWAWAY : { fsync: 'on' }),
  };
  const size = await stat(options.logFile).then(
    (found) => found.size,
    () => 0,
  );
  const log = await open(options.logFile, size > LOG_LIMIT_BYTES ? 'w' : 'a', 0o600);
  try {
    const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    const { programs, account } = options;
    const command = toCommand(programs, account, programs.postgres, (place) => ['-D', place, ...flags]);
    const child = spawn(command.program, command.args, {
      cwd: options.dataDirectory,
      env: serverEnvironment(),
      stdio: ['ignore', log.fd, log.fd],
      detached: true,
      ...command.identity,
    });
    child.unref();
    await new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve);
      child.once('error', (cause) => reject(new Error(`cannot run ${command.program}`, { cause })));
    });
    return child;
  } finally {
    await log.close();
  }
}

/** What a server wrote since `from`, for a message to people. */
export async function readLogFrom(logFile: string, from: number): Promise<string> {
  const text = await readFile(logFile).catch(() => Buffer.alloc(0));
  return text.subarray(Math.min(from, text.length)).subarray(-LOG_TAIL_BYTES).toString();
}

export async function removeStalePidFile(dataDirectory: string): Promise<void> {
  await rm(join(dataDirectory, 'postmaster.pid'), { force: true });
}

export function explainFailure(what: string, output: string, dataDirectory: string): StoreError {
  if (/No space left on device|Disk quota exceeded/.test(output)) {
    return new StoreError(
      'full-disk',
      `no space is left on the disk of ${dataDirectory}. Free some and start again; nothing committed was lost.`,
    );
  }
  if (/Permission denied|invalid permissions|wrong ownership/.test(output)) {
    return new StoreError(
      'wrong-permissions',
      `Postgres may not use ${dataDirectory}: ${lastLine(output)}. The directory must belong to one account, mode 0700, with everything in it.`,
    );
  }
  return new StoreError('will-not-start', `Postgres at ${dataDirectory} does not start: ${what}: ${lastLine(output)}`);
}

function lastLine(output: string): string {
  const lines = output.split('\n').filter((line) => /FATAL|PANIC|ERROR|error|could not/.test(line));
  return (lines[0] ?? output.trim().split('\n').at(-1) ?? '').trim();
}
