/**
 * The figures of a report, counted from records and from nothing else. Each has a trace: the entries of the log it was counted
 * from, by index and leaf; of what is unpublished only how many records, and the hash of them.
 */

import type { Incident } from '../incident/index.ts';
import { canonicalJson, type Json } from '../lib/canonical-json.ts';
import { sha256Hex } from '../lib/hash.ts';
import type { measureHeadStart, ReportedFinding } from '../policy/index.ts';
import type { LogEntry } from '../release/index.ts';

export const REPORT_KINDS = ['risk', 'transparency'] as const;
export type ReportKind = (typeof REPORT_KINDS)[number];

export interface Trace {
  readonly in: 'log' | 'cases' | 'analyses';
  readonly count: number;
  /** Of the records, one a line, in their order. */
  readonly sha256: string;
  /** Of the log; left out beyond `MAX_TRACED`, where the hash still binds them. */
  readonly entries?: readonly { readonly index: number; readonly leaf: string }[];
}

export interface Figure {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  readonly question: string;
  readonly trace: Trace;
}

export interface ReportScope {
  /** Of one model, by its bytes as the log has them; null for all that was said from `from` to before `to`. */
  readonly model: string | null;
  readonly modelDigest: string | null;
  readonly from: string | null;
  readonly to: string | null;
  readonly demonstration: boolean;
}

export interface Records {
  readonly entries: readonly LogEntry[];
  /** Incidents and suspensions of the model, where it is one model's report: the log does not name models. */
  readonly incidents: readonly string[];
  readonly suspensions: readonly string[];
  /** By the random id of its case, without which the hash of so few records would tell what they are. */
  readonly findings: readonly (ReportedFinding & { readonly caseId: string })[];
  /** Of these findings, at the end of the scope. */
  readonly headStart: ReturnType<typeof measureHeadStart>;
  readonly cases: readonly { readonly id: string; readonly stage: string; readonly openedAt: Date }[];
  readonly analyses: readonly {
    readonly step: number;
    readonly at: Date;
    readonly measured: readonly { readonly name: string; readonly value: number; readonly source: string }[];
  }[];
}

const MAX_TRACED = 1_000;
const SEVERITIES: readonly Incident['severity'][] = ['low', 'moderate', 'serious', 'critical'];
/** As entries of the log are called. */
const TYPE = {
  decided: 'headstart/decision/v1',
  opened: 'headstart/stage-opened/v1',
  reversed: 'headstart/decision-reversed/v1',
  suspended: 'headstart/stage-suspended/v1',
  resumed: 'headstart/stage-resumed/v1',
  ended: 'headstart/stage-ended/v1',
  adopted: 'headstart/framework-adopted/v1',
  rollout: 'headstart/rollout/v1',
  incident: 'headstart/incident/v1',
  step: 'headstart/incident-step/v1',
  notice: 'headstart/incident-notice/v1',
  published: 'headstart/incident-record/v1',
  stopped: 'headstart/stop/v1',
  approved: 'headstart/organisation-approved/v1',
} as const;

type Picked = (type: string, where?: (entry: LogEntry) => boolean) => readonly LogEntry[];

export function countFigures(kind: ReportKind, scope: ReportScope, records: Records, asOf: Date): readonly Figure[] {
  const picked = pick(scope, records);
  const ofInstallation = scope.model === null;
  if (kind === 'risk') {
    return [
      ...decisionFigures(picked),
      ...riskFigures(picked),
      ...incidentFigures(picked, records.entries, asOf),
      ...suspensionFigures(picked, records.entries),
      ...headStartFigures(records),
      ...analysisFigures(records.analyses),
    ];
  }
  return [
    ...decisionFigures(picked),
    ...incidentFigures(picked, records.entries, asOf),
    ...suspensionFigures(picked, records.entries),
    ...(ofInstallation ? [...installationFigures(picked), ...caseFigures(scope, records)] : []),
  ];
}

/** What is of the scope. Steps, notices, rollouts and reversals are of what they follow. */
function pick(scope: ReportScope, { entries, ...ofModel }: Records): Picked {
  const [incidents, suspensions] = [new Set(ofModel.incidents), new Set(ofModel.suspensions)];
  const isDemonstration = ({ facts }: LogEntry): boolean => (facts.demonstration === true) === scope.demonstration;
  const isOurs = (entry: LogEntry): boolean => scope.modelDigest === null || entry.subject === scope.modelDigest;
  const named = (entry: LogEntry): readonly string[] =>
    entry.documents.filter(({ name }) => name === 'decision').map(({ sha256 }) => sha256);
  const decided = entries.filter((each) => each.type === TYPE.decided && isOurs(each) && isDemonstration(each));
  const decisions = new Set(decided.flatMap(named));
  const isIncident = (each: LogEntry): boolean =>
    each.type === TYPE.incident && isDemonstration(each) && (scope.model === null || incidents.has(each.subject));
  const opened = new Set(entries.filter(isIncident).map(({ subject }) => subject));
  const belongs = (each: LogEntry): boolean => {
    switch (each.type) {
      case TYPE.decided:
      case TYPE.opened:
      case TYPE.ended:
        return isOurs(each) && isDemonstration(each);
      case TYPE.reversed:
        return named(each).some((sha256) => decisions.has(sha256));
      case TYPE.rollout:
        return decisions.has(each.subject);
      case TYPE.incident:
      case TYPE.step:
      case TYPE.notice:
      case TYPE.published:
        return opened.has(each.subject);
      case TYPE.suspended:
      case TYPE.resumed:
        return scope.model === null || suspensions.has(each.subject);
      default:
        return true;
    }
  };
  const scoped = entries.filter((each) => belongs(each) && isWithin(scope, new Date(each.at)));
  return (type, where = () => true) => scoped.filter((each) => each.type === type && where(each));
}

const isWithin = ({ from, to }: ReportScope, at: Date): boolean =>
  (from === null || at >= new Date(from)) && (to === null || at < new Date(to));
/** Up to when a report of this scope counts. */
export const endOf = ({ to }: ReportScope, asOf: Date): Date =>
  to !== null && new Date(to) < asOf ? new Date(to) : asOf;

function counted(
  name: string,
  unit: string,
  question: string,
  entries: readonly LogEntry[],
  value = entries.length,
): Figure {
  const lines = entries.map(({ index, leaf }) => `${index} ${leaf}\n`).join('');
  const told = entries.length > MAX_TRACED ? {} : { entries: entries.map(({ index, leaf }) => ({ index, leaf })) };
  return {
    name,
    value,
    unit,
    question,
    trace: { in: 'log', count: entries.length, sha256: sha256Hex(lines), ...told },
  };
}

const of = (entries: readonly LogEntry[], where: (facts: LogEntry['facts']) => boolean): readonly LogEntry[] =>
  entries.filter(({ facts }) => where(facts));

function decisionFigures(picked: Picked): Figure[] {
  const decided = picked(TYPE.decided);
  return [
    counted('decisions', 'decisions', 'How many decisions on a stage were made?', decided),
    counted(
      'decisions-granted',
      'decisions',
      'How many granted what was asked for?',
      of(decided, (it) => it.granted === true),
    ),
    counted(
      'decisions-refused',
      'decisions',
      'How many did not?',
      of(decided, (it) => it.granted !== true),
    ),
    counted('stages-opened', 'stages', 'How many opened a stage, signed by their quorum?', picked(TYPE.opened)),
    counted('decisions-reversed', 'decisions', 'How many were taken back by a body that may?', picked(TYPE.reversed)),
  ];
}

function riskFigures(picked: Picked): Figure[] {
  const decided = picked(TYPE.decided);
  const cases = decided.filter(({ documents }) => documents.some(({ name }) => name === 'safety-case'));
  const deviating = of(decided, (it) => Array.isArray(it.deviations));
  const deviations = deviating.reduce((sum, { facts }) => sum + (facts.deviations as readonly Json[]).length, 0);
  const rollouts = picked(TYPE.rollout);
  return [
    counted(
      'decisions-on-claims',
      'decisions',
      'How many rest on claims that nobody signed?',
      of(decided, (it) => it.evidence !== 'signed'),
    ),
    counted('decisions-with-safety-case', 'decisions', 'How many rest on a safety case?', cases),
    counted('deviations', 'deviations', 'How many rules of a framework were set aside?', deviating, deviations),
    counted('rollout-steps', 'entries', 'How often did a rollout begin, move or end?', rollouts),
    counted(
      'rollouts-paused',
      'entries',
      'How often was one paused, because nothing could be concluded?',
      of(rollouts, (it) => it.state === 'paused'),
    ),
    counted(
      'rollouts-rolled-back',
      'entries',
      'How often did one go back, because its metrics failed?',
      of(rollouts, (it) => it.state === 'rolled-back'),
    ),
  ];
}

function incidentFigures(picked: Picked, all: readonly LogEntry[], asOf: Date): Figure[] {
  const incidents = picked(TYPE.incident);
  const steps = all.filter(({ type, facts }) => type === TYPE.step && facts.state !== 'contained');
  const done = new Set(steps.map(({ subject }) => subject));
  const sent = all.filter(({ type }) => type === TYPE.notice);
  const told = new Set(sent.map(({ subject, facts }) => `${subject} ${String(facts.clause)}`));
  const passed = ({ subject, facts }: LogEntry): number =>
    ((facts.clocks ?? []) as readonly { readonly clause: string; readonly due: string }[]).filter(
      ({ clause, due }) => new Date(due) <= asOf && !told.has(`${subject} ${clause}`),
    ).length;
  const late = incidents.filter((each) => passed(each) > 0);
  const notices = picked(TYPE.notice);
  return [
    ...SEVERITIES.map((severity) =>
      counted(
        `incidents-${severity}`,
        'incidents',
        `How many incidents were ${severity}?`,
        of(incidents, (it) => it.severity === severity),
      ),
    ),
    counted(
      'incidents-closing',
      'incidents',
      'How many closed their model at once?',
      of(incidents, (it) => it.closedModel === true),
    ),
    counted(
      'incidents-unresolved',
      'incidents',
      'How many are not resolved?',
      incidents.filter(({ subject }) => !done.has(subject)),
    ),
    counted('incident-records', 'records', 'How many records of incidents were published?', picked(TYPE.published)),
    counted('notices-sent', 'notices', 'How many notices that a clock asks for went out?', notices),
    counted(
      'notices-late',
      'notices',
      'How many of them were late?',
      of(notices, (it) => it.late === true),
    ),
    counted(
      'clocks-passed',
      'clocks',
      'How many clocks, as they ran when the incident was taken in, passed without a notice?',
      late,
      late.reduce((sum, each) => sum + passed(each), 0),
    ),
  ];
}

/** As suspensions are called in the log, each with what closed the model. */
const CLOSED_BY = {
  incident: 'an incident',
  order: 'an order from outside',
  analysis: 'a failed analysis of a rollout',
  person: 'the word of a person',
} as const;

/** The log does not say of a suspension whether its model is a demonstration. */
function suspensionFigures(picked: Picked, all: readonly LogEntry[]): Figure[] {
  const suspended = picked(TYPE.suspended);
  const lifted = new Set(all.filter(({ type }) => type === TYPE.resumed).map(({ subject }) => subject));
  return [
    counted('suspensions', 'suspensions', 'How often was a model closed, demonstrations among them?', suspended),
    ...Object.entries(CLOSED_BY).map(([kind, by]) =>
      counted(
        `suspensions-${kind}`,
        'suspensions',
        `How often by ${by}?`,
        of(suspended, (it) => it.kind === kind),
      ),
    ),
    counted(
      'suspensions-standing',
      'suspensions',
      'How many of these suspensions stand?',
      suspended.filter(({ subject }) => !lifted.has(subject)),
    ),
    counted('resumptions', 'suspensions', 'How often was one lifted?', picked(TYPE.resumed)),
    counted('stages-ended', 'stages', 'How often did a stage close because its decision ended?', picked(TYPE.ended)),
  ];
}

const installationFigures = (picked: Picked): Figure[] => [
  counted('frameworks-adopted', 'acts', 'How many acts put a framework in force?', picked(TYPE.adopted)),
  counted(
    'labels-changed',
    'acts',
    'How many adopted other bytes under a known label?',
    picked(TYPE.adopted, ({ facts }) => facts.bytesChangedBehindLabel === true),
  ),
  counted('stops', 'stops', 'How often was something stopped at the gate?', picked(TYPE.stopped)),
  counted('organisations-approved', 'organisations', 'How many organisations were let in?', picked(TYPE.approved)),
  counted(
    'commitments',
    'commitments',
    'How many findings were committed, sealed, those of demonstrations among them?',
    picked('commitment'),
  ),
  counted('openings', 'commitments', 'How many of these were opened in full?', picked('opening')),
  counted(
    'advisories',
    'documents',
    'How many advisories were published, those of demonstrations among them?',
    picked('advisory'),
  ),
];

function headStartFigures({ findings, headStart }: Records): Figure[] {
  const { reported, fixed, reportedHigh, fixedHigh, fixedShare, patchRate } = headStart;
  const lines = findings

    .map((each) =>
      [
        each.caseId,
        each.reportedAt?.toISOString() ?? '-',
        each.fixedAt?.toISOString() ?? '-',
        each.severity,
        each.severityBy,
      ].join(' '),
    )
    .sort();
  const trace: Trace = {
    in: 'cases',
    count: findings.length,
    sha256: sha256Hex(lines.map((each) => `${each}\n`).join('')),
  };
  const figure = (name: string, unit: string, question: string, value: number | undefined): Figure[] =>
    value === undefined ? [] : [{ name, value, unit, question, trace }];
  return [
    ...figure('head-start-reported', 'cases', 'How many committed findings were reported to their projects?', reported),
    ...figure('head-start-fixed', 'cases', 'How many of them are fixed?', fixed),
    ...figure('head-start-reported-high', 'cases', 'How many reported ones are high or critical?', reportedHigh),
    ...figure('head-start-fixed-high', 'cases', 'How many of these are fixed?', fixedHigh),
    ...figure('head-start-fixed-share', 'share', 'Which share of these is fixed?', fixedShare),
    ...figure('patch-rate', 'share', 'Which share of all reported ones is fixed?', patchRate),
  ];
}

function caseFigures(scope: ReportScope, { cases }: Records): Figure[] {
  const within = cases.filter(({ openedAt }) => isWithin(scope, openedAt));
  return [...new Set(within.map(({ stage }) => stage))].sort().map((stage) => {
    const ids = within
      .filter((each) => each.stage === stage)
      .map(({ id }) => `${id}\n`)
      .sort();
    const trace: Trace = { in: 'cases', count: ids.length, sha256: sha256Hex(ids.join('')) };
    const question = `How many cases that were opened in this time stand at ${stage} now?`;
    return { name: `cases-${stage}`, value: ids.length, unit: 'cases', question, trace };
  });
}

/** Of the newest analysis of the model's rollout. */
function analysisFigures(analyses: Records['analyses']): Figure[] {
  const newest = analyses[0];
  if (!newest) return [];
  const record = canonicalJson({
    step: newest.step,
    at: newest.at.toISOString(),
    measured: newest.measured.map((each) => ({ ...each })),
  });
  const trace: Trace = { in: 'analyses', count: 1, sha256: sha256Hex(record) };
  return newest.measured.map(({ name, value }) => {
    const question = `What was ${name} at the newest analysis of the rollout, at step ${newest.step + 1}?`;
    return { name: `rollout-${name}`, value, unit: 'as measured', question, trace };
  });
}
