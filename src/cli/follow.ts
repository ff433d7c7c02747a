/** `follow` and `watch`: what became of a flaw after its report, and where new releases of its package are looked for. */
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { OPERATOR } from '../disclosure/index.ts';
import type { CaseFollowUp, ChaseRefusal, Followup, Look, ReleaseWorkshop, Trial, Watched } from '../followup/index.ts';
import type { Json } from '../lib/canonical-json.ts';
import { CommandEnd, type ExitName, type Terminal } from './terminal.ts';

export interface FollowCommandParts {
  readonly terminal: Terminal;
  readonly followup: () => Promise<Followup>;
  /** Opens the sandbox. */
  readonly workshop: (profile: string | undefined) => Promise<ReleaseWorkshop>;
}

const JSON_OPTION = ['--json', 'one JSON value on standard output'] as const;

interface JsonOption {
  readonly json?: boolean;
}

export function registerFollowCommands(program: Command, parts: FollowCommandParts): void {
  addFollow(program, parts);
  const watch = program.command('watch').description('where new releases of packages with cases are looked for');
  addList(watch, parts);
  addRun(watch, parts);
  addPlaces(watch, parts);
  addSet(watch, parts);
}

function addFollow(program: Command, { terminal, followup }: FollowCommandParts): void {
  program
    .command('follow [case]')
    .description(
      'what the reproducer did on releases since the report; fixes that nobody released; flaws that are back',
    )
    .option('--chase', 'write to the maintainers of this case about a fix that is stale')
    .option(...JSON_OPTION)
    .action(async (id: string | undefined, { chase, json }: JsonOption & { readonly chase?: boolean }) => {
      const opened = await followup();
      if (chase) {
        if (id === undefined) throw new CommandEnd('usage', '--chase goes with one case');
        const chased = await opened.chase(id, OPERATOR);
        if (!chased.ok) throw new CommandEnd(CHASE_EXIT[chased.refusal.kind], chaseSentence(chased.refusal));
        terminal.say(`${id}: they are asked; the letter leaves by the outbox`);
      }
      const one = id === undefined ? undefined : await opened.show(id);
      if (id !== undefined && !one) throw new CommandEnd('notFound', `there is no real case ${id}`);
      const cases = one ? [one] : await opened.followed();
      if (json) terminal.json(one ? toFollowUpJson(one) : cases.map(toFollowUpJson));
      for (const each of json ? [] : cases) for (const line of toFollowUpLines(each)) terminal.say(line);
      if (!one && !json) terminal.say(`${cases.length} cases are followed`);
    });
}

function addList(watch: Command, { terminal, followup }: FollowCommandParts): void {
  watch
    .command('list')
    .description('packages that are watched, where, and when next; names packages under embargo')
    .option(...JSON_OPTION)
    .action(async ({ json }: JsonOption) => {
      const watches = await (await followup()).watches();
      if (json) terminal.json(watches.map(toWatchJson));
      for (const each of json ? [] : watches) terminal.say(toWatchLine(each));
      if (!json) terminal.say(`${watches.length} watches`);
    });
}

interface RunOptions extends JsonOption {
  readonly profile?: string;
  readonly again?: boolean;
}

function addRun(watch: Command, { terminal, followup, workshop }: FollowCommandParts): void {
  watch
    .command('run')
    .description('look at every source now, and run the reproducers on what is new; a running worker does so by itself')
    .option('--profile <profile>', 'full or user')
    .option('--again', 'also what was unclear: a trial that showed nothing is made once more')
    .option(...JSON_OPTION)
    .action(async ({ json, profile, again }: RunOptions) => {
      const opened = await followup();
      if (again) await opened.tryUnclearAgain();
      const looks: Look[] = [];
      for (const id of await opened.hurry()) looks.push(await opened.look(id));
      for (const look of looks) if (look.kind === 'failed') terminal.say(`a source failed: ${look.reason}`);
      const waiting = await opened.waiting();
      const shop = waiting.length > 0 ? await workshop(profile) : undefined;
      const trials: Trial[] = [];
      for (const id of shop ? waiting : []) {
        const trial = shop && (await opened.try(id, shop));
        if (!trial) continue;
        trials.push(trial);
        terminal.say(`${trial.caseId}: ${trial.release.label} (${trial.release.source}) ${sayOutcome(trial)}`);
      }
      const failed = looks.filter(({ kind }) => kind === 'failed').length;
      if (json) terminal.json({ looks: looks.length, failed, trials: trials.map(toTrialJson) });
      terminal.say(`${looks.length} looks, ${failed} failed; ${trials.length} releases tried`);
      if (failed > 0) throw new CommandEnd('incomplete', 'not every source could be asked: see `watch list`');
    });
}

interface PlaceOptions {
  readonly git?: string;
  readonly debian?: string;
  readonly index?: string;
}

function addPlaces(watch: Command, { terminal, followup }: FollowCommandParts): void {
  watch
    .command('add <package>')
    .description('a further place where releases of a package with cases are looked for')
    .option('--git <repository>', 'an https address (its tags are seen), or a local mirror (they are run, too)')
    .option('--debian <name>', 'its name in Debian, with --index')
    .option('--index <file-or-url>', 'a Packages or Sources file, plain or gzip')
    .action(async (name: string, options: PlaceOptions) => {
      const added = await (await followup()).watchAt(name, readPlace(options));
      if (!added.ok) throw new CommandEnd('notFound', `no case of ${name} is followed`);
      terminal.say(`${name} is watched there too`);
    });
  watch
    .command('remove <package> <source>')
    .description('looks there no more: git or debian')
    .action(async (name: string, source: string) => {
      if (source !== 'git' && source !== 'debian') throw new CommandEnd('usage', `${source} is neither git nor debian`);
      const removed = await (await followup()).stopWatching(name, source);
      if (!removed) throw new CommandEnd('notFound', `${name} is not watched there`);
      terminal.say(`${name} is not watched there any more`);
    });
}

const isWebAddress = (text: string): boolean => /^https:\/\//i.test(text) && URL.canParse(text);

function readPlace({ git, debian, index }: PlaceOptions) {
  if (git !== undefined && debian === undefined && index === undefined) {
    if (/^[a-z+]+:/i.test(git) && !isWebAddress(git))
      throw new CommandEnd('usage', '--git takes https:// or a directory');
    return { source: 'git', repository: isWebAddress(git) ? git : resolve(git) } as const;
  }
  if (debian !== undefined && index !== undefined && git === undefined) {
    const isUrl = /^https?:\/\//i.test(index) && URL.canParse(index);
    return { source: 'debian', name: debian, index: isUrl ? index : resolve(index) } as const;
  }
  throw new CommandEnd('usage', 'name --git REPOSITORY, or --debian NAME with --index FILE|URL');
}

interface SetOptions {
  readonly steppedBy?: string;
  readonly staleDays?: string;
  readonly looks?: string;
}

function addSet(watch: Command, { terminal, followup }: FollowCommandParts): void {
  watch
    .command('set')
    .description('who takes the step that a verified fix asks for, and when a fix without a release is stale')
    .option('--stepped-by <who>', 'person (as it is at first) or machine, which also asks about stale fixes')
    .option('--stale-days <days>', 'from 1 to 3650')
    .option('--looks <when>', 'by-itself (as it is at first), or when-asked: who is asked often learns what is watched')
    .action(async ({ steppedBy, staleDays, looks }: SetOptions) => {
      const opened = await followup();
      const now = await opened.settings();
      if (steppedBy !== undefined && steppedBy !== 'person' && steppedBy !== 'machine') {
        throw new CommandEnd('usage', `--stepped-by takes person or machine, not ${steppedBy}`);
      }
      const days = staleDays === undefined ? now.staleDays : Number(staleDays);
      if (!(Number.isInteger(days) && days >= 1 && days <= 3_650)) {
        throw new CommandEnd('usage', '--stale-days takes 1 to 3650');
      }
      if (looks !== undefined && looks !== 'by-itself' && looks !== 'when-asked') {
        throw new CommandEnd('usage', `--looks takes by-itself or when-asked, not ${looks}`);
      }
      const looksByItself = looks === undefined ? now.looksByItself : looks === 'by-itself';
      const who = steppedBy ?? now.steppedBy;
      await opened.setSettings({ steppedBy: who, staleDays: days, looksByItself });
      terminal.say(
        `steps are taken by a ${who}; a fix without a release is stale after ${days} days; ` +
          `sources are asked ${looksByItself ? 'by a clock' : 'only by `watch run`'}`,
      );
    });
}

const CHASE_EXIT: Readonly<Record<ChaseRefusal['kind'], ExitName>> = {
  'no-such-case': 'notFound',
  'nothing-stale': 'conflict',
  'asked-already': 'conflict',
  'only-by-hand': 'refused',
};

function chaseSentence(refusal: ChaseRefusal): string {
  switch (refusal.kind) {
    case 'no-such-case':
      return 'there is no such case';
    case 'nothing-stale':
      return 'no fix of this case is stale';
    case 'asked-already':
      return `they were asked on ${minutes(refusal.at)}, and are asked again after as many days`;
    case 'only-by-hand':
      return `the report went by ${refusal.channel}, which would take this for another report: ask there by hand`;
  }
}

const minutes = (at: Date): string => `${at.toISOString().slice(0, 16).replace('T', ' ')} UTC`;

/** Readable, one thing a line. */
export function toFollowUpLines(it: CaseFollowUp): readonly string[] {
  return [
    `${it.caseId}: ${it.stage}, ${it.package}, found in ${it.foundIn}`,
    ...it.releases.map(
      ({ label, source, outcome, reason }) =>
        `  ${label} (${source}): ${outcome ?? 'not tried yet'}${reason ? `, ${reason}` : ''}`,
    ),
    ...(it.isStepDue
      ? [`  fixed in ${it.fixedIn}, verified: \`case step ${it.caseId} fix-released\` waits for a person`]
      : []),
    ...(it.phase === 'before' && it.fixedIn !== null ? [`  fixed in ${it.fixedIn} before anybody was told`] : []),
    ...(it.stale
      ? [
          `  stale: ${it.stale.why} since ${minutes(it.stale.since)}${it.chasedAt ? `, asked on ${minutes(it.chasedAt)}` : ''}`,
        ]
      : []),
    ...(it.reopenedAs ? [`  back in a later release: reopened as ${it.reopenedAs}`] : []),
    ...(it.reopens ? [`  reopens ${it.reopens}`] : []),
  ];
}

export function toFollowUpJson(it: CaseFollowUp): { readonly [name: string]: Json } {
  return {
    ...{ case: it.caseId, package: it.package, foundIn: it.foundIn, stage: it.stage },
    releases: it.releases.map(({ source, version, label, outcome, reason, seenAt }) => ({
      ...{ source, version, label, outcome, reason, seenAt: seenAt.toISOString() },
    })),
    ...{ fixedIn: it.fixedIn, stepDue: it.isStepDue },
    stale: it.stale && { why: it.stale.why, since: it.stale.since.toISOString() },
    ...{ chasedAt: it.chasedAt?.toISOString() ?? null, reopenedAs: it.reopenedAs, reopens: it.reopens },
  };
}

const toTrialJson = ({ caseId, release, trial, consequence }: Trial) => ({
  ...{ case: caseId, source: release.source, label: release.label, version: release.version },
  ...{ outcome: trial.outcome, reason: trial.reason, consequence },
});

const sayOutcome = ({ trial, consequence }: Trial): string =>
  `${trial.outcome}: ${trial.reason}${consequence === 'none' ? '' : ` (${consequence.replaceAll('-', ' ')})`}`;

const toWatchJson = ({ place, newest, lookedAt, nextAt, ...rest }: Watched) => ({
  ...rest,
  place: { ...place },
  newest: newest?.label ?? null,
  lookedAt: lookedAt?.toISOString() ?? null,
  nextAt: nextAt.toISOString(),
});

function toWatchLine({ package: name, place, newest, lookedAt, nextAt, failures, trouble, cases }: Watched): string {
  const where =
    place.source === 'npm' ? 'npm' : place.source === 'git' ? `git ${place.repository}` : `debian ${place.name}`;
  const last = lookedAt ? `looked ${minutes(lookedAt)}, next ${minutes(nextAt)}` : 'not looked yet';
  const bad = trouble ? `; failed ${failures} times: ${trouble}` : '';
  return `${name} at ${where}: ${newest ? `newest ${newest.label}` : 'nothing seen'}; ${last}; ${cases} cases${bad}`;
}
