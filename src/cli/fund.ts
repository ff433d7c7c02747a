/** `fund need | propose | accounts`: whose maintainers need time most, a sum divided by that, and what was given so far. */
import type { Command } from 'commander';
import { type Ledger, readDollars, toDollars } from '../ledger/index.ts';
import { divideByNeed, type Pacing } from '../pacing/index.ts';
import { CommandEnd, type Terminal } from './terminal.ts';

export interface FundCommandParts {
  readonly terminal: Terminal;
  readonly pacing: () => Promise<Pick<Pacing, 'needs'>>;
  readonly ledger: () => Promise<Pick<Ledger, 'donations'>>;
}

const JSON_OPTION = ['--json', 'one JSON value on standard output'] as const;

interface JsonOption {
  readonly json?: boolean;
}

export function registerFundCommands(program: Command, { terminal, pacing, ledger }: FundCommandParts): void {
  const fund = program.command('fund').description("money for maintainers' time; `credit donate` posts it");
  fund
    .command('need')
    .description('projects by the harm that is not likely to be mended there in time; names projects under embargo')
    .option(...JSON_OPTION)
    .action(async ({ json }: JsonOption) => {
      const needs = await (await pacing()).needs();
      if (json) terminal.json(needs.map((each) => ({ ...each })));
      for (const { project, openCases, need } of json ? [] : needs) {
        terminal.say(`${project}: need ${need.toFixed(1)}, ${openCases} open cases`);
      }
      terminal.say(`${needs.length} projects with open cases`);
    });
  fund
    .command('propose <dollars>')
    .description('a sum divided by need, to the cent; nothing is posted')
    .option(...JSON_OPTION)
    .action(async (dollars: string, { json }: JsonOption) => {
      const amount = readDollars(dollars);
      if (!amount.ok || amount.value === 0) throw new CommandEnd('usage', `${dollars} is no amount in dollars`);
      const cents = Math.floor(amount.value / MICRO_PER_CENT);
      const parts = divideByNeed(await (await pacing()).needs(), cents);
      const lines = parts.map(({ part, ...each }) => ({ ...each, micro: part * MICRO_PER_CENT }));
      if (json) terminal.json(lines);
      for (const { project, micro } of json ? [] : lines) terminal.say(`${toDollars(micro)} to ${project}`);
      terminal.say(
        lines.length === 0 ? 'no project has open cases' : 'proposed, not posted: `credit donate` posts each',
      );
    });
  fund
    .command('accounts')
    .description('what each project was given, from the append-only ledger; names only who was given something')
    .option(...JSON_OPTION)
    .action(async ({ json }: JsonOption) => {
      const given = [...(await (await ledger()).donations())].map(([project, donatedMicro]) => ({
        project,
        donatedMicro,
      }));
      const totalMicro = given.reduce((sum, { donatedMicro }) => sum + donatedMicro, 0);
      if (json) terminal.json({ totalMicro, projects: given });
      for (const { project, donatedMicro } of json ? [] : given) terminal.say(`${toDollars(donatedMicro)} ${project}`);
      terminal.say(`${toDollars(totalMicro)} given in all`);
    });
}

const MICRO_PER_CENT = 10_000;
