/**
 * The parts of a running installation, each made when first asked for and closed in the reverse order. A command that
 * only validates a file thus opens no database.
 */
import { rm } from 'node:fs/promises';
import { CommandEnd, type Terminal } from './cli/index.ts';
import type { Config } from './config.ts';
import { systemClock } from './lib/clock.ts';
import { systemRandom } from './lib/id.ts';
import type { Result } from './lib/result.ts';
import { simplifications } from './probe/index.ts';
import {
  createSandbox,
  ensureBubblewrap,
  type Sandbox,
  type SandboxProfile,
  type SandboxRefusal,
} from './sandbox/index.ts';
import { type Home, openHome } from './store/home.ts';
import { openMasterKey } from './store/master-key.ts';
import { migrate } from './store/migrate.ts';
import { type OpenDatabase, openDatabase } from './store/open-database.ts';
import { startPostgres } from './store/postgres-launcher.ts';
import { makeScratch, onDiskWarning } from './store/scratch.ts';
import { createVault, type Vault } from './store/vault.ts';
import { createRegistry, listVersions, openTarget, type Registry } from './target/index.ts';
import { createTlog, type Tlog } from './tlog/index.ts';
import { createVerification, type Verification } from './verify/index.ts';

export type Parts = ReturnType<typeof createParts>;

export function createParts(config: Config, terminal: Terminal) {
  const closers: (() => Promise<unknown>)[] = [];
  const onClose = (close: () => Promise<unknown>): void => void closers.push(close);

  const home = once((): Promise<Home> => openHome(config.home));
  const untouchedDatabase = once(async (): Promise<OpenDatabase> => {
    let url = config.databaseUrl;
    if (!url) {
      const server = await startPostgres({ directory: (await home()).postgres, programs: config.postgresPrograms });
      onClose(() => server.stop());
      url = server.url;
    }
    const opened = await openDatabase({ url, onLostConnection: (error) => terminal.say(`database: ${error.message}`) });
    onClose(() => opened.close());
    return opened;
  });
  const database = once(async (): Promise<OpenDatabase> => {
    const opened = await untouchedDatabase();
    await migrate(opened.pool);
    return opened;
  });
  const log = once(async (): Promise<Tlog> => {
    const [opened, { path }] = await Promise.all([database(), home()]);
    return createTlog({ database: opened, clock: systemClock, random: systemRandom, home: path, sequenceByJob: true });
  });
  const vault = once(async (): Promise<Vault> => {
    const db = await database();
    const masterKey = await openMasterKey((await home()).masterKeyFile, db, systemRandom);
    return createVault({ masterKey, random: systemRandom });
  });
  const scratch = once(async (): Promise<string> => {
    const { directory, isInMemory } = await makeScratch();
    if (!isInMemory) terminal.say(onDiskWarning(directory));
    onClose(() => rm(directory, { recursive: true, force: true }));
    return directory;
  });
  const sandboxes = new Map<SandboxProfile, Promise<Sandbox>>();
  /** Throws CommandEnd `unavailable` where a layer of the profile is missing: no other profile stands in. */
  const sandbox = (profile: SandboxProfile): Promise<Sandbox> => {
    const opened = sandboxes.get(profile) ?? openSandbox(profile, config, terminal);
    if (!sandboxes.has(profile)) {
      sandboxes.set(profile, opened);
      onClose(async () => (await opened.catch(() => undefined))?.close());
    }
    return opened;
  };
  const registry = (cache?: string): Registry =>
    cache === undefined ? createRegistry({ mode: 'cache-first' }) : createRegistry({ mode: 'offline', cache });
  const verification = async (profile: SandboxProfile, from: Registry): Promise<Verification> => {
    const [box, directory] = await Promise.all([sandbox(profile), scratch()]);
    return createVerification({
      run: (request) => box.run(request),
      random: systemRandom,
      scratch: directory,
      simplifications,
      openTarget: (target) => openTarget({ target, scratch: directory, registry: from }),
      listVersions: (name) => listVersions(from, name),
    });
  };
  return {
    config,
    terminal,
    clock: systemClock,
    random: systemRandom,
    onClose,
    once,
    home,
    database,
    untouchedDatabase,
    log,
    vault,
    scratch,
    registry,
    sandbox,
    verification,
    async close(): Promise<void> {
      for (const close of closers.reverse()) await close();
    },
  };
}

async function openSandbox(profile: SandboxProfile, config: Config, terminal: Terminal): Promise<Sandbox> {
  const opened = await tryOpenSandbox(profile, config, terminal);
  if (!opened.ok) throw refusedBySandbox(opened.refusal);
  return opened.value;
}

/** Brings bubblewrap where it is missing and that is allowed. */
export async function tryOpenSandbox(
  profile: SandboxProfile,
  config: Config,
  terminal: Terminal,
): Promise<Result<Sandbox, SandboxRefusal>> {
  const bubblewrap = await ensureBubblewrap({ home: config.home, noApt: config.noApt, say: terminal.say });
  if (!bubblewrap.ok) return bubblewrap;
  return await createSandbox({
    profile,
    stateDirectory: config.home,
    nodeBinary: process.execPath,
    random: systemRandom,
    clock: systemClock,
    bubblewrap: bubblewrap.value,
  });
}

function refusedBySandbox({ layer, reason }: SandboxRefusal): CommandEnd {
  return new CommandEnd('unavailable', `the sandbox will not start: ${layer}: ${reason}`);
}

/** The same promise for every caller; a failure is kept too. */
function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => {
    made ??= make();
    return made;
  };
}
