/** `chain link | unlink | list`: findings that one after the other carry an attacker further than each alone. */
import type { Command } from 'commander';
import { CAPABILITIES, type Hold } from '../duplicates/index.ts';
import { type Chains, readHold } from '../triage/index.ts';
import { OPERATOR } from './member-input.ts';
import { CommandEnd, type Terminal } from './terminal.ts';

export interface ChainCommandParts {
  readonly terminal: Terminal;
  readonly chains: () => Promise<Chains>;
}

interface LinkOptions {
  readonly needs: string;
  readonly gives: string;
}

export function registerChainCommands(program: Command, { terminal, chains }: ChainCommandParts): void {
  const chain = program
    .command('chain')
    .description('findings linked into one path, as capabilities and positions only');
  chain
    .command('link <case>')
    .description('write down what a finding needs and what it gives')
    .requiredOption('--needs <capability@position>', `reach-input@outside begins a chain; ${CAPABILITIES.join(', ')}`)
    .requiredOption('--gives <capability@position>', 'what an attacker has afterwards, and where')
    .action(async (id: string, { needs, gives }: LinkOptions) => {
      const linked = await (await chains()).link(id, { needs: toHold(needs), gives: toHold(gives) }, OPERATOR);
      if (linked.ok) return terminal.say(`${id} needs ${needs} and gives ${gives}`);
      throw linked.refusal.kind === 'no-such-case'
        ? new CommandEnd('notFound', `no open case ${id}`)
        : new CommandEnd('usage', 'what is given is what was needed: such a link leads nowhere');
    });
  chain
    .command('unlink <case>')
    .description('forget what was written of its place in a chain')
    .action(async (id: string) => {
      if (!(await (await chains()).unlink(id))) throw new CommandEnd('notFound', `nothing was written of ${id}`);
      terminal.say(`${id} is no link any more`);
    });
  chain
    .command('list')
    .description('chains over the open cases, gravest first')
    .option('--json', 'one JSON value on standard output')
    .action(async ({ json }: { json?: boolean }) => {
      const found = await (await chains()).list();
      if (json) {
        terminal.json(
          found.map(({ priority, reasons, links }) => ({
            priority,
            reasons: [...reasons],
            cases: links.map(({ findingId }) => findingId),
          })),
        );
      }
      for (const { priority, reasons, links } of found) {
        terminal.say(`${priority.toFixed(1)} ${links.map(({ findingId }) => findingId).join(' → ')}`);
        for (const reason of reasons) terminal.say(`  ${reason}`);
      }
      if (found.length === 0) terminal.say('no two open cases are linked');
    });
}

function toHold(text: string): Hold {
  const hold = readHold(text);
  if (!hold) throw new CommandEnd('usage', `${text} is no capability@position. There are ${CAPABILITIES.join(', ')}`);
  return hold;
}
