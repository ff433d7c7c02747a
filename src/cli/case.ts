/** `case list | show | step` and `export`: the operator's view of disclosure. Secrets are shown only when asked for. */
import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import type { Message } from '../contact/index.ts';
import {
  createCompressedClock,
  type Disclosure,
  isStep,
  OPERATOR,
  type OpenedCase,
  packageOf,
  STEPS,
  type StepRefusal,
} from '../disclosure/index.ts';
import type { Followup } from '../followup/index.ts';
import { toMarkdown } from '../formats/advisory-markdown.ts';
import type { AdvisoryRecord } from '../formats/advisory-record.ts';
import { toCsaf } from '../formats/csaf.ts';
import { toCve } from '../formats/cve.ts';
import { toOsv } from '../formats/osv.ts';
import type { Clock } from '../lib/clock.ts';
import type { Result } from '../lib/result.ts';
import { StaleWrite, type Transaction } from '../store/database.ts';
import type { Timekeeping } from '../timekeeping/index.ts';
import type { Lists } from '../triage/index.ts';
import { addClock } from './case-clock.ts';
import { addLink, type LinkCommandParts } from './case-link.ts';
import { addMitigation } from './case-mitigation.ts';
import { addPartyCommands, type PartyCommandParts } from './case-party.ts';
import { addReadinessCommands, type ReadinessCommandParts } from './case-readiness.ts';
import { text, toShown } from './case-shown.ts';
import { addTimeline } from './case-timeline.ts';
import { toFollowUpJson } from './follow.ts';
import { CommandEnd, type ExitName } from './terminal.ts';

export interface CaseCommandParts extends PartyCommandParts, LinkCommandParts, ReadinessCommandParts {
  readonly clock: Clock;
  readonly database: () => Promise<Transaction>;
  /** Under the real clock. */
  readonly disclosure: () => Promise<Disclosure>;
  /** The same under a compressed clock: moves demonstrations. */
  readonly disclosureUnder: (clock: Clock) => Promise<Disclosure>;
  /** Signs as the operator, with both keys, and publishes. `clock` is the case's. */
  readonly publishAsOperator: (
    opened: OpenedCase,
    clock: Clock,
  ) => Promise<Result<{ readonly advisory: string }, { readonly kind: string }>>;
  /** A released document as it was published; undefined before. */
  readonly publishedDocument: (opened: OpenedCase, folder: string) => Promise<string | undefined>;
  readonly followup: () => Promise<Pick<Followup, 'show'>>;
  readonly lists: () => Promise<Pick<Lists, 'cnasFor'>>;
  readonly timekeeping: () => Promise<Pick<Timekeeping, 'holds' | 'free' | 'look'>>;
  /** The message to a maintainer as RFC 5322. */
  readonly readLetter: (messageId: string) => Promise<string | undefined>;
}

const ADDRESS_FORMS =
  'name@example.org, github:owner/repository, advisory:owner/repository, issue:owner/repository, vince:vendor, webhook:https://…';

const EXPORT_FORMATS = ['csaf', 'osv', 'cve', 'markdown', 'report'] as const;
type ExportFormat = (typeof EXPORT_FORMATS)[number];

export function registerCaseCommands(program: Command, parts: CaseCommandParts): void {
  const cases = program.command('case').description('disclosure cases: list, show, move');
  addList(cases, parts);
  addShow(cases, parts);
  addStep(cases, parts);
  addClock(cases, parts);
  addPartyCommands(cases, parts);
  addLink(cases, parts);
  addReadinessCommands(cases, parts);
  addTimeline(cases, parts);
  addMitigation(cases, parts);
  addExport(program, parts);
}

function addList(cases: Command, { terminal, disclosure }: CaseCommandParts): void {
  cases
    .command('list')
    .description('all cases, the newest first')
    .option('--json', 'one JSON value on standard output')
    .action(async ({ json }: { json?: boolean }) => {
      const list = await (await disclosure()).list();
      if (json)
        terminal.json(list.map((each) => ({ ...each, openedAt: text(each.openedAt), dueAt: text(each.dueAt) })));
      else
        for (const { id, kind, stage, embargo, title, dueAt } of list) {
          const due = dueAt ? `, until ${minutes(dueAt)}` : '';
          terminal.say(
            `${id}  ${stage}, embargo ${embargo}${due}  ${kind === 'demonstration' ? '[demonstration] ' : ''}${title}`,
          );
        }
      if (!json) terminal.say(`${list.length} cases`);
    });
}

function addShow(cases: Command, parts: CaseCommandParts): void {
  cases
    .command('show <id>')
    .description('one case with its history, clocks, parties and messages')
    .option('--reveal', 'the reproducer and the way to the flaw too; this is written into the history')
    .option('--json', 'one JSON value on standard output')
    .action(async (id: string, { json, reveal }: { json?: boolean; reveal?: boolean }) => {
      const disclosure = await parts.disclosure();
      const opened = await getCase(disclosure, id);
      if (reveal) await disclosure.note(await parts.database(), opened, 'revealed', OPERATOR);
      const followUp = await (await parts.followup()).show(id);
      const cnas = await (await parts.lists()).cnasFor(packageOf(opened.finding).name);
      const shown = {
        ...toShown(opened, reveal ?? false),
        cnas: cnas.map((cna) => ({ ...cna })),
        followUp: followUp ? toFollowUpJson(followUp) : null,
      };
      if (json) parts.terminal.json(shown);
      else parts.terminal.say(JSON.stringify(shown, null, 2));
    });
}

function addStep(cases: Command, parts: CaseCommandParts): void {
  cases
    .command('step <id> <step>')
    .description(`move a case: ${STEPS.join(', ')}`)
    .option('--note <text>', 'why, for the history')
    .option(
      '--to <address>',
      `with notify, real cases only: where the report is sent, kept encrypted: ${ADDRESS_FORMS}`,
    )
    .option('--key <file>', 'with --to a mail address: an age recipient or an armoured OpenPGP key to encrypt to')
    .option('--public', 'with --to issue:…: says that the report may be public at once; low severities only')
    .option('--after <days>', 'demonstrations only: so many days later by their simulated clock', Number)
    .option('--yes', 'stands for the approvals of two persons; the log says that it was one')
    .option('--json', 'one JSON value on standard output')
    .action(async (id: string, step: string, options: StepOptions) => {
      if (!isStep(step)) throw new CommandEnd('usage', `no such step: ${step}. There are ${STEPS.join(', ')}`);
      const opened = await getCase(await parts.disclosure(), id);
      const clock = clockOf(parts, opened, options.after);
      const to = await readAddressed(step, options);
      if (step === 'disclose') await discloseSigned(parts, opened, clock, options.yes ?? false);
      else {
        const disclosure = opened.case.time === 'real' ? await parts.disclosure() : await parts.disclosureUnder(clock);
        const { note = '' } = options;
        const by = { actor: OPERATOR, note, ...(to !== undefined && { to }) };
        const outcome = await disclosure.take(step, id, by).catch(conflict);
        if (!outcome.ok) throw refused(outcome.refusal);
      }
      const after = await getCase(await parts.disclosure(), id);
      if (options.json) parts.terminal.json(toShown(after, false));
      parts.terminal.say(`${id}: ${after.case.stage}, embargo ${after.case.embargo}`);
      if (step === 'withdraw' || step === 'reject') parts.terminal.say(whatBecomesOf(after));
      if (step === 'notify') for (const message of after.messages) parts.terminal.say(whereabouts(id, message));
    });
}

function whatBecomesOf({ commitment }: OpenedCase): string {
  return commitment.endedAt
    ? 'its commitment is opened as withdrawn, in the log'
    : `its commitment is opened as withdrawn on ${commitment.openedBy} by a running worker (\`headstart serve\`)`;
}

/** Where the report is now, and what has to happen. */
function whereabouts(id: string, { channel, state }: Message): string {
  return channel === 'file'
    ? `the report lies encrypted in the outbox and is sent to nobody; \`export ${id} --format report --eml\` writes it out`
    : `the report leaves by ${channel === 'smtp' ? 'mail' : channel} while a worker runs (\`headstart serve\`); now ${state}`;
}

async function readAddressed(step: string, { to, key, public: mayBePublic }: StepOptions) {
  if (to === undefined) {
    if (key !== undefined || mayBePublic) throw new CommandEnd('usage', '--key and --public go with --to');
    return undefined;
  }
  if (step !== 'notify') throw new CommandEnd('usage', '--to goes with notify');
  const publicKey = key === undefined ? undefined : await readFile(key, 'utf8').catch(() => undefined);
  if (key !== undefined && publicKey === undefined) throw new CommandEnd('usage', `${key} cannot be read`);
  return { address: to, publicKey, mayBePublic };
}

interface StepOptions {
  readonly to?: string;
  readonly key?: string;
  readonly public?: boolean;
  readonly note?: string;
  readonly after?: number;
  readonly yes?: boolean;
  readonly json?: boolean;
}

/** Publication is an act of two keys: there is no other way to `disclosed`. */
async function discloseSigned(parts: CaseCommandParts, opened: OpenedCase, clock: Clock, yes: boolean): Promise<void> {
  const disclosure = opened.case.time === 'real' ? await parts.disclosure() : await parts.disclosureUnder(clock);
  const allowed = await disclosure.check(opened.case, 'disclose');
  if (!allowed.ok) throw refused(allowed.refusal);
  if (!yes) {
    throw new CommandEnd(
      'refused',
      'this publishes the advisory and takes two signatures; --yes signs with both as one person',
    );
  }
  const published = await parts.publishAsOperator(opened, clock);
  if (!published.ok) throw new CommandEnd('refused', `not published: ${published.refusal.kind}`);
  parts.terminal.say(`${published.value.advisory} is published, released by one person`);
}

/** A demonstration's clock goes on where its history ends. */
function clockOf(parts: CaseCommandParts, { case: it, history }: OpenedCase, after: number | undefined): Clock {
  if (after !== undefined && !(after >= 0 && after <= 3_650))
    throw new CommandEnd('usage', '--after takes 0 to 3650 days');
  if (it.time === 'real') {
    if (after !== undefined) throw new CommandEnd('usage', '--after: the clock of a real case is the real one');
    return parts.clock;
  }
  const last = Math.max(it.openedAt.getTime(), ...history.map(({ at }) => at.getTime()));
  const clock = createCompressedClock(new Date(last));
  clock.passDays(after ?? 0);
  return clock;
}

function addExport(program: Command, parts: CaseCommandParts): void {
  program
    .command('export <case>')
    .description('the advisory or the report of a case; what is not released is marked as a draft')
    .requiredOption('--format <format>', EXPORT_FORMATS.join(', '))
    .option('--eml', 'with --format report: the message as it stands in the outbox')
    .option('--json', 'accepted for uniformity: the document is the output')
    .action(async (id: string, { format, eml }: { format: string; eml?: boolean }) => {
      if (!isExportFormat(format)) {
        throw new CommandEnd('usage', `no such format: ${format}. There are ${EXPORT_FORMATS.join(', ')}`);
      }
      const disclosure = await parts.disclosure();
      const opened = await getCase(disclosure, id);
      const document = await toDocument(parts, disclosure, opened, format, eml ?? false);
      await disclosure.note(await parts.database(), opened, `exported ${format}`, OPERATOR);
      parts.terminal.data(document.endsWith('\n') ? document : `${document}\n`);
    });
}

async function toDocument(
  parts: CaseCommandParts,
  disclosure: Disclosure,
  opened: OpenedCase,
  format: ExportFormat,
  eml: boolean,
): Promise<string> {
  if (format === 'report') {
    const letter = eml ? await parts.readLetter(opened.messages.at(-1)?.id ?? '') : undefined;
    if (eml && letter === undefined) throw new CommandEnd('notFound', `nothing was sent for ${opened.case.id} yet`);
    return letter ?? (await disclosure.report(opened)).text;
  }
  const published = await parts.publishedDocument(opened, format);
  if (published !== undefined) return published;
  return toDraft(disclosure.toRecord(opened, 'draft', parts.clock.now()), format);
}

function toDraft(record: AdvisoryRecord, format: Exclude<ExportFormat, 'report'>): string {
  switch (format) {
    case 'csaf':
      return JSON.stringify(toCsaf(record), null, 2);
    case 'osv':
      return JSON.stringify(toOsv(record), null, 2);
    case 'cve':
      return JSON.stringify(toCve(record), null, 2);
    case 'markdown':
      return toMarkdown(record);
  }
}

const isExportFormat = (name: string): name is ExportFormat => EXPORT_FORMATS.some((format) => format === name);

async function getCase(disclosure: Disclosure, id: string): Promise<OpenedCase> {
  const opened = await disclosure.find(id);
  if (!opened) throw new CommandEnd('notFound', `there is no case ${id}`);
  return opened;
}

const conflict = (error: unknown): never => {
  if (error instanceof StaleWrite) throw new CommandEnd('conflict', `${error.message}; look at it again`);
  throw error;
};

const EXITS: Readonly<Record<StepRefusal['kind'], ExitName>> = {
  'no-such-case': 'notFound',
  'wrong-stage': 'conflict',
  'already-known': 'conflict',
  'machine-refused': 'conflict',
  'wrong-clock': 'conflict',
  'broken-invariant': 'conflict',
  'under-embargo': 'refused',
  'nobody-notified': 'refused',
  'clock-doubted': 'refused',
  'report-not-ready': 'refused',
  'no-vendor': 'refused',
  'no-extension': 'refused',
  'demonstration-has-no-address': 'refused',
  'no-such-address': 'usage',
  'address-without-report': 'usage',
  'no-public-key': 'usage',
  'key-without-mail': 'usage',
  'public-needs-a-person': 'refused',
  'too-severe-for-public': 'refused',
};

function refused(refusal: StepRefusal): CommandEnd {
  return new CommandEnd(EXITS[refusal.kind], sentence(refusal));
}

function sentence(refusal: StepRefusal): string {
  switch (refusal.kind) {
    case 'no-such-case':
      return `there is no case ${refusal.id}`;
    case 'wrong-stage':
      return `a ${refusal.stage} case cannot take the step ${refusal.step}`;
    case 'under-embargo':
      return `under embargo until ${refusal.until ? minutes(refusal.until) : 'those concerned agree: its policy has no deadline'}`;
    case 'nobody-notified':
      return 'nobody outside knows of it yet: notify first';
    case 'report-not-ready':
      return ['the report is not ready to be sent:', ...refusal.missing.map((each) => `  - ${each}`)].join('\n');
    case 'clock-doubted':
      return `the database’s clock jumped and is not believed since ${minutes(refusal.since)}: see \`case clock\``;
    case 'no-vendor':
      return 'there is no vendor to notify';
    case 'already-known':
      return `this has been recorded before (${refusal.event})`;
    case 'no-extension':
      return `no extension: ${refusal.why.replaceAll('-', ' ')}`;
    case 'wrong-clock':
      return `this case runs under a ${refusal.time} clock`;
    case 'machine-refused':
      return `the ${refusal.machine} machine has no step ${refusal.event} from ${refusal.state}`;
    case 'demonstration-has-no-address':
      return 'a demonstration reaches nobody: it takes no address';
    case 'no-such-address':
      return `--to takes one of ${ADDRESS_FORMS}`;
    case 'address-without-report':
      return `the step ${refusal.step} sends nothing: an address goes with notify`;
    case 'no-public-key':
      return `--key: ${refusal.why}`;
    case 'key-without-mail':
      return '--key: only mail is encrypted';
    case 'public-needs-a-person':
      return 'everybody could read this report at once: --public says that it may be so';
    case 'too-severe-for-public':
      return `a flaw of ${refusal.severity} severity is not reported in public`;
    case 'broken-invariant':
      return `this would break: ${refusal.invariants.join('; ')}`;
  }
}

const minutes = (at: Date): string => `${at.toISOString().slice(0, 16).replace('T', ' ')} UTC`;
