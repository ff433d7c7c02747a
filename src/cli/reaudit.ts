/** `reaudit`: versions that past advisories of a package call fixed, searched again for the same class of flaw. */
import type { Command } from 'commander';
import type { Campaign, CampaignFile, CampaignReports, Campaigns } from '../campaign/index.ts';
import { type Disclosure, OPERATOR, packageOf } from '../disclosure/index.ts';
import { leftUnfixedBy, planReaudit, type ReauditPlan } from '../secondlook/index.ts';
import type { Transaction } from '../store/database.ts';
import type { Lists } from '../triage/index.ts';
import { CommandEnd, type Terminal } from './terminal.ts';

export interface ReauditParts {
  readonly terminal: Terminal;
  readonly database: () => Promise<Transaction>;
  readonly lists: () => Promise<Pick<Lists, 'pastAdvisoriesOf'>>;
  readonly campaigns: () => Promise<Campaigns>;
  readonly disclosure: () => Promise<Pick<Disclosure, 'list' | 'find' | 'learn' | 'note'>>;
  readonly profile: (asked: string | undefined) => 'full' | 'user';
  readonly work: (campaign: Campaign) => Promise<readonly string[]>;
  readonly summarise: CampaignReports['summarise'];
}

interface Options {
  readonly profile?: string;
  readonly plan?: boolean;
  readonly json?: boolean;
}

const SEED = 1;

export function registerReaudit(program: Command, parts: ReauditParts): void {
  program
    .command('reaudit <package>')
    .description('search the versions that imported past advisories call fixed (`feed import osv`) for what was left')
    .option('--plan', 'only say what would be searched')
    .option('--profile <name>', 'sandbox profile: full or user')
    .option('--json', 'one JSON value on standard output')
    .action((name: string, options: Options) => reaudit(parts, name, options));
}

async function reaudit(parts: ReauditParts, name: string, options: Options): Promise<void> {
  const { terminal } = parts;
  const advisories = await (await parts.lists()).pastAdvisoriesOf(name);
  if (advisories.length === 0) throw new CommandEnd('notFound', `no past advisory of ${name} was imported`);
  const plan = planReaudit(advisories);
  for (const id of plan.notCovered) terminal.say(`${id}: not covered: the finder does not look for what it is about`);
  const targets = plan.versions.map(({ version }) => `pkg:npm/${name.replace('@', '%40')}@${version}`);
  for (const target of targets) terminal.say(`to be searched: ${target}`);
  const isDone = options.plan || targets.length === 0;
  const failures = isDone ? [] : await search(parts, targets, options.profile);
  const candidates = isDone ? [] : await label(parts, name, plan);
  if (options.json) terminal.json({ package: name, targets, notCovered: [...plan.notCovered], candidates });
  for (const { case: id, advisories: of } of options.json ? [] : candidates) {
    terminal.say(`${id}: candidate for an incomplete fix of ${of.join(', ')}`);
  }
  for (const failure of failures) terminal.say(failure);
  if (failures.length > 0) throw new CommandEnd('incomplete', `${failures.length} versions were not searched whole`);
}

async function search(
  parts: ReauditParts,
  targets: readonly string[],
  profile: string | undefined,
): Promise<readonly string[]> {
  const campaigns = await parts.campaigns();
  const file: CampaignFile = { name: 'reaudit', seed: SEED, targets: targets.map((target) => ({ target, known: [] })) };
  const id = await campaigns.begin(file, { kind: 'real', sandboxProfile: parts.profile(profile) });
  const campaign = await campaigns.find(id);
  if (!campaign) throw new Error(`the campaign ${id} vanished`);
  const failures = [...(await parts.work(campaign))];
  if (failures.length === 0) {
    const { logDetail: _detail, ...summary } = await parts.summarise(id);
    await campaigns.finish(id, summary);
  }
  for (const { target, reason } of await campaigns.listTargets(id)) if (reason) failures.push(`${target}: ${reason}`);
  return failures;
}

/** An ordinary sealed case each; which advisory it may be about is learnt with it, and the history does not name it. */
async function label(parts: ReauditParts, name: string, plan: ReauditPlan) {
  const disclosure = await parts.disclosure();
  const candidates: { case: string; advisories: string[] }[] = [];
  for (const { id } of await disclosure.list()) {
    const opened = await disclosure.find(id);
    const named = opened && packageOf(opened.finding);
    if (!opened || named?.name !== name || opened.case.kind !== 'real') continue;
    const ids = leftUnfixedBy(plan, named.version, opened.finding.flaw);
    if (ids.length === 0) continue;
    candidates.push({ case: id, advisories: [...ids] });
    if (opened.learnt.incompleteFixOf?.join() === ids.join()) continue;
    await disclosure.learn(id, { incompleteFixOf: ids });
    await disclosure.note(await parts.database(), opened, 'candidate for an incomplete fix', OPERATOR);
  }
  return candidates;
}
