/** `scan`: search targets, verify what is found, open sealed cases; one line a finding. */
import type { Command } from 'commander';
import type { Campaign, CampaignFile, CampaignId, CampaignReports, Campaigns, ScanLine } from '../campaign/index.ts';
import { FLAW_CLASSES } from '../formats/flaw-class.ts';
import type { Json } from '../lib/canonical-json.ts';
import type { FindingId } from '../verify/index.ts';
import { CommandEnd, type Terminal } from './terminal.ts';

export interface ScanParts {
  readonly terminal: Terminal;
  readonly campaigns: () => Promise<Campaigns>;
  readonly profile: (asked: string | undefined) => 'full' | 'user';
  readonly work: (campaign: Campaign, options: { readonly cache?: string }) => Promise<readonly string[]>;
  readonly lines: (id: CampaignId) => Promise<readonly ScanLine[]>;
  /** Writes down that the details of a finding were shown. */
  readonly recordReveal: (findingId: FindingId) => Promise<void>;
  readonly summarise: CampaignReports['summarise'];
  /** Targets as they are kept: paths made absolute. */
  readonly toTarget: (text: string) => string;
}

interface ScanOptions {
  readonly engine: string;
  readonly cache?: string;
  readonly minutes?: string;
  readonly seed: string;
  readonly profile?: string;
  readonly reveal?: boolean;
  readonly json?: boolean;
}

export function registerScan(program: Command, parts: ScanParts): void {
  program
    .command('scan <targets...>')
    .description('search pkg:npm/name@version, a packed archive or a directory for flaws, and prove them by execution')
    .option('--engine <name>', 'npm, or all that are built', 'all')
    .option('--cache <dir>', 'take packages from this directory alone; the network is not used')
    .option('--minutes <n>', 'start no further target after so many minutes')
    .option('--seed <n>', 'the same seed, target and version give the same result', '1')
    .option('--profile <name>', 'sandbox profile: full or user')
    .option('--reveal', 'add reproducer and oracle text; this is written into the history of the case')
    .option('--json', 'one JSON value a finding on standard output')
    .action((targets: string[], options: ScanOptions) => scan(parts, targets, options));
}

async function scan(parts: ScanParts, targets: readonly string[], options: ScanOptions): Promise<void> {
  const { terminal } = parts;
  if (options.engine !== 'npm' && options.engine !== 'all') {
    throw new CommandEnd('usage', `the engine ${options.engine} is not built; there is npm`);
  }
  const seed = readWhole('--seed', options.seed);
  const campaigns = await parts.campaigns();
  const file: CampaignFile = {
    name: 'scan',
    seed,
    targets: targets.map((target) => ({ target: parts.toTarget(target), known: [] })),
    ...(options.minutes && { minutes: readWhole('--minutes', options.minutes) }),
  };
  const id = await campaigns.begin(file, { kind: 'real', sandboxProfile: parts.profile(options.profile) });
  const campaign = await campaigns.find(id);
  if (!campaign) throw new Error(`the campaign ${id} vanished`);
  const failures = await parts.work(campaign, options.cache ? { cache: options.cache } : {});
  if (failures.length === 0) {
    const { logDetail: _detail, ...summary } = await parts.summarise(id);
    await campaigns.finish(id, summary);
  }
  for (const line of await parts.lines(id)) {
    // What shows a secret is recorded before it is shown.
    if (options.reveal && line.status === 'confirmed') await parts.recordReveal(line.id);
    if (options.json) terminal.json(toJson(line, options.reveal ?? false));
    else terminal.data(`${toText(line, options.reveal ?? false)}\n`);
  }
  await endIncomplete(parts, campaigns, id, failures);
}

/** Exit 8 where a part of a target was not covered, each part named on standard error. */
async function endIncomplete(
  { terminal }: ScanParts,
  campaigns: Campaigns,
  id: CampaignId,
  failures: readonly string[],
): Promise<void> {
  const left: string[] = [...failures];
  for (const { target, reason, skipped } of await campaigns.listTargets(id)) {
    if (reason) left.push(`${target}: ${reason}`);
    for (const part of skipped) left.push(`${target}: not covered: ${part}`);
  }
  for (const part of left) terminal.say(part);
  if (left.length > 0) throw new CommandEnd('incomplete', `${left.length} parts were not covered`);
}

function readWhole(name: string, text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new CommandEnd('usage', `${name} takes a whole number, not ${text}`);
  return Number(text);
}

function toJson(line: ScanLine, reveal: boolean): Json {
  const it = line.status === 'confirmed' ? line.finding : line;
  const common = {
    id: line.id,
    target: it.target,
    cwe: FLAW_CLASSES[it.flaw].cwe,
    class: it.flaw,
    file: it.sink?.file ?? null,
    line: it.sink?.line ?? null,
    entry: it.entry,
    status: line.status,
  };
  if (line.status !== 'confirmed') {
    return { ...common, reproductions: 0, oracle: line.oracle, reproducerSha256: null, reason: line.reason };
  }
  const { reproduction, reproducer, oracle, severity, otherEntries } = line.finding;
  return {
    ...common,
    reproductions: reproduction.reproduced,
    oracle,
    reproducerSha256: reproducer.sha256,
    ...(reveal && { reproducer: reproducer.text, severity: severity.vector, otherEntries: [...otherEntries] }),
  };
}

function toText(line: ScanLine, reveal: boolean): string {
  const it = line.status === 'confirmed' ? line.finding : line;
  const sink = it.sink ? `${it.sink.file}:${it.sink.line}` : 'no position';
  const head = `${line.status}  ${it.flaw}  ${it.target}\n    ${it.entry} → ${sink}\n    ${line.id}`;
  if (line.status !== 'confirmed') return `${head}\n    ${line.reason}`;
  const { reproduction, reproducer, severity } = line.finding;
  const proof = `${reproduction.reproduced} of ${reproduction.of} reproductions, CVSS 4.0 ${severity.score} proposed`;
  return `${head}\n    ${proof}${reveal ? `\n\n${reproducer.text}` : ''}`;
}
