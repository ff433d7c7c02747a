/**
 * The embedded database server: started by the first process that needs it, shared by all that come while it runs,
 * stopped by the last that leaves.
 *
 *   directory/                0700, ours
 *     start.lock              held while a server is set up, started, joined or stopped
 *     access.json             0600: the passwords and the port used last
 *     server.log
 *     programs/               laid out from the npm package
 *     data/                   0700, of the server's account
 *
 * A user of the server is a connection named USER; a process that dies loses it by itself. A server that outlived its
 * users (all killed) is joined by the next. A server that dies under us is started again on the same port.
 */
import { mkdir, stat } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { LockTimeout, withFileLock } from './file-lock.ts';
import { type Account, chooseAccount } from './postgres-account.ts';
import { findSystemPrograms, layOutPackagedPrograms, type PostgresPrograms } from './postgres-binaries.ts';
import { type Access, createDatabase, openCluster, type Place, readAccess, writeAccess } from './postgres-cluster.ts';
import {
  explainFailure,
  hasProcesses,
  identify,
  readLogFrom,
  readPidFile,
  removeStalePidFile,
  serverMark,
  spawnServer,
} from './postgres-process.ts';
import { StoreError } from './store-error.ts';

export interface PostgresOptions {
  /** Made when absent; its parent must exist. */
  readonly directory: string;
  /** A directory holding the system's `postgres` and `initdb`; the packaged ones where absent. */
  readonly programs?: string | undefined;
  /** For tests: nothing survives a power cut. */
  readonly throwaway?: boolean;
  /** How long to wait for other processes that are starting or stopping this server. */
  readonly lockWaitMs?: number;
  /** How long a server may take from its start (or its recovery after a crash) to its first answer. */
  readonly readyWaitMs?: number;
}

export interface RunningPostgres {
  /** Of the program's own database, as its owner (no superuser). */
  readonly url: string;
  /** Whether the server was running before. */
  readonly attached: boolean;
  readonly port: number;
  readonly version: string;
  /** Leaves; the last one to leave stops the server and waits for its end. */
  stop(): Promise<void>;
}

const USER = 'headstart-user';
const LOCK_WAIT_MS = 120_000;
const READY_WAIT_MS = 60_000;
const STOP_WAIT_MS = 30_000;
const POLL_MS = 10;
/** A killed server's processes hold its memory for a moment; Postgres then refuses to start. */
const LEFTOVER_WAIT_MS = 10_000;
const REJOIN_PAUSE_MS = 250;

export async function startPostgres(options: PostgresOptions): Promise<RunningPostgres> {
  const place = toPlace(options);
  await openDirectory(place.directory);
  const lockWaitMs = options.lockWaitMs ?? LOCK_WAIT_MS;
  const locked = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await withFileLock(join(place.directory, 'start.lock'), lockWaitMs, work);
    } catch (error) {
      if (!(error instanceof LockTimeout)) throw error;
      throw new StoreError('busy', `another process has been starting or stopping ${place.data} for too long`, {
        cause: error,
      });
    }
  };
  let joined = await locked(() => joinServer(place, options));
  let leaving = false;
  const watch = (holder: Holder): void => {
    // Being a user of the server must not keep a process alive that has nothing left to do.
    holder.unref?.();
    holder.once('end', () => {
      if (!leaving) void rejoin();
    });
  };
  const rejoin = async (): Promise<void> => {
    while (!leaving) {
      try {
        // Looked at again under the lock: who left meanwhile must not start the server once more.
        const again = await locked(async () => (leaving ? undefined : joinServer(place, options)));
        if (!again) return;
        joined = { ...again, attached: joined.attached };
        watch(again.holder);
        return;
      } catch {
        // Told by every query of our users; here we only try again.
        await sleep(REJOIN_PAUSE_MS, undefined, { ref: false });
      }
    }
  };
  watch(joined.holder);
  return {
    url: `postgres://headstart:${joined.access.password}@127.0.0.1:${joined.port}/headstart`,
    attached: joined.attached,
    port: joined.port,
    version: joined.version,
    async stop() {
      if (leaving) return;
      leaving = true;
      await locked(() => leave(place, joined.holder));
    },
  };
}

function toPlace(options: PostgresOptions): Place {
  return {
    directory: options.directory,
    data: join(options.directory, 'data'),
    logFile: join(options.directory, 'server.log'),
    accessFile: join(options.directory, 'access.json'),
    throwaway: options.throwaway ?? false,
    readyWaitMs: options.readyWaitMs ?? READY_WAIT_MS,
  };
}

async function openDirectory(directory: string): Promise<void> {
  await mkdir(directory, { mode: 0o700 }).catch((error) => {
    if (error.code !== 'EEXIST') throw error;
  });
  const found = await stat(directory);
  if (found.uid !== process.geteuid?.()) {
    throw new StoreError(
      'wrong-owner',
      `${directory} belongs to uid ${found.uid}; run as that account, not as uid ${process.geteuid?.()}`,
    );
  }
  if ((found.mode & 0o077) !== 0) {
    throw new StoreError('wrong-permissions', `${directory} is open to other accounts; run: chmod 700 ${directory}`);
  }
}

/** pg has these two, its types do not. */
type Holder = pg.Client & { ref?(): void; unref?(): void };

interface Joined {
  readonly holder: Holder;
  readonly access: Access;
  readonly port: number;
  readonly attached: boolean;
  readonly version: string;
}

/** Under the lock: makes the cluster if there is none, starts the server if none runs, and becomes its user. */
async function joinServer(place: Place, options: PostgresOptions): Promise<Joined> {
  const account = await chooseAccount(place.data);
  const known = await readAccess(place);
  if (known) {
    const found = await attach(place, known);
    if (found) return found;
  }
  const programs = options.programs
    ? await findSystemPrograms(options.programs)
    : await layOutPackagedPrograms(place.directory, account);
  const access = await openCluster(place, account, programs, known);
  return start(place, account, programs, access);
}

/** Undefined when no server runs on this directory. */
async function attach(place: Place, access: Access): Promise<Joined | undefined> {
  const until = Date.now() + place.readyWaitMs;
  for (;;) {
    const file = await readPidFile(place.data).catch(() => undefined);
    if (!file || (await identify(file.pid, await serverMark(place.data))) !== 'our-server') return undefined;
    if (file.port > 0 && file.status !== 'stopping') {
      const holder = await connect(file.port, access.superuserPassword, 'postgres');
      if (holder) return { holder, access, port: file.port, attached: true, version: await askVersion(holder) };
    }
    if (Date.now() > until) {
      throw new StoreError('busy', `Postgres (pid ${file.pid}) runs on ${place.data} but does not answer`);
    }
    await sleep(POLL_MS);
  }
}

async function askVersion(client: pg.Client): Promise<string> {
  const { rows } = await client.query<{ server_version: string }>('show server_version');
  return rows[0]?.server_version ?? '';
}

/** Undefined while the server cannot take us; any other answer is thrown. */
async function connect(port: number, password: string, database: string): Promise<pg.Client | undefined> {
  const client = new pg.Client({
    host: '127.0.0.1',
    port,
    user: 'postgres',
    password,
    database,
    application_name: USER,
    keepAlive: true,
  });
  client.on('error', () => {
    // The end of the connection is what we watch; without a listener this would end the process.
  });
  try {
    await client.connect();
    return client;
  } catch (error) {
    await client.end().catch(() => {});
    // 57P03: starting up, shutting down or recovering. 53300: more connections than the server has.
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    if (['ECONNREFUSED', 'ECONNRESET', '57P03', '57P01', '53300'].includes(code)) return undefined;
    if (error instanceof Error && error.message.startsWith('Connection terminated')) return undefined;
    throw error;
  }
}

async function start(place: Place, account: Account, programs: PostgresPrograms, access: Access): Promise<Joined> {
  const mark = await serverMark(place.data);
  const leftoverUntil = Date.now() + LEFTOVER_WAIT_MS;
  let port = access.port || (await freePort());
  for (;;) {
    await clearStalePidFile(place, mark);
    const logStart = await stat(place.logFile).then(
      (found) => found.size,
      () => 0,
    );
    const outcome = await startOnce(place, { programs, account, mark, port, access });
    if (outcome !== 'exited') {
      if (port !== access.port) await writeAccess(place, { ...access, port });
      await createDatabase(outcome.holder, access.password);
      return { ...outcome, access, port, attached: false };
    }
    const output = await readLogFrom(place.logFile, logStart);
    if (/Address already in use|could not create any TCP\/IP sockets/.test(output)) port = await freePort();
    else if (
      /lock file .* already exists|pre-existing shared memory block/.test(output) &&
      Date.now() < leftoverUntil
    ) {
      await sleep(100);
    } else throw explainFailure('the server ended', output, place.data);
  }
}

/**
 * After a crash the pid in the file may have gone to another process, and Postgres would refuse to start until it ends.
 * Removing the file also removes Postgres's own guard against leftover backends, so only when none is left.
 */
async function clearStalePidFile(place: Place, mark: string): Promise<void> {
  const file = await readPidFile(place.data);
  if (!file) return;
  const holder = await identify(file.pid, mark);
  if (holder === 'unrelated' && !(await hasProcesses(mark))) await removeStalePidFile(place.data);
}

async function startOnce(
  place: Place,
  options: { programs: PostgresPrograms; account: Account; mark: string; port: number; access: Access },
): Promise<{ holder: Holder; version: string } | 'exited'> {
  const { programs, account, mark, port } = options;
  const { data: dataDirectory, logFile, throwaway } = place;
  const child = await spawnServer({ programs, account, dataDirectory, logFile, mark, port, throwaway });
  const until = Date.now() + place.readyWaitMs;
  for (;;) {
    if (child.exitCode !== null || child.signalCode !== null) return 'exited';
    const file = await readPidFile(dataDirectory);
    if (file?.pid === child.pid && file?.status === 'ready') {
      const holder = await connect(port, options.access.superuserPassword, 'postgres');
      if (holder) return { holder, version: await askVersion(holder) };
    }
    if (Date.now() > until) {
      child.kill('SIGQUIT');
      throw new StoreError(
        'will-not-start',
        `Postgres at ${dataDirectory} did not answer within ${place.readyWaitMs} ms; see ${logFile}`,
      );
    }
    await sleep(POLL_MS);
  }
}

/** A port nobody listens on now. Somebody may take it before the server does; then it is tried again with another. */
function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      const port = typeof address === 'object' && address ? address.port : 0;
      probe.close(() => resolve(port));
    });
  });
}

async function leave(place: Place, holder: Holder): Promise<void> {
  holder.ref?.();
  const others = await holder
    .query<{ others: number }>(
      `select count(*)::int as others from pg_stat_activity where application_name = $1 and pid <> pg_backend_pid()`,
      [USER],
    )
    .then(({ rows }) => rows[0]?.others ?? 0)
    .catch(() => 0);
  await holder.end().catch(() => {});
  if (others > 0) return;
  const file = await readPidFile(place.data);
  if (!file || (await identify(file.pid, await serverMark(place.data))) !== 'our-server') return;
  // SIGINT: ends the sessions that are left, writes a checkpoint, ends.
  process.kill(file.pid, 'SIGINT');
  const until = Date.now() + STOP_WAIT_MS;
  while ((await readPidFile(place.data).catch(() => undefined))?.pid === file.pid) {
    if (Date.now() > until) {
      throw new StoreError('busy', `Postgres (pid ${file.pid}) did not stop within ${STOP_WAIT_MS} ms`);
    }
    await sleep(POLL_MS);
  }
}
