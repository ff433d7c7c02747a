/** `outbox list | settle`: what is on its way out, and what a person says of a message that waits for one. */
import type { Command } from 'commander';
import { isPersonsWord, type Message, type MessageState, type Outbox, PERSONS_WORDS } from '../contact/index.ts';
import { CommandEnd, type Terminal } from './terminal.ts';

export interface OutboxCommandParts {
  readonly terminal: Terminal;
  readonly outbox: () => Promise<Pick<Outbox, 'list' | 'settle'>>;
}

const STATES = ['pending', 'sending', 'uncertain', 'refused', 'sent'] as const satisfies readonly MessageState[];
/** What has not arrived, as far as anybody knows. */
const OPEN: readonly MessageState[] = ['pending', 'sending', 'uncertain', 'refused'];

export function registerOutboxCommands(program: Command, parts: OutboxCommandParts): void {
  const outbox = program.command('outbox').description('messages on their way out: list, settle');
  outbox
    .command('list')
    .description('what has not arrived, the newest first')
    .option('--state <state>', `only these: ${STATES.join(', ')}`)
    .option('--json', 'one JSON value on standard output')
    .action(async ({ state, json }: { state?: string; json?: boolean }) => {
      const known = STATES.filter((each) => each === state);
      if (state !== undefined && known.length === 0) {
        throw new CommandEnd('usage', `no such state: ${state}. There are ${STATES.join(', ')}`);
      }
      const messages = await (await parts.outbox()).list(state === undefined ? OPEN : known);
      if (json) return parts.terminal.json(messages.map(toShown));
      for (const { id, caseId, channel, state: now, trouble } of messages) {
        parts.terminal.say(`${id}  ${now} by ${channel}, of ${caseId}${trouble ? `: ${trouble}` : ''}`);
      }
      parts.terminal.say(`${messages.length} messages`);
    });
  outbox
    .command('settle <id> <word>')
    .description(`say what became of a message that waits for a person: ${PERSONS_WORDS.join(', ')}`)
    .option('--json', 'one JSON value on standard output')
    .action(async (id: string, word: string, { json }: { json?: boolean }) => {
      if (!isPersonsWord(word))
        throw new CommandEnd('usage', `no such word: ${word}. There are ${PERSONS_WORDS.join(', ')}`);
      const settled = await (await parts.outbox()).settle(id, word);
      if (!settled) throw new CommandEnd('notFound', `there is no message ${id}`);
      if (!settled.ok)
        throw new CommandEnd('conflict', `a message that is ${settled.refusal.state} cannot be told "${word}"`);
      if (json) parts.terminal.json({ id, state: settled.value.state });
      else parts.terminal.say(`${id}: ${settled.value.state}`);
    });
}

function toShown({ id, caseId, channel, state, attempts, trouble, remote, createdAt, sentAt, settledBy }: Message) {
  return {
    id,
    case: caseId,
    channel,
    state,
    attempts,
    trouble,
    remote,
    createdAt: createdAt.toISOString(),
    sentAt: sentAt?.toISOString() ?? null,
    settledBy,
  };
}
