import assert from 'node:assert/strict';
import { test } from 'node:test';
import { expectedClocks, type Happening, openZone } from '../../test/support/second-calculator.ts';
import type { Json } from '../lib/canonical-json.ts';
import { createSeededRandom, type SeededRandom } from '../lib/seeded-random.ts';
import { runningClocks } from './clocks.ts';
import { readIncident } from './incident.ts';
import { shippedFrameworks } from './shipped.ts';

const SHIPPED = [...shippedFrameworks().values()];
const BARE: Happening = {
  kind: 'incident',
  timeZone: 'Europe/Berlin',
  awareAt: '2026-11-20T10:00:00Z',
  occurredAt: null,
  resolvedAt: null,
  facts: {},
};

function clocksOf(record: Happening) {
  const read = readIncident(record as unknown as Json);
  assert.ok(read.ok, JSON.stringify(read));
  const running = runningClocks(read.value, SHIPPED);
  assert.ok(running.ok, JSON.stringify(running));
  return running.value;
}
const dues = (record: Happening): string[] =>
  clocksOf(record)
    .map(({ clause, due }) => `${clause} ${due}`)
    .sort();

const ZONES = [
  'UTC',
  'Europe/Berlin',
  'Europe/Brussels',
  'America/New_York',
  'America/Los_Angeles',
  'America/St_Johns',
  'America/Sao_Paulo',
  'Asia/Kolkata',
  'Asia/Kathmandu',
  'Australia/Lord_Howe',
  'Pacific/Auckland',
  'Pacific/Chatham',
].map((name) => ({ name, zone: openZone(name) }));

const FLAGS = [
  'imminentRisk',
  'criticalInfrastructure',
  'cyberBreach',
  'weightsExfiltrated',
  'seriousHarmExcluded',
  'activelyExploited',
  'acknowledged',
  'highlyCapable',
  'significantlyRedacted',
];
const INSTANTS = [
  'patchAvailableAt',
  'reportedAt',
  'firstPostAt',
  'initialReportAt',
  'riskDeterminedAt',
  'submittedToBoardAt',
  'reviewReceivedAt',
  'frameworkModifiedAt',
  'lastRiskReportAt',
  'coverageDate',
  'lastReviewAt',
  'lastAccessCheckAt',
  'lastSummaryAt',
  'lastStatementAt',
];

/** Half of them a clock's length before a change of daylight saving or at the end of a month. */
function anyInstant(random: SeededRandom): string {
  const day = 86_400_000;
  const turns = [
    '2026-03-08',
    '2026-03-29',
    '2026-04-05',
    '2026-09-27',
    '2026-10-04',
    '2026-10-25',
    '2026-11-01',
    '2028-02-29',
  ];
  const offsets = [0, 1, 2, 3, 5, 7, 10, 14, 15, 28, 30, 45, 60, 90];
  const near = Date.parse(random.pick(turns)) - random.pick(offsets) * day + random.below(4 * 24) * 900_000 - 2 * day;
  const monthEnd = Date.UTC(2025 + random.below(4), 1 + random.below(12), 1) - random.below(2 * 24) * HOUR;
  const anywhere = Date.UTC(2025, 0, 1) + random.below(3 * 365 * 24 * 3600) * 1000;
  return new Date(random.pick([near, near, monthEnd, anywhere])).toISOString();
}
const HOUR = 3_600_000;

function anyHappening(random: SeededRandom, timeZone: string): Happening {
  const maybe = (): string | null => (random.below(2) === 0 ? anyInstant(random) : null);
  const facts: { [name: string]: boolean | number | string | null } = { deaths: random.below(3) };
  for (const name of FLAGS) facts[name] = random.below(2) === 0;
  for (const name of INSTANTS) facts[name] = maybe();
  const kind = random.pick(['incident', 'incident', 'finding', 'deployment'] as const);
  return { kind, timeZone, awareAt: anyInstant(random), occurredAt: maybe(), resolvedAt: maybe(), facts };
}

test('10,000 generated records have the clocks of a second calculator that was written by itself', () => {
  const random = createSeededRandom(20261121);
  let count = 0;
  for (let run = 0; run < 10_000; run++) {
    const { name, zone } = random.pick(ZONES);
    const record = anyHappening(random, name);
    const found = dues(record);
    assert.deepEqual(found, expectedClocks(record, zone), JSON.stringify(record));
    count += found.length;
  }
  assert.ok(count > 50_000, `${count} clocks are too few to mean anything`);
});

test('the statutory clocks of one incident, by hand', () => {
  const facts = {
    imminentRisk: true,
    deaths: 1,
    criticalInfrastructure: true,
    cyberBreach: true,
    weightsExfiltrated: true,
  };
  assert.deepEqual(dues({ ...BARE, facts, resolvedAt: '2026-11-30T10:00:00Z' }), [
    'california-sb53/critical-incident 2026-12-05T10:00:00.000Z',
    'california-sb53/imminent 2026-11-21T10:00:00.000Z',
    'eu-cra/incident-early-warning 2026-11-21T10:00:00.000Z',
    'eu-cra/incident-final 2026-12-23T10:00:00.000Z',
    'eu-cra/incident-notification 2026-11-23T10:00:00.000Z',
    'eu-gpai-code/critical-infrastructure 2026-11-22T10:00:00.000Z',
    'eu-gpai-code/cyber-breach 2026-11-25T10:00:00.000Z',
    'eu-gpai-code/death 2026-11-30T10:00:00.000Z',
    'eu-gpai-code/final-report 2027-01-29T10:00:00.000Z',
    'eu-gpai-code/serious-harm 2026-12-05T10:00:00.000Z',
    'eu-gpai-code/weights 2026-11-25T10:00:00.000Z',
    'new-york-raise/imminent 2026-11-21T10:00:00.000Z',
    'new-york-raise/incident 2026-11-23T10:00:00.000Z',
  ]);
});

test('a rule that takes effect later is shown as not in force, and an unresolved incident is reported on every four weeks', () => {
  const clocks = clocksOf(BARE);
  const of = (clause: string) => clocks.find((each) => each.clause === clause);
  assert.deepEqual(
    [of('new-york-raise/incident')?.inForce, of('new-york-raise/incident')?.inForceFrom],
    [false, '2027-01-01'],
  );
  assert.deepEqual(
    [of('eu-gpai-code/further-report')?.every, of('eu-gpai-code/further-report')?.due],
    ['P4W', '2026-12-18T10:00:00.000Z'],
  );
  assert.ok(clocks.every(({ reviewedByLawyer }) => reviewedByLawyer === false));
});

test('the due hour is told on the wall of the zone, across a change of daylight saving', () => {
  const facts = { criticalInfrastructure: true };
  const record = { ...BARE, awareAt: '2026-03-27T11:00:00+01:00', facts };
  const clock = clocksOf(record).find(({ clause }) => clause === 'eu-gpai-code/critical-infrastructure');
  assert.deepEqual(
    [clock?.due, clock?.dueLocal],
    ['2026-03-29T09:00:00.000Z', '2026-03-29T11:00:00+02:00 Europe/Berlin'],
  );
});

test('an instant without an offset is one of the zone, and a day alone is its beginning', () => {
  const due = (awareAt: string) =>
    clocksOf({ ...BARE, awareAt }).find(({ clause }) => clause.endsWith('raise/incident'))?.due;
  assert.equal(due('2026-11-20T11:00:00'), due('2026-11-20T10:00:00Z'));
  assert.equal(due('2026-11-20'), '2026-11-22T23:00:00.000Z');
});

test('a clock that runs from an instant nobody gave is refused, not left out', () => {
  const { awareAt: _awareAt, ...rest } = BARE;
  const read = readIncident(rest as unknown as Json);
  assert.ok(read.ok);
  const running = runningClocks(read.value, SHIPPED);
  assert.equal(!running.ok && running.refusal.origin, 'awareAt');
});

test('a record in a form that is not known is refused with the place', () => {
  const table: readonly [object, string][] = [
    [{ kind: 'mishap' }, '/kind'],
    [{ timeZone: 'Mars/Olympus' }, '/timeZone'],
    [{ awareAt: '2026-02-30T00:00:00Z' }, '/awareAt'],
    [{ awareAt: 5 }, '/awareAt'],
    [{ facts: { deaths: -1 } }, '/facts/deaths'],
    [{ facts: { imminentRisk: 'yes' } }, '/facts/imminentRisk'],
    [{ facts: { unheardOf: true } }, '/facts/unheardOf'],
    [{ waived: true }, '/waived'],
  ];
  for (const [change, place] of table) {
    const read = readIncident({ ...BARE, ...change } as unknown as Json);
    assert.equal(!read.ok && read.refusal.place, place);
  }
});
