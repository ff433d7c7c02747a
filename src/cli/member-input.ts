/** What the commands on members, keys and stops read alike, and how a refusal ends them. */
import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { readDollars } from '../ledger/index.ts';
import type { Result } from '../lib/result.ts';
import type { MembershipRefusal } from '../membership/index.ts';
import { CommandEnd, type ExitName } from './terminal.ts';

/** Whoever owns the data directory acts so: nobody has signed in. */
export { OPERATOR } from '../disclosure/index.ts';

export const toCountry = (text: string | undefined): string | undefined => text?.toUpperCase();

/** Micro-dollars. */
export function toMicroDollars(dollars: string): number {
  const amount = readDollars(dollars);
  if (!amount.ok || amount.value === 0) {
    throw new CommandEnd('usage', `${dollars} is no amount in dollars: 12, 0.5 or 0.000001, say`);
  }
  return amount.value;
}

const DAY_CHARACTERS = '2026-12-31'.length;

/** A day, or an instant of RFC 3339. A day that the calendar does not have is none. */
export function toInstant(text: string | undefined): Date | undefined {
  if (text === undefined) return undefined;
  const at = /^\d{4}-\d{2}-\d{2}(T[\d:.]+(Z|[+-]\d{2}:\d{2}))?$/.test(text) ? new Date(text) : undefined;
  const day = text.slice(0, DAY_CHARACTERS);
  // Date.parse makes the 3rd of March out of the 31st of February.
  const isDay = !Number.isNaN(Date.parse(day)) && new Date(day).toISOString().startsWith(day);
  if (!at || Number.isNaN(at.getTime()) || !isDay) {
    throw new CommandEnd('usage', `${text} is no date: 2026-12-31 or RFC 3339`);
  }
  return at;
}

/** `1 key`, `2 keys`. */
export const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`;

/** The command of a noun, which more than one file adds verbs to. */
export function nounOf(program: Command, name: string, description: string): Command {
  return program.commands.find((each) => each.name() === name) ?? program.command(name).description(description);
}

export async function readJsonFile(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, 'utf8'));
  } catch (error) {
    const isMissing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    throw new CommandEnd(isMissing ? 'notFound' : 'usage', `${path} ${isMissing ? 'is not there' : 'is no JSON file'}`);
  }
}

/** The value, or the end of the command with the reason. */
export function settled<T>(outcome: Result<T, MembershipRefusal>): T {
  if (outcome.ok) return outcome.value;
  throw toMembershipEnd(outcome.refusal);
}

export const toMembershipEnd = (refusal: MembershipRefusal): CommandEnd =>
  new CommandEnd(EXITS[refusal.kind], reasonOf(refusal));

export const isMembershipRefusal = (refusal: { readonly kind: string }): refusal is MembershipRefusal =>
  Object.hasOwn(EXITS, refusal.kind);

const EXITS: Readonly<Record<MembershipRefusal['kind'], ExitName>> = {
  'malformed-model': 'usage',
  malformed: 'usage',
  'not-found': 'notFound',
  ambiguous: 'conflict',
  exists: 'conflict',
  ended: 'refused',
  'not-approved': 'refused',
  'tier-too-high': 'refused',
  'not-open': 'refused',
  replaced: 'conflict',
  'by-decision': 'conflict',
  'no-ledger': 'unavailable',
};

function reasonOf(refusal: MembershipRefusal): string {
  switch (refusal.kind) {
    case 'malformed-model':
      return refusal.why;
    case 'malformed':
      return `${refusal.what} cannot be understood`;
    case 'not-found':
      return `there is no ${refusal.what} ${refusal.named}`;
    case 'ambiguous':
      return `more than one ${refusal.what} is called ${refusal.named}: give the id`;
    case 'exists':
      return `there is a ${refusal.what} ${refusal.named} already`;
    case 'ended':
      return `the ${refusal.what} ${refusal.named} has left`;
    case 'not-approved':
      return `${refusal.organisation} is not approved: \`org approve\` does it`;
    case 'tier-too-high':
      return `${refusal.asked} is further in than ${refusal.highest}, the highest tier of the organisation`;
    case 'not-open':
      return `${refusal.model} is open to ${refusal.openTo}, not to ${refusal.tier}`;
    case 'replaced':
      return `${refusal.model} was changed meanwhile: look again`;
    case 'by-decision':
      return `${refusal.model} opens by decisions alone: see \`release status ${refusal.model}\``;
    case 'no-ledger':
      return 'limits of money are kept by the ledger, which is not there';
  }
}
