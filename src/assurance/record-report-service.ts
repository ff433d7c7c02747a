/** Reports of risk and of transparency, counted from the verified log, the cases and the rollouts of this installation. */
import { ok, type Result, refuse } from '../lib/result.ts';
import { measureHeadStart, type ReportedFinding } from '../policy/index.ts';
import { type LogAccount, type Release, type ReplayRefusal, readLogEntries } from '../release/index.ts';
import { countFigures, endOf, type Records, type ReportKind, type ReportScope } from './record-figures.ts';
import type { RecordReport } from './record-report.ts';

export interface RecordParts {
  /** The directory of the log. */
  readonly log: string;
  /** Makes leaves of what was promised to the log. */
  readonly sequence: () => Promise<unknown>;
  readonly models: Release['listModels'];
  readonly incidents: () => Promise<readonly { readonly id: string; readonly model: string | undefined }[]>;
  /** Of a model, lifted or not. */
  readonly suspensions: Release['suspensionsOf'];
  readonly analyses: (model: string) => Promise<Records['analyses']>;
  readonly findings: (
    kind: 'real' | 'demonstration',
  ) => Promise<
    Result<{ readonly findings: readonly (ReportedFinding & { readonly caseId: string })[] }, { readonly kind: string }>
  >;
  readonly cases: () => Promise<readonly (Records['cases'][number] & { readonly kind: string })[]>;
}

export type RecordRefusal =
  | ReplayRefusal
  | { readonly kind: 'no-model'; readonly model: string }
  | { readonly kind: 'log-shorter'; readonly said: number; readonly size: number }
  | { readonly kind: 'another-log'; readonly said: string; readonly origin: string };

/** Of a model, or of all that was said in a time. */
export type ReportAsked =
  | { readonly model: string }
  | { readonly from: Date; readonly to: Date; readonly demonstration: boolean };

type Outcome = Promise<Result<RecordReport, RecordRefusal>>;

export async function openRecordReport(parts: RecordParts, kind: ReportKind, asked: ReportAsked, now: Date): Outcome {
  const scope = await scopeOf(parts, asked);
  if (!scope.ok) return scope;
  await parts.sequence();
  const log = await readLogEntries(parts.log, {});
  return log.ok ? count(parts, kind, scope.value, now, log.value) : log;
}

/** The same report from today's records: the log up to where it was read then, the cases as they are now. */
export async function recountRecordReport(parts: RecordParts, said: RecordReport): Outcome {
  const log = await readLogEntries(parts.log, {});
  if (!log.ok) return log;
  const { size, origin, entries, rootAt } = log.value;
  if (said.log.size > size) return refuse({ kind: 'log-shorter', said: said.log.size, size });
  if (said.log.origin !== origin || said.log.root !== rootAt(said.log.size))
    return refuse({ kind: 'another-log', said: String(said.log.origin), origin });
  const then = { ...said.log, entries: entries.filter(({ index }) => index < said.log.size) };
  return count(parts, said.kind, said.scope, new Date(said.asOf), then);
}

async function scopeOf(parts: RecordParts, asked: ReportAsked): Promise<Result<ReportScope, RecordRefusal>> {
  if (!('model' in asked)) {
    const { from, to, demonstration } = asked;
    return ok({ model: null, modelDigest: null, from: from.toISOString(), to: to.toISOString(), demonstration });
  }
  const model = (await parts.models()).find(({ id }) => id === asked.model);
  if (!model) return refuse({ kind: 'no-model', model: asked.model });
  return ok({
    ...{ model: model.id, modelDigest: model.digest, from: null, to: null, demonstration: model.isDemonstration },
  });
}

async function count(
  parts: RecordParts,
  kind: ReportKind,
  scope: ReportScope,
  asOf: Date,
  { origin, size, root, entries }: Omit<LogAccount, 'rootAt'>,
): Outcome {
  const kindOfCases = scope.demonstration ? 'demonstration' : 'real';
  const sealed = await parts.findings(kindOfCases);
  if (!sealed.ok) return refuse({ kind: 'log-not-verified', why: sealed.refusal.kind });
  const incidents = (await parts.incidents()).filter(({ model }) => model !== undefined && model === scope.model);
  const records: Records = {
    entries,
    incidents: incidents.map(({ id }) => id),
    suspensions: scope.model === null ? [] : (await parts.suspensions(scope.model)).map(({ id }) => id),
    findings: sealed.value.findings,
    headStart: measureHeadStart(sealed.value.findings, endOf(scope, asOf)),
    cases: (await parts.cases()).filter((each) => each.kind === kindOfCases),
    analyses: scope.model === null ? [] : await parts.analyses(scope.model),
  };
  const figures = countFigures(kind, scope, records, asOf);
  const log = { origin, size, root };
  return ok({ schema: 'headstart-record-report/1', kind, scope, asOf: asOf.toISOString(), log, figures });
}
