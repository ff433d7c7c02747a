/** `second-look`: some of what machines put aside, looked at by people; what they say, and how far they agree. */
import { writeFile } from 'node:fs/promises';
import type { Command } from 'commander';
import type { Json } from '../lib/canonical-json.ts';
import { FEWEST_PUBLISHED, type LookRefusal, type SecondLooks, type Share } from '../secondlook/index.ts';
import { SEVERITIES } from '../triage/index.ts';
import { CommandEnd, type ExitName, type Terminal } from './terminal.ts';

export interface SecondLookCommandParts {
  readonly terminal: Terminal;
  readonly secondLooks: () => Promise<SecondLooks>;
}

const JSON_OPTION = ['--json', 'one JSON value on standard output'] as const;

interface JsonOption {
  readonly json?: boolean;
}

export function registerSecondLookCommands(program: Command, parts: SecondLookCommandParts): void {
  const second = program
    .command('second-look')
    .description('a random sample of what was rejected or rated low, looked at by persons');
  addList(second, parts);
  addShow(second, parts);
  addDecide(second, parts);
  addFigures(second, parts);
  addSet(second, parts);
}

function addList(second: Command, { terminal, secondLooks }: SecondLookCommandParts): void {
  second
    .command('list')
    .description('draws what was put aside since, and lists what waits for a verdict, the oldest first')
    .option(...JSON_OPTION)
    .action(async ({ json }: JsonOption) => {
      const looks = await secondLooks();
      await looks.draw();
      const open = await looks.open();
      const shown = open.map(({ id, kind, drawnAt, persons, given }) => ({
        ...{ id, kind, persons, given },
        drawnAt: drawnAt.toISOString(),
      }));
      if (json) terminal.json(shown);
      for (const { id, kind, drawnAt, persons, given } of json ? [] : shown) {
        terminal.say(`${id}  ${kind}, drawn ${drawnAt}, ${given} of ${persons} verdicts`);
      }
      if (!json) terminal.say(`${open.length} second looks wait`);
    });
}

function addShow(second: Command, { terminal, secondLooks }: SecondLookCommandParts): void {
  second
    .command('show <id>')
    .description('what the record says and why it was put aside; never what another person said before all have')
    .option(...JSON_OPTION)
    .action(async (id: string, { json }: JsonOption) => {
      const looks = await secondLooks();
      const record = await looks.show(id);
      const words = await looks.words(id);
      if (!record && !words) throw new CommandEnd('notFound', `there is no second look ${id}`);
      // Records are JSON all through; what they say is a stranger's.
      const shown = { id, record: (record ?? null) as Json, verdicts: words?.map((word) => ({ ...word })) ?? null };
      if (json) terminal.json(shown);
      else terminal.say(JSON.stringify(shown, null, 2));
    });
}

interface DecideOptions extends JsonOption {
  readonly verdict: string;
  readonly reviewer: string;
  readonly note: string;
  readonly severity?: string;
}

function addDecide(second: Command, { terminal, secondLooks }: SecondLookCommandParts): void {
  second
    .command('decide <id>')
    .description('a person’s verdict; one that does not stand puts the record back to work')
    .requiredOption('--verdict <verdict>', 'stands, or does-not-stand')
    .requiredOption('--reviewer <name>', 'who looked')
    .requiredOption('--note <text>', 'what was looked at; kept encrypted')
    .option('--severity <severity>', `of a low verdict that does not stand: ${SEVERITIES.join(', ')}`)
    .option(...JSON_OPTION)
    .action(async (id: string, { verdict, reviewer, note, severity, json }: DecideOptions) => {
      if (verdict !== 'stands' && verdict !== 'does-not-stand') {
        throw new CommandEnd('usage', `--verdict takes stands or does-not-stand, not ${verdict}`);
      }
      if (severity !== undefined && !SEVERITIES.some((each) => each === severity)) {
        throw new CommandEnd('usage', `--severity takes ${SEVERITIES.join(', ')}`);
      }
      const decided = await (await secondLooks()).decide(id, { person: reviewer, verdict, note, severity });
      if (!decided.ok) throw new CommandEnd(...toEnd(decided.refusal, id));
      const { outcome, done } = decided.value;
      if (json) terminal.json({ id, outcome, done });
      terminal.say(
        `${id}: ${outcome === null ? 'another person’s verdict is awaited' : outcome}${done ? `: ${done}` : ''}`,
      );
    });
}

function toEnd(refusal: LookRefusal, id: string): [ExitName, string] {
  switch (refusal.kind) {
    case 'no-such-look':
      return ['notFound', `there is no second look ${id}`];
    case 'decided':
      return ['conflict', `${id} is decided`];
    case 'said-already':
      return ['conflict', `${refusal.person} has said it already`];
    case 'cannot-reopen':
      return ['refused', 'it cannot be put back to work: it says nothing, has moved on, or --severity is missing'];
  }
}

function addFigures(second: Command, { terminal, secondLooks }: SecondLookCommandParts): void {
  second
    .command('figures')
    .description('how far persons agree with the machine and with each other, with 95 % intervals')
    .option('--public <file>', `write what everybody may know: no kind with fewer than ${FEWEST_PUBLISHED} verdicts`)
    .option(...JSON_OPTION)
    .action(async ({ json, public: file }: JsonOption & { readonly public?: string }) => {
      const looks = await secondLooks();
      const figures = await looks.figures();
      if (file !== undefined) await writeFile(file, await looks.publicFigures());
      if (json) terminal.json(JSON.parse(JSON.stringify(figures)) as Json);
      for (const { kind, waiting, withMachine, betweenPersons, kappa } of json ? [] : figures.kinds) {
        terminal.say(`${kind}: ${say(withMachine)} with the machine; ${waiting} wait`);
        if (betweenPersons.of > 0) {
          terminal.say(`  ${say(betweenPersons)} between persons, Cohen’s kappa ${kappa?.toFixed(2) ?? 'not defined'}`);
        }
      }
      terminal.say(`${figures.perThousand} of a thousand are drawn`);
    });
}

function say({ agreed, of, share, low, high }: Share): string {
  if (share === null) return 'nothing decided yet';
  const percent = (value: number): string => (100 * value).toFixed(0);
  return `${agreed} of ${of} agree (${percent(share)} %, 95 % interval ${percent(low)} to ${percent(high)})`;
}

interface SetOptions {
  readonly perThousand?: string;
  readonly persons?: string;
}

function addSet(second: Command, { terminal, secondLooks }: SecondLookCommandParts): void {
  second
    .command('set')
    .description('how many are drawn, and how many persons decide each; what is drawn already stays as it was')
    .option('--per-thousand <number>', '0 to 1000')
    .option('--persons <number>', '1 or 2, blind to each other')
    .action(async (options: SetOptions) => {
      const looks = await secondLooks();
      const now = await looks.settings();
      const perThousand = Number(options.perThousand ?? now.perThousand);
      const persons = Number(options.persons ?? now.persons);
      if (!(Number.isInteger(perThousand) && perThousand >= 0 && perThousand <= 1_000)) {
        throw new CommandEnd('usage', '--per-thousand takes 0 to 1000');
      }
      if (persons !== 1 && persons !== 2) throw new CommandEnd('usage', '--persons takes 1 or 2');
      await looks.setSettings({ perThousand, persons });
      terminal.say(`${perThousand} of a thousand are drawn, each for ${persons} verdicts`);
    });
}
