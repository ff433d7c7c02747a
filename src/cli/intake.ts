/** `import` and `intake`: reports from anywhere, what became of each, and the bytes it came in as. */

import type { Command } from 'commander';
import type { TurnedAway } from '../inbound/index.ts';
import {
  type DecryptionKeys,
  type FateName,
  type FateRefusal,
  FORMATS,
  type Format,
  type Imported,
  type Intake,
  LOOK_UPS,
  type LookUp,
  MERGES,
  openFileSource,
  REJECTIONS,
  readKeys,
  type SeenRecord,
} from '../intake/index.ts';
import type { Json } from '../lib/canonical-json.ts';
import { toPlainLine } from '../lib/plain-text.ts';
import type { Result } from '../lib/result.ts';
import { endUnreadable, readFileText } from './file-input.ts';
import { CommandEnd, type ExitName, type Terminal } from './terminal.ts';

export interface IntakeCommandParts {
  readonly terminal: Terminal;
  readonly intake: () => Promise<Intake>;
  /** What was turned away before it was taken, by day, door and reason. */
  readonly turnedAway: (days: number) => Promise<readonly TurnedAway[]>;
  /** Has workers search the package that a record names, or the one that is asked for. */
  readonly scanRecord: (
    id: string,
    target: string | undefined,
  ) => Promise<
    Result<
      { readonly campaign: string; readonly target: string },
      { readonly kind: 'no-such-record' | 'no-package'; readonly id: string }
    >
  >;
  /** Whose decisions these are. */
  readonly actor: string;
}

const JSON_OPTION = ['--json', 'one JSON value on standard output'] as const;
const FATES: readonly FateName[] = ['canonical', 'merged', 'rejected'];
const PAGE = 50;
const MAX_PAGE = 1_000;
const SHOWN_CHARACTERS = 160;

export function registerIntakeCommands(program: Command, parts: IntakeCommandParts): void {
  addImport(program, parts);
  const records = program.command('intake').description('what came in, and what became of it');
  addLooking(records, parts);
  addShowing(records, parts);
  addDeciding(records, parts);
  addScan(records, parts);
  addPairs(records, parts);
  addDoors(records, parts);
}

interface ImportOptions {
  readonly format: string;
  readonly identity?: readonly string[];
  readonly json?: boolean;
}

function addImport(program: Command, { terminal, intake }: IntakeCommandParts): void {
  program
    .command('import <file...>')
    .description('take in reports; every record is kept as canonical, merged or rejected')
    .option('--format <format>', `${FORMATS.join(', ')} or auto`, 'auto')
    .option('--identity <file...>', 'keys for reports encrypted to you: age identities, or a PGP private key')
    .option(...JSON_OPTION)
    .action(async (files: string[], { format, identity, json }: ImportOptions) => {
      const asked = [...FORMATS, 'auto' as const].find((name): name is Format | 'auto' => name === format);
      if (!asked) throw new CommandEnd('usage', `no such format: ${format}. There are ${FORMATS.join(', ')} and auto`);
      const sources = [];
      for (const file of files) sources.push(await openFileSource(file).catch((error) => unreadable(file, error)));
      const keys = await readIdentities(identity ?? []);
      const service = await intake();
      const done: Imported[] = [];
      for (const source of sources) {
        const imported = await service.importFrom(source, { format: asked, origin: 'file', keys });
        done.push(imported);
        terminal.say(
          `${imported.name}: ${imported.received} received = ${imported.canonical} canonical + ${imported.merged} merged + ${imported.rejected} rejected`,
        );
        for (const reason of imported.reasons) terminal.say(`  ${reason}`);
      }
      if (json) terminal.json(toOutcome(done));
      if (done.every(({ refused }) => refused !== undefined)) {
        throw new CommandEnd('failed', 'no file could be read as findings; what came is kept as rejected');
      }
    });
}

/** Throws CommandEnd where a file cannot be read or holds no key. */
export async function readIdentities(files: readonly string[]): Promise<DecryptionKeys> {
  const all = await Promise.all(
    files.map(async (file) => {
      const keys = readKeys(await readFileText(file));
      if (keys.age.length + keys.pgp.length === 0) throw new CommandEnd('usage', `${file} holds no key that is known`);
      return keys;
    }),
  );
  return { age: all.flatMap(({ age }) => age), pgp: all.flatMap(({ pgp }) => pgp) };
}

function toOutcome(done: readonly Imported[]): Json {
  const sum = (of: 'received' | 'canonical' | 'merged' | 'rejected') => done.reduce((all, it) => all + it[of], 0);
  return {
    received: sum('received'),
    canonical: sum('canonical'),
    merged: sum('merged'),
    rejected: sum('rejected'),
    reasons: done.flatMap(({ name, reasons }) =>
      reasons.map((reason) => (done.length === 1 ? reason : `${name}: ${reason}`)),
    ),
    imports: done.map(({ id, name, format, received, canonical, merged, rejected, known, refused }) => ({
      ...{ id, name, format, received, canonical, merged, rejected, known },
      refused: refused ?? null,
    })),
  };
}

function unreadable(file: string, error: NodeJS.ErrnoException): never {
  if (error.code === 'ENOTFILE') throw new CommandEnd('usage', error.message);
  return endUnreadable(file, error);
}

type ListOptions = {
  readonly fate?: string;
  readonly limit: string;
  readonly before?: string;
  readonly json?: boolean;
};

function addLooking(records: Command, { terminal, intake }: IntakeCommandParts): void {
  const list = records
    .command('list')
    .description('records, the newest first')
    .option('--fate <fate>', FATES.join(', '))
    .option('--limit <n>', 'how many', String(PAGE))
    .option('--before <number>', 'only those before this number: the last one of the page before')
    .option(...JSON_OPTION);
  for (const field of LOOK_UPS) list.option(`--${field} <text>`, `only of this ${field}`);
  list.action(async (options: ListOptions & Partial<Record<LookUp, string>>) => {
    const fate = FATES.find((name) => name === options.fate);
    if (options.fate !== undefined && !fate) throw new CommandEnd('usage', `--fate takes ${FATES.join(', ')}`);
    const where = Object.fromEntries(
      LOOK_UPS.flatMap((field) => (options[field] === undefined ? [] : [[field, options[field]]])),
    );
    const before = options.before === undefined ? undefined : toCount(options.before, Number.MAX_SAFE_INTEGER);
    const page = await (await intake()).list({ fate, where, before, limit: toCount(options.limit, MAX_PAGE) });
    if (options.json) terminal.json(page.map(toShown));
    else for (const record of page) terminal.say(toLine(record));
  });
  records
    .command('imports')
    .description('what was imported, the newest first')
    .option('--limit <n>', 'how many', String(PAGE))
    .option(...JSON_OPTION)
    .action(async ({ limit, json }: { limit: string; json?: boolean }) => {
      const imports = await (await intake()).imports(toCount(limit, MAX_PAGE));
      if (json) {
        terminal.json(
          imports.map(({ startedAt, finishedAt, refused, about, ...rest }) => ({
            ...rest,
            about: { ...about, notes: [...about.notes] },
            refused: refused ?? null,
            startedAt: startedAt.toISOString(),
            finishedAt: finishedAt?.toISOString() ?? null,
          })),
        );
      }
      for (const it of imports) {
        const counts = `${it.received} = ${it.canonical} + ${it.merged} + ${it.rejected}`;
        terminal.say(`${it.id}  ${it.format}  ${counts}  ${it.about.name}${it.finishedAt ? '' : '  (not finished)'}`);
      }
    });
  records
    .command('count')
    .description('how many records there are of each fate')
    .option(...JSON_OPTION)
    .action(async ({ json }: { json?: boolean }) => {
      const counts = await (await intake()).count();
      if (json) terminal.json({ ...counts });
      for (const fate of FATES) terminal.say(`${fate}  ${counts[fate]}`);
    });
}

function addShowing(records: Command, { terminal, intake }: IntakeCommandParts): void {
  records
    .command('show <record>')
    .description('all that one record says, put aside or not')
    .option('--original', 'the bytes it came in as, on standard output')
    .option(...JSON_OPTION)
    .action(async (id: string, { original, json }: { original?: boolean; json?: boolean }) => {
      const service = await intake();
      const record = await service.find(id);
      if (!record) throw new CommandEnd('notFound', `there is no record ${id}`);
      if (original) {
        for await (const bytes of (await service.original(id)) ?? []) terminal.data(bytes);
        return;
      }
      const cases = await service.casesOf(record.id);
      if (json) {
        terminal.json({ ...toShown(record), cases });
        return;
      }
      terminal.say(toLine(record));
      if (record.detail) terminal.say(record.detail);
      for (const { file, line, function: of } of record.claim?.places ?? []) {
        terminal.say(
          toPlainLine(`at ${file ?? ''}${line === undefined ? '' : `:${line}`} ${of ?? ''}`, SHOWN_CHARACTERS),
        );
      }
      if (record.claim) terminal.say(record.claim.text);
      for (const it of cases) terminal.say(`\nOf the same flaw, or much like it: ${it}. ${howToEnd(it, record.id)}`);
    });
}

function addDeciding(records: Command, { terminal, intake, actor }: IntakeCommandParts): void {
  const tell = (json: boolean | undefined, id: string, line: string): void => {
    if (json) terminal.json({ id });
    terminal.say(`${id}: ${line}`);
  };
  records
    .command('unmerge <record>')
    .description('undo a merge: the record is canonical, as if it had never been merged')
    .option(...JSON_OPTION)
    .action(async (id: string, { json }: { json?: boolean }) => {
      tell(json, settled(await (await intake()).unmerge(id, actor)), 'canonical again');
    });
  records
    .command('release <record>')
    .description('take a rejected record for a finding to work on after all')
    .option(...JSON_OPTION)
    .action(async (id: string, { json }: { json?: boolean }) => {
      tell(json, settled(await (await intake()).release(id, actor)), 'canonical');
    });
  records
    .command('merge <record> <into>')
    .description('two canonical records are one flaw; can be undone')
    .option(...JSON_OPTION)
    .action(async (id: string, into: string, { json }: { json?: boolean }) => {
      tell(json, settled(await (await intake()).merge(id, into, actor)), `${id} was merged into it`);
    });
  records
    .command('distinct <record> <other>')
    .description('two canonical records are two flaws: the pair is no longer shown')
    .action(async (one: string, other: string) => {
      settled(await (await intake()).distinguish(one, other));
      terminal.say('they stay two');
    });
}

function addScan(records: Command, { terminal, scanRecord }: IntakeCommandParts): void {
  records
    .command('scan <record>')
    .description('search the package that a record names and prove its flaws; cases are then named by `intake show`')
    .option('--target <target>', 'pkg:npm/name@version, where the record names none')
    .option(...JSON_OPTION)
    .action(async (id: string, { target: asked, json }: { target?: string; json?: boolean }) => {
      const begun = await scanRecord(id, asked);
      if (!begun.ok) {
        throw begun.refusal.kind === 'no-such-record'
          ? new CommandEnd('notFound', `there is no record ${id}`)
          : new CommandEnd('usage', `${asked ?? id} names no package: --target pkg:npm/name@version`);
      }
      if (json) terminal.json({ ...begun.value });
      terminal.say(`${begun.value.target} is searched while a worker runs (\`headstart serve\`)`);
    });
}

function addPairs(records: Command, { terminal, intake }: IntakeCommandParts): void {
  records
    .command('pairs')
    .description('pairs that may be one flaw, side by side, the likeliest first')
    .option('--limit <n>', 'how many', String(PAGE))
    .option(...JSON_OPTION)
    .action(async ({ limit, json }: { limit: string; json?: boolean }) => {
      const pairs = await (await intake()).pairs(toCount(limit, MAX_PAGE));
      if (json) {
        terminal.json(
          pairs.map(({ left, right, probability, reasons }) => ({
            ...{ left: toShown(left), right: toShown(right), probability },
            reasons: [...reasons],
          })),
        );
      }
      for (const { left, right, probability, reasons } of pairs) {
        terminal.say(`${probability.toFixed(2)}  ${reasons.join('; ')}`);
        terminal.say(`  ${toLine(left)}`);
        terminal.say(`  ${toLine(right)}`);
      }
    });
}

const DOOR_DAYS = 30;

function addDoors(records: Command, { terminal, turnedAway }: IntakeCommandParts): void {
  records
    .command('doors')
    .description('what mail and form turned away before it was taken, by day and reason')
    .option('--days <n>', 'so many days back', String(DOOR_DAYS))
    .option(...JSON_OPTION)
    .action(async ({ days, json }: { days: string; json?: boolean }) => {
      const counts = await turnedAway(toCount(days, MAX_PAGE));
      if (json) terminal.json(counts.map((it) => ({ ...it })));
      for (const { day, door, reason, count } of counts) terminal.say(`${day}  ${door}  ${reason}  ${count}`);
      if (counts.length === 0) terminal.say('nothing was turned away');
    });
}

/** That a flaw is public ends its embargo at once, so a person says it. */
export const howToEnd = (caseId: string, because: string): string =>
  `If it is public now, end its embargo: ./headstart case step ${caseId} leak --note ${because}`;

function toShown({ fate, receivedAt, claim, detail, ...rest }: SeenRecord): Readonly<Record<string, Json>> {
  return {
    ...rest,
    fate: fate.fate,
    mergedInto: fate.fate === 'merged' ? fate.into : null,
    reason: fate.fate === 'canonical' ? null : fate.reason,
    detail: detail ?? null,
    receivedAt: receivedAt.toISOString(),
    claim: claim === undefined ? null : (JSON.parse(JSON.stringify(claim)) as Json),
  };
}

function toLine({ id, number, fate, claim }: SeenRecord): string {
  const why =
    fate.fate === 'merged'
      ? `merged into ${fate.into} (${MERGES[fate.reason]})`
      : fate.fate === 'rejected'
        ? `rejected (${REJECTIONS[fate.reason]})`
        : 'canonical';
  return toPlainLine(`${number}  ${id}  ${why}  ${claim?.title ?? ''}`, SHOWN_CHARACTERS * 2);
}

function toCount(text: string, max: number): number {
  const count = Number(text);
  if (!Number.isSafeInteger(count) || count < 1 || count > max) {
    throw new CommandEnd('usage', `${text} is no whole number from 1 to ${max}`);
  }
  return count;
}

const EXITS: Readonly<Record<FateRefusal['kind'], ExitName>> = {
  'no-such-record': 'notFound',
  'no-such-pair': 'notFound',
  'other-fate': 'conflict',
  'says-nothing': 'refused',
  itself: 'usage',
};

function settled<T>(outcome: Result<T, FateRefusal>): T {
  if (outcome.ok) return outcome.value;
  throw new CommandEnd(EXITS[outcome.refusal.kind], reasonOf(outcome.refusal));
}

function reasonOf(refusal: FateRefusal): string {
  switch (refusal.kind) {
    case 'no-such-record':
      return `there is no record ${refusal.id}`;
    case 'no-such-pair':
      return `${refusal.one} and ${refusal.other} are no pair; \`intake pairs\` lists them`;
    case 'other-fate':
      return `${refusal.id} is ${refusal.fate}, and this needs a ${refusal.needed} one`;
    case 'says-nothing':
      return `nothing could be read of ${refusal.id}; look at it with \`intake show ${refusal.id} --original\``;
    case 'itself':
      return `${refusal.id} cannot be merged into itself`;
  }
}
