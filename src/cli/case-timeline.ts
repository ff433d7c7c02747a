/** `case timeline`: what each policy says about a case's history, with the zone of every hour. */
import type { Command } from 'commander';
import {
  CLOCK_POLICIES,
  type Disclosure,
  dutiesOf,
  factsOf,
  isPolicyName,
  type PolicyName,
  policyOf,
  timelineOf,
} from '../disclosure/index.ts';
import { isTimeZone } from '../lib/local-time.ts';
import { toBothZones } from '../lib/zoned-time.ts';
import { CommandEnd, type Terminal } from './terminal.ts';

export interface TimelineCommandParts {
  readonly terminal: Terminal;
  readonly disclosure: () => Promise<Pick<Disclosure, 'find'>>;
}

interface Options {
  readonly policy?: string;
  readonly zone: string;
  readonly json?: boolean;
}

/** The duties of a manufacturer stand beside the disclosure policies: they are owed to authorities, not agreed on. */
const DUTIES = 'eu-cra';

export function addTimeline(cases: Command, { terminal, disclosure }: TimelineCommandParts): void {
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
      const asked = policy === 'all' ? names : [policy ?? opened.case.policy];
      const lines = asked.flatMap((name) =>
        entriesOf(name, opened.case, zone).map((entry) => ({
          policy: name,
          ...entry,
          shown: toBothZones(entry.at, zone),
        })),
      );
      if (json) terminal.json(lines.map(({ at, ...line }) => ({ ...line, at: at.toISOString() })));
      else
        for (const { policy: name, shown, what, rule } of lines) terminal.say(`${shown}  ${what} (${name}: ${rule})`);
      if (!json && lines.length === 0) terminal.say('no date is set yet');
    });
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
