/** `case party …` and `case who-knows`: who takes part in a case, what each may see, and what was agreed on. */
import type { Command } from 'commander';
import {
  type Change,
  type Coordination,
  type Invitation,
  type InvitationRefusal,
  type Invitations,
  isOneOf,
  type Knowing,
  MATTERS,
  type ParticipantId,
  ROLES,
  type Shared,
  STANDINGS,
} from '../coordination/index.ts';
import { type Disclosure, OPERATOR } from '../disclosure/index.ts';
import type { Json } from '../lib/canonical-json.ts';
import { createId, type RandomBytes } from '../lib/id.ts';
import { toBothZones, toZoned } from '../lib/zoned-time.ts';
import type { Transaction } from '../store/database.ts';
import { CommandEnd, type ExitName, type Terminal } from './terminal.ts';

export interface PartyCommandParts {
  readonly terminal: Terminal;
  readonly random: RandomBytes;
  readonly coordination: () => Promise<Coordination>;
  readonly invitations: () => Promise<Pick<Invitations, 'invite'>>;
  readonly database: () => Promise<Transaction>;
  readonly disclosure: () => Promise<Pick<Disclosure, 'note'>>;
}

interface Options {
  readonly as?: string;
  readonly role?: string;
  readonly name?: string;
  readonly address?: string;
  readonly zone?: string;
  readonly fromStart?: boolean;
  readonly json?: boolean;
}

type Act = readonly [form: string, what: string, toChange: (args: readonly string[], options: Options) => Change];

export function addPartyCommands(cases: Command, parts: PartyCommandParts): void {
  const party = cases
    .command('party')
    .description('who takes part in a case, what each needs to know, what was agreed');
  addList(party, parts);
  addView(party, parts);
  addInvite(party, parts);
  for (const act of actsOf(parts.random)) addAct(party, parts, act);
  addWhoKnows(cases, parts);
}

const id = (text = ''): ParticipantId => text as ParticipantId;

/** Each makes one change; the first argument of its command is the case. */
function actsOf(random: RandomBytes): readonly Act[] {
  return [
    ['bind <case> <party>', 'it has agreed to the embargo', ([who]) => ({ kind: 'bound', who: id(who) })],
    ['leave <case> <party>', 'it takes no part any more', ([who]) => ({ kind: 'left', who: id(who) })],
    [
      'standing <case> <party> <standing>',
      `where it stands: ${STANDINGS.join(', ')}`,
      ([who, standing]) => ({ kind: 'standing', who: id(who), standing: oneOf(STANDINGS, standing, 'standing') }),
    ],
    [
      'zone <case> <party> <zone>',
      'its time zone: Europe/Berlin',
      ([who, zone = '']) => ({ kind: 'zone', who: id(who), zone }),
    ],
    [
      'give <case> <party> <matter>',
      `it needs to know: ${MATTERS.join(', ')}`,
      ([who, matter]) => ({ kind: 'need-given', who: id(who), matter: oneOf(MATTERS, matter, 'matter') }),
    ],
    [
      'take <case> <party> <matter>',
      'it needs to know that no longer',
      ([who, matter]) => ({ kind: 'need-taken', who: id(who), matter: oneOf(MATTERS, matter, 'matter') }),
    ],
    [
      'propose <case> <until>',
      'another end of the embargo: a shorter one wins at once, a longer one needs everybody',
      ([until], { as }) => ({
        kind: 'proposed',
        proposal: createId('proposal', random),
        who: id(as),
        end: readInstant(until),
      }),
    ],
    [
      'agree <case> <proposal>',
      'to an end that was proposed',
      ([proposal = ''], { as }) => ({ kind: 'agreed', proposal: proposal as `proposal_${string}`, who: id(as) }),
    ],
    [
      'decline <case> <proposal>',
      'an end that was proposed',
      ([proposal = ''], { as }) => ({ kind: 'declined', proposal: proposal as `proposal_${string}`, who: id(as) }),
    ],
    [
      'thread <case> <product>',
      'open a thread about one product',
      ([product = '']) => ({ kind: 'thread-opened', thread: createId('thread', random), product }),
    ],
    [
      'join <case> <thread> <party>',
      'it reads along from now on; --from-start: all of it',
      ([thread = '', who], { fromStart = false }) => ({
        kind: 'thread-joined',
        thread: thread as `thread_${string}`,
        who: id(who),
        fromStart,
      }),
    ],
    [
      'part <case> <thread> <party>',
      'it reads along no longer',
      ([thread = '', who]) => ({ kind: 'thread-left', thread: thread as `thread_${string}`, who: id(who) }),
    ],
    [
      'say <case> <thread> <text>',
      'in a thread',
      ([thread = '', text = ''], { as }) => ({ kind: 'said', thread: thread as `thread_${string}`, who: id(as), text }),
    ],
  ];
}

function toInvitation({ role, name, address, zone = 'UTC' }: Options): Invitation {
  if (!name) throw new CommandEnd('usage', '--name says who it is');
  // Until when it would have to keep silent belongs to what it is asked.
  const needs = ['deadline'] as const;
  return { role: oneOf(ROLES, role, '--role'), name, address: address ?? null, zone, needs, isBound: false };
}

function addInvite(party: Command, { terminal, coordination, invitations }: PartyCommandParts): void {
  party
    .command('add <case>')
    .description('invite a party: --role, --name; to its --address goes a letter, once')
    .option('--role <role>', ROLES.join(', '))
    .option('--name <name>', 'who it is; kept encrypted')
    .option('--address <address>', 'name@example.org or webhook:https://…; kept encrypted. Left out: no letter goes')
    .option('--zone <zone>', 'its time zone, such as Europe/Berlin')
    .option('--json', 'one JSON value on standard output')
    .action(async (caseId: string, options: Options) => {
      await getShared(await coordination(), caseId);
      const made = await (await invitations()).invite(caseId, toInvitation(options), OPERATOR);
      if (!made.ok) throw refused(made.refusal);
      const { partyId, messageId, shared } = made.value;
      if (options.json) terminal.json({ ...toShown(shared), id: partyId, message: messageId });
      else terminal.say(`invited ${partyId}${messageId ? `; its letter is ${messageId}` : ''}`);
    });
}

function addAct(party: Command, { terminal, coordination }: PartyCommandParts, [form, what, toChange]: Act): void {
  party
    .command(form)
    .description(what)
    .option('--as <party>', 'on whose behalf: this installation’s where left out')
    .option('--from-start', 'with join: earlier messages, too')
    .option('--json', 'one JSON value on standard output')
    .action(async (...given: unknown[]) => {
      // commander ends the arguments with the options and the command.
      const [caseId = '', ...args] = given.slice(0, -2).map(String);
      const options = given.at(-2) as Options;
      const service = await coordination();
      const shared = await getShared(service, caseId);
      const change = toChange(args, { ...options, as: options.as ?? shared.it.us });
      const made = await service.change(caseId, change, OPERATOR);
      if (!made.ok) throw refused(made.refusal);
      const named = namedBy(change);
      if (options.json) terminal.json({ ...toShown(made.value), ...(named && { id: named }) });
      else terminal.say(`${change.kind}${named ? ` ${named}` : ''}`);
    });
}

/** What a change made has an id of its own by. */
function namedBy(change: Change): string | undefined {
  if (change.kind === 'thread-opened') return change.thread;
  return change.kind === 'proposed' ? change.proposal : undefined;
}

function addList(party: Command, { terminal, coordination }: PartyCommandParts): void {
  party
    .command('list <case>')
    .description('the parties, their standing, the threads and the proposals')
    .option('--json', 'one JSON value on standard output')
    .action(async (caseId: string, { json }: Options) => {
      const shared = await getShared(await coordination(), caseId);
      if (json) return terminal.json(toShown(shared));
      for (const it of shared.it.participants.values()) {
        const needs = it.needs.size > 0 ? `; needs ${[...it.needs].join(', ')}` : '';
        terminal.say(`${it.id}  ${it.role} ${it.name}: ${it.standing}, ${it.stance}, ${it.zone}${needs}`);
      }
      for (const { id: thread, product, members, messages } of shared.it.threads.values()) {
        terminal.say(`${thread}  about ${product}: ${members.size} read along, ${messages.length} messages`);
      }
      for (const { id: proposal, end, state, agreed } of shared.it.proposals.values()) {
        terminal.say(`${proposal}  until ${toZoned(end, 'UTC')}: ${state}, ${agreed.size} agree`);
      }
      for (const { who, at, kind, text } of shared.it.answers) {
        terminal.say(`${toZoned(at, 'UTC')}  ${who} answered ${kind}: ${text}`);
      }
    });
}

function addView(party: Command, { terminal, coordination, database, disclosure }: PartyCommandParts): void {
  party
    .command('view <case> <party>')
    .description('exactly what this party may see now; this is written into the history')
    .option('--json', 'accepted for uniformity: the view is the output')
    .action(async (caseId: string, who: string) => {
      const service = await coordination();
      const { opened } = await getShared(service, caseId);
      const view = await service.view(caseId, id(who));
      if (!view) throw new CommandEnd('notFound', `${who} takes no part in ${caseId}`);
      await (await disclosure()).note(await database(), opened, `viewed as ${who}`, OPERATOR);
      terminal.json(JSON.parse(JSON.stringify(view)) as Json);
    });
}

function addWhoKnows(cases: Command, { terminal, coordination }: PartyCommandParts): void {
  cases
    .command('who-knows <case>')
    .description('who could see what, from when, until when; what was known once stays listed')
    .option('--json', 'one JSON value on standard output')
    .action(async (caseId: string, { json }: Options) => {
      const { it } = await getShared(await coordination(), caseId);
      const others = it.knows.filter(({ who }) => who !== it.us);
      if (json) return terminal.json(others.map((line) => toLine(it, line)));
      for (const line of others) {
        const { party, what, since, until } = toLine(it, line);
        terminal.say(`${since}  ${party} knows ${what}${until ? `; no longer shown since ${until}` : ''}`);
      }
      const count = new Set(others.map(({ who }) => who)).size;
      terminal.say(count === 1 ? '1 party knows of it' : `${count} parties know of it`);
    });
}

function toLine(it: Shared['it'], { who, what, since, until }: Knowing) {
  const party = it.participants.get(who);
  const thread = what.startsWith('thread:') ? it.threads.get(what.slice('thread:'.length) as `thread_${string}`) : null;
  const zone = party?.zone ?? 'UTC';
  return {
    id: who,
    party: party ? `${party.role} ${party.name}` : who,
    what: thread ? `the thread about ${thread.product}` : what,
    since: toBothZones(since, zone),
    until: until && toBothZones(until, zone),
  };
}

async function getShared(service: Coordination, caseId: string): Promise<Shared> {
  const shared = await service.find(caseId);
  if (!shared) throw new CommandEnd('notFound', `there is no case ${caseId}`);
  return shared;
}

function toShown({ it, opened }: Shared): { readonly [name: string]: Json } {
  return {
    case: opened.case.id,
    dueAt: 'dueAt' in opened.case ? (opened.case.dueAt?.toISOString() ?? null) : null,
    embargo: opened.case.embargo,
    parties: [...it.participants.values()].map(({ needs, joinedAt, standingAt, ...party }) => ({
      ...party,
      needs: [...needs],
      joinedAt: joinedAt.toISOString(),
      standingAt: standingAt?.toISOString() ?? null,
    })),
    threads: [...it.threads.values()].map(({ members, messages, ...thread }) => ({
      ...thread,
      members: [...members.keys()],
      messages: messages.length,
    })),
    proposals: [...it.proposals.values()].map(({ end, at, agreed, ...proposal }) => ({
      ...proposal,
      end: end.toISOString(),
      at: at.toISOString(),
      agreed: [...agreed],
    })),
    answers: it.answers.map(({ at, ...answer }) => ({ ...answer, at: at.toISOString() })),
  };
}

function oneOf<T extends string>(list: readonly T[], text: string | undefined, what: string): T {
  if (text !== undefined && isOneOf(list, text)) return text;
  throw new CommandEnd('usage', `${what} is one of ${list.join(', ')}`);
}

/** With its zone: an hour without one is another hour to everybody. */
export function readInstant(text = ''): string {
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)$/.test(text) || Number.isNaN(Date.parse(text))) {
    throw new CommandEnd(
      'usage',
      'an instant is given with its hour and zone: 2026-12-24T12:00Z or 2026-12-24T12:00+01:00',
    );
  }
  return new Date(text).toISOString();
}

const EXITS: Readonly<Partial<Record<InvitationRefusal['kind'], ExitName>>> = {
  'no-such-address': 'usage',
  'no-such-case': 'notFound',
  'no-such-party': 'notFound',
  'no-such-thread': 'notFound',
  'no-such-proposal': 'notFound',
  'bad-zone': 'usage',
  'too-long': 'usage',
  'nothing-to-change': 'conflict',
  'same-end': 'conflict',
};

const refused = (refusal: InvitationRefusal): CommandEnd =>
  new CommandEnd(EXITS[refusal.kind] ?? 'refused', sentence(refusal));

export function sentence(refusal: InvitationRefusal): string {
  switch (refusal.kind) {
    case 'no-such-address':
      return 'an invitation goes to a mail address or webhook:https://…';
    case 'no-such-case':
      return `there is no case ${refusal.id}`;
    case 'no-such-party':
      return `${refusal.party} takes no part in it`;
    case 'no-such-thread':
      return `there is no thread ${refusal.thread}`;
    case 'no-such-proposal':
      return `no proposal ${refusal.proposal} is open`;
    case 'not-in-thread':
      return `it is not in ${refusal.thread}`;
    case 'not-bound':
      return `${refusal.party} has not agreed to the embargo`;
    case 'nothing-to-change':
      return 'it is so already, or cannot be so';
    case 'bad-zone':
      return `${refusal.zone} is no time zone, such as Europe/Berlin`;
    case 'too-many':
      return `there are ${refusal.limit} ${refusal.what}: no more`;
    case 'too-long':
      return `${refusal.what} has at most ${refusal.limit} characters`;
    case 'embargo-over':
      return 'no embargo is in force: there is nothing to agree on';
    case 'in-the-past':
      return 'an end lies in the future';
    case 'beyond-policy':
      return `the policy allows nothing beyond ${toZoned(refusal.limit, 'UTC')}`;
    case 'same-end':
      return 'that is the end already';
    case 'end-refused':
      return `the case did not take the new end: ${refusal.because}`;
  }
}
