/** `backup` and `restore`. */
import type { Command } from 'commander';
import type { Clock } from '../lib/clock.ts';
import { backup } from '../store/backup.ts';
import type { Home } from '../store/home.ts';
import type { OpenDatabase } from '../store/open-database.ts';
import { restore } from '../store/restore.ts';
import { CommandEnd, type Terminal } from './terminal.ts';

export interface StoreCommandParts {
  readonly terminal: Terminal;
  readonly clock: Clock;
  readonly home: () => Promise<Home>;
  /** Migrated. */
  readonly database: () => Promise<OpenDatabase>;
  /** Not migrated: a restore brings the schema of the release that made the backup. */
  readonly untouchedDatabase: () => Promise<OpenDatabase>;
  /** Documents that the public log names for decisions and that are not here; undefined where there is no log to ask. */
  readonly findMissingEvidence: () => Promise<readonly string[] | undefined>;
}

interface Options {
  readonly withKeys?: string;
  readonly json?: boolean;
}

export function registerStoreCommands(program: Command, parts: StoreCommandParts): void {
  const { terminal, clock } = parts;
  program
    .command('backup <file>')
    .description('write every row, job, public file and document of evidence; sealed records stay sealed')
    .option('--with-keys <file>', 'write the master key and the signing keys too, into a second file')
    .option('--json', 'one JSON value on standard output')
    .action(async (file: string, { withKeys, json }: Options) => {
      if (withKeys === file) throw new CommandEnd('usage', 'the keys go into a file of their own');
      const { pool } = await parts.database();
      const keys = withKeys === undefined ? {} : { keysFile: withKeys };
      const report = await backup({ pool, clock, home: (await parts.home()).path }, file, keys);
      if (json) terminal.json({ ...report });
      terminal.say(
        `${file}: ${report.rows} rows of ${report.tables} tables, ${report.files} public files, ${report.evidence} documents of evidence, ${report.bytes} bytes.`,
      );
      if (withKeys !== undefined) terminal.say(`${withKeys}: the keys. Keep it apart from the backup.`);
      else if (report.masterKeys.length > 0) {
        terminal.say(`Without the master key ${report.masterKeys.join(', ')} its sealed records cannot be read.`);
      }
    });
  program
    .command('restore <file>')
    .description('bring a backup back into an empty data directory')
    .option('--with-keys <file>', 'bring the keys back too')
    .option('--json', 'one JSON value on standard output')
    .action(async (file: string, { withKeys, json }: Options) => {
      const home = (await parts.home()).path;
      const { pool } = await parts.untouchedDatabase();
      const report = await restore({ pool, home }, file, withKeys === undefined ? {} : { keysFile: withKeys });
      const missing = await parts.findMissingEvidence();
      if (json) terminal.json({ ...report, missingEvidence: missing ?? null });
      terminal.say(
        `Restored what was taken at ${report.takenAt}: ${report.rows} rows, ${report.files} public files, ${report.evidence} documents of evidence.`,
      );
      tellEvidence(terminal, report.damagedEvidence, missing);
      if (report.unreadable > 0) {
        terminal.say(
          `${report.unreadable} of ${report.sealed} sealed records cannot be opened without the master key ${report.missingKeys.join(', ')}: put it into ${home}/master.key.`,
        );
      }
    });
}

/** Of each list told to a person; `--json` tells all. */
const SHOWN_DOCUMENTS = 20;

function tellEvidence(terminal: Terminal, damaged: readonly string[], missing: readonly string[] | undefined): void {
  const list = (what: string, hashes: readonly string[]): void => {
    if (hashes.length === 0) return;
    const more = hashes.length > SHOWN_DOCUMENTS ? `, and ${hashes.length - SHOWN_DOCUMENTS} more` : '';
    terminal.say(`${hashes.length} ${what}: ${hashes.slice(0, SHOWN_DOCUMENTS).join(', ')}${more}`);
  };
  list('documents of evidence were damaged before the backup was taken, and are left out', damaged);
  list('documents that decisions in the log rest on are missing, so that they cannot be replayed', missing ?? []);
  if (!missing) terminal.say('Whether evidence is missing is not known: no public log was restored that verifies.');
}
