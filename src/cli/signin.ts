/** `person invite`, `person role`, `org provider`: how persons come to a sign-in, and what they may do in it. */
import type { Command } from 'commander';
import { OPERATOR } from '../disclosure/index.ts';
import { isRole, ROLES, type SignIn } from '../signin/index.ts';
import { settled } from './member-input.ts';
import type { ProgramCommandParts } from './program.ts';
import { CommandEnd } from './terminal.ts';

export interface SignInCommandParts extends Omit<ProgramCommandParts, 'approve' | 'isUnderReview' | 'caps'> {
  readonly signIn: () => Promise<Pick<SignIn, 'invite' | 'giveRole' | 'takeRole' | 'setProvider' | 'signOutPerson'>>;
  /** Where the pages answer, without a slash at the end. */
  readonly origin: () => string;
}

const JSON_OPTION = ['--json', 'one JSON value on standard output'] as const;

/** The groups `person` and `org` are there already. */
export function registerSignInCommands(program: Command, parts: SignInCommandParts): void {
  const group = (name: string): Command => {
    const found = program.commands.find((command) => command.name() === name);
    if (!found) throw new Error(`the commands of ${name} come first`);
    return found;
  };
  addPersons(group('person'), parts);
  addProvider(group('org'), parts);
}

function addPersons(persons: Command, { terminal, membership, signIn, origin }: SignInCommandParts): void {
  persons
    .command('invite <person>')
    .description('a link that enrols a passkey, once, within seven days; it ends every earlier link')
    .option(...JSON_OPTION)
    .action(async (named: string, { json }: { json?: boolean }) => {
      const { id, email } = settled(await (await membership()).findPerson(named));
      const token = await (await signIn()).invite(id, OPERATOR);
      if (!token.ok) throw new CommandEnd('refused', `${email} does not take part any more`);
      const link = `${origin()}/join/${token.value}`;
      if (json) terminal.json({ id, link });
      else terminal.data(`${link}\n`);
      terminal.say(`Give it to ${email} and to nobody else, by a way that is theirs alone.`);
    });
  persons
    .command('role <person> <role>')
    .description(`what they may do: ${ROLES.join(', ')}`)
    .option('--remove', 'not any more')
    .action(async (named: string, role: string, { remove }: { remove?: boolean }) => {
      if (!isRole(role)) throw new CommandEnd('usage', `no such role: ${role}. There are ${ROLES.join(', ')}`);
      const { id } = settled(await (await membership()).findPerson(named));
      const service = await signIn();
      if (remove) await service.takeRole(id, role);
      else await service.giveRole(id, role, OPERATOR);
      terminal.say(`${id}: ${remove ? 'no longer' : 'now'} ${role}`);
    });
  persons
    .command('sign-out <person>')
    .description('end every session of theirs')
    .action(async (named: string) => {
      const { id } = settled(await (await membership()).findPerson(named));
      await (await signIn()).signOutPerson(id);
      terminal.say(`${id}: signed out everywhere`);
    });
}

interface ProviderOptions {
  readonly issuer: string;
  readonly clientId: string;
  readonly secretEnv: string;
  readonly domain: readonly string[];
  readonly attests?: boolean;
}

function addProvider(orgs: Command, { terminal, membership, signIn }: SignInCommandParts): void {
  orgs
    .command('provider <org>')
    .description("sign-in through the organisation's own OpenID provider")
    .requiredOption('--issuer <url>', 'as in its discovery document')
    .requiredOption('--client-id <id>', 'what it knows this installation by')
    .requiredOption('--secret-env <variable>', 'the environment variable with the client secret')
    .requiredOption('--domain <name...>', 'whose mail addresses it may speak for')
    .option('--attests', 'the organisation attests that every sign-in there is phishing-resistant')
    .action(async (org: string, options: ProviderOptions) => {
      const { id } = settled(await (await membership()).findOrganisation(org));
      if (!URL.canParse(options.issuer)) throw new CommandEnd('usage', `${options.issuer} is no URL`);
      await (await signIn()).setProvider({
        organisation: id,
        issuer: options.issuer,
        clientId: options.clientId,
        secretEnv: options.secretEnv,
        domains: options.domain.map((name) => name.toLowerCase()),
        attests: options.attests ?? false,
      });
      terminal.say(`${id}: its persons can sign in at ${new URL(options.issuer).host}`);
    });
}
