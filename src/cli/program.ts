/** `model`, `org` and `person`: the operator's hand on the programme. */
import type { Command } from 'commander';
import { OPERATOR } from '../disclosure/index.ts';
import type { Json } from '../lib/canonical-json.ts';
import type { Result } from '../lib/result.ts';
import type { Caps, Membership, MembershipRefusal } from '../membership/index.ts';
import { isTier, type Model, type OrganisationId, openTo, STAGES, TIERS, type Tier } from '../program/index.ts';
import { readJsonFile, settled, toCountry, toMicroDollars } from './member-input.ts';
import { CommandEnd, type Terminal } from './terminal.ts';

export interface ProgramCommandParts {
  readonly terminal: Terminal;
  readonly membership: () => Promise<Membership>;
  readonly caps: () => Promise<Pick<Caps, 'setRate'>>;
  /** Whether an application of theirs waits for reviewers, an office or the decision of an appeal. */
  readonly isUnderReview: (organisation: string) => Promise<boolean>;
  /** At the operator's word, whatever its application says. */
  readonly approve: (organisation: string, tier: Tier) => Promise<Result<OrganisationId, MembershipRefusal>>;
}

/** The tier an organisation gets where the operator names none. */
const DEFAULT_TIER = 'partner';
const JSON_OPTION = ['--json', 'one JSON value on standard output'] as const;

export function registerProgramCommands(program: Command, parts: ProgramCommandParts): void {
  addModels(program.command('model').description('models behind the gate'), parts);
  addOrganisations(program.command('org').description('organisations of the programme'), parts);
  addRates(program, parts);
  addPersons(program.command('person').description('persons, attributed to organisations'), parts);
}

interface ModelOptions {
  readonly protocol: string;
  readonly url: string;
  readonly keyEnv: string;
  readonly prices: string;
  readonly upstreamName?: string;
  readonly contextTokens?: number;
  readonly maxOutput?: number;
  readonly onLeave?: string;
  readonly minTier?: string;
  readonly replace?: boolean;
  readonly json?: boolean;
}

function addModels(models: Command, { terminal, membership }: ProgramCommandParts): void {
  models
    .command('add <id>')
    .description('put a model behind the gate')
    .requiredOption('--protocol <name>', 'anthropic or openai')
    .requiredOption('--url <url>', 'where the provider answers')
    .requiredOption('--key-env <variable>', "the environment variable with the provider's key")
    .requiredOption('--prices <file>', 'JSON, micro-dollars per million tokens')
    .option('--upstream-name <name>', 'what the provider calls it')
    .option('--context-tokens <n>', 'the longest context', Number)
    .option('--max-output <n>', 'the longest answer, tokens', Number)
    .option('--on-leave <what>', 'when a client leaves: abort or drain')
    .option('--min-tier <tier>', `the lowest tier that may use it: ${TIERS.join(', ')}`)
    .option('--replace', 'over the model of that id')
    .option(...JSON_OPTION)
    .action(async (id: string, options: ModelOptions) => {
      const { protocol, url, keyEnv, upstreamName, contextTokens, maxOutput, onLeave, minTier } = options;
      const prices = await readJsonFile(options.prices);
      const input = { id, protocol, url, apiKeyEnv: keyEnv, prices, upstreamName, contextTokens, onLeave, minTier };
      const by = { actor: OPERATOR, replace: options.replace ?? false };
      const added = settled(await (await membership()).addModel({ ...input, maxOutputTokens: maxOutput }, by));
      if (options.json) terminal.json({ id });
      terminal.say(`${id}: open to ${openTo(added)} and further in`);
    });
  models
    .command('stage <id> <stage>')
    .description(`the outermost tier it is open to: ${STAGES.join(', ')}; none: only --min-tier binds`)
    .option(...JSON_OPTION)
    .action(async (id: string, named: string, { json }: { json?: boolean }) => {
      const stage = STAGES.find((each) => each === named);
      if (!stage && named !== 'none')
        throw new CommandEnd('usage', `no such stage: ${named}. There are ${STAGES.join(', ')}`);
      const model = settled(await (await membership()).setStage(id, stage, OPERATOR));
      if (json) terminal.json({ id, stage: stage ?? null, openTo: openTo(model) });
      terminal.say(`${id}: open to ${openTo(model)}, at the operator's word`);
    });
  models
    .command('list')
    .description('all models')
    .option(...JSON_OPTION)
    .action(async ({ json }: { json?: boolean }) => {
      const list = await (await membership()).listModels();
      if (json) terminal.json(list.map(toShown));
      else for (const each of list) terminal.say(toLine(each));
    });
}

function toLine(model: Model): string {
  const { id, protocol, url, stageEndsAt } = model;
  const opened = openTo(model);
  const until = stageEndsAt && opened !== 'closed' ? ` until ${stageEndsAt.toISOString()}` : '';
  return `${id}  ${protocol}  ${url}  open to ${opened}${until}`;
}

function toShown(model: Model): Json {
  const { prices, stage, stageEndsAt, isByDecision = false, ...rest } = model;
  const { tiers, ...flat } = prices;
  const shown = { ...flat, ...(tiers && { tiers: tiers.map((tier) => ({ ...tier })) }) };
  const ends = { stageEndsAt: stageEndsAt?.toISOString() ?? null, isByDecision };
  return { ...rest, prices: shown, stage: stage ?? null, ...ends, openTo: openTo(model) };
}

function addOrganisations(orgs: Command, { terminal, membership, approve, isUnderReview }: ProgramCommandParts): void {
  orgs
    .command('add <name>')
    .description('a new organisation, which may use nothing yet')
    .option('--country <cc>', 'its jurisdiction, ISO 3166-1 alpha-2; kept encrypted')
    .option(...JSON_OPTION)
    .action(async (name: string, { country, json }: { country?: string; json?: boolean }) => {
      const id = settled(await (await membership()).addOrganisation({ name, country: toCountry(country) }, OPERATOR));
      if (json) terminal.json({ id });
      terminal.say(`${id}: an applicant; \`org approve\` lets it in`);
    });
  orgs
    .command('approve <org>')
    .description("let an organisation in, at the operator's word; the public log says so")
    .option('--tier <tier>', `its highest tier: ${TIERS.join(', ')}`, DEFAULT_TIER)
    .option('--yes', "the operator's word stands for reviewers who are still at it")
    .option(...JSON_OPTION)
    .action(async (org: string, { tier, yes, json }: { tier: string; yes?: boolean; json?: boolean }) => {
      if (!isTier(tier)) throw new CommandEnd('usage', `no such tier: ${tier}. There are ${TIERS.join(', ')}`);
      if (!yes && (await isUnderReview(org))) {
        throw new CommandEnd('refused', `${org} is under review: \`org status\` says by whom; --yes passes over them`);
      }
      const id = settled(await approve(org, tier));
      if (json) terminal.json({ id, tier });
      terminal.say(`${id}: approved up to ${tier}, by the operator alone; the log says so`);
    });
  orgs
    .command('end <org>')
    .description('end its participation: every key of it stops working')
    .option(...JSON_OPTION)
    .action(async (org: string, { json }: { json?: boolean }) => {
      const id = settled(await (await membership()).endOrganisation(org, OPERATOR));
      if (json) terminal.json({ id });
      terminal.say(`${id}: ended`);
    });
  orgs
    .command('list')
    .description('all organisations')
    .option(...JSON_OPTION)
    .action(async ({ json }: { json?: boolean }) => {
      const list = await (await membership()).listOrganisations();
      if (json) terminal.json(list.map((each) => ({ ...each, tier: each.tier ?? null })));
      else for (const { id, name, standing, tier } of list) terminal.say(`${id}  ${standing}  ${tier ?? '-'}  ${name}`);
    });
}

interface PersonOptions {
  readonly country?: string;
  readonly for?: string;
  readonly limit?: string;
  readonly json?: boolean;
}

interface RateOptions {
  readonly perSecond?: number;
  readonly burst?: number;
  readonly json?: boolean;
}

function addRates(program: Command, { terminal, membership, caps }: ProgramCommandParts): void {
  program
    .command('rate <subject>')
    .description("calls a second of an organisation, person or key; without a number the tier's own hold again")
    .option('--per-second <n>', 'sustained', Number)
    .option('--burst <n>', 'at once; twice the rate where absent', Number)
    .option(...JSON_OPTION)
    .action(async (named: string, { perSecond, burst, json }: RateOptions) => {
      const found = await (await membership()).findOrganisation(named);
      const rate = perSecond === undefined ? undefined : { perSecond, burst: burst ?? 2 * perSecond };
      const id = settled(await (await caps()).setRate(found.ok ? found.value.id : named, rate, OPERATOR));
      if (json) terminal.json({ id, rate: rate ?? null });
      terminal.say(
        `${id}: ${rate ? `${rate.perSecond} calls a second, ${rate.burst} at once` : "the tier's own rate"}`,
      );
    });
}

function addPersons(persons: Command, { terminal, membership }: ProgramCommandParts): void {
  persons
    .command('add <org> <email>')
    .description('somebody of an organisation, perhaps at work for another one')
    .option('--country <cc>', 'nationality, ISO 3166-1 alpha-2; kept encrypted')
    .option('--for <org>', 'the organisation on whose behalf: its grants and money are used')
    .option('--limit <dollars>', 'may spend so much at most')
    .option(...JSON_OPTION)
    .action(async (organisation: string, email: string, { country, for: behalf, limit, json }: PersonOptions) => {
      const person = { organisation, forOrganisation: behalf, email, country: toCountry(country) };
      const fresh = { ...person, limitMicro: limit === undefined ? undefined : toMicroDollars(limit) };
      const id = settled(await (await membership()).addPerson(fresh, OPERATOR));
      if (json) terminal.json({ id });
      terminal.say(`${id}: of ${organisation}${behalf ? ` for ${behalf}` : ''}`);
    });
  persons
    .command('remove <person>')
    .description('they have left: every key of theirs stops working')
    .option(...JSON_OPTION)
    .action(async (named: string, { json }: { json?: boolean }) => {
      const id = settled(await (await membership()).removePerson(named, OPERATOR));
      if (json) terminal.json({ id });
      terminal.say(`${id}: left`);
    });
  persons
    .command('list [org]')
    .description('all persons, or those of one organisation')
    .option(...JSON_OPTION)
    .action(async (org: string | undefined, { json }: { json?: boolean }) => {
      const service = await membership();
      const of = org === undefined ? undefined : settled(await service.findOrganisation(org)).id;
      const list = await service.listPersons(of);
      if (json) terminal.json(list.map((each) => ({ ...each, forOrganisation: each.forOrganisation ?? null })));
      else for (const { id, email, standing } of list) terminal.say(`${id}  ${standing}  ${email}`);
    });
}
