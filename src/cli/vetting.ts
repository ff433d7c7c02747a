/** `org apply | review | agree | refuse | appeal | …`: applications, evidence, terms, and who waits for what. */

import { writeFile } from 'node:fs/promises';
import { basename } from 'node:path';
import type { Command } from 'commander';
import { OPERATOR } from '../disclosure/index.ts';
import type { Json } from '../lib/canonical-json.ts';
import type { Result } from '../lib/result.ts';
import { CHECKLIST, type CheckItem, type Onboarding, type Vetting, type VettingRefusal } from '../vetting/index.ts';
import { readFileBytes, readFileText } from './file-input.ts';
import { isMembershipRefusal, nounOf, toMembershipEnd } from './member-input.ts';
import { CommandEnd, type ExitName, type Terminal } from './terminal.ts';

export interface VettingCommandParts {
  readonly terminal: Terminal;
  readonly vetting: () => Promise<Vetting>;
}

const JSON_OPTION = ['--json', 'one JSON value on standard output'] as const;

export function registerVettingCommands(program: Command, parts: VettingCommandParts): void {
  const orgs = nounOf(program, 'org', 'organisations of the programme');
  addApply(orgs, parts);
  addReviews(orgs, parts);
  addAppeals(orgs, parts);
  addTerms(orgs, parts);
  addViews(orgs, nounOf(program, 'person', 'persons, attributed to organisations'), parts);
}

interface ApplyOptions {
  readonly tier: string;
  readonly office?: string;
  readonly evidence?: readonly string[];
  readonly json?: boolean;
}

function addApply(orgs: Command, { terminal, vetting }: VettingCommandParts): void {
  orgs
    .command('apply <org>')
    .description('open an application; with evidence it goes to the reviewers')
    .option('--tier <tier>', 'what it asks for', 'partner')
    .option('--office <name>', 'an office outside that has to agree as well')
    .option('--evidence <file...>', 'files for the reviewers; kept encrypted')
    .option(...JSON_OPTION)
    .action(async (organisation: string, { tier, office, evidence = [], json }: ApplyOptions) => {
      const service = await vetting();
      const files = await Promise.all(evidence.map(readEvidence));
      const id = vetted(await service.applyWith({ organisation, tier, office }, files, OPERATOR));
      if (json) terminal.json({ id });
      terminal.say(`${id}: ${files.length > 0 ? 'with the reviewers' : 'waits for evidence'}`);
    });
}

interface ReviewOptions {
  readonly as: string;
  readonly met?: readonly string[];
  readonly reason?: string;
  readonly json?: boolean;
}

function addReviews(orgs: Command, parts: VettingCommandParts): void {
  orgs
    .command('review <application>')
    .description(`a reviewer finds it in order: ${CHECKLIST.join(', ')}`)
    .requiredOption('--as <name>', 'who reviews; two different persons have to')
    .requiredOption('--met <item...>', 'what is met or does not apply; all of the list')
    .option(...JSON_OPTION)
    .action(async (id: string, { as, met = [], json }: ReviewOptions) => {
      const unknown = met.find((item) => !isItem(item));
      if (unknown !== undefined) throw new CommandEnd('usage', `no such item: ${unknown}`);
      const taken = await (await parts.vetting()).take(id, { step: 'pass', by: entered(as), met: met.filter(isItem) });
      await show(parts, id, taken, json);
    });
  orgs
    .command('agree <application>')
    .description('the office outside agrees')
    .requiredOption('--as <name>', 'who speaks for it')
    .option(...JSON_OPTION)
    .action(async (id: string, { as, json }: ReviewOptions) =>
      show(parts, id, await (await parts.vetting()).take(id, { step: 'agree', by: entered(as) }), json),
    );
  orgs
    .command('refuse <application>')
    .description('refuse it, with a reason that the applicant sees; it can be appealed')
    .requiredOption('--as <name>', 'who refuses')
    .requiredOption('--reason <text>')
    .option(...JSON_OPTION)
    .action(async (id: string, { as, reason = '', json }: ReviewOptions) =>
      show(parts, id, await (await parts.vetting()).take(id, { step: 'refuse', by: entered(as), reason }), json),
    );
}

interface AppealOptions {
  readonly grounds?: string;
  readonly as: string;
  readonly uphold?: boolean;
  readonly dismiss?: string;
  readonly json?: boolean;
}

function addAppeals(orgs: Command, parts: VettingCommandParts): void {
  orgs
    .command('appeal <application>')
    .description('ask for another look at a refusal')
    .requiredOption('--grounds <text>')
    .option(...JSON_OPTION)
    .action(async (id: string, { grounds = '', json }: AppealOptions) =>
      show(parts, id, await (await parts.vetting()).take(id, { step: 'appeal', grounds }), json),
    );
  orgs
    .command('decide-appeal <application>')
    .description('by somebody who had no part in the refusal')
    .requiredOption('--as <name>', 'who decides')
    .option('--uphold', 'it is reviewed again, by others')
    .option('--dismiss <reason>', 'it is refused for good')
    .option(...JSON_OPTION)
    .action(async (id: string, { as, uphold, dismiss, json }: AppealOptions) => {
      if (Boolean(uphold) === (dismiss !== undefined)) throw new CommandEnd('usage', 'either --uphold or --dismiss');
      const by = entered(as);
      const step = uphold
        ? ({ step: 'uphold', by } as const)
        : ({ step: 'dismiss', by, reason: dismiss ?? '' } as const);
      await show(parts, id, await (await parts.vetting()).take(id, step), json);
    });
  orgs
    .command('withdraw <application>')
    .description('the applicant wants it no more')
    .option(...JSON_OPTION)
    .action(async (id: string, { json }: AppealOptions) =>
      show(parts, id, await (await parts.vetting()).take(id, { step: 'withdraw' }), json),
    );
}

function addTerms(orgs: Command, parts: VettingCommandParts): void {
  orgs
    .command('terms')
    .description('the terms in force; with --publish a new version of them')
    .option('--publish <file>', 'UTF-8 text; its hash goes into the public log')
    .option(...JSON_OPTION)
    .action(async ({ publish, json }: { publish?: string; json?: boolean }) => {
      const service = await parts.vetting();
      if (publish !== undefined) vetted(await service.publishTerms(await readFileText(publish), OPERATOR));
      const terms = await service.currentTerms();
      if (!terms) throw new CommandEnd('notFound', 'there are no terms yet: org terms --publish FILE');
      const { version, sha256 } = terms;
      if (json) parts.terminal.json({ version, sha256, publishedAt: terms.publishedAt.toISOString() });
      parts.terminal.say(`version ${version}, sha256 ${sha256}`);
    });
  orgs
    .command('accept-terms <application>')
    .description('the applicant accepts; with that the organisation is approved')
    .requiredOption('--terms <version>', 'the version that was read', Number)
    .option(...JSON_OPTION)
    .action(async (id: string, { terms, json }: { terms: number; json?: boolean }) =>
      show(parts, id, await (await parts.vetting()).acceptTerms(id, terms), json),
    );
}

async function writeExport(file: string, everything: unknown): Promise<void> {
  const encode = (_name: string, value: unknown) =>
    value instanceof Uint8Array ? Buffer.from(value).toString('base64') : value;
  await writeFile(file, JSON.stringify(everything, encode, 2), { mode: 0o600, flag: 'wx' });
}

function addViews(orgs: Command, persons: Command, { terminal, vetting }: VettingCommandParts): void {
  orgs
    .command('status')
    .description('every application: who waits for what since when')
    .option(...JSON_OPTION)
    .action(async ({ json }: { json?: boolean }) => {
      const list = await (await vetting()).onboarding();
      if (json) terminal.json(list.map(toShown));
      else for (const each of list) terminal.say(toLine(each));
    });
  orgs
    .command('export <org> <file>')
    .description('everything kept of it in the course of vetting, for those it is about; the look is logged')
    .action(async (org: string, file: string) => {
      await writeExport(file, vetted(await (await vetting()).exportFor(org, OPERATOR)));
      terminal.say(`${file}: written in the clear, for its owner`);
    });
  persons
    .command('export <person> <file>')
    .description('everything kept of one person, nationality included, for them; the look is logged')
    .action(async (person: string, file: string) => {
      await writeExport(file, vetted(await (await vetting()).exportPerson(person, OPERATOR)));
      terminal.say(`${file}: written in the clear, for whom it is about`);
    });
}

/** At the command line nobody has signed in: the log says who typed the name. */
const entered = (name: string): string => `${name} (entered by the ${OPERATOR})`;
const isItem = (text: string): text is CheckItem => CHECKLIST.some((item) => item === text);

async function show(
  { terminal, vetting }: VettingCommandParts,
  id: string,
  outcome: Result<unknown, VettingRefusal>,
  json?: boolean,
): Promise<void> {
  vetted(outcome);
  const view = await (await vetting()).findOnboarding(id);
  if (!view) throw new Error(`the application ${id} vanished`);
  if (json) terminal.json(toShown(view));
  terminal.say(toLine(view));
}

const toShown = ({ since, dueAt, ...rest }: Onboarding): Json => ({
  ...rest,
  since: since.toISOString(),
  dueAt: dueAt?.toISOString() ?? null,
});

const toLine = ({ application, stage, who, what, since, dueAt, isLate }: Onboarding): string =>
  `${application}  ${stage} since ${since.toISOString()}  ${who}: ${what}${dueAt ? ` by ${dueAt.toISOString()}` : ''}${isLate ? '  LATE' : ''}`;

async function readEvidence(path: string): Promise<{ name: string; content: Uint8Array }> {
  return { name: basename(path), content: await readFileBytes(path) };
}

function vetted<T>(outcome: Result<T, VettingRefusal>): T {
  if (outcome.ok) return outcome.value;
  const { refusal } = outcome;
  if (isMembershipRefusal(refusal)) throw toMembershipEnd(refusal);
  const [exit, reason] = toEnd(refusal);
  throw new CommandEnd(exit, reason);
}

type OwnRefusal = Exclude<VettingRefusal, Parameters<typeof toMembershipEnd>[0]>;

function toEnd(refusal: OwnRefusal): [ExitName, string] {
  switch (refusal.kind) {
    case 'wrong-stage':
      return ['conflict', `it is ${refusal.stage}: there is no ${refusal.step} from here`];
    case 'no-evidence':
      return ['refused', 'there is no evidence to review'];
    case 'checklist-open':
      return ['refused', `not yet met: ${refusal.items.join(', ')}`];
    case 'another-person-needed':
      return ['refused', `${refusal.by} has judged it already: another person is needed`];
    case 'no-reason':
      return ['usage', 'a reason is needed'];
    case 'final':
      return ['refused', 'the refusal is final'];
    case 'too-late':
      return ['refused', `it could be appealed until ${refusal.until.toISOString()}`];
    case 'other-terms':
      return ['conflict', refusal.current ? `version ${refusal.current} is in force` : 'there are no terms yet'];
    case 'no-such-application':
    case 'no-such-file':
      return ['notFound', `there is no ${refusal.id}`];
    case 'application-open':
      return ['conflict', `${refusal.organisation} has an open application`];
    case 'too-large':
      return ['refused', `a file of evidence has 1 to ${refusal.limit} bytes`];
    case 'deleted':
      return ['notFound', 'it was deleted when its time had run out'];
    case 'no-purpose':
      return ['refused', `there is nothing to look at for ${refusal.purpose} now`];
  }
}
