/** `stop add | lift | restore | list`: stop switches by attribute. */
import type { Command } from 'commander';
import { OPERATOR } from '../disclosure/index.ts';
import { addDays, type Clock } from '../lib/clock.ts';
import type { Result } from '../lib/result.ts';
import type { Membership, StopRefusal, StopRequest, StopSet, Stops } from '../membership/index.ts';
import { isTier, namedAttributes, TIERS } from '../program/index.ts';
import { counted, settled, toCountry, toInstant } from './member-input.ts';
import { CommandEnd, type ExitName, type Terminal } from './terminal.ts';

export interface StopCommandParts {
  readonly terminal: Terminal;
  readonly clock: Clock;
  readonly stops: () => Promise<Stops>;
  readonly membership: () => Promise<Membership>;
}

/** What `--yes` stands for, as the log says it. */
const SECOND = "the operator's word for a second person";
/** A stop by country ends by itself unless its order says otherwise. */
const COUNTRY_STOP_DAYS = 7;
const NO_ORDER = "the operator's own decision; no order was named";

interface AddOptions {
  readonly model?: string;
  readonly org?: string;
  readonly person?: string;
  readonly key?: string;
  readonly country?: string;
  readonly tier?: string;
  readonly tool?: string;
  readonly reason: string;
  readonly order?: string;
  readonly until?: string;
  readonly dryRun?: boolean;
  readonly yes?: boolean;
  readonly json?: boolean;
}

export function registerStopCommands(program: Command, parts: StopCommandParts): void {
  const stops = program.command('stop').description('stop switches: by model, organisation, person, country, tier, …');
  addAdd(stops, parts);
  addChanges(stops, parts);
  addList(stops, parts);
}

function addAdd(stops: Command, parts: StopCommandParts): void {
  const { terminal } = parts;
  stops
    .command('add')
    .description('stop every call for which all that is named holds, running ones too; within a second')
    .option('--model <model>')
    .option('--org <org>', 'its people, and whoever works for it')
    .option('--person <person>')
    .option('--key <key>', 'by its id')
    .option('--country <cc>', 'CC, or !CC for everyone who is not known to be of it')
    .option('--tier <tier>', TIERS.join(', '))
    .option('--tool <tool>', 'by the name that calls declare')
    .option('--reason <text>', 'for the history', 'none given')
    .option('--order <text>', 'with --country: the legal order, as the public log will name it')
    .option('--until <date>', `ends by itself; with --country after ${COUNTRY_STOP_DAYS} days where absent`)
    .option('--dry-run', 'only count')
    .option('--yes', 'stands for the second person that a wide stop takes; the log says so')
    .option('--json', 'one JSON value on standard output')
    .action(async (options: AddOptions) => {
      const request = await toRequest(parts, options);
      const service = await parts.stops();
      if (options.dryRun) {
        const { affectedKeys, affectedStreams, isWide } = decided(await service.dryRun(request));
        if (options.json) terminal.json({ id: null, affectedKeys, affectedStreams });
        terminal.say(
          `would touch ${counted(affectedKeys, 'key')} and ${counted(affectedStreams, 'running call')}${isWide ? '; wide' : ''}`,
        );
        return;
      }
      const hands = { actor: OPERATOR, ...(options.yes && { second: SECOND }) };
      show(terminal, decided(await service.set(request, hands)), options.json);
    });
}

async function toRequest({ clock, membership }: StopCommandParts, options: AddOptions): Promise<StopRequest> {
  const { model, org, person, key, tier, tool, reason } = options;
  if (tier !== undefined && !isTier(tier)) {
    throw new CommandEnd('usage', `no such tier: ${tier}. There are ${TIERS.join(', ')}`);
  }
  const service = await membership();
  if (model !== undefined && !(await service.findModel(model))) {
    throw new CommandEnd('notFound', `there is no model ${model}`);
  }
  const country = toCountry(options.country);
  const until = toInstant(options.until);
  return {
    model,
    organisation: org === undefined ? undefined : settled(await service.findOrganisation(org)).id,
    person: person === undefined ? undefined : settled(await service.findPerson(person)).id,
    key,
    country,
    tier,
    tool,
    reason,
    legalOrder: options.order ?? (country === undefined ? undefined : NO_ORDER),
    expiresAt: until ?? (country === undefined ? undefined : addDays(clock.now(), COUNTRY_STOP_DAYS)),
  };
}

function addChanges(stops: Command, { terminal, stops: service, membership }: StopCommandParts): void {
  const agreed = (yes?: boolean) => ({ actor: OPERATOR, ...(yes && { second: SECOND }) });
  stops
    .command('lift <id>')
    .description('let everybody through again')
    .option('--yes', 'stands for the second person where two had set it; the log says so')
    .option('--json', 'one JSON value on standard output')
    .action(async (id: string, { yes, json }: { yes?: boolean; json?: boolean }) =>
      show(terminal, decided(await (await service()).lift(id, agreed(yes))), json),
    );
  stops
    .command('restore <id>')
    .description('let these through again while the stop stands for all others')
    .option('--org <org...>')
    .option('--person <person...>')
    .option('--key <key...>')
    .option('--yes', 'stands for the second person where two had set it; the log says so')
    .option('--json', 'one JSON value on standard output')
    .action(async (id: string, options: RestoreOptions) => {
      const members = await membership();
      const subjects: string[] = [...(options.key ?? [])];
      for (const org of options.org ?? []) subjects.push(settled(await members.findOrganisation(org)).id);
      for (const person of options.person ?? []) subjects.push(settled(await members.findPerson(person)).id);
      show(terminal, decided(await (await service()).restore(id, subjects, agreed(options.yes))), options.json);
    });
}

interface RestoreOptions {
  readonly org?: readonly string[];
  readonly person?: readonly string[];
  readonly key?: readonly string[];
  readonly yes?: boolean;
  readonly json?: boolean;
}

function addList(stops: Command, { terminal, stops: service }: StopCommandParts): void {
  stops
    .command('list')
    .description('all stops, the newest first')
    .option('--json', 'one JSON value on standard output')
    .action(async ({ json }: { json?: boolean }) => {
      const list = (await (await service()).list()).map((stop) => ({
        id: stop.id,
        attributes: namedAttributes(stop.terms),
        reason: stop.reason,
        legalOrder: stop.legalOrder ?? null,
        isWide: stop.isWide,
        askedBy: stop.askedBy,
        confirmedBy: stop.confirmedBy ?? null,
        askedAt: stop.askedAt.toISOString(),
        expiresAt: stop.expiresAt?.toISOString() ?? null,
        liftedAt: stop.liftedAt?.toISOString() ?? null,
        restored: stop.restored,
      }));
      if (json) terminal.json(list);
      else
        for (const { id, attributes, liftedAt, expiresAt } of list) {
          terminal.say(
            `${id}  by ${attributes.join(' and ')}  ${liftedAt ? 'lifted' : `until ${expiresAt ?? 'lifted'}`}`,
          );
        }
    });
}

function show(terminal: Terminal, { stop, affectedKeys, affectedStreams }: StopSet, json?: boolean): void {
  const { id, isWide, confirmedBy, expiresAt, liftedAt } = stop;
  if (json) terminal.json({ id, affectedKeys, affectedStreams });
  terminal.say(
    `${id}: ${liftedAt ? 'lifted' : 'in force'}; ${counted(affectedKeys, 'key')}, ${counted(affectedStreams, 'running call')}`,
  );
  if (!liftedAt && isWide && confirmedBy === undefined) {
    terminal.say(`It is wide and nobody else agreed: it lapses at ${expiresAt?.toISOString()}. --yes stands for both.`);
  }
}

function decided<T>(outcome: Result<T, StopRefusal>): T {
  if (outcome.ok) return outcome.value;
  const [exit, reason] = toEnd(outcome.refusal);
  throw new CommandEnd(exit, reason);
}

function toEnd(refusal: StopRefusal): [ExitName, string] {
  switch (refusal.kind) {
    case 'no-attribute':
      return ['usage', 'a stop names at least one attribute'];
    case 'malformed':
      return ['usage', `${refusal.what} cannot be understood`];
    case 'no-legal-order':
      return ['refused', 'a stop by country names its legal order and its end'];
    case 'not-found':
      return ['notFound', `there is no ${refusal.what} ${refusal.named}`];
    case 'lifted':
      return ['conflict', `${refusal.stop} is not in force`];
    case 'confirmed':
      return ['conflict', `${refusal.stop} is confirmed already`];
    case 'second-person-needed':
      return ['refused', 'two persons set it, and two lift it: --yes stands for the second one'];
  }
}
