import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findUncounted, measureHeadStart, type ReportedFinding, toMetrics } from './head-start.ts';

const NOW = new Date('2026-05-22T00:00:00Z');
const finding = (severity: ReportedFinding['severity'], reported?: string, fixed?: string): ReportedFinding => ({
  severity,
  severityBy: 'proposal',
  reportedAt: reported === undefined ? undefined : new Date(reported),
  fixedAt: fixed === undefined ? undefined : new Date(fixed),
});

test('the figures of 22 May 2026: 75 of 530 high and critical fixed on day 45 is 14.2 %, no 70 %', () => {
  const findings = Array.from({ length: 530 }, (_, at) =>
    finding('high', '2026-04-07', at < 75 ? '2026-05-01' : undefined),
  );
  const measured = measureHeadStart(findings, NOW);
  assert.deepEqual([measured.day, measured.fixedHigh, measured.reportedHigh], [45, 75, 530]);
  assert.equal(measured.fixedShare?.toFixed(3), '0.142');
});

test('what no project knows of is not reported, and what is fixed later is not fixed', () => {
  const measured = measureHeadStart(
    [
      finding('critical'),
      finding('critical', '2026-05-01', '2026-05-23'),
      finding('high', '2026-05-23', '2026-05-24'),
      finding('low', '2026-05-02', '2026-05-03'),
    ],
    NOW,
  );
  assert.deepEqual([measured.reported, measured.fixed, measured.reportedHigh, measured.fixedHigh], [2, 1, 1, 0]);
  assert.deepEqual([measured.fixedShare, measured.patchRate, measured.day], [0, 0.5, 21]);
});

test('how many severities a reviewer found, and how many are proposals, is said beside the share', () => {
  const reviewed = { ...finding('high', '2026-05-01'), severityBy: 'review' as const };
  const measured = measureHeadStart([reviewed, finding('high', '2026-05-01'), finding('low', '2026-05-01')], NOW);
  assert.equal(measured.reviewed, 1);
  assert.match(toMetrics(measured, NOW, 'real')[0]?.source ?? '', /1 reviewed, 2 proposed$/);
});

test('with nothing reported nothing is measured, and no metric says otherwise', () => {
  const measured = measureHeadStart([finding('high')], NOW);
  assert.deepEqual([measured.fixedShare, measured.patchRate, measured.day], [undefined, undefined, undefined]);
  assert.deepEqual(toMetrics(measured, NOW, 'real'), []);
  const onlyLow = measureHeadStart([finding('low', '2026-05-01', '2026-05-02')], NOW);
  assert.deepEqual(
    toMetrics(onlyLow, NOW, 'real').map(({ name }) => name),
    ['patch-rate', 'head-start-day'],
  );
});

test('a head start that says more than is counted is told, under whatever name rules would find it', () => {
  const claim = (name: string, value: number) => ({ name, value, source: 'somebody' });
  const counted = [claim('head-start-day', 40), claim('patch-rate', 0.5)];
  assert.equal(findUncounted([claim('head-start-day', 40), claim('patch-rate', 0.4)], counted), undefined);
  assert.deepEqual(findUncounted([claim('Head start day', 135)], counted), {
    ...{ metric: 'Head start day', said: 135, counted: 40 },
  });
  assert.deepEqual(findUncounted([claim('head-start-fixed-share', 0)], counted), {
    ...{ metric: 'head-start-fixed-share', said: 0, counted: null },
  });
  assert.equal(findUncounted([claim('refusals', 99)], counted), undefined, 'not of the head start');
});
