/** `simulate`: a year of disclosure under a policy, without a data directory. The same seed gives the same bytes. */
import { writeFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { compare, POLICIES, type PolicyName, simulate } from '../simulate/index.ts';
import { CommandEnd, type Terminal } from './terminal.ts';

interface Options {
  readonly findings: string;
  readonly projects: string;
  readonly days: string;
  readonly seed: string;
  readonly policy: string;
  readonly report?: string;
}

const MOST = { findings: 1_000_000, projects: 100_000, days: 3_650, seed: 2 ** 32 - 1 } as const;

export function registerSimulate(program: Command, { terminal }: { readonly terminal: Terminal }): void {
  program
    .command('simulate')
    .description('a year of disclosure: findings, reports, maintainers, fixes and publication under a policy')
    .option('--findings <n>', 'candidates found', '23019')
    .option('--projects <n>', 'projects they are found in', '1000')
    .option('--days <n>', 'days over which they are found', '365')
    .option('--seed <n>', 'of everything drawn by chance', '1')
    .option('--policy <name>', `who is sent what: ${POLICIES.join(', ')}`, 'paced')
    .option('--report <file>', 'also compare all policies in one HTML page')
    .option('--json', 'accepted for uniformity: the outcome is the output')
    .action(async (options: Options) => {
      const { policy, report } = options;
      if (!isPolicy(policy)) {
        throw new CommandEnd('usage', `no such policy: ${policy}. There are ${POLICIES.join(', ')}`);
      }
      const size = {
        findings: readCount(options, 'findings', 0),
        projects: readCount(options, 'projects', 1),
        days: readCount(options, 'days', 1),
        seed: readCount(options, 'seed', 0),
      };
      const outcome = simulate({ ...size, policy });
      terminal.json({ ...outcome, fromFinding: { ...outcome.fromFinding }, fromSending: { ...outcome.fromSending } });
      terminal.say(
        `${outcome.reported} of ${outcome.confirmed} confirmed findings reported, ${outcome.fixedWithin180} fixed within 180 days, ` +
          `${outcome.deadlineBreaches} deadlines of 90 days missed`,
      );
      if (report !== undefined) await writePage(report, compare(size), terminal);
    });
}

async function writePage(file: string, page: string, terminal: Terminal): Promise<void> {
  try {
    await writeFile(file, page);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new CommandEnd('failed', `${file} cannot be written: ${code ?? 'unknown reason'}`);
  }
  terminal.say(`the comparison is in ${file}`);
}

function readCount(options: Options, name: keyof typeof MOST, least: number): number {
  const value = Number(options[name]);
  if (!/^\d+$/.test(options[name]) || value < least || value > MOST[name]) {
    throw new CommandEnd('usage', `--${name} takes ${least} to ${MOST[name]}, not ${options[name]}`);
  }
  return value;
}

const isPolicy = (name: string): name is PolicyName => POLICIES.some((policy) => policy === name);
