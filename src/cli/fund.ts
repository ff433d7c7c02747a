/** `fund need | propose | list | approve | refuse | post | accounts | publish`: money for maintainers' time, and who agreed to it. */
import type { Command } from 'commander';
import { OPERATOR } from '../disclosure/index.ts';
import { APPROVALS, type Funding, type FundingRefusal, type FundProposal } from '../funding/index.ts';
import { readDollars, toDollars } from '../ledger/index.ts';
import type { Json } from '../lib/canonical-json.ts';
import type { Result } from '../lib/result.ts';
import type { Membership } from '../membership/index.ts';
import { divideByNeed, type Pacing } from '../pacing/index.ts';
import { settled } from './member-input.ts';
import { CommandEnd, type ExitName, type Terminal } from './terminal.ts';

export interface FundCommandParts {
  readonly terminal: Terminal;
  readonly pacing: () => Promise<Pick<Pacing, 'needs'>>;
  readonly funding: () => Promise<Funding>;
  readonly membership: () => Promise<Pick<Membership, 'findPerson'>>;
}

const JSON_OPTION = ['--json', 'one JSON value on standard output'] as const;
const AS_OPTION = ['--as <person>', 'by mail address or id; whoever owns the data directory where left out'] as const;

interface Options {
  readonly as?: string;
  readonly why?: string;
  readonly yes?: boolean;
  readonly json?: boolean;
}

export function registerFundCommands(program: Command, parts: FundCommandParts): void {
  const fund = program
    .command('fund')
    .description("money for maintainers' time: by need, agreed to by two, in public accounts");
  addNeed(fund, parts);
  addPropose(fund, parts);
  addDecisions(fund, parts);
  addAccounts(fund, parts);
}

function addNeed(fund: Command, { terminal, pacing }: FundCommandParts): void {
  fund
    .command('need')
    .description('projects by the harm that is not likely to be mended there in time; names projects under embargo')
    .option(...JSON_OPTION)
    .action(async ({ json }: Options) => {
      const needs = await (await pacing()).needs();
      if (json) terminal.json(needs.map((each) => ({ ...each })));
      for (const { project, openCases, need } of json ? [] : needs) {
        terminal.say(`${project}: need ${need.toFixed(1)}, ${openCases} open cases`);
      }
      terminal.say(`${needs.length} projects with open cases`);
    });
}

function addPropose(fund: Command, parts: FundCommandParts): void {
  const { terminal, pacing, funding } = parts;
  fund
    .command('propose <dollars>')
    .description('a sum divided by need, to the cent; with --why it is kept, for two others to approve')
    .option('--why <text>', 'what it is for; kept encrypted with the lines')
    .option(...AS_OPTION)
    .option(...JSON_OPTION)
    .action(async (dollars: string, { why, as, json }: Options) => {
      const amount = readDollars(dollars);
      if (!amount.ok || amount.value === 0) throw new CommandEnd('usage', `${dollars} is no amount in dollars`);
      const cents = Math.floor(amount.value / MICRO_PER_CENT);
      const divided = divideByNeed(await (await pacing()).needs(), cents);
      const lines = divided.map(({ part, ...each }) => ({ ...each, micro: part * MICRO_PER_CENT }));
      if (lines.length === 0) throw new CommandEnd('conflict', 'no project has open cases');
      const by = await personOf(parts, as);
      const kept =
        why === undefined
          ? undefined
          : await (await funding()).propose(
              lines.map(({ project, micro }) => ({ project, micro })),
              why,
              by,
            );
      if (json) terminal.json(kept ? toJson(kept) : lines);
      for (const { project, micro } of json ? [] : lines) terminal.say(`${toDollars(micro)} to ${project}`);
      terminal.say(
        kept ? `${kept.id}: ${APPROVALS} others approve it, then it is posted` : 'shown, not kept: --why keeps it',
      );
    });
}

function addDecisions(fund: Command, parts: FundCommandParts): void {
  const { terminal, funding } = parts;
  fund
    .command('list')
    .description('proposals, the newest first; names projects under embargo')
    .option(...JSON_OPTION)
    .action(async ({ json }: Options) => {
      const all = await (await funding()).list();
      if (json) return terminal.json(all.map(toJson));
      for (const each of all) sayProposal(terminal, each);
      terminal.say(`${all.length} proposals`);
    });
  fund
    .command('approve <proposal>')
    .description(`${APPROVALS} persons do, neither of them who proposed it`)
    .option(...AS_OPTION)
    .option('--yes', 'stands for all approvals that lack; the proposal says that they were the operator’s')
    .option(...JSON_OPTION)
    .action(async (id: string, { as, yes, json }: Options) => {
      const service = await funding();
      const persons = yes
        ? Array.from({ length: APPROVALS }, (_each, nth) => `${OPERATOR} (--yes, ${nth + 1})`)
        : [await personOf(parts, as)];
      let proposal: FundProposal | undefined;
      for (const person of persons) proposal = done(await service.approve(id, person));
      tell(terminal, proposal, json);
    });
  fund
    .command('refuse <proposal>')
    .description('one person is enough')
    .option(...AS_OPTION)
    .option(...JSON_OPTION)
    .action(async (id: string, { as, json }: Options) =>
      tell(terminal, done(await (await funding()).refuse(id, await personOf(parts, as))), json),
    );
  fund
    .command('post <proposal>')
    .description('in the append-only ledger, each line once; the public accounts are written anew')
    .option(...JSON_OPTION)
    .action(async (id: string, { json }: Options) => {
      const service = await funding();
      const posted = done(await service.post(id));
      await service.publish();
      tell(terminal, posted, json);
    });
}

function addAccounts(fund: Command, { terminal, funding }: FundCommandParts): void {
  fund
    .command('accounts')
    .description('what each project was given, from the ledger; names projects under embargo')
    .option(...JSON_OPTION)
    .action(async ({ json }: Options) => {
      const given = [...(await (await funding()).given())].map(([project, donatedMicro]) => ({
        project,
        donatedMicro,
      }));
      const totalMicro = given.reduce((sum, { donatedMicro }) => sum + donatedMicro, 0);
      if (json) terminal.json({ totalMicro, projects: given });
      for (const { project, donatedMicro } of json ? [] : given) terminal.say(`${toDollars(donatedMicro)} ${project}`);
      terminal.say(`${toDollars(totalMicro)} given in all`);
    });
  fund
    .command('publish')
    .description('write public/accounts.json: a project by name once a case of it is published and none is open')
    .option(...JSON_OPTION)
    .action(async ({ json }: Options) => {
      const { projects, unnamed, totalMicro } = await (await funding()).publish();
      if (json)
        terminal.json({
          projects: projects.map((each) => ({ ...each })),
          unnamed: unnamed && { ...unnamed },
          totalMicro,
        });
      for (const { project, micro } of json ? [] : projects) terminal.say(`${toDollars(micro)} ${project}`);
      terminal.say(
        unnamed
          ? `${toDollars(unnamed.micro)} to ${unnamed.projects} projects that are not named`
          : 'what is not named here is too little to stand together',
      );
    });
}

const MICRO_PER_CENT = 10_000;

async function personOf({ membership }: FundCommandParts, named: string | undefined): Promise<string> {
  if (named === undefined) return OPERATOR;
  return settled(await (await membership()).findPerson(named)).id;
}

const toJson = ({ proposedAt, lines, approvedBy, ...each }: FundProposal): Json => ({
  ...each,
  proposedAt: proposedAt.toISOString(),
  approvedBy: [...approvedBy],
  lines: lines.map((line) => ({ ...line })),
});

function tell(terminal: Terminal, proposal: FundProposal | undefined, json: boolean | undefined): void {
  if (!proposal) return;
  if (json) terminal.json(toJson(proposal));
  else sayProposal(terminal, proposal);
}

function sayProposal(terminal: Terminal, { id, state, micro, why, proposedBy, approvedBy, lines }: FundProposal): void {
  const by = approvedBy.length > 0 ? `, approved by ${approvedBy.join(' and ')}` : '';
  terminal.say(`${id}  ${state}: ${toDollars(micro)} for ${why}, proposed by ${proposedBy}${by}`);
  for (const line of lines) terminal.say(`  ${toDollars(line.micro)} to ${line.project}`);
}

function done(outcome: Result<FundProposal, FundingRefusal>): FundProposal {
  if (outcome.ok) return outcome.value;
  throw new CommandEnd(EXITS[outcome.refusal.kind], sentence(outcome.refusal));
}

const EXITS: Readonly<Record<FundingRefusal['kind'], ExitName>> = {
  'no-such-proposal': 'notFound',
  'own-proposal': 'refused',
  over: 'conflict',
  'not-approved': 'refused',
};

function sentence(refusal: FundingRefusal): string {
  switch (refusal.kind) {
    case 'no-such-proposal':
      return `there is no proposal ${refusal.id}`;
    case 'own-proposal':
      return 'nobody approves what he proposed: two others do';
    case 'over':
      return `it is ${refusal.state} already`;
    case 'not-approved':
      return `${refusal.by.length} of ${APPROVALS} persons have approved it: \`fund approve\``;
  }
}
