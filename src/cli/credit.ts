/** `credit grant | show | donate | refund`: the money of the programme, at the operator's hand. */
import type { Command } from 'commander';
import { OPERATOR } from '../disclosure/index.ts';
import { type Ledger, toDollars } from '../ledger/index.ts';
import type { Membership } from '../membership/index.ts';
import { settled, toMicroDollars } from './member-input.ts';
import { CommandEnd, type Terminal } from './terminal.ts';

export interface CreditCommandParts {
  readonly terminal: Terminal;
  readonly ledger: () => Promise<Ledger>;
  readonly membership: () => Promise<Pick<Membership, 'findOrganisation'>>;
}

const JSON_OPTION = ['--json', 'one JSON value on standard output'] as const;
interface Options {
  readonly reason: string;
  readonly json?: boolean;
}

export function registerCreditCommands(program: Command, parts: CreditCommandParts): void {
  const credit = program.command('credit').description('credit of organisations, donations and refunds');
  addGrant(credit, parts);
  addMovements(credit, parts);
}

function addGrant(credit: Command, parts: CreditCommandParts): void {
  const { terminal } = parts;
  const find = async (named: string): Promise<string> =>
    settled(await (await parts.membership()).findOrganisation(named)).id;
  const tell = async (organisation: string, json: boolean | undefined): Promise<void> => {
    const shown = await (await parts.ledger()).showCredit(organisation);
    if (json) terminal.json({ ...shown });
    terminal.say(
      `${organisation}: ${toDollars(shown.availableMicro)} available of ${toDollars(shown.grantedMicro)} granted; ` +
        `${toDollars(shown.spentMicro)} spent, ${toDollars(shown.reservedMicro)} reserved by calls under way`,
    );
  };
  credit
    .command('grant <org> <dollars>')
    .description('out of the fund, to an organisation')
    .option('--reason <text>', 'kept with it', OPERATOR)
    .option(...JSON_OPTION)
    .action(async (named: string, dollars: string, { reason, json }: Options) => {
      const micro = toMicroDollars(dollars);
      const organisation = await find(named);
      const outcome = await (await parts.ledger()).grantCredit(organisation, micro, reason);
      if (!outcome.ok) throw new CommandEnd('usage', `${dollars} dollars are more than an account can hold`);
      await tell(organisation, json);
    });
  credit
    .command('show <org>')
    .description('granted, reserved, spent and available')
    .option(...JSON_OPTION)
    .action(async (named: string, { json }: Options) => tell(await find(named), json));
}

function addMovements(credit: Command, parts: CreditCommandParts): void {
  const { terminal } = parts;
  credit
    .command('donate <project> <dollars>')
    .description('out of the fund, to a project')
    .requiredOption('--reason <text>', 'kept with it')
    .option(...JSON_OPTION)
    .action(async (project: string, dollars: string, { reason, json }: Options) => {
      const ledger = await parts.ledger();
      await ledger.donate(project, toMicroDollars(dollars), reason);
      const micro = (await ledger.donations()).get(project) ?? 0;
      if (json) terminal.json({ project, donatedMicro: micro });
      terminal.say(`${project}: ${toDollars(micro)} donated in all`);
    });
  credit
    .command('refund <call> <dollars>')
    .description('for a call that was posted above its cost')
    .requiredOption('--reason <text>', 'kept with it')
    .option(...JSON_OPTION)
    .action(async (call: string, dollars: string, { reason, json }: Options) => {
      const micro = toMicroDollars(dollars);
      const outcome = await (await parts.ledger()).refund(call, micro, reason);
      if (!outcome.ok && outcome.refusal.kind === 'no-such-call') {
        throw new CommandEnd('notFound', `no call ${call} was posted`);
      }
      if (!outcome.ok && outcome.refusal.kind === 'more-than-was-paid') {
        throw new CommandEnd('conflict', `${toDollars(outcome.refusal.paidMicro)} of ${call} are left to give back`);
      }
      if (json) terminal.json({ call, refundedMicro: micro });
      terminal.say(`${call}: ${toDollars(micro)} given back`);
    });
}
