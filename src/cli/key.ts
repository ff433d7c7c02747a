/** `key create | revoke | list`. The key is shown once and kept nowhere. */
import type { Command } from 'commander';
import { OPERATOR } from '../disclosure/index.ts';
import { jwkThumbprint } from '../lib/jwk.ts';
import type { Keys, Membership } from '../membership/index.ts';
import { TIERS } from '../program/index.ts';
import { readJsonFile, settled, toInstant, toMicroDollars } from './member-input.ts';
import { CommandEnd, type Terminal } from './terminal.ts';

export interface KeyCommandParts {
  readonly terminal: Terminal;
  readonly keys: () => Promise<Keys>;
  readonly membership: () => Promise<Membership>;
}

interface CreateOptions {
  readonly org: string;
  readonly person: string;
  readonly model: readonly string[];
  readonly tier?: string;
  readonly bind: string;
  readonly jwk?: string;
  readonly limit?: string;
  readonly expires?: string;
  readonly json?: boolean;
}

export function registerKeyCommands(program: Command, parts: KeyCommandParts): void {
  const { terminal } = parts;
  const keys = program.command('key').description('keys of callers');
  keys
    .command('create')
    .description('a key for one person and the models named; makes the grant it needs')
    .requiredOption('--org <org>', 'whose grants and money it uses')
    .requiredOption('--person <person>', 'who holds it: id or address')
    .requiredOption('--model <model...>', 'what it may be used for')
    .option('--tier <tier>', `${TIERS.join(', ')}; the organisation's highest where absent`)
    .option('--bind <how>', 'none, or dpop: every call carries a proof of another key (RFC 9449)', 'none')
    .option('--jwk <file>', 'the public key of the proofs; without it the first proof binds')
    .option('--limit <dollars>', 'may spend so much at most')
    .option('--expires <date>', 'until when')
    .option('--json', 'one JSON value on standard output')
    .action(async (options: CreateOptions) => {
      const { bind, jwk, json } = options;
      if (bind !== 'none' && bind !== 'dpop') throw new CommandEnd('usage', '--bind takes none or dpop');
      const request = {
        organisation: options.org,
        person: options.person,
        models: options.model,
        tier: options.tier,
        bind: jwk === undefined ? bind : 'dpop',
        jkt: jwk === undefined ? undefined : await readThumbprint(jwk),
        expiresAt: toInstant(options.expires),
        limitMicro: options.limit === undefined ? undefined : toMicroDollars(options.limit),
      } as const;
      const { id, key } = settled(await (await parts.keys()).createKey(request, OPERATOR));
      if (json) terminal.json({ id, key });
      else terminal.data(`${key}\n`);
      terminal.say(`${id}: shown once; nothing here can show it again`);
    });
  keys
    .command('revoke <id>')
    .description('end a key: within a second at every gateway')
    .option('--json', 'one JSON value on standard output')
    .action(async (named: string, { json }: { json?: boolean }) => {
      const id = settled(await (await parts.keys()).revokeKey(named, OPERATOR));
      if (json) terminal.json({ id });
      terminal.say(`${id}: revoked`);
    });
  addList(keys, parts);
}

function addList(keys: Command, { terminal, keys: service, membership }: KeyCommandParts): void {
  keys
    .command('list [org]')
    .description('all keys, or those of one organisation')
    .option('--json', 'one JSON value on standard output')
    .action(async (org: string | undefined, { json }: { json?: boolean }) => {
      const of = org === undefined ? undefined : settled(await (await membership()).findOrganisation(org)).id;
      const list = (await (await service()).listKeys(of)).map(({ mac: _mac, ...key }) => ({
        ...key,
        jkt: key.jkt ?? null,
        createdAt: key.createdAt.toISOString(),
        expiresAt: key.expiresAt?.toISOString() ?? null,
        revokedAt: key.revokedAt?.toISOString() ?? null,
      }));
      if (json) terminal.json(list);
      else
        for (const { id, person, tier, models, revokedAt } of list) {
          terminal.say(`${id}  ${revokedAt ? 'revoked' : tier}  ${person}  ${models.join(', ')}`);
        }
    });
}

async function readThumbprint(path: string): Promise<string> {
  const thumbprint = jwkThumbprint(await readJsonFile(path));
  if (!thumbprint) throw new CommandEnd('usage', `${path} is no public key as JSON (RFC 7517)`);
  return thumbprint;
}
