/** `pace show | limit | ask | channel | opt-out | release-by` and `queue [release]`: whose turn it is, and who decides. */

import type { Command } from 'commander';
import { checkAddress } from '../contact/index.ts';
import { OPERATOR } from '../disclosure/index.ts';
import {
  CHANNELS,
  type Channel,
  type OptOutRefusal,
  type Pacing,
  type ReleaseRefusal,
  type WishChange,
} from '../pacing/index.ts';
import { readFileText } from './file-input.ts';
import { CommandEnd, type ExitName, type Terminal } from './terminal.ts';

export interface PaceCommandParts {
  readonly terminal: Terminal;
  readonly pacing: () => Promise<Pacing>;
  /** The text at a web address, or why there is none. */
  readonly fetchText: (url: string) => Promise<{ readonly text: string } | { readonly trouble: string }>;
  /** Has the policy's job run, now that reports go by it. */
  readonly startReleasing: () => Promise<void>;
}

const JSON_OPTION = ['--json', 'one JSON value on standard output'] as const;
const MOST_DECLARED = 10_000;
const MOST_PER_DAY = 100_000;

interface JsonOption {
  readonly json?: boolean;
}

export function registerPaceCommands(program: Command, parts: PaceCommandParts): void {
  const pace = program
    .command('pace')
    .description('how many reports a project takes, by which channel, and who said so');
  addShow(pace, parts);
  addWishes(pace, parts);
  addAddress(pace, parts);
  addOptOut(pace, parts);
  addReleaseBy(pace, parts);
  addQueue(program, parts);
}

function addShow(pace: Command, { terminal, pacing }: PaceCommandParts): void {
  pace
    .command('show <project>')
    .description('what a project asked for, what was learnt of it, and what it may be sent now')
    .option(...JSON_OPTION)
    .action(async (name: string, { json }: JsonOption) => {
      const view = (await (await pacing()).project(name)) ?? noProject(name);
      const { wishes, allowance, waiting, history, project } = view;
      const { capacity, open, learntLimit, sentThisWeek, leastChance } = allowance;
      if (json) {
        terminal.json({
          project,
          ...wishes,
          hasAddress: view.hasAddress,
          open,
          sentThisWeek,
          waiting,
          learntLimit,
          learntFree: allowance.learntFree,
          declaredFree: Number.isFinite(allowance.declaredFree) ? allowance.declaredFree : null,
          fixes: capacity.fixes,
          recentFixes: capacity.recentFixes,
          reportDays: capacity.reportDays,
          severeChance: capacity.severeChance,
          otherChance: capacity.otherChance,
          leastChance,
          history: history.map(({ wish, actor, at }) => ({ wish, actor, at: at.toISOString() })),
        });
      }
      const declared = `${wishes.mostOpen ?? 'any number'} open at once, ${wishes.mostPerWeek ?? 'any number'} a week`;
      terminal.say(`${project}: channel ${wishes.channel}; declared: ${declared}; asked rate ${wishes.askedRate}`);
      if (!view.hasAddress) terminal.say('nobody has said where its reports go (`pace address`)');
      if (wishes.optedOutBy !== null) terminal.say(`opted out by the list ${wishes.optedOutBy}`);
      terminal.say(
        `${open} open, ${waiting} waiting; learnt: at most ${learntLimit} open at once ` +
          `(${capacity.fixes} fixes in ${Math.floor(capacity.reportDays)} report days)`,
      );
    });
}

function addWishes(pace: Command, parts: PaceCommandParts): void {
  pace
    .command('limit <project>')
    .description('what the maintainers declared; no priority passes it')
    .option('--open <n>', 'reports open at once, or none')
    .option('--week <n>', 'reports in seven days, or none')
    .option(...JSON_OPTION)
    .action(async (name: string, options: JsonOption & { readonly open?: string; readonly week?: string }) => {
      const { open, week, json } = options;
      if (open === undefined && week === undefined) throw new CommandEnd('usage', 'say --open or --week, or both');
      const { wishes } = (await (await parts.pacing()).project(name)) ?? noProject(name);
      const mostOpen = open === undefined ? wishes.mostOpen : readLimit('--open', open);
      const mostPerWeek = week === undefined ? wishes.mostPerWeek : readLimit('--week', week);
      await change(parts, name, { kind: 'limit', mostOpen, mostPerWeek }, json);
    });
  pace
    .command('ask <project> <what>')
    .description('"fewer" halves what the project is sent, "more" doubles it')
    .option(...JSON_OPTION)
    .action(async (name: string, asked: string, { json }: JsonOption) => {
      if (asked !== 'fewer' && asked !== 'more') throw new CommandEnd('usage', `fewer or more, not ${asked}`);
      await change(parts, name, { kind: 'ask', asked }, json);
    });
  pace
    .command('channel <project> <channel>')
    .description(`how the project wants to be told: ${CHANNELS.join(', ')}`)
    .option(...JSON_OPTION)
    .action(async (name: string, channel: string, { json }: JsonOption) => {
      if (!isChannel(channel))
        throw new CommandEnd('usage', `no such channel: ${channel}. There are ${CHANNELS.join(', ')}`);
      await change(parts, name, { kind: 'channel', channel }, json);
    });
}

function addAddress(pace: Command, { terminal, pacing }: PaceCommandParts): void {
  pace
    .command('address <project> [address]')
    .description('where its reports go when nobody names another address; kept encrypted. Without one it is forgotten')
    .option('--key <file>', 'of a mail address: an age recipient or an armoured OpenPGP key to encrypt to')
    .option('--public', 'of issue:…: says that a report may be public at once; low severities only')
    .option(...JSON_OPTION)
    .action(async (name: string, address: string | undefined, { key, public: mayBePublic, json }: AddressOptions) => {
      const publicKey = key === undefined ? undefined : await readFileText(key);
      const to = address === undefined ? null : { address, publicKey, mayBePublic };
      if (to) {
        const allowed = await checkAddress(to);
        if (!allowed.ok) throw new CommandEnd('usage', ADDRESS_TROUBLE[allowed.refusal]);
      }
      if (!(await (await pacing()).keepAddress(name, to, OPERATOR))) noProject(name);
      if (json) terminal.json({ project: name, hasAddress: to !== null });
      terminal.say(to ? `reports to ${name} go to that address` : `nobody is said to be reached for ${name}`);
    });
}

interface AddressOptions extends JsonOption {
  readonly key?: string;
  readonly public?: boolean;
}

const ADDRESS_TROUBLE = {
  'no-such-address': 'that is no address that a report can go to',
  'no-public-key': 'the key cannot be used',
  'key-without-mail': 'only mail is encrypted to a key',
  'public-needs-a-person': 'everybody can read what goes there: --public says that this is meant',
} as const;

async function change(
  { terminal, pacing }: PaceCommandParts,
  name: string,
  wish: WishChange,
  json?: boolean,
): Promise<void> {
  const wishes = (await (await pacing()).change(name, wish, OPERATOR)) ?? noProject(name);
  if (json) terminal.json({ ...wishes });
  terminal.say(
    `${name}: channel ${wishes.channel}; ${wishes.mostOpen ?? 'any number'} open at once, ` +
      `${wishes.mostPerWeek ?? 'any number'} a week; asked rate ${wishes.askedRate}`,
  );
}

function addOptOut(pace: Command, { terminal, pacing, fetchText }: PaceCommandParts): void {
  pace
    .command('opt-out [source]')
    .description(
      'take over a list of projects that want no reports, from a file or an address, which a running worker reads again every day; without one, the lists',
    )
    .option('--name <name>', 'of the list; a list of the same name is replaced')
    .option(...JSON_OPTION)
    .action(async (source: string | undefined, { name, json }: JsonOption & { readonly name?: string }) => {
      const service = await pacing();
      if (source === undefined) {
        const lists = await service.lists();
        if (json) {
          terminal.json(
            lists.map(({ importedAt, lookedAt, ...list }) => ({
              ...list,
              importedAt: importedAt.toISOString(),
              lookedAt: lookedAt?.toISOString() ?? null,
            })),
          );
        }
        for (const { name: of, projects, sha256, trouble } of lists) {
          terminal.say(`${of}: ${projects} projects, sha256 ${sha256}${trouble ? `; not read again: ${trouble}` : ''}`);
        }
        terminal.say(`${lists.length} lists`);
        return;
      }
      const isAddress = /^https?:\/\//.test(source);
      const text = isAddress ? await fetched(fetchText, source) : await readFileText(source);
      const imported = await service.importOptOuts(name ?? source, text, isAddress ? source : undefined);
      if (!imported.ok)
        throw new CommandEnd('failed', `the list is not taken over: ${optOutSentence(imported.refusal)}`);
      if (json) terminal.json({ list: name ?? source, projects: imported.value });
      terminal.say(`${imported.value} projects of the list ${name ?? source} are sent nothing`);
    });
}

function addReleaseBy(pace: Command, { terminal, pacing, startReleasing }: PaceCommandParts): void {
  pace
    .command('release-by <who>')
    .description('person: each report goes when somebody says so (as it is at first); policy: when its turn comes')
    .option('--most-per-day <n>', 'reports this installation sends in a day, or none')
    .option(...JSON_OPTION)
    .action(async (who: string, options: JsonOption & { readonly mostPerDay?: string }) => {
      if (who !== 'person' && who !== 'policy') throw new CommandEnd('usage', `person or policy, not ${who}`);
      const service = await pacing();
      const before = await service.settings();
      const { mostPerDay: asked, json } = options;
      const mostPerDay = asked === undefined ? before.mostPerDay : readLimit('--most-per-day', asked, MOST_PER_DAY);
      await service.configure({ releasedBy: who, mostPerDay });
      if (who === 'policy') await startReleasing();
      if (json) terminal.json({ releasedBy: who, mostPerDay });
      terminal.say(who === 'policy' ? 'reports go when their turn comes' : 'reports go when somebody says so');
    });
}

function addQueue(program: Command, { terminal, pacing }: PaceCommandParts): void {
  const queue = program
    .command('queue')
    .description('confirmed cases before their maintainers: whose turn it is, and why')
    .option(...JSON_OPTION)
    .action(async ({ json }: JsonOption) => {
      const positions = await (await pacing()).queue();
      if (json) terminal.json(positions.map((each) => ({ ...each, because: [...each.because] })));
      for (const { position, id, project, because } of json ? [] : positions) {
        terminal.say(`${position}. ${id}  ${project}`);
        for (const reason of because) terminal.say(`     ${reason}`);
      }
      terminal.say(`${positions.length} wait, ${positions.filter(({ mayGo }) => mayGo).length} may go now`);
    });
  queue
    .command('release [case]')
    .description('send a report, or all whose turn it is')
    .option('--to <address>', 'with a case: where it is sent; kept encrypted')
    .option(...JSON_OPTION)
    .action(async (id: string | undefined, { to, json }: JsonOption & { readonly to?: string }) => {
      const service = await pacing();
      if (id === undefined) {
        if (to !== undefined) throw new CommandEnd('usage', '--to goes with one case');
        const released = await service.releaseNext({ actor: OPERATOR });
        const sent = released.flatMap((each) => (each.outcome.ok ? [each.id] : []));
        const held = released.flatMap(({ id: of, outcome }) =>
          outcome.ok ? [] : [{ id: of, why: sentence(outcome.refusal) }],
        );
        if (json) terminal.json({ sent, held });
        for (const each of held) terminal.say(`${each.id} was not sent: ${each.why}`);
        terminal.say(`${sent.length} reports leave`);
        return;
      }
      const outcome = await service.release(id, { actor: OPERATOR, ...(to !== undefined && { to }) });
      if (!outcome.ok) throw new CommandEnd(EXITS[outcome.refusal.kind], `${id}: ${sentence(outcome.refusal)}`);
      if (json) terminal.json({ sent: [id], held: [] });
      terminal.say(`${id}: its report leaves`);
    });
}

const EXITS: Readonly<Record<ReleaseRefusal['kind'], ExitName>> = {
  'no-such-case': 'notFound',
  'not-confirmed': 'conflict',
  'already-sent': 'conflict',
  over: 'conflict',
  'not-notified': 'conflict',
  'not-its-turn': 'refused',
  'installation-limit': 'refused',
  'not-wanted': 'refused',
  'declared-limit': 'refused',
};

function sentence(refusal: ReleaseRefusal): string {
  switch (refusal.kind) {
    case 'no-such-case':
      return 'there is no such real case';
    case 'not-confirmed':
      return 'it is not confirmed';
    case 'already-sent':
      return 'its report was sent before';
    case 'over':
      return 'the case is over';
    case 'not-its-turn':
      return 'its turn has not come';
    case 'installation-limit':
      return 'this installation has sent as many reports today as it may';
    case 'not-wanted':
      return refusal.optedOutBy === null
        ? 'the project wants no reports; `pace channel` changes that when its maintainers do'
        : `the project opted out by the list ${refusal.optedOutBy}`;
    case 'declared-limit':
      return `its maintainers declared a limit: ${refusal.open} are open, ${refusal.sentThisWeek} were sent in seven days`;
    case 'not-notified':
      if (refusal.because === 'no-address')
        return 'nobody has said where its reports go (`pace address PROJECT ADDRESS`), or no way out is configured';
      return `the report cannot leave: ${refusal.because}`;
  }
}

function optOutSentence(refusal: OptOutRefusal): string {
  switch (refusal.kind) {
    case 'too-large':
      return `it has more than ${refusal.mostBytes} bytes`;
    case 'not-a-list':
      return refusal.reason;
    case 'no-project':
      return `${refusal.line} names no project`;
  }
}

function readLimit(option: string, text: string, most = MOST_DECLARED): number | null {
  if (text === 'none') return null;
  const value = Number(text);
  if (!/^\d+$/.test(text) || value > most) throw new CommandEnd('usage', `${option} takes 0 to ${most}, or none`);
  return value;
}

function noProject(name: string): never {
  throw new CommandEnd('usage', `${name} names no project: a package URL, or a name of npm`);
}

async function fetched(fetchText: PaceCommandParts['fetchText'], url: string): Promise<string> {
  const answer = await fetchText(url);
  if ('trouble' in answer) throw new CommandEnd('unavailable', `${url}: ${answer.trouble}`);
  return answer.text;
}

const isChannel = (text: string): text is Channel => CHANNELS.some((channel) => channel === text);
