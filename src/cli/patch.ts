/** `patch verify`: does this patch mend the finding and break nothing? The answer is yes only with exit 0. */
import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import type { Result } from '../lib/result.ts';
import {
  createTestComparison,
  type DependentEffect,
  measureBaseline,
  type PatchParts,
  type PatchReport,
  type Reproducer,
  readReproducer,
  SandboxRefused,
  tryDependent,
  verifyPatch,
} from '../patch/index.ts';
import type { PackageTree, TargetRefusal } from '../target/index.ts';
import { CommandEnd, type ExitName, type Terminal } from './terminal.ts';

export interface PatchCommandsContext {
  readonly terminal: Terminal;
  openTarget(target: string, withDevDependencies: boolean): Promise<Result<PackageTree, TargetRefusal>>;
  /** The reproducer of a finding kept here; undefined where there is no such finding. */
  findReproducer(findingId: string): Promise<Reproducer | undefined>;
  /** What a patch of a case could break, by partners' bills of materials; undefined where there is no such case. */
  caseDependents(
    id: string,
  ): Promise<
    { readonly target: string; readonly patch: string | null; readonly dependents: readonly string[] } | undefined
  >;
  /** Opens the sandbox at the first need. */
  patchParts(): Promise<PatchParts>;
}

interface VerifyOptions {
  readonly target: string;
  readonly finding: string;
  readonly patch: string;
  readonly json?: boolean;
}

const EXITS: Readonly<Record<TargetRefusal['kind'], ExitName>> = {
  'bad-target': 'usage',
  'not-found': 'notFound',
  'registry-unavailable': 'unavailable',
  'integrity-mismatch': 'refused',
  'hostile-archive': 'refused',
  'too-large': 'refused',
  'unresolvable-dependency': 'incomplete',
};

export function registerPatchCommands(program: Command, context: PatchCommandsContext): void {
  const patch = program.commands.find((command) => command.name() === 'patch') ?? program.command('patch');
  patch.description('Candidate patches and their verification');
  patch
    .command('verify')
    .description('attack a patch: reproducer, variants, ordinary calls, own tests, revert')
    .requiredOption('--target <target>', 'pkg:npm/name@version, an archive or a directory: the unpatched version')
    .requiredOption('--finding <finding>', "a finding's id, or a reproducer file")
    .requiredOption('--patch <file>', 'unified diff against the target')
    .option('--json', 'one JSON value on standard output')
    .action(async (options: VerifyOptions) => {
      const report = await verify(context, options);
      if (options.json) context.terminal.json({ verdict: report.verdict, reasons: report.reasons });
      else context.terminal.data(`${[report.verdict, ...report.reasons.map((reason) => `  ${reason}`)].join('\n')}\n`);
      if (report.verdict !== 'fixes') throw new CommandEnd('failed', '');
    });
  addDependents(patch, context);
}

interface DependentOptions {
  readonly case?: string;
  readonly target?: string;
  readonly patch?: string;
  readonly dependent?: readonly string[];
  readonly json?: boolean;
}

/** As named, and where a case is named, as the case has it. */
async function readDependents(context: PatchCommandsContext, options: DependentOptions) {
  const { case: id } = options;
  const found = id === undefined ? undefined : await context.caseDependents(id);
  if (id !== undefined && !found) throw new CommandEnd('notFound', `there is no case ${id}`);
  const target = options.target ?? found?.target;
  const text = options.patch === undefined ? (found?.patch ?? undefined) : await readText(options.patch);
  if (options.patch !== undefined && text === undefined) {
    throw new CommandEnd('usage', `${options.patch} cannot be read`);
  }
  if (text === undefined && found) throw new CommandEnd('conflict', `${id} has no verified patch: --patch names one`);
  const dependents = [...new Set([...(options.dependent ?? []), ...(found?.dependents ?? [])])];
  if (target === undefined || text === undefined || dependents.length === 0) {
    throw new CommandEnd(
      'usage',
      found
        ? 'no two partners have a package that needs it: --dependent names one'
        : 'say --case, or --target, --patch and --dependent',
    );
  }
  return { target, text, dependents };
}

function addDependents(patch: Command, context: PatchCommandsContext): void {
  patch
    .command('dependents')
    .description('run the own tests of packages that depend on the target, with the patched target put in')
    .option('--case <case>', 'target, verified patch and what several partners’ products have, as of this case')
    .option('--target <target>', 'pkg:npm/name@version: what the patch is made for')
    .option('--patch <file>', 'unified diff against the target')
    .option('--dependent <target...>', 'packages that depend on it: pkg:npm/name@version, archives, directories')
    .option('--json', 'one JSON value on standard output')
    .action(async (options: DependentOptions) => {
      const { target, text, dependents } = await readDependents(context, options);
      const tree = await context.openTarget(target, false);
      if (!tree.ok) throw new CommandEnd(EXITS[tree.refusal.kind], `${tree.refusal.target}: ${tree.refusal.reason}`);
      const { name, version } = tree.value;
      await tree.value.dispose();
      const effects: DependentEffect[] = [];
      for (const each of dependents) effects.push(await tryOne(context, each, { name, version }, text));
      if (options.json) context.terminal.json(effects.map((each) => ({ ...each })));
      for (const each of options.json ? [] : effects) {
        context.terminal.say(`${each.dependent}: ${each.effect}: ${each.reason}`);
      }
      const count = (effect: DependentEffect['effect']): number => effects.filter((it) => it.effect === effect).length;
      if (count('breaking') > 0) throw new CommandEnd('failed', `it breaks ${count('breaking')} of ${effects.length}`);
      if (count('unknown') > 0) {
        throw new CommandEnd('incomplete', `of ${count('unknown')} of ${effects.length} nothing is known`);
      }
    });
}

async function tryOne(
  context: PatchCommandsContext,
  target: string,
  patched: { readonly name: string; readonly version: string },
  text: string,
): Promise<DependentEffect> {
  const opened = await context.openTarget(target, true);
  if (!opened.ok)
    return { dependent: target, effect: 'unknown', reason: `it cannot be fetched: ${opened.refusal.reason}` };
  try {
    return await tryDependent(await context.patchParts(), opened.value, patched, text);
  } catch (fault) {
    if (fault instanceof SandboxRefused) throw new CommandEnd('unavailable', fault.message);
    throw fault;
  } finally {
    await opened.value.dispose();
  }
}

async function verify(context: PatchCommandsContext, options: VerifyOptions): Promise<PatchReport> {
  const patch = await readText(options.patch);
  if (patch === undefined) throw new CommandEnd('usage', `${options.patch} cannot be read`);
  const text = await readText(options.finding);
  const kept = text === undefined ? await context.findReproducer(options.finding) : undefined;
  if (text === undefined && kept === undefined) {
    throw new CommandEnd('notFound', `${options.finding} is neither a finding kept here nor a reproducer file`);
  }
  const tree = await context.openTarget(options.target, true);
  if (!tree.ok) throw new CommandEnd(EXITS[tree.refusal.kind], `${tree.refusal.target}: ${tree.refusal.reason}`);
  try {
    const reproducer = kept ?? readForeign(options.finding, text ?? '', tree.value.name);
    const given = await context.patchParts();
    const parts = { compareTests: createTestComparison(given.run, tree.value), ...given };
    context.terminal.say(`measuring ${tree.value.purl} as it is`);
    const baseline = await measureBaseline(parts, tree.value, reproducer);
    context.terminal.say('attacking the patched version');
    return await verifyPatch(parts, baseline, patch);
  } catch (fault) {
    if (fault instanceof SandboxRefused) throw new CommandEnd('unavailable', fault.message);
    throw fault;
  } finally {
    await tree.value.dispose();
  }
}

function readForeign(path: string, text: string, packageName: string): Reproducer {
  const read = readReproducer(path, text, packageName);
  if (!read.ok) throw new CommandEnd('refused', `${path} is not run: ${read.refusal}`);
  return read.value;
}

async function readText(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (fault) {
    if (['ENOENT', 'ENOTDIR', 'EISDIR', 'ENAMETOOLONG'].includes((fault as NodeJS.ErrnoException).code ?? ''))
      return undefined;
    throw fault;
  }
}
