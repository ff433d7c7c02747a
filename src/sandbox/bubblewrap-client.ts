/**
 * Finds bubblewrap, or brings it: by apt as root, unpacked below the data directory as a plain user.
 */
import { execFile } from 'node:child_process';
import { accessSync, constants, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { delimiter, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { ok, type Result, refuse } from '../lib/result.ts';
import type { SandboxRefusal } from './run.ts';

const run = promisify(execFile);
const INSTALL_TIMEOUT_MS = 180_000;
const SYSTEM_PATH = '/usr/bin:/bin:/usr/local/bin:/usr/sbin:/sbin';
const LOADER = '/lib64/ld-linux-x86-64.so.2';
/** What the program itself and the libraries it needs come in; libc is everywhere. */
const PACKAGES = ['bubblewrap', 'libcap2', 'libselinux1', 'libpcre2-8-0'];

/** The command line that starts bubblewrap, and what it says it is. */
export interface Bubblewrap {
  readonly command: readonly string[];
  readonly version: string;
}

const toolDirectory = (home: string): string => join(resolve(home), 'tools', 'bubblewrap');

/** An unpacked bubblewrap finds its unpacked libraries through the loader's own option: the environment stays empty. */
function unpackedCommand(home: string): string[] {
  const directory = toolDirectory(home);
  const libraries = ['usr/lib/x86_64-linux-gnu', 'lib/x86_64-linux-gnu'].map((path) => join(directory, path));
  return [LOADER, '--library-path', libraries.join(':'), join(directory, 'usr/bin/bwrap')];
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

async function tryCommand(command: readonly string[]): Promise<Bubblewrap | undefined> {
  const [program = '', ...args] = command;
  if (!isExecutable(program) || !isExecutable(command.at(-1) ?? '')) return undefined;
  try {
    const { stdout } = await run(program, [...args, '--version'], { env: {} });
    return { command, version: stdout.trim() };
  } catch {
    return undefined;
  }
}

/** The default data directory of this clone: what one command unpacked there serves the others, the tests too. */
export const CLONE_HOME = join(import.meta.dirname, '..', '..', '.headstart');

/** On `path` (as the variable PATH is written), below the data directory, or below the clone's. */
export async function findBubblewrap(
  home: string,
  path = SYSTEM_PATH,
  cloneHome = CLONE_HOME,
): Promise<Bubblewrap | undefined> {
  for (const directory of path.split(delimiter)) {
    const found = await tryCommand([join(directory, 'bwrap')]);
    if (found) return found;
  }
  return (await tryCommand(unpackedCommand(home))) ?? (await tryCommand(unpackedCommand(cloneHome)));
}

export interface EnsureOptions {
  readonly home: string;
  /** Install nothing, not even as root. */
  readonly noApt: boolean;
  /** Told what is installed, before it is. */
  readonly say: (line: string) => void;
  readonly path?: string;
  readonly cloneHome?: string;
  /** Whether this process is root; a parameter so that the way of a plain user can be tried by root. */
  readonly isRoot?: boolean;
}

async function installByApt(say: EnsureOptions['say']): Promise<void> {
  say('installing the Debian package bubblewrap (apt-get install bubblewrap)');
  const options = { env: { PATH: SYSTEM_PATH, DEBIAN_FRONTEND: 'noninteractive' }, timeout: INSTALL_TIMEOUT_MS };
  const install = () => run('apt-get', ['install', '-y', '--no-install-recommends', 'bubblewrap'], options);
  await install().catch(async () => {
    await run('apt-get', ['update'], options);
    await install();
  });
}

/** Package lists of a plain user lie below the data directory when the system has none. */
async function download(directory: string): Promise<void> {
  const base = { cwd: directory, env: { PATH: SYSTEM_PATH }, timeout: INSTALL_TIMEOUT_MS };
  const lists = join(directory, 'lists');
  const own = ['-o', `Dir::State::Lists=${lists}`, '-o', `Dir::Cache=${join(directory, 'cache')}`];
  await run('apt-get', ['download', ...PACKAGES], base).catch(async () => {
    mkdirSync(join(lists, 'partial'), { recursive: true });
    mkdirSync(join(directory, 'cache', 'archives', 'partial'), { recursive: true });
    await run('apt-get', [...own, 'update'], base);
    await run('apt-get', [...own, 'download', ...PACKAGES], base);
  });
}

async function unpackFromApt(home: string, say: EnsureOptions['say']): Promise<void> {
  const target = toolDirectory(home);
  say(`fetching the Debian packages ${PACKAGES.join(', ')} (apt-get download) and unpacking them into ${target}`);
  mkdirSync(target, { recursive: true });
  const scratch = mkdtempSync(join(target, 'download-'));
  try {
    await download(scratch);
    for (const name of readdirSync(scratch).filter((file) => file.endsWith('.deb'))) {
      await run('dpkg', ['-x', join(scratch, name), target], {
        env: { PATH: SYSTEM_PATH },
        timeout: INSTALL_TIMEOUT_MS,
      });
    }
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** Finds bubblewrap and installs it where that is allowed. The refusal names the package and what to do. */
export async function ensureBubblewrap(options: EnsureOptions): Promise<Result<Bubblewrap, SandboxRefusal>> {
  const missing = (why: string) =>
    refuse<SandboxRefusal>({
      kind: 'layer-missing',
      layer: 'bubblewrap',
      reason: `${why}; install the Debian package bubblewrap (apt-get install bubblewrap)`,
    });
  const found = await findBubblewrap(options.home, options.path, options.cloneHome);
  if (found) return ok(found);
  if (options.noApt) return missing('bubblewrap is not installed and HEADSTART_NO_APT forbids to install it');
  const isRoot = options.isRoot ?? process.getuid?.() === 0;
  try {
    await (isRoot ? installByApt(options.say) : unpackFromApt(options.home, options.say));
  } catch (error) {
    return missing(`bubblewrap could not be ${isRoot ? 'installed' : 'fetched'}: ${(error as Error).message.trim()}`);
  }
  const installed = await findBubblewrap(options.home, isRoot ? options.path : '');
  return installed ? ok(installed) : missing('bubblewrap was installed and still does not start');
}
