/** `feed import | list` and `triage show | review`: what is known in general, what follows for a case, and why. */
import type { Command } from 'commander';
import { OPERATOR } from '../disclosure/index.ts';
import type { SeverityWord } from '../formats/cvss.ts';
import type { Result } from '../lib/result.ts';
import {
  FEED_KINDS,
  type FeedKind,
  type FetchRefusal,
  type ImportRefusal,
  type Lists,
  SEVERITIES,
  type Triage,
} from '../triage/index.ts';
import { CommandEnd, type ExitName, type Terminal } from './terminal.ts';

export interface TriageCommandParts {
  readonly terminal: Terminal;
  readonly triage: () => Promise<Triage>;
  readonly lists: () => Promise<Pick<Lists, 'importList'>>;
  /** The text of a file or of what a web address answers. */
  readonly fetchFeed: (place: string) => Promise<Result<string, FetchRefusal>>;
}

const JSON_OPTION = ['--json', 'one JSON value on standard output'] as const;

interface JsonOption {
  readonly json?: boolean;
}

export function registerTriageCommands(program: Command, parts: TriageCommandParts): void {
  addFeed(program, parts);
  const triage = program.command('triage').description('what was decided of a case, and what reviewers found');
  addShow(triage, parts);
  addAnswer(triage, parts);
  addReview(triage, parts);
}

const LIST_KINDS = ['cna', 'osv'] as const;
const isListKind = (text: string): text is (typeof LIST_KINDS)[number] => LIST_KINDS.some((kind) => kind === text);

function addFeed(program: Command, { terminal, triage, lists, fetchFeed }: TriageCommandParts): void {
  const feed = program
    .command('feed')
    .description(
      'exploited and likely exploited vulnerabilities (kev, epss), who assigns CVE ids (cna), past advisories (osv)',
    );
  feed
    .command('import <kind> <file-or-url>')
    .description(
      `take a feed in whole and decide the open cases anew: ${FEED_KINDS.join(', ')}; or a list: ${LIST_KINDS.join(', ')}`,
    )
    .option(...JSON_OPTION)
    .action(async (kind: string, place: string, { json }: JsonOption) => {
      if (!isFeedKind(kind) && !isListKind(kind)) {
        throw new CommandEnd('usage', `no such feed: ${kind}. There are ${[...FEED_KINDS, ...LIST_KINDS].join(', ')}`);
      }
      const text = await fetchFeed(place);
      if (!text.ok) throw new CommandEnd(FETCH_EXIT[text.refusal.kind], `${place}: ${text.refusal.reason}`);
      if (isListKind(kind)) {
        const taken = await (await lists()).importList(kind, text.value);
        if (!taken.ok) throw new CommandEnd(...toEnd(taken.refusal, place));
        if (json) terminal.json({ kind, ...taken.value });
        terminal.say(
          `${kind}: ${taken.value.entries} entries now, ${taken.value.skipped} of what was given are of no use here`,
        );
        return;
      }
      const opened = await triage();
      const imported = await opened.importFeed(kind, text.value);
      if (!imported.ok) throw new CommandEnd(...toEnd(imported.refusal, place));
      const { version, entries, added, changed, removed } = imported.value;
      // A running installation does so by a job of the import's own transaction; here nobody may be running.
      const redecided = await opened.redecide();
      if (json) terminal.json({ kind, version, entries, added, changed, removed, redecided });
      terminal.say(
        `${kind} ${version}: ${entries} entries, ${added} new, ${changed} changed, ${removed} gone; ` +
          `${redecided} cases decided otherwise`,
      );
    });
  feed
    .command('watch <kind> [url]')
    .description(
      `has a running worker read a feed again every hour (${FEED_KINDS.join(', ')}); without an address, no more`,
    )
    .option(...JSON_OPTION)
    .action(async (kind: string, url: string | undefined, { json }: JsonOption) => {
      if (!isFeedKind(kind)) throw new CommandEnd('usage', `no such feed: ${kind}. There are ${FEED_KINDS.join(', ')}`);
      if (url !== undefined && !/^https?:\/\/.{1,1900}$/i.test(url)) {
        throw new CommandEnd('usage', `${url} is no web address`);
      }
      await (await triage()).watchFeed(kind, url ?? null);
      if (json) terminal.json({ kind, url: url ?? null });
      terminal.say(url ? `${kind} is read again every hour while a worker runs` : `${kind} is read no more by itself`);
    });
  feed
    .command('list')
    .description('which feeds there are, and of when')
    .option(...JSON_OPTION)
    .action(async ({ json }: JsonOption) => {
      const feeds = await (await triage()).feeds();
      if (json) {
        terminal.json(
          feeds.map(({ kind, version, entries, releasedAt, importedAt }) => ({
            kind,
            version,
            entries,
            releasedAt: releasedAt.toISOString(),
            importedAt: importedAt.toISOString(),
          })),
        );
      }
      for (const { kind, url, trouble } of json ? [] : await (await triage()).watchedFeeds()) {
        terminal.say(`${kind} is read again from ${url}${trouble ? `: not taken: ${trouble}` : ''}`);
      }
      for (const { kind, version, entries, importedAt } of feeds) {
        terminal.say(`${kind} ${version}: ${entries} entries, imported ${importedAt.toISOString()}`);
      }
      if (feeds.length === 0) terminal.say('no feed was imported yet');
    });
}

const FETCH_EXIT: Readonly<Record<FetchRefusal['kind'], ExitName>> = {
  'no-file': 'notFound',
  unreachable: 'unavailable',
  'bad-feed': 'failed',
};

function toEnd(refusal: ImportRefusal, place: string): [ExitName, string] {
  switch (refusal.kind) {
    case 'bad-feed':
      return ['failed', `${place} was not taken: ${refusal.reason}`];
    case 'older':
      return ['conflict', `${place} is ${refusal.given}; here is ${refusal.have} already, which is newer`];
  }
}

function addShow(triage: Command, { terminal, triage: open }: TriageCommandParts): void {
  triage
    .command('show <case>')
    .description('severity, exploitation and priorities of a case, each with its reasons')
    .option(...JSON_OPTION)
    .action(async (id: string, { json }: JsonOption) => {
      const decided = await (await open()).decideCase(id);
      if (!decided) throw new CommandEnd('notFound', `no open case ${id} to decide on`);
      const { decision, number, at } = decided;
      if (json) {
        const values = Object.entries(decision).map(([name, { value, source, reasons }]) => [
          name,
          { value, source, reasons: [...reasons] },
        ]);
        terminal.json({ case: id, number, decidedAt: at.toISOString(), ...Object.fromEntries(values) });
        return;
      }
      terminal.say(`decision ${number} of ${at.toISOString()}`);
      for (const [name, { value, source, reasons }] of Object.entries(decision)) {
        terminal.say(`${name}: ${value ?? 'not known'} (${source})`);
        for (const reason of reasons) terminal.say(`  ${reason}`);
      }
    });
}

function addAnswer(triage: Command, { terminal, triage: open }: TriageCommandParts): void {
  triage
    .command('answer <case> <points...>')
    .description('answer decision points that no document answers, as key=value: EXP=C HI=M PSI=M VD=D')
    .action(async (id: string, points: string[]) => {
      const opened = await open();
      for (const point of points) {
        const [, key = '', value = ''] = /^([^=]+)=(.+)$/.exec(point) ?? [];
        const answered = await opened.answer(id, key, value, OPERATOR);
        if (answered.ok) continue;
        throw answered.refusal.kind === 'no-answer'
          ? new CommandEnd('usage', `${point}: ${answered.refusal.reason}`)
          : new CommandEnd('notFound', `no open case ${id}`);
      }
      const decided = await opened.decideCase(id);
      if (!decided) throw new CommandEnd('notFound', `no open case ${id}`);
      const { supplier, deployer } = decided.decision;
      terminal.say(`who mends it: ${supplier.value}; who runs it: ${deployer.value}`);
    });
}

interface ReviewOptions {
  readonly rater: string;
  readonly claimed: string;
  readonly found: string;
}

function addReview(triage: Command, { terminal, triage: open }: TriageCommandParts): void {
  triage
    .command('review <about>')
    .description('write down what a reviewer found of a rating; later ratings of the rater are believed accordingly')
    .requiredOption('--rater <name>', 'who rated it: a model, a scanner, a person')
    .requiredOption('--claimed <severity>', SEVERITIES.join(', '))
    .requiredOption('--found <severity>', 'what it turned out to be')
    .action(async (about: string, { rater, claimed, found }: ReviewOptions) => {
      for (const severity of [claimed, found]) {
        if (!isSeverity(severity)) throw new CommandEnd('usage', `${severity} is none of ${SEVERITIES.join(', ')}`);
      }
      if (!isSeverity(claimed) || !isSeverity(found)) return;
      const opened = await open();
      await opened.review({ rater, claimed, found }, about, OPERATOR);
      const belief = (await opened.calibration())(rater, claimed);
      terminal.say(
        `of ${rater}'s claims of ${claimed}, ${Math.round(belief.holds * 100)} % are taken to hold (${belief.reviews} reviews)`,
      );
    });
}

const isFeedKind = (text: string): text is FeedKind => FEED_KINDS.some((kind) => kind === text);
const isSeverity = (text: string): text is SeverityWord => SEVERITIES.some((severity) => severity === text);
