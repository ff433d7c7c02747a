/** `serve`: the status page, the public files, the gateway and the workers, until it is told to stop. */
import type { Command } from 'commander';
import { CommandEnd, type Terminal } from './terminal.ts';

export const ROLES = ['all', 'gateway', 'worker', 'web', 'public'] as const;
export type Role = (typeof ROLES)[number];

export interface Addresses {
  readonly console: string | null;
  readonly gateway: string | null;
  readonly public: string | null;
  /** Where mail comes in; null unless it is configured. */
  readonly mail: string | null;
}

export interface ServeParts {
  readonly terminal: Terminal;
  readonly profile: (asked: string | undefined) => 'full' | 'user';
  /** Opens what the role needs and gives its addresses; everything is closed with the program. */
  readonly open: (role: Role, port: number, profile: 'full' | 'user') => Promise<Addresses>;
  /** Settles when the program is told to stop. */
  readonly untilStopped: () => Promise<void>;
}

export const DEFAULT_PORT = 8470;

export function registerServe(program: Command, parts: ServeParts): void {
  program
    .command('serve')
    .description('serve the status page, the public files and the gateway, and run jobs')
    .option(
      '--port <n>',
      'port of the status page (public server: the next one, gateway: the one after); 0 for any',
      `${DEFAULT_PORT}`,
    )
    .option('--role <name>', ROLES.join(', '), 'all')
    .option('--profile <name>', 'sandbox profile: full or user')
    .action(async (options: { port: string; role: string; profile?: string }) => {
      const role = ROLES.find((name) => name === options.role);
      if (!role) throw new CommandEnd('usage', `the role ${options.role} is not built; there are ${ROLES.join(', ')}`);
      await serve(parts, role, options.port, parts.profile(options.profile));
    });
}

export async function serve(
  { terminal, open, untilStopped }: Omit<ServeParts, 'profile'>,
  role: Role,
  port: string,
  profile: 'full' | 'user',
): Promise<void> {
  if (!/^\d{1,5}$/.test(port) || Number(port) > 65_533) {
    throw new CommandEnd('usage', `--port takes a number from 0 to 65533, not ${port}`);
  }
  const addresses = await open(role, Number(port), profile);
  terminal.json({ ...addresses });
  if (addresses.console) terminal.say(`Open ${addresses.console} (status) or ${addresses.public ?? ''} (public files)`);
  if (addresses.mail) terminal.say(`Mail comes in at ${addresses.mail}`);
  if (addresses.gateway) terminal.say(`Model calls go to ${addresses.gateway}`);
  await untilStopped();
}
