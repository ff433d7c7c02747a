/** `case timeline`: what each policy says about a case's history, with the zone of every hour. */
import type { Command } from 'commander';
import {
  CLOCK_POLICIES,
  type Disclosure,
  DUTIES as DUTY_NAMES,
  dutiesOf,
  factsOf,
  type HistoryEntry,
  isDuty,
  isPolicyName,
  OPERATOR,
  type PolicyName,
  policyOf,
  timelineOf,
} from '../disclosure/index.ts';
import { isTimeZone } from '../lib/local-time.ts';
import { toBothZones } from '../lib/zoned-time.ts';
import { readInstant } from './case-party.ts';
import { CommandEnd, type Terminal } from './terminal.ts';

export interface TimelineCommandParts {
  readonly terminal: Terminal;
  readonly disclosure: () => Promise<Pick<Disclosure, 'find' | 'handIn' | 'noteFirstPost'>>;
}

interface Options {
  readonly policy?: string;
  readonly zone: string;
  readonly json?: boolean;
}

interface Line {
  readonly policy: string;
  readonly at: Date;
  readonly what: string;
  readonly rule: string;
  readonly shown: string;
}

/** The duties of a manufacturer stand beside the disclosure policies: they are owed to authorities, not agreed on. */
const DUTIES = 'eu-cra';

/** `case duty`: a document that was owed to an authority is handed in, and its clock ends. */
function addDuty(cases: Command, { terminal, disclosure }: TimelineCommandParts): void {
  cases
    .command('duty <id> <duty>')
    .description(`what the EU Cyber Resilience Act asks for was handed in: ${DUTY_NAMES.join(', ')}`)
    .option('--note <text>', 'where, and under which number')
    .option('--json', 'one JSON value on standard output')
    .action(async (id: string, duty: string, { note, json }: { readonly note?: string; readonly json?: boolean }) => {
      if (!isDuty(duty)) throw new CommandEnd('usage', `${duty} is none of ${DUTY_NAMES.join(', ')}`);
      const service = await disclosure();
      if (!(await service.find(id))) throw new CommandEnd('notFound', `there is no case ${id}`);
      const by = { actor: OPERATOR, ...(note !== undefined && { note }) };
      if (!(await service.handIn(id, duty, by)))
        throw new CommandEnd('conflict', `the clock of ${duty} does not run for ${id}`);
      if (json) terminal.json({ case: id, duty });
      terminal.say(`${id}: ${duty} is handed in, its clock ends`);
    });
}

/** `case first-post`: from where the clock of a closed list counts, whoever posted it. */
function addFirstPost(cases: Command, { terminal, disclosure }: TimelineCommandParts): void {
  cases
    .command('first-post <id> <instant>')
    .description('the flaw was posted on a closed list then (2026-12-24T12:00Z), by us or by others before us')
    .option('--note <text>', 'which list, and who said so')
    .option('--json', 'one JSON value on standard output')
    .action(async (id: string, at: string, { note, json }: { readonly note?: string; readonly json?: boolean }) => {
      const by = { actor: OPERATOR, ...(note !== undefined && { note }) };
      const noted = await (await disclosure()).noteFirstPost(id, new Date(readInstant(at)), by);
      if (!noted.ok) {
        const { refusal } = noted;
        if (refusal.kind === 'no-such-case') throw new CommandEnd('notFound', `there is no case ${id}`);
        throw new CommandEnd(
          'conflict',
          `${id}: ${FIRST_POST[refusal.kind as keyof typeof FIRST_POST] ?? refusal.kind}`,
        );
      }
      const dueAt = 'dueAt' in noted.value ? (noted.value.dueAt?.toISOString() ?? null) : null;
      if (json) terminal.json({ case: id, firstPostAt: noted.value.firstPostAt?.toISOString() ?? null, dueAt });
      terminal.say(`${id}: posted ${at}; ${dueAt ? `its deadline is ${dueAt}` : 'no deadline runs'}`);
    });
}

const FIRST_POST = {
  'post-in-the-future': 'a post lies in the past',
  'post-known': 'an earlier post is known already',
  'case-over': 'the case is over',
} as const;

export function addTimeline(cases: Command, parts: TimelineCommandParts): void {
  const { terminal, disclosure } = parts;
  addDuty(cases, parts);
  addFirstPost(cases, parts);
  const names = [...Object.keys(CLOCK_POLICIES), DUTIES];
  cases
    .command('timeline <id>')
    .description('every date of a case under its policy, or under others')
    .option('--policy <policy>', `all, or one of ${names.join(', ')}; the case’s own where left out`)
    .option('--zone <zone>', 'also in this time zone', 'UTC')
    .option('--json', 'one JSON value on standard output')
    .action(async (id: string, { policy, zone, json }: Options) => {
      const opened = await (await disclosure()).find(id);
      if (!opened) throw new CommandEnd('notFound', `there is no case ${id}`);
      if (!isTimeZone(zone)) throw new CommandEnd('usage', `${zone} is no time zone, such as Europe/Berlin`);
      // What is owed to authorities is owed under every policy.
      const own = opened.case.facts.A ? [opened.case.policy, DUTIES] : [opened.case.policy];
      const asked = policy === 'all' ? names : policy === undefined ? own : [policy];
      const lines: Line[] = asked.flatMap((name) =>
        entriesOf(name, opened.case, zone).map((entry) => ({
          policy: name,
          ...entry,
          shown: toBothZones(entry.at, zone),
        })),
      );
      lines.push(...escalationsOf(opened.history).map((entry) => ({ ...entry, shown: toBothZones(entry.at, zone) })));
      if (json) terminal.json(lines.map(({ at, ...line }) => ({ ...line, at: at.toISOString() })));
      else
        for (const { policy: name, shown, what, rule } of lines) terminal.say(`${shown}  ${what} (${name}: ${rule})`);
      if (!json && lines.length === 0) terminal.say('no date is set yet');
    });
}

/** What became of a silence, beside what the policy says of it. */
function escalationsOf(history: readonly HistoryEntry[]) {
  return history
    .filter(({ event }) => event.startsWith('escalat'))
    .map(({ at, event }) => ({ policy: 'history', at, what: event, rule: 'what happened' }));
}

function entriesOf(name: string, it: Parameters<typeof factsOf>[0], zone: string) {
  const facts = factsOf(it);
  if (name === DUTIES) {
    const { exploitedAt: awareAt, fixReleasedAt: fixAvailableAt } = facts;
    return awareAt
      ? dutiesOf({ kind: 'exploited-vulnerability', awareAt, fixAvailableAt, notifiedAt: null, zone })
      : [];
  }
  if (!isPolicyName(name)) throw new CommandEnd('usage', `there is no policy ${name}`);
  return timelineOf(policyOf(name satisfies PolicyName), facts);
}
