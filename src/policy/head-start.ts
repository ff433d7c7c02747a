/**
 * The head start of defenders, measured: what was reported to projects and how much of it is fixed. Never assumed: with
 * nothing reported there is no share, and a metric that does not exist opens no stage.
 */
import type { MetricClaim } from './dossier.ts';
import { slug } from './encoding-zero.ts';

export interface ReportedFinding {
  /** Since when the project knows; undefined while it does not. */
  readonly reportedAt: Date | undefined;
  /** Since when there is a fix. */
  readonly fixedAt: Date | undefined;
  readonly severity: 'none' | 'low' | 'medium' | 'high' | 'critical';
  /** Whose word the severity is. */
  readonly severityBy: 'review' | 'proposal';
}

export interface HeadStart {
  readonly reported: number;
  readonly fixed: number;
  /** Of the reported: severities that a reviewer found. The others are as the verification proposed them. */
  readonly reviewed: number;
  readonly reportedHigh: number;
  readonly fixedHigh: number;
  /** Of high and critical findings. */
  readonly fixedShare: number | undefined;
  /** Of all. */
  readonly patchRate: number | undefined;
  /** Whole days since the first report. */
  readonly day: number | undefined;
}

const DAY_MS = 86_400_000;

export function measureHeadStart(findings: readonly ReportedFinding[], now: Date): HeadStart {
  const reported = findings.filter(({ reportedAt }) => reportedAt !== undefined && reportedAt <= now);
  const isFixed = ({ fixedAt }: ReportedFinding): boolean => fixedAt !== undefined && fixedAt <= now;
  const high = reported.filter(({ severity }) => severity === 'high' || severity === 'critical');
  const share = (of: readonly ReportedFinding[]): number | undefined =>
    of.length === 0 ? undefined : of.filter(isFixed).length / of.length;
  const first = Math.min(...reported.map(({ reportedAt }) => reportedAt?.getTime() ?? Number.POSITIVE_INFINITY));
  return {
    reported: reported.length,
    fixed: reported.filter(isFixed).length,
    reviewed: reported.filter(({ severityBy }) => severityBy === 'review').length,
    reportedHigh: high.length,
    fixedHigh: high.filter(isFixed).length,
    fixedShare: share(high),
    patchRate: share(reported),
    day: reported.length === 0 ? undefined : Math.floor((now.getTime() - first) / DAY_MS),
  };
}

/** The last of what happened in these cases: those of demonstrations, on a compressed clock, lie ahead of ours. */
export function endOf(findings: readonly ReportedFinding[], now: Date): Date {
  const instants = findings.flatMap(({ reportedAt, fixedAt }) =>
    [reportedAt, fixedAt].filter((at) => at !== undefined),
  );
  return new Date(Math.max(now.getTime(), ...instants.map((at) => at.getTime())));
}

/** Nobody's word stands for these: they are counted. */
const COUNTED: ReadonlySet<string> = new Set(['head-start-fixed-share', 'patch-rate', 'head-start-day']);

/** As rules find them: by the same reading of their name. */
export const isCounted = ({ name }: Pick<MetricClaim, 'name'>): boolean => COUNTED.has(slug(name));

/** The first metric that says more than is counted. One that cannot be counted says more whatever it says. */
export function findUncounted(
  said: readonly MetricClaim[],
  counted: readonly Pick<MetricClaim, 'name' | 'value'>[],
): { readonly metric: string; readonly said: number; readonly counted: number | null } | undefined {
  for (const { name, value } of said.filter(isCounted)) {
    const found = counted.find((each) => slug(each.name) === slug(name))?.value ?? null;
    if (found === null || value > found) return { metric: name, said: value, counted: found };
  }
  return undefined;
}

export interface HeadStartMetric {
  readonly name: string;
  readonly value: number;
  readonly source: string;
  readonly at: string;
  readonly nature: 'real' | 'simulated';
}

/** As claims of a dossier. What was not measured is not among them. */
export function toMetrics(measured: HeadStart, at: Date, nature: 'real' | 'simulated'): readonly HeadStartMetric[] {
  const { reported, fixed, reviewed, reportedHigh, fixedHigh, fixedShare, patchRate, day } = measured;
  const metric = (name: string, value: number | undefined, source: string): HeadStartMetric[] =>
    value === undefined ? [] : [{ name, value, source, at: at.toISOString(), nature }];
  return [
    ...metric(
      'head-start-fixed-share',
      fixedShare,
      `cases: ${fixedHigh} of ${reportedHigh} high and critical fixed; severities: ${reviewed} reviewed, ${reported - reviewed} proposed`,
    ),
    ...metric('patch-rate', patchRate, `cases: ${fixed} of ${reported} fixed`),
    ...metric('head-start-day', day, 'cases: days since the first report'),
  ];
}
