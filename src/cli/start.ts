/**
 * `start`: the first campaign on an empty data directory, from fetching real packages to published advisories; on a later
 * start what was left undone, or nothing. Then it stays up and serves, unless told to end.
 */
import type { Command } from 'commander';
import {
  type Campaign,
  type CampaignFile,
  type CampaignReports,
  type CampaignSummary,
  type Campaigns,
  type ReleaseShown,
  shortfalls,
  toSummaryText,
} from '../campaign/index.ts';
import { CommandEnd, type Terminal } from './terminal.ts';

export interface StartParts {
  readonly terminal: Terminal;
  /** The campaign of an empty data directory: on real packages, or on our own where no registry answers. */
  readonly chooseFile: () => Promise<CampaignFile>;
  readonly readFile: (path: string) => Promise<CampaignFile>;
  readonly open: () => Promise<{ readonly campaigns: Campaigns; readonly reports: CampaignReports }>;
  /** Runs the campaign's jobs until none is left; gives the reasons of those that failed for good. */
  readonly work: (campaign: Campaign) => Promise<readonly string[]>;
  readonly profile: (asked: string | undefined) => 'full' | 'user';
  /** A release on a model that is marked as a demonstration, on what the campaign came to. */
  readonly demonstration: {
    readonly prepare: (profile: 'full' | 'user') => void;
    readonly run: (profile: 'full' | 'user', summary: CampaignSummary) => Promise<ReleaseShown>;
  };
  /** Opens it meanwhile where a first campaign is still to wait for its database. */
  readonly openSandbox: (profile: 'full' | 'user') => void;
  readonly serve: (options: { readonly port: number; readonly profile: 'full' | 'user' }) => Promise<void>;
}

interface StartOptions {
  readonly exit?: boolean;
  readonly json?: boolean;
  readonly port: string;
  readonly profile?: string;
  readonly campaign?: string;
}

export function registerStart(program: Command, parts: StartParts): void {
  program
    .command('start')
    .description('run the first campaign on an empty data directory, then serve')
    .option('--exit', 'end after the campaign; exit 0 only if all of it worked')
    .option('--json', 'the summary as one JSON value on standard output')
    .option('--port <n>', 'port of the status page (the public server gets the next one)', '8470')
    .option('--profile <name>', 'sandbox profile: full or user')
    .option('--campaign <file>', 'a campaign file instead of the built-in one')
    .action((options: StartOptions) => start(parts, options));
}

async function start(parts: StartParts, options: StartOptions): Promise<void> {
  const { terminal } = parts;
  const profile = parts.profile(options.profile);
  parts.openSandbox(profile);
  const { campaigns, reports } = await parts.open();
  const campaign = await findOrBegin(parts, campaigns, options, profile);
  const summary = campaign.summary ?? (await run(parts, campaigns, reports, campaign));
  const wrong = shortfalls(summary, expectationOf(campaign.file));
  terminal.say(toSummaryText(summary, wrong));
  if (options.json) terminal.json({ ...summary, release: summary.release ? { ...summary.release } : null });
  if (options.exit) {
    if (wrong.length > 0) throw new CommandEnd('failed', 'not all of the campaign worked');
    return;
  }
  await parts.serve({ port: Number(options.port), profile });
}

async function findOrBegin(
  parts: StartParts,
  campaigns: Campaigns,
  options: StartOptions,
  sandboxProfile: 'full' | 'user',
): Promise<Campaign> {
  const earlier = await campaigns.findLatest('demonstration');
  if (earlier) return earlier;
  const file = options.campaign ? await parts.readFile(options.campaign) : await parts.chooseFile();
  const id = await campaigns.begin(file, { kind: 'demonstration', sandboxProfile });
  const begun = await campaigns.find(id);
  if (!begun) throw new Error(`the campaign ${id} vanished`);
  return begun;
}

async function run(
  parts: StartParts,
  campaigns: Campaigns,
  reports: CampaignReports,
  campaign: Campaign,
): Promise<CampaignSummary> {
  parts.demonstration.prepare(campaign.sandboxProfile);
  const failures = [...(await parts.work(campaign))];
  const { logDetail, ...found } = await reports.summarise(campaign.id);
  parts.terminal.say(`${found.logVerified ? '✔' : '✗'} log verified: ${logDetail}`);
  const release = await parts.demonstration.run(campaign.sandboxProfile, found).catch((error: Error) => {
    failures.push(`the demonstration of a release: ${error.message}`);
    return NOTHING_SHOWN;
  });
  for (const reason of failures) parts.terminal.say(`✗ ${reason}`);
  const summary = { ...found, seconds: found.seconds + release.seconds, release };
  // What failed for good stays unfinished: the next start tries it again.
  if (failures.length === 0) await campaigns.finish(campaign.id, summary);
  return summary;
}

const NOTHING_SHOWN: ReleaseShown = {
  ...{ model: 'none', stage: 'closed', decisionSha256: '' },
  ...{ replayed: false, refusedAfterMs: 0, restored: false, seconds: 0 },
};

function expectationOf(file: CampaignFile) {
  const classes = file.targets.flatMap(({ known }) => known.map(({ flaw }) => flaw));
  return { targets: file.targets.length, classes };
}
