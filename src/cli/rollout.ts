/** `release rollout` and `release head-start`: steps inside an open stage, and what the cases say of the head start. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Command } from 'commander';
import { OPERATOR } from '../disclosure/index.ts';
import type { Clock } from '../lib/clock.ts';
import type { Ed25519Signer } from '../lib/ed25519.ts';
import { sha256Hex } from '../lib/hash.ts';
import type { Result } from '../lib/result.ts';
import { endOf, measureHeadStart, type ReportedFinding, signStatement, toMetrics } from '../policy/index.ts';
import { METRICS, type Measurement, type Rollout, type RolloutRefusal, type Rollouts } from '../rollout/index.ts';
import { readFileBytes } from './file-input.ts';
import { nounOf } from './member-input.ts';
import { parseJson, readText } from './policy.ts';
import { openKey, toReleaseEnd } from './release.ts';
import { CommandEnd, type Terminal } from './terminal.ts';

export interface RolloutCommandParts {
  readonly terminal: Terminal;
  readonly clock: Clock;
  readonly rollouts: () => Promise<Rollouts>;
  /** Of the cases, held against the verified log: real ones, or those of demonstrations. */
  readonly findings: (kind: 'real' | 'demonstration') => Promise<
    Result<
      {
        readonly findings: readonly ReportedFinding[];
        readonly uncommitted: readonly string[];
        readonly withoutCase: readonly string[];
      },
      { readonly kind: string }
    >
  >;
}

export function registerRolloutCommands(program: Command, parts: RolloutCommandParts): void {
  const release = nounOf(program, 'release', 'which stage a model is at');
  addHeadStart(release, parts);
  addRollout(release, parts);
}

function addHeadStart(release: Command, { terminal, clock, findings }: RolloutCommandParts): void {
  release
    .command('head-start')
    .description('counted from the cases whose commitments are in the verified log, as metrics for a dossier')
    .option('--demonstration', 'of demonstrations, marked as simulated')
    .option('--sign <keyfile>', 'Ed25519 key (PEM) of who states metrics: each becomes a signed statement')
    .option('--save <dir>', 'where these go, with --sign')
    .option('--json', 'one JSON value on standard output')
    .action(async ({ demonstration, json, sign, save }: HeadStartOptions) => {
      if ((sign === undefined) !== (save === undefined)) throw new CommandEnd('usage', '--sign goes with --save');
      const now = clock.now();
      const counted = await findings(demonstration ? 'demonstration' : 'real');
      if (!counted.ok) throw new CommandEnd('failed', `the log does not verify: ${counted.refusal.kind}`);
      const { findings: found, uncommitted, withoutCase } = counted.value;
      // The compressed clock of demonstrations runs ahead of ours.
      const measured = measureHeadStart(found, demonstration ? endOf(found, now) : now);
      const metrics = toMetrics(measured, now, demonstration ? 'simulated' : 'real');
      if (json) {
        const checked = { uncommitted: [...uncommitted], commitmentsWithoutCase: [...withoutCase] };
        terminal.json({ ...counts(measured), ...checked, metrics: metrics.map((each) => ({ ...each })) });
      }
      for (const id of uncommitted) terminal.say(`does not count: the commitment of ${id} is not in the log`);
      for (const id of withoutCase) terminal.say(`${id} is in the log, and no case here stands behind it`);
      for (const { name, value, source } of metrics) terminal.say(`${name}: ${value} (${source})`);
      if (metrics.length === 0) terminal.say('nothing was reported yet: there is no head start to measure');
      if (sign !== undefined && save !== undefined) await saveMetrics(terminal, metrics, await openKey(sign), save);
    });
}

interface HeadStartOptions {
  readonly demonstration?: boolean;
  readonly sign?: string;
  readonly save?: string;
  readonly json?: boolean;
}

/** As it was counted a moment ago: no hand comes between. */
async function saveMetrics(
  terminal: Terminal,
  metrics: ReturnType<typeof toMetrics>,
  signer: Ed25519Signer,
  folder: string,
): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const metric of metrics) {
    const bytes = signStatement('metrics', { ...metric }, signer);
    const file = join(folder, `${metric.name}.statement.json`);
    await writeFile(file, bytes, { mode: 0o600 });
    terminal.say(`a dossier names it among its statements: sha256:${sha256Hex(bytes)}  ${file}`);
  }
}

function counts({ reported, fixed, reviewed, reportedHigh, fixedHigh }: ReturnType<typeof measureHeadStart>) {
  return { reported, fixed, reviewed, proposed: reported - reviewed, reportedHigh, fixedHigh };
}

function addRollout(release: Command, { terminal, rollouts }: RolloutCommandParts): void {
  const rollout = release.command('rollout').description('steps within an open stage, each analysed before the next');
  const show = (each: Rollout, json?: boolean): void => {
    const { model, step, plan, state } = each;
    if (json) terminal.json(toShown(each));
    terminal.say(`${model}: step ${step + 1} of ${plan.steps.length} (${plan.steps[step]?.name}), ${state}`);
  };
  rollout
    .command('begin <model> <plan>')
    .description('on the stage that is open now')
    .option('--json', 'one JSON value on standard output')
    .action(async (model: string, file: string, { json }: { json?: boolean }) => {
      const plan = parseJson(file, await readText(file));
      show(settled(await (await rollouts()).begin(model, plan)), json);
    });
  rollout
    .command('attach <model> <file>')
    .description('results of `eval run` or `pressure`, for the metrics that come from files; they count for this step')
    .option('--json', 'one JSON value on standard output')
    .action(async (model: string, file: string, { json }: { json?: boolean }) => {
      const measured = settled(await (await rollouts()).attach(model, await readFileBytes(file), OPERATOR));
      if (json) terminal.json(measured.map((each) => ({ ...each })));
      for (const each of measured) terminal.say(toLine(each));
    });
  rollout
    .command('analyse <model>')
    .description('one analysis now, of what its sources say; failing beyond the limit closes the model or goes back')
    .option('--json', 'one JSON value on standard output')
    .action(async (model: string, { json }: { json?: boolean }) => {
      const { rollout: after, analysis, measured } = settled(await (await rollouts()).analyse(model));
      terminal.say(analysis);
      for (const each of measured) terminal.say(toLine(each));
      show(after, json);
      if (after.state === 'rolled-back') throw new CommandEnd('failed', `the rollout of ${model} failed`);
    });
  rollout
    .command('show <model>')
    .description('where it is, and what every analysis found, the newest first')
    .option('--json', 'one JSON value on standard output')
    .action(async (model: string, { json }: { json?: boolean }) => {
      const opened = await rollouts();
      const found = await opened.find(model);
      if (!found) throw new CommandEnd('notFound', `there is no rollout of ${model}`);
      const analyses = await opened.analyses(model);
      if (json) {
        const told = analyses.map(({ at, measured, ...each }) => {
          return { ...each, at: at.toISOString(), measured: measured.map((one) => ({ ...one })) };
        });
        terminal.json({ ...toShown(found), analyses: told });
        return;
      }
      show(found);
      for (const { at, step, analysis, measured } of analyses) {
        terminal.say(`${at.toISOString()}  step ${step + 1}  ${analysis}  ${measured.map(toLine).join('; ')}`);
      }
    });
  rollout
    .command('metrics')
    .description('what an analysis can look at, each with its source')
    .option('--json', 'one JSON value on standard output')
    .action(({ json }: { json?: boolean }) => {
      if (json) terminal.json([...METRICS].map(([name, meaning]) => ({ name, ...meaning })));
      for (const [name, { source, what }] of METRICS) terminal.say(`${name}  (${source})  ${what}`);
    });
  rollout
    .command('resume <model>')
    .description('let a paused one run again')
    .option('--json', 'one JSON value on standard output')
    .action(async (model: string, { json }: { json?: boolean }) => {
      show(settled(await (await rollouts()).resume(model)), json);
    });
}

function toShown({ model, step, plan, state, failures, inconclusive }: Rollout) {
  return { model, step: step + 1, of: plan.steps.length, state, failures, inconclusive };
}

const toLine = ({ name, value, source }: Measurement): string => `${name} ${value} (${source})`;

function settled<T>(outcome: Result<T, RolloutRefusal>): T {
  if (outcome.ok) return outcome.value;
  const { refusal } = outcome;
  if (refusal.kind === 'closed')
    throw new CommandEnd('conflict', `${refusal.model} is closed: nothing is analysed until it is open again`);
  if (refusal.kind === 'not-running')
    throw new CommandEnd('conflict', `the rollout of ${refusal.model} is ${refusal.state}`);
  throw toReleaseEnd(refusal);
}
