/** Commands on what becomes of a flaw after its report, and of what was put aside, joined with what they need. */
import type { Command } from 'commander';
import { toLine } from './campaign/index.ts';
import { registerFollowCommands, registerReaudit, registerSecondLookCommands } from './cli/index.ts';
import type { Parts } from './parts.ts';
import type { SandboxProfile } from './sandbox/index.ts';
import { createWork, type Session } from './session.ts';
import { createLists } from './triage/index.ts';
import { openReleaseWorkshop } from './workshop.ts';

export function registerFollow(
  program: Command,
  parts: Parts,
  session: () => Promise<Session>,
  profile: (asked: string | undefined) => SandboxProfile,
): void {
  const { terminal, database } = parts;
  const services = async () => (await session()).services;
  const work = createWork(session, (event) => terminal.say(toLine(event)));
  registerFollowCommands(program, {
    terminal,
    followup: async () => (await services()).followup,
    workshop: (asked) => openReleaseWorkshop(parts, profile(asked)),
  });
  registerSecondLookCommands(program, { terminal, secondLooks: async () => (await services()).secondLooks });
  registerReaudit(program, {
    ...{ terminal, database, profile },
    lists: async () => createLists({ database: await database() }),
    campaigns: async () => (await services()).campaigns,
    disclosure: async () => (await services()).disclosure,
    work: (campaign) => work(campaign, parts.registry()),
    summarise: async (id) => (await services()).reports.summarise(id),
  });
}
