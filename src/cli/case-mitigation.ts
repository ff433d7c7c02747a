/** `case mitigation`: what users can do until there is a fix. A draft by machine, accepted or rewritten by a person. */
import type { Command } from 'commander';
import { type Disclosure, draftMitigation, MAX_MITIGATION, OPERATOR, packageOf } from '../disclosure/index.ts';
import type { Transaction } from '../store/database.ts';
import { readFileText } from './file-input.ts';
import { CommandEnd, type Terminal } from './terminal.ts';

export interface MitigationCommandParts {
  readonly terminal: Terminal;
  readonly database: () => Promise<Transaction>;
  readonly disclosure: () => Promise<Pick<Disclosure, 'find' | 'learn' | 'note'>>;
}

interface Options {
  readonly accept?: boolean;
  readonly text?: string;
  readonly drop?: boolean;
  readonly json?: boolean;
}

export function addMitigation(cases: Command, { terminal, database, disclosure }: MitigationCommandParts): void {
  cases
    .command('mitigation <id>')
    .description(
      'what users can do until there is a fix: shows a draft; report and advisory hold what a person accepted',
    )
    .option('--accept', 'you have read the draft and stand behind it as it is')
    .option('--text <file>', 'your own words instead, which show no way to the flaw')
    .option('--drop', 'take back what was accepted')
    .option('--json', 'one JSON value on standard output')
    .action(async (id: string, { accept, text, drop, json }: Options) => {
      if ([accept, text, drop].filter(Boolean).length > 1) {
        throw new CommandEnd('usage', 'only one of --accept, --text and --drop');
      }
      const cases = await disclosure();
      const opened = await cases.find(id);
      if (!opened) throw new CommandEnd('notFound', `there is no case ${id}`);
      const draft = draftMitigation(opened.finding.flaw, packageOf(opened.finding).name);
      const own = text === undefined ? undefined : (await readFileText(text, MAX_MITIGATION)).trim();
      if (own === '') throw new CommandEnd('usage', `${text} is empty`);
      const said = drop ? null : (own ?? (accept ? draft : undefined));
      if (said !== undefined) {
        await cases.learn(id, { mitigation: said });
        await cases.note(
          await database(),
          opened,
          said === null ? 'mitigation taken back' : 'mitigation accepted',
          OPERATOR,
        );
      }
      const accepted = said === undefined ? (opened.learnt.mitigation ?? null) : said;
      if (json) terminal.json({ id, draft, accepted });
      else {
        terminal.say(accepted === null ? `DRAFT, not in any document: ${draft}` : `accepted: ${accepted}`);
        if (said !== undefined) terminal.say('the report is another one now: `case check` and `case sign-off` again');
      }
    });
}
