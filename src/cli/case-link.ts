/** `case link`: the way to a party's page, made anew or ended. A link is shown once and stands nowhere else. */
import type { Command } from 'commander';
import { type Coordination, LINK_DAYS, type Links, MAX_LINK_DAYS, type ParticipantId } from '../coordination/index.ts';
import { toZoned } from '../lib/zoned-time.ts';
import type { Transaction } from '../store/database.ts';
import { CommandEnd, type Terminal } from './terminal.ts';

export interface LinkCommandParts {
  readonly terminal: Terminal;
  readonly database: () => Promise<Transaction>;
  readonly coordination: () => Promise<Coordination>;
  readonly links: () => Promise<Links>;
  /** As a browser reaches the pages. */
  readonly origin: () => string;
}

interface Options {
  readonly party?: string;
  readonly days?: number;
  readonly list?: boolean;
  readonly revoke?: boolean;
  readonly json?: boolean;
}

export function addLink(cases: Command, parts: LinkCommandParts): void {
  const { terminal } = parts;
  cases
    .command('link <id>')
    .description('a link to the page of a party, without account or script; shown once')
    .option('--party <party>', 'of this party; the vendor’s where left out')
    .option('--days <days>', `for so long; ${LINK_DAYS} where left out`, Number)
    .option('--list', 'what links there are, without their secrets')
    .option('--revoke', 'end all links of the party instead')
    .option('--json', 'one JSON value on standard output')
    .action(async (id: string, options: Options) => {
      const [database, links] = [await parts.database(), await parts.links()];
      if (options.list) return await list(parts, id, options.json ?? false);
      const { caseId, who, name } = await getParty(parts, id, options.party);
      if (options.revoke) {
        const ended = await links.revoke(database, caseId, who);
        if (options.json) terminal.json({ party: who, revoked: ended });
        else terminal.say(`${ended} links of ${name} are ended`);
        return;
      }
      const days = options.days ?? LINK_DAYS;
      if (!(Number.isInteger(days) && days >= 1 && days <= MAX_LINK_DAYS)) {
        throw new CommandEnd('usage', `--days takes 1 to ${MAX_LINK_DAYS}`);
      }
      const link = `${parts.origin()}/m/${await links.create(database, caseId, who, days)}`;
      if (options.json) terminal.json({ party: who, link, days });
      else terminal.data(`${link}\n`);
      terminal.say(`for ${name}, ${days} days; whoever has it sees and answers what this party may`);
    });
}

async function getParty(parts: LinkCommandParts, id: string, party: string | undefined) {
  const shared = await (await parts.coordination()).find(id);
  if (!shared) throw new CommandEnd('notFound', `there is no case ${id}`);
  const vendor = shared.opened.case.parties.find(({ role }) => role === 'vendor')?.id;
  const who = (party ?? vendor ?? '') as ParticipantId;
  const found = shared.it.participants.get(who);
  if (!found || found.stance === 'left' || who === shared.it.us) {
    throw new CommandEnd('notFound', `${who} takes no part in ${id}`);
  }
  return { caseId: shared.opened.case.id, who, name: found.name };
}

async function list({ terminal, database, links }: LinkCommandParts, id: string, json: boolean): Promise<void> {
  const all = await (await links()).list(await database(), id);
  if (json) {
    return terminal.json(
      all.map(({ createdAt, expiresAt, revokedAt, ...link }) => ({
        ...link,
        createdAt: createdAt.toISOString(),
        expiresAt: expiresAt.toISOString(),
        revokedAt: revokedAt?.toISOString() ?? null,
      })),
    );
  }
  for (const { id: link, partyId, expiresAt, revokedAt } of all) {
    const end = revokedAt ? `ended ${toZoned(revokedAt, 'UTC')}` : `until ${toZoned(expiresAt, 'UTC')}`;
    terminal.say(`${link}  ${partyId}  ${end}`);
  }
  terminal.say(`${all.length} links`);
}
