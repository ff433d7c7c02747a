/** `release rollout` and `release head-start`: steps inside an open stage, and what the cases say of the head start. */
import type { Command } from 'commander';
import type { Json } from '../lib/canonical-json.ts';
import type { Clock } from '../lib/clock.ts';
import type { Result } from '../lib/result.ts';
import { endOf, measureHeadStart, type ReportedFinding, toMetrics } from '../policy/index.ts';
import type { Rollout, RolloutRefusal, Rollouts } from '../release/index.ts';
import { nounOf } from './member-input.ts';
import { parseJson, readText } from './policy.ts';
import { toReleaseEnd } from './release.ts';
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
    .option('--json', 'one JSON value on standard output')
    .action(async ({ demonstration, json }: { demonstration?: boolean; json?: boolean }) => {
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
    });
}

function counts({ reported, fixed, reviewed, reportedHigh, fixedHigh }: ReturnType<typeof measureHeadStart>) {
  return { reported, fixed, reviewed, proposed: reported - reviewed, reportedHigh, fixedHigh };
}

function addRollout(release: Command, { terminal, rollouts }: RolloutCommandParts): void {
  const rollout = release.command('rollout').description('steps within an open stage, each analysed before the next');
  const show = (each: Rollout, json?: boolean): void => {
    const { model, step, plan, state, failures, inconclusive } = each;
    if (json) terminal.json({ model, step: step + 1, of: plan.steps.length, state, failures, inconclusive });
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
    .command('analyse <model> <measured>')
    .description('one analysis of a file of metrics; failing beyond the limit closes the model')
    .option('--json', 'one JSON value on standard output')
    .action(async (model: string, file: string, { json }: { json?: boolean }) => {
      const measured = toMeasured(file, parseJson(file, await readText(file)));
      const { rollout: after, analysis } = settled(await (await rollouts()).analyse(model, measured));
      terminal.say(analysis);
      show(after, json);
      if (after.state === 'rolled-back') throw new CommandEnd('failed', `${model} is closed: the rollout failed`);
    });
  rollout
    .command('resume <model>')
    .description('let a paused one run again')
    .option('--json', 'one JSON value on standard output')
    .action(async (model: string, { json }: { json?: boolean }) => {
      show(settled(await (await rollouts()).resume(model)), json);
    });
}

/** `[{"name","value","source"}]`, as a dossier has metrics. */
function toMeasured(file: string, value: Json): ReadonlyMap<string, number> {
  if (!Array.isArray(value)) throw new CommandEnd('usage', `${file} is no list of metrics`);
  return new Map(
    (value as readonly { readonly name?: Json; readonly value?: Json }[]).map((each, at): [string, number] => {
      if (typeof each?.name !== 'string' || typeof each.value !== 'number') {
        throw new CommandEnd('usage', `${file} at /${at}: a metric has name, value and source`);
      }
      return [each.name, each.value];
    }),
  );
}

function settled<T>(outcome: Result<T, RolloutRefusal>): T {
  if (outcome.ok) return outcome.value;
  const { refusal } = outcome;
  if (refusal.kind === 'malformed-plan') throw new CommandEnd('usage', `the plan at ${refusal.place}: ${refusal.why}`);
  if (refusal.kind === 'not-running')
    throw new CommandEnd('conflict', `the rollout of ${refusal.model} is ${refusal.state}`);
  throw toReleaseEnd(refusal);
}
