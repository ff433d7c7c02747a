/** Release, joined: decisions, their evidence, and the stages that gateways obey. Needs no sandbox and no server. */
import type { RecordParts } from './assurance/index.ts';
import { createIncidents } from './incident/index.ts';
import { toHex } from './lib/bytes.ts';
import type { Json } from './lib/canonical-json.ts';
import { ok, type Result } from './lib/result.ts';
import { countryKey, createStops } from './membership/index.ts';
import type { Parts } from './parts.ts';
import { endOf, measureHeadStart, type ReleaseStage, type ReportedFinding, toMetrics } from './policy/index.ts';
import { countryTag } from './program/index.ts';
import {
  createAdoptions,
  createRelease,
  createStageEndJobs,
  foreseeStage,
  openEvidence,
  type Release,
} from './release/index.ts';
import { createMeasure, createRolloutJobs, createRollouts, type Rollouts } from './rollout/index.ts';
import type { Services } from './services.ts';
import type { Transaction } from './store/database.ts';
import { formatVerifierKey, type VerifyRefusal, verifyLog } from './tlog/index.ts';

/** What cases and clocks say; opened only when they are asked. */
type Cases = () => Promise<Pick<Services, 'disclosure' | 'triage' | 'log' | 'timekeeping'>>;

export async function openRelease({ database, vault, log, clock, random, home, onClose }: Parts, cases: Cases) {
  const [opened, db, { path, evidence: folder }, keys] = await Promise.all([log(), database(), home(), vault()]);
  // What this command promised to the log becomes leaves before it ends, where no worker did it.
  onClose(() => opened.sequence());
  const evidence = openEvidence(folder);
  const parts = { database: db, clock, random, log: opened };
  const release: Release = createRelease({
    ...{ ...parts, evidence },
    rollOut: (...given) => rollouts.settle(...given),
    countMetrics: async (nature) => countMetrics(await cases(), nature, clock.now()),
  });
  const stops = createStops({ ...parts, vault: keys });
  const incidents = createIncidents({
    ...{ ...parts, release },
    pauseRollout: (tx, model) => rollouts.pauseIn(tx, model),
    stop: async (tx, asked, actor) => {
      const set = await stops.setIn(tx, asked, { actor });
      return set.ok ? ok(set.value.stop.id) : set;
    },
  });
  const instants = { read: async (tx: Transaction) => (await cases()).timekeeping.read(tx) };
  const tagKey = countryKey(keys);
  const rollouts: Rollouts = createRollouts({
    ...{ ...parts, release, evidence, instants },
    shareKey: keys.derive('program/rollout-share'),
    tagOf: (country) => countryTag(tagKey, country),
    measure: createMeasure({
      home: path,
      // What does not verify is not measured.
      findings: async (kind) => {
        const found = await readFindings(await cases(), kind);
        return found.ok ? found.value.findings : undefined;
      },
      breaches: async (kind) => readBreaches((await cases()).disclosure, kind),
      stops: async () => (await stops.list()).map(({ terms, askedAt }) => ({ model: terms.model, askedAt })),
      incidents: () => incidents.list(),
    }),
  });
  return {
    ...{ release, evidence, incidents, rollouts },
    adoptions: createAdoptions({ ...parts, evidence }),
    cases: { stageOf: release.stageOf, evidence, log: opened.directory },
    records: {
      log: opened.directory,
      sequence: () => opened.sequence(),
      models: release.listModels,
      incidents: incidents.list,
      suspensions: release.suspensionsOf,
      analyses: rollouts.analyses,
      findings: async (kind: 'real' | 'demonstration') => readFindings(await cases(), kind),
      cases: async () => (await cases()).disclosure.list(),
    } satisfies RecordParts,
    /** Who would gain or lose a model by a stage; with a plan, at each of its steps. */
    async foresee(model: string, stage: ReleaseStage | 'closed', plan: Json | undefined) {
      const isStepped = plan !== undefined && stage !== 'closed';
      const steps = isStepped ? await rollouts.foresee(model, stage, plan) : undefined;
      if (steps?.ok === false) return steps;
      return foreseeStage(db, model, stage, clock.now(), steps?.value);
    },
    jobs: { ...createRolloutJobs({ database: db, rollouts, instants }), ...createStageEndJobs({ release }) },
  };
}

/** The head start now. Where the log does not verify there is none. */
async function countMetrics(
  cases: Pick<Services, 'disclosure' | 'triage' | 'log'>,
  nature: 'real' | 'simulated',
  now: Date,
) {
  const found = await readFindings(cases, nature === 'simulated' ? 'demonstration' : 'real');
  if (!found.ok) return [];
  const { findings } = found.value;
  // The compressed clock of demonstrations runs ahead of ours.
  return toMetrics(measureHeadStart(findings, nature === 'simulated' ? endOf(findings, now) : now), now, nature);
}

/** When a deadline of a case ran out and there was no fix. */
async function readBreaches(disclosure: Services['disclosure'], kind: 'real' | 'demonstration') {
  const breached: Date[] = [];
  for (const summary of await disclosure.list()) {
    const opened = summary.kind === kind ? await disclosure.find(summary.id) : undefined;
    for (const { kind: which, dueAt, reachedAt } of opened?.clocks ?? []) {
      const fixedAt = opened?.case.facts.F;
      const isFixed = fixedAt !== undefined && fixedAt <= dueAt;
      if (which === 'disclosure' && reachedAt !== null && !isFixed) breached.push(reachedAt);
    }
  }
  return breached;
}

export interface SealedFindings {
  readonly findings: readonly (ReportedFinding & { readonly caseId: string })[];
  /** Cases that do not count: their commitment is not in the log, or is another one there. */
  readonly uncommitted: readonly string[];
  /** Commitments in the log that no case stands behind. */
  readonly withoutCase: readonly string[];
}

/**
 * What the cases say, held against the verified log: since when a project knows, since when there is a fix, how bad it is as a
 * reviewer found it or, where nobody looked, as it was proposed.
 */
export async function readFindings(
  { disclosure, triage, log }: Pick<Services, 'disclosure' | 'triage' | 'log'>,
  kind: 'real' | 'demonstration',
): Promise<Result<SealedFindings, VerifyRefusal>> {
  await log.sequence();
  const verified = await verifyLog(log.directory, { key: formatVerifierKey(log.logKey) });
  if (!verified.ok) return verified;
  const roots = new Map<string, string>(verified.value.commitments.map(({ id, root }) => [id, toHex(root)]));
  const findings: SealedFindings['findings'][number][] = [];
  const uncommitted: string[] = [];
  const seen = new Set<string>();
  for (const summary of await disclosure.list()) {
    const opened = await disclosure.find(summary.id);
    if (!opened) continue;
    const { commitment, finding, case: it } = opened;
    seen.add(commitment.id);
    if (summary.kind !== kind) continue;
    if (roots.get(commitment.id) !== commitment.root) {
      uncommitted.push(summary.id);
      continue;
    }
    const { V: reportedAt, F: fixedAt } = it.facts;
    const reviewed = await triage.reviewedSeverity(summary.id);
    const severity = reviewed ?? finding.severity.severity;
    findings.push({ caseId: summary.id, reportedAt, fixedAt, severity, severityBy: reviewed ? 'review' : 'proposal' });
  }
  return ok({ findings, uncommitted, withoutCase: [...roots.keys()].filter((id) => !seen.has(id)) });
}
