/**
 * A whole installation for scenarios: a data directory of its own, and the program run on it as separate processes, with
 * the real database server and the real sandbox. Packages come from directories, over a registry on loopback.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { startFixtureRegistry } from '../../src/campaign/index.ts';
import { type OpenDatabase, openDatabase } from '../../src/store/open-database.ts';
import { startPostgres } from '../../src/store/postgres-launcher.ts';
import { makeTestDirectory } from '../../src/store/test-directory.ts';

export const REPOSITORY = join(import.meta.dirname, '..', '..');
export const FIXTURE_PACKAGES = join(REPOSITORY, 'test', 'fixtures', 'packages');
const MAIN = join(REPOSITORY, 'src', 'main.ts');

export interface InstallationOptions {
  /** `<root>/<name>/<version>/…`; no registry answers where absent. */
  readonly packages?: string;
  readonly environment?: Readonly<Record<string, string>>;
}

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
  /** Lines of standard output that are JSON. */
  readonly json: readonly Record<string, unknown>[];
}

export interface Running {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  /** Settles when a line of standard error or standard output matches; rejects when the program ends before. */
  said(pattern: RegExp): Promise<string>;
  /** What it has said so far on both. */
  readonly output: () => string;
}

export type Installation = Awaited<ReturnType<typeof createInstallation>>;

export async function createInstallation({ packages, environment = {} }: InstallationOptions = {}) {
  const folder = makeTestDirectory('headstart-scenario-');
  const home = join(folder, 'home');
  const registry = packages === undefined ? undefined : await startFixtureRegistry(packages);
  const env = {
    ...process.env,
    HEADSTART_HOME: home,
    HEADSTART_NO_APT: '1',
    NODE_NO_WARNINGS: '1',
    NODE_COMPILE_CACHE: join(REPOSITORY, 'node_modules', '.cache', `node-compile-${process.getuid?.()}`),
    // Nothing listens on port 1: no scenario reaches a network.
    npm_config_registry: registry?.url ?? 'http://127.0.0.1:1/',
    npm_config_cache: join(folder, 'npm-cache'),
    npm_config_fetch_retries: '0',
    ...environment,
  };
  const start = (...args: readonly string[]): Running => {
    const child = spawn(process.execPath, [MAIN, ...args], { env, cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
    return watch(child);
  };
  return {
    folder,
    home,
    public: join(home, 'public'),
    environment: env,
    start,
    run: (...args: readonly string[]): Promise<Ended> => start(...args).ended,
    /** Runs to its end, which must be this exit code. */
    async expect(code: number, ...args: readonly string[]): Promise<Ended> {
      const ended = await start(...args).ended;
      assert.equal(ended.code, code, `${args.join(' ')} ended with ${ended.code}\n${ended.stderr}\n${ended.stdout}`);
      return ended;
    },
    /** A file outside the data directory. */
    write(name: string, content: unknown): string {
      const path = join(folder, name);
      mkdirSync(join(path, '..'), { recursive: true });
      writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
      return path;
    },
    /** The installation's database, as its owner. */
    async inDatabase<T>(work: (database: OpenDatabase) => Promise<T>): Promise<T> {
      const server = await startPostgres({ directory: join(home, 'postgres') });
      try {
        const database = await openDatabase({ url: server.url, name: 'scenario' });
        try {
          return await work(database);
        } finally {
          await database.close();
        }
      } finally {
        await server.stop();
      }
    },
    /** Ends a database server that outlived a killed program, and removes everything. */
    async close(): Promise<void> {
      await registry?.close();
      await stopServer(join(home, 'postgres'));
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function stopServer(directory: string): Promise<void> {
  // Whoever joins and leaves as the last one ends it. A directory that no server ever ran on stays as it is.
  const server = await startPostgres({ directory }).catch(() => undefined);
  await server?.stop();
}

export function watch(child: ChildProcess): Running {
  assert.ok(child.stdout && child.stderr);
  let output = '';
  const listeners = new Set<() => void>();
  const hear = (chunk: Buffer): void => {
    output += chunk.toString();
    for (const listener of listeners) listener();
  };
  child.stdout.on('data', hear);
  child.stderr.on('data', hear);
  const whole = Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
  const ended = whole.then(([stdout, stderr]): Ended => {
    const json = stdout.split('\n').flatMap((line) => (line.startsWith('{') ? [JSON.parse(line)] : []));
    return { code: child.exitCode, signal: child.signalCode, stdout, stderr, json };
  });
  const said = (pattern: RegExp): Promise<string> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        const found = output.split('\n').find((line) => pattern.test(line));
        if (found === undefined) return;
        listeners.delete(look);
        resolve(found);
      };
      listeners.add(look);
      look();
      ended.then(({ stderr }) => reject(new Error(`it ended before it said ${pattern}:\n${stderr}`)), reject);
    });
  return { child, ended, said, output: () => output };
}
