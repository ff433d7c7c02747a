/**
 * Checks a request and fills in what it leaves out. Pure; what it accepts, the launcher may trust.
 */

import { posix } from 'node:path';
import { WORK_INSIDE } from '../lib/inside.ts';
import { ok, type Result, refuse } from '../lib/result.ts';
import type { SandboxLimits, SandboxRefusal, SandboxRequest } from './run.ts';

export const DEFAULT_LIMITS: SandboxLimits = {
  memoryMiB: 512,
  pids: 64,
  seconds: 30,
  cpuSeconds: 30,
  diskMiB: 64,
  outputBytes: 1_048_576,
};

/** Nobody may ask for more. */
const LARGEST_LIMITS: SandboxLimits = {
  memoryMiB: 16_384,
  pids: 4_096,
  seconds: 3_600,
  cpuSeconds: 14_400,
  diskMiB: 8_192,
  outputBytes: 268_435_456,
};

/** Every file costs a descriptor of the launcher while a run starts. */
const MAX_FILES = 400;
const MAX_MOUNTS = 64;
const MAX_ARGUMENT_BYTES = 1_000_000;

/** Where the pinned Node stands inside. */
export const NODE_INSIDE = '/opt/node/bin/node';

const DEFAULT_ENVIRONMENT: Readonly<Record<string, string>> = {
  PATH: `${posix.dirname(NODE_INSIDE)}:/usr/local/bin:/usr/bin:/usr/sbin`,
  HOME: WORK_INSIDE,
  TMPDIR: '/tmp',
  LANG: 'C.UTF-8',
};

/** Belong to the sandbox itself; a mount there would undo a layer. */
const RESERVED = [
  '/',
  '/bin',
  '/dev',
  '/lib',
  '/lib64',
  '/opt/node',
  '/proc',
  '/sbin',
  '/sys',
  '/tmp',
  '/usr',
  WORK_INSIDE,
];
const CLOSED = ['/dev/', '/opt/node/', '/proc/', '/sys/'];

export interface CheckedRequest {
  readonly command: readonly string[];
  readonly readOnly: readonly { readonly host: string; readonly inside: string }[];
  readonly files: readonly { readonly path: string; readonly content: Buffer }[];
  readonly environment: Readonly<Record<string, string>>;
  readonly stdin: Buffer;
  readonly limits: SandboxLimits;
  readonly collect: boolean;
}

const badRequest = (layer: string, reason: string) => refuse<SandboxRefusal>({ kind: 'bad-request', layer, reason });

function checkLimits(asked: Partial<SandboxLimits>): Result<SandboxLimits, SandboxRefusal> {
  const limits = { ...DEFAULT_LIMITS, ...asked };
  for (const name of Object.keys(LARGEST_LIMITS) as (keyof SandboxLimits)[]) {
    const value = limits[name];
    const whole = name === 'seconds' || name === 'cpuSeconds' || Number.isInteger(value);
    if (!(value > 0 && value <= LARGEST_LIMITS[name] && whole)) {
      return badRequest('limits', `${name} is ${value}; it must be above 0 and at most ${LARGEST_LIMITS[name]}`);
    }
  }
  return ok(limits);
}

function mountProblem({ host, inside }: { host: string; inside: string }): string | undefined {
  if (!posix.isAbsolute(host) || host.includes('\0')) return `${host} is not an absolute path`;
  if (
    !posix.isAbsolute(inside) ||
    inside.includes('\0') ||
    posix.normalize(inside) !== inside ||
    inside.endsWith('/')
  ) {
    return `${inside} is not a plain absolute path`;
  }
  if (RESERVED.includes(inside) || CLOSED.some((prefix) => inside.startsWith(prefix))) {
    return `${inside} belongs to the sandbox itself`;
  }
  return undefined;
}

function isPlainRelative(path: string): boolean {
  return path !== '' && !path.includes('\0') && !path.startsWith('/') && posix.normalize(path) === path
    ? path !== '.' && path !== '..' && !path.startsWith('../') && !path.endsWith('/')
    : false;
}

function checkFiles(request: SandboxRequest, diskMiB: number): Result<CheckedRequest['files'], SandboxRefusal> {
  const files = (request.files ?? []).map(({ path, content }) => ({ path, content: Buffer.from(content as string) }));
  if (files.length > MAX_FILES) return badRequest('files', `${files.length} files; at most ${MAX_FILES}`);
  const odd = files.find(({ path }) => !isPlainRelative(path));
  if (odd) return badRequest('files', `${odd.path} is not a plain relative path`);
  if (new Set(files.map(({ path }) => path)).size < files.length) return badRequest('files', 'two files have one path');
  const bytes = files.reduce((sum, { content }) => sum + content.length, 0);
  if (bytes > diskMiB * 1_048_576) return badRequest('files', `${bytes} bytes do not fit into ${diskMiB} MiB`);
  return ok(files);
}

function environmentProblem(environment: Readonly<Record<string, string>>): string | undefined {
  const odd = Object.entries(environment).find(
    ([name, value]) => !/^[A-Za-z_][A-Za-z0-9_]*$/.test(name) || value.includes('\0'),
  );
  return odd && `${odd[0]} is not a variable that can be set`;
}

export function checkRequest(request: SandboxRequest): Result<CheckedRequest, SandboxRefusal> {
  const limits = checkLimits(request.limits ?? {});
  if (!limits.ok) return limits;
  const [program] = request.command;
  if (!program) return badRequest('command', 'the command is empty');
  if (request.command.some((part) => part.includes('\0'))) return badRequest('command', 'an argument holds a NUL');
  if (request.command.join('').length > MAX_ARGUMENT_BYTES) return badRequest('command', 'the arguments are too long');
  const readOnly = request.readOnly ?? [];
  if (readOnly.length > MAX_MOUNTS) return badRequest('read-only mounts', `${readOnly.length}; at most ${MAX_MOUNTS}`);
  const mount = readOnly.map(mountProblem).find((problem) => problem !== undefined);
  if (mount) return badRequest('read-only mounts', mount);
  const files = checkFiles(request, limits.value.diskMiB);
  if (!files.ok) return files;
  const variable = environmentProblem(request.environment ?? {});
  if (variable) return badRequest('environment', variable);
  return ok({
    command: program === 'node' ? [NODE_INSIDE, ...request.command.slice(1)] : request.command,
    readOnly,
    files: files.value,
    environment: { ...DEFAULT_ENVIRONMENT, ...request.environment },
    stdin: Buffer.from((request.stdin ?? '') as string),
    limits: limits.value,
    collect: request.collect ?? false,
  });
}
