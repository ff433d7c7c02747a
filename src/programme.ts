/** The programme of an installation, joined: members, keys, stops. Needs no sandbox and no server. */
import { createKeys, createMembership, createStops } from './membership/index.ts';
import type { Parts } from './parts.ts';

export type Programme = Awaited<ReturnType<typeof openProgramme>>;

export async function openProgramme({ database, vault, log, clock, random, onClose }: Parts) {
  const opened = await log();
  // What this command promised to the log becomes leaves before it ends, where no worker did it.
  onClose(() => opened.sequence());
  const parts = { database: await database(), vault: await vault(), log: opened, clock, random };
  return { membership: createMembership(parts), keys: createKeys(parts), stops: createStops(parts) };
}
