/** The whole configuration, read once at start. No other file may look at the environment. */
import { resolve } from 'node:path';

export interface Config {
  /** The data directory. */
  readonly home: string;
  /** An outside Postgres (>= 15); the embedded one where absent. */
  readonly databaseUrl: string | undefined;
  /** A directory with the system's own `postgres` and `initdb`; the packaged ones where absent. */
  readonly postgresPrograms: string | undefined;
  /** Of the two release keys for real cases; derived from the master key where absent. */
  readonly releasePassphrases: readonly [string, string] | undefined;
  /** Never call apt, not even as root. */
  readonly noApt: boolean;
}

/** Throws one error naming every variable that is wrong, so that a deployment fails once and not five times. */
export function readConfig(env: Readonly<Record<string, string | undefined>>): Config {
  const wrong: string[] = [];
  const databaseUrl = env.DATABASE_URL || undefined;
  if (databaseUrl && !/^postgres(ql)?:\/\//.test(databaseUrl)) {
    wrong.push('DATABASE_URL is not a postgres:// address');
  }
  const first = env.HEADSTART_RELEASE_PASSPHRASE_A;
  const second = env.HEADSTART_RELEASE_PASSPHRASE_B;
  if (Boolean(first) !== Boolean(second)) {
    wrong.push('HEADSTART_RELEASE_PASSPHRASE_A and HEADSTART_RELEASE_PASSPHRASE_B are set together or not at all');
  }
  if (wrong.length > 0) throw new Error(`Configuration: ${wrong.join('; ')}`);
  return {
    home: resolve(env.HEADSTART_HOME ?? '.headstart'),
    databaseUrl,
    postgresPrograms: env.PG_BIN || undefined,
    releasePassphrases: first && second ? [first, second] : undefined,
    noApt: env.HEADSTART_NO_APT === '1',
  };
}
