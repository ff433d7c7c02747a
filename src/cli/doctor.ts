/** `doctor`: tries every part this installation needs and says what is missing and what to do. */
import type { Command } from 'commander';
import { CommandEnd, type Terminal } from './terminal.ts';

export interface Check {
  readonly name: string;
  readonly ok: boolean;
  readonly detail: string;
}

export interface DoctorParts {
  readonly terminal: Terminal;
  /** Each gives its findings; one that throws is a finding too. */
  readonly inspections: readonly {
    readonly name: string;
    readonly inspect: (options: { readonly reveal: boolean }) => Promise<readonly Check[]>;
  }[];
}

export function registerDoctor(program: Command, { terminal, inspections }: DoctorParts): void {
  program
    .command('doctor')
    .description('try every part this installation needs; exit 1 where one is missing')
    .option('--reveal', 'the text of errors that ended jobs too; it may name what is sealed')
    .option('--json', 'one JSON value on standard output')
    .action(async (options: { json?: boolean; reveal?: boolean }) => {
      const checks: Check[] = [];
      for (const { name, inspect } of inspections) {
        try {
          checks.push(...(await inspect({ reveal: options.reveal ?? false })));
        } catch (error) {
          checks.push({ name, ok: false, detail: error instanceof Error ? error.message : String(error) });
        }
      }
      const failed = checks.filter((check) => !check.ok);
      if (options.json) terminal.json({ ok: failed.length === 0, checks: checks.map((check) => ({ ...check })) });
      else for (const { name, ok, detail } of checks) terminal.data(`${ok ? '✔' : '✗'} ${name.padEnd(28)} ${detail}\n`);
      if (failed.length > 0) throw new CommandEnd('failed', `${failed.length} of ${checks.length} checks failed`);
    });
}
