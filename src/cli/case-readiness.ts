/** `case check` and `case sign-off`: what a report lacks before it may be sent, found by machine and said by a person. */
import type { Command } from 'commander';
import type { RepositoryLook } from '../contact/index.ts';
import type { Escalations } from '../coordination/index.ts';
import { OPERATOR } from '../disclosure/index.ts';
import { ok, type Result } from '../lib/result.ts';
import type { Readiness, SignOffWord } from '../readiness/index.ts';
import { CommandEnd, type Terminal } from './terminal.ts';

export interface ReadinessCommandParts {
  readonly terminal: Terminal;
  /** Follows the report in the sandbox; tells what is missing. */
  readonly checkReport: (id: string, profile: string | undefined) => ReturnType<Readiness['check']>;
  /** Of a repository that a report is to go to; undefined where the address is none, or GitHub is not configured. */
  readonly lookAtRepository: (to: string) => Promise<RepositoryLook | undefined>;
  readonly signOff: (id: string, word: SignOffWord) => ReturnType<Readiness['signOff']>;
  /** Asks an outside coordinator, where silence has lasted long enough. */
  readonly escalate: Escalations['escalate'];
}

interface Options {
  readonly to?: string;
  readonly profile?: string;
  readonly note?: string;
  readonly scopeRead?: boolean;
  readonly withoutPatch?: string;
  readonly json?: boolean;
}

export function addReadinessCommands(cases: Command, parts: ReadinessCommandParts): void {
  addEscalate(cases, parts);
  cases
    .command('check <id>')
    .description('follow the report as its reader would, in fresh sandboxes; look at the newest release; seek a patch')
    .option('--profile <profile>', 'full or user')
    .option('--to <address>', 'github:owner/repository: whether it takes private reports, and what is under way there')
    .option('--json', 'one JSON value on standard output')
    .action(async (id: string, options: Options) => {
      const look = options.to === undefined ? undefined : await parts.lookAtRepository(options.to);
      if (options.to !== undefined && !look) {
        throw new CommandEnd('usage', '--to takes github:owner/repository, and HEADSTART_GITHUB_TOKEN set');
      }
      for (const name of look?.underWay ?? [])
        parts.terminal.say(`under way there, look whether it is the same: ${name}`);
      const against = (look?.against ?? []).map((reason) => `channel: ${reason}`);
      const checked = await parts.checkReport(id, options.profile);
      tell(parts.terminal, options, checked.ok ? ok([...checked.value, ...against]) : checked);
    });
  cases
    .command('sign-off <id>')
    .description(
      'you have read the report (`export ID --format report`) and stand behind it; another text is not signed',
    )
    .requiredOption('--note <text>', 'what you looked at; kept encrypted')
    .option('--scope-read', 'the project’s own scope file was read, and the flaw lies within it')
    .option('--without-patch <why>', 'why it goes without a candidate patch')
    .option('--json', 'one JSON value on standard output')
    .action(async (id: string, options: Options) => {
      const { note = '', scopeRead = false, withoutPatch = null } = options;
      tell(parts.terminal, options, await parts.signOff(id, { by: OPERATOR, note, scopeRead, withoutPatch }));
    });
}

const NOTHING = {
  'no-such-case': 'there is no such case',
  'not-silent': 'nobody is silent there: its report was answered, or not sent',
  'not-due': 'the silence that its policy allows is not over',
  'asked-before': 'a coordinator was asked before',
} as const;
const WAITS = {
  coordinator: 'HEADSTART_COORDINATOR names nobody: set it to vince, a mail address or webhook:https://…',
  'sign-off': 'nobody has signed the report off as it stands: `case sign-off` first',
} as const;

/** The clock's job does the same by itself; this is for who does not want to wait for it. */
function addEscalate(cases: Command, { terminal, escalate }: ReadinessCommandParts): void {
  cases
    .command('escalate <id>')
    .description('ask the configured coordinator now, where the silence allowed by the policy is over')
    .option('--json', 'one JSON value on standard output')
    .action(async (id: string, { json }: Options) => {
      const done = await escalate(id, OPERATOR);
      if (done.kind === 'nothing') {
        throw new CommandEnd(done.why === 'no-such-case' ? 'notFound' : 'conflict', `${id}: ${NOTHING[done.why]}`);
      }
      if (done.kind === 'waits') throw new CommandEnd('refused', `${id}: ${WAITS[done.for]}`);
      if (json) terminal.json({ message: done.messageId });
      terminal.say(`${id}: the coordinator is asked (${done.messageId}); the deadline stands`);
    });
}

type Answer = Result<readonly string[], { readonly kind: 'no-such-case'; readonly id: string }>;

function tell(terminal: Terminal, { json }: Options, answer: Answer): void {
  if (!answer.ok) throw new CommandEnd('notFound', `there is no case ${answer.refusal.id}`);
  const missing = answer.value;
  if (json) terminal.json({ ready: missing.length === 0, missing });
  for (const each of missing) terminal.say(`  - ${each}`);
  if (missing.length > 0) throw new CommandEnd('failed', `${missing.length} things are missing before it may be sent`);
  terminal.say('the report is ready: `case step ID notify --to ADDRESS` sends it');
}
