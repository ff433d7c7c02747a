import assert from 'node:assert/strict';
import { test } from 'node:test';
import { measureHeadStart } from '../policy/index.ts';
import type { LogEntry } from '../release/index.ts';
import { countFigures, type Records, type ReportKind, type ReportScope } from './record-figures.ts';
import { differingFigures, type RecordReport, readRecordReport } from './record-report.ts';

const AS_OF = new Date('2026-11-20T00:00:00Z');
const TIME: ReportScope = {
  ...{ model: null, modelDigest: null, from: '2026-11-01T00:00:00Z', to: '2026-11-15T00:00:00Z', demonstration: false },
};
const ofModel = (model: string, modelDigest: string): ReportScope => ({
  ...TIME,
  model,
  modelDigest,
  from: null,
  to: null,
});

type Said = readonly [type: string, subject: string, facts: LogEntry['facts'], more?: Partial<LogEntry>];
const entriesOf = (...said: Said[]): LogEntry[] =>
  said.map(([type, subject, facts, more], index) => ({
    ...{ index, leaf: String(index).padStart(64, '0'), at: '2026-11-10T00:00:00Z', documents: [] },
    ...{
      type:
        type.includes('-') || type === 'decision' || type === 'incident' || type === 'rollout'
          ? `headstart/${type}/v1`
          : type,
    },
    ...{ subject, facts, ...more },
  }));
const decision = (
  digest: string,
  sha256: string,
  facts: LogEntry['facts'] = {},
  more: Partial<LogEntry> = {},
): Said => [
  'decision',
  digest,
  { granted: true, evidence: 'signed', demonstration: false, ...facts },
  { documents: [{ name: 'decision', sha256 }], ...more },
];
const EMPTY: Records = {
  ...{
    entries: [],
    incidents: [],
    suspensions: [],
    findings: [],
    cases: [],
    analyses: [],
    headStart: measureHeadStart([], AS_OF),
  },
};
const withFindings = (findings: Records['findings']) => ({ findings, headStart: measureHeadStart(findings, AS_OF) });

function values(kind: ReportKind, scope: ReportScope, records: Partial<Records>): (name: string) => number | undefined {
  const figures = countFigures(kind, scope, { ...EMPTY, ...records }, AS_OF);
  return (name) => figures.find((each) => each.name === name)?.value;
}

test('a report of a time counts what was said from its beginning to before its end, and no demonstration', () => {
  const entries = entriesOf(
    decision('d1', 'a', {}, { at: '2026-10-31T23:59:59Z' }),
    decision('d1', 'b', {}, { at: '2026-11-01T00:00:00Z' }),
    decision('d1', 'c', { granted: false, evidence: 'claimed' }),
    decision('d1', 'd', { demonstration: true }),
    decision('d1', 'e', {}, { at: '2026-11-15T00:00:00Z' }),
  );
  const value = values('risk', TIME, { entries });
  assert.deepEqual(
    ['decisions', 'decisions-granted', 'decisions-refused', 'decisions-on-claims'].map(value),
    [2, 1, 1, 1],
  );
  assert.equal(values('risk', { ...TIME, demonstration: true }, { entries })('decisions'), 1);
});

test('a report of a model counts what names its bytes, and the steps, reversals and incidents that follow from it', () => {
  const reversal = { documents: [{ name: 'decision', sha256: 'b' }] };
  const entries = entriesOf(
    decision('d1', 'a', { deviations: [{}, {}] }),
    decision('d2', 'b'),
    ['rollout', 'a', { state: 'rolled-back' }],
    ['rollout', 'b', { state: 'paused' }],
    ['decision-reversed', 'd2', {}, reversal],
    ['incident', 'i1', { severity: 'serious', closedModel: true }],
    ['incident', 'i2', { severity: 'low', closedModel: false }],
  );
  const one = values('risk', ofModel('m1', 'd1'), { entries, incidents: ['i1'] });
  const names = ['decisions', 'deviations', 'rollout-steps', 'rollouts-rolled-back', 'decisions-reversed'];
  assert.deepEqual(names.map(one), [1, 2, 1, 1, 0]);
  assert.deepEqual(['incidents-serious', 'incidents-low', 'incidents-closing'].map(one), [1, 0, 1]);
  assert.equal(values('risk', ofModel('m2', 'd2'), { entries })('decisions-reversed'), 1);
});

test('a report counts every suspension, whatever closed the model, and a stage that ended; of a model only its own', () => {
  const entries = entriesOf(
    decision('d1', 'a'),
    ['stage-suspended', 's1', { kind: 'person' }],
    ['stage-suspended', 's2', { kind: 'order' }],
    ['stage-suspended', 's3', { kind: 'incident' }],
    ['stage-resumed', 's1', {}],
    ['stage-ended', 'd1', { demonstration: false }],
    ['stage-ended', 'd2', { demonstration: false }],
  );
  const names = ['suspensions', 'person', 'order', 'incident', 'analysis', 'standing'];
  const told = names.map((name) => (name === 'suspensions' ? name : `suspensions-${name}`));
  for (const kind of ['risk', 'transparency'] as const) {
    const all = values(kind, TIME, { entries });
    assert.deepEqual([...told, 'resumptions', 'stages-ended'].map(all), [3, 1, 1, 1, 0, 2, 1, 2]);
    const one = values(kind, ofModel('m1', 'd1'), { entries, suspensions: ['s1', 's2'] });
    assert.deepEqual([...told, 'resumptions', 'stages-ended'].map(one), [2, 1, 1, 0, 0, 1, 1, 1]);
  }
});

test('a clock that is due has passed unless its notice was sent, and an incident is open until it is resolved', () => {
  const clocks = [
    { clause: 'due', due: '2026-11-19T00:00:00Z' },
    { clause: 'told', due: '2026-11-19T00:00:00Z' },
    { clause: 'to come', due: '2026-11-20T00:00:01Z' },
  ];
  const opened: Said = ['incident', 'i1', { severity: 'critical', clocks, closedModel: true }];
  const told: Said = ['incident-notice', 'i1', { clause: 'told', late: true }];
  const of = (...more: Said[]) => values('risk', TIME, { entries: entriesOf(opened, told, ...more) });
  const names = ['clocks-passed', 'notices-sent', 'notices-late', 'incidents-unresolved'];
  assert.deepEqual(names.map(of(['incident-step', 'i1', { state: 'contained' }])), [1, 1, 1, 1]);
  assert.deepEqual(names.map(of(['incident-step', 'i1', { state: 'resolved' }])), [1, 1, 1, 0]);
});

test('every figure has its unit, its question and a trace; those of cases tell a number and a hash and nothing else', () => {
  const at = new Date('2026-11-10T00:00:00Z');
  const finding = { reportedAt: at, fixedAt: undefined, severity: 'high', severityBy: 'review' } as const;
  const records: Partial<Records> = {
    entries: entriesOf(decision('d1', 'a')),
    ...withFindings([
      { ...finding, caseId: 'case_secret' },
      { ...finding, fixedAt: at, caseId: 'case_other' },
    ]),
    cases: [
      { id: 'case_secret', stage: 'notified', openedAt: at },
      { id: 'case_before', stage: 'notified', openedAt: new Date('2026-10-01T00:00:00Z') },
    ],
    analyses: [{ step: 0, at, measured: [{ name: 'stops', value: 3, source: 'stops' }] }],
  };
  const [risk, open] = [values('risk', TIME, records), values('transparency', TIME, records)];
  assert.deepEqual(['head-start-reported', 'head-start-fixed-share', 'rollout-stops'].map(risk), [2, 0.5, 3]);
  assert.equal(open('cases-notified'), 1);
  const figures = (['risk', 'transparency'] as const).flatMap((kind) =>
    countFigures(kind, TIME, { ...EMPTY, ...records }, AS_OF),
  );
  assert.doesNotMatch(JSON.stringify(figures), /case_|2026-11-10/);
  for (const { name, unit, question, trace } of figures) {
    assert.ok(unit !== '' && question.endsWith('?'), name);
    assert.match(trace.sha256, /^[0-9a-f]{64}$/, name);
    if (trace.in === 'log') assert.equal(trace.entries?.length, trace.count, name);
    else assert.equal(trace.entries, undefined, name);
  }
  const moved = {
    ...records,
    ...withFindings((records.findings ?? []).map((each) => ({ ...each, severity: 'low' as const }))),
  };
  const hashOf = (given: Partial<Records>) =>
    countFigures('risk', TIME, { ...EMPTY, ...given }, AS_OF).find(({ name }) => name === 'patch-rate')?.trace.sha256;
  assert.notEqual(hashOf(moved), hashOf(records));
});

test('of two reports every figure that differs is told: its value, its trace alone, one left out and one too many', () => {
  const report = (entries: LogEntry[]): RecordReport => ({
    ...{ schema: 'headstart-record-report/1', kind: 'risk', scope: TIME, asOf: AS_OF.toISOString() },
    log: { origin: 'o', size: 1, root: '' },
    figures: countFigures('risk', TIME, { ...EMPTY, entries }, AS_OF),
  });
  const counted = report(entriesOf(decision('d1', 'a')));
  assert.deepEqual(differingFigures(counted, report(entriesOf(decision('d1', 'a')))), []);
  const elsewhere = report(entriesOf(['key', '', {}], decision('d1', 'a')));
  const traced = differingFigures(elsewhere, counted);
  assert.ok(traced.length > 0 && traced.every(({ traceOnly }) => traceOnly));
  const [first, second, ...rest] = counted.figures;
  assert.ok(first && second);
  const said = { ...counted, figures: [{ ...first, value: 7 }, { ...first, name: 'invented' }, ...rest] };
  assert.deepEqual(
    differingFigures(said, counted).map(({ name, said: was, counted: is }) => [name, was, is]),
    [
      ['decisions', 7, 1],
      ['invented', 1, null],
      ['decisions-granted', null, 1],
    ],
  );
  const twice = { ...counted, figures: [...counted.figures, { ...first, value: 9 }] };
  assert.equal(differingFigures(twice, counted).length, 1);
});

test('what is no report is refused with its place', () => {
  const place = (value: unknown) => {
    const read = readRecordReport(value as never);
    return read.ok ? '' : read.refusal.place;
  };
  const whole = {
    schema: 'headstart-record-report/1',
    kind: 'risk',
    scope: TIME,
    asOf: '2026-11-20',
    log: { size: 1 },
    figures: [],
  };
  assert.equal(place(whole), '');
  assert.deepEqual(
    [
      ...[[], { ...whole, kind: 'praise' }, { ...whole, asOf: 'soon' }, { ...whole, scope: { ...TIME, to: null } }],
      ...[
        { ...whole, log: { size: -1 } },
        { ...whole, figures: [{}] },
      ],
    ].map(place),
    ['/schema', '/kind', '/asOf', '/scope', '/log/size', '/figures/0'],
  );
});
