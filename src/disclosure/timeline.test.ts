import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addDays } from '../lib/clock.ts';
import { toZoned } from '../lib/zoned-time.ts';
import { CLOCK_POLICIES, type PolicyName, policyOf } from './clock-policy.ts';
import { type ClockFacts, type DutyFacts, deadlineOf, dutiesOf, latestEnd, timelineOf } from './timeline.ts';

const NOTHING: ClockFacts = {
  sentAt: null,
  firstPostAt: null,
  fixReadyAt: null,
  fixReleasedAt: null,
  publicAt: null,
  exploitedAt: null,
  isEngaged: false,
  isExtended: false,
};

type Told = Partial<Record<'sent' | 'post' | 'ready' | 'fixed' | 'public' | 'attacked', string>> & {
  readonly engaged?: boolean;
  readonly extended?: boolean;
};

const at = (text: string | undefined): Date | null => (text ? new Date(text) : null);
const factsOf = (told: Told): ClockFacts => ({
  sentAt: at(told.sent),
  firstPostAt: at(told.post),
  fixReadyAt: at(told.ready),
  fixReleasedAt: at(told.fixed),
  publicAt: at(told.public),
  exploitedAt: at(told.attacked),
  isEngaged: told.engaged ?? false,
  isExtended: told.extended ?? false,
});

/** Written by hand from the texts of the policies; the zone is the reader's. */
const GOLDEN: readonly (readonly [what: string, PolicyName, Told, zone: string, readonly string[]])[] = [
  [
    '90 days over a change to summer time end an hour later on the wall',
    'anthropic-2026',
    { sent: '2026-01-15T09:00:00Z' },
    'Europe/Berlin',
    [
      'escalation 2026-02-14 10:00 Europe/Berlin (UTC+01:00)',
      'private-time-ends 2026-04-15 11:00 Europe/Berlin (UTC+02:00)',
    ],
  ],
  [
    '90 days over the end of summer time end an hour earlier on the wall',
    'anthropic-2026',
    { sent: '2026-09-01T15:30:00Z', engaged: true },
    'America/New_York',
    ['private-time-ends 2026-11-30 10:30 America/New_York (UTC-05:00)'],
  ],
  [
    'from the last day of January, 30 days are the 2nd of March',
    'anthropic-2026',
    { sent: '2026-01-31T00:00:00Z' },
    'UTC',
    ['escalation 2026-03-02 00:00 UTC', 'private-time-ends 2026-05-01 00:00 UTC'],
  ],
  [
    'a leap day is a day',
    'anthropic-2026',
    { sent: '2028-02-15T12:00:00Z', engaged: true },
    'UTC',
    ['private-time-ends 2028-05-15 12:00 UTC'],
  ],
  [
    'an extension counts only where it was asked for',
    'anthropic-2026',
    { sent: '2026-01-01T00:00:00Z', engaged: true, extended: true },
    'UTC',
    ['private-time-ends 2026-04-15 00:00 UTC'],
  ],
  [
    'a patch comes first, and details follow 45 days after it',
    'anthropic-2026',
    { sent: '2026-01-01T00:00:00Z', engaged: true, fixed: '2026-02-10T08:00:00Z' },
    'UTC',
    ['private-time-ends 2026-02-10 08:00 UTC', 'details 2026-03-27 08:00 UTC'],
  ],
  [
    'an attack leaves 7 days to a vendor who is silent',
    'anthropic-2026',
    { sent: '2026-01-01T00:00:00Z', attacked: '2026-01-20T22:00:00Z' },
    'Asia/Tokyo',
    ['private-time-ends 2026-01-28 07:00 Asia/Tokyo (UTC+09:00)', 'escalation 2026-01-31 09:00 Asia/Tokyo (UTC+09:00)'],
  ],
  [
    'and 14 to one who has answered',
    'anthropic-2026',
    { sent: '2026-01-01T00:00:00Z', attacked: '2026-01-20T22:00:00Z', engaged: true },
    'UTC',
    ['private-time-ends 2026-02-03 22:00 UTC'],
  ],
  [
    'an attack two days before the deadline lengthens nothing',
    'anthropic-2026',
    { sent: '2026-01-01T00:00:00Z', attacked: '2026-03-30T00:00:00Z', engaged: true },
    'UTC',
    ['private-time-ends 2026-04-01 00:00 UTC'],
  ],
  [
    'what is public is public',
    'anthropic-2026',
    { sent: '2026-01-01T00:00:00Z', public: '2026-01-03T04:05:00Z', engaged: true },
    'UTC',
    ['private-time-ends 2026-01-03 04:05 UTC'],
  ],
  [
    'Project Zero tells after a week that there is a report, and details 30 days after the fix',
    'project-zero-2025',
    { sent: '2026-01-31T23:00:00Z', engaged: true, fixed: '2026-02-28T23:00:00Z' },
    'UTC',
    ['announcement 2026-02-07 23:00 UTC', 'private-time-ends 2026-02-28 23:00 UTC', 'details 2026-03-30 23:00 UTC'],
  ],
  ['OpenAI sets no date', 'openai-outbound', { sent: '2026-01-01T00:00:00Z' }, 'UTC', []],
  [
    'but an attack ends it',
    'openai-outbound',
    { sent: '2026-01-01T00:00:00Z', attacked: '2026-05-05T05:05:00Z' },
    'UTC',
    ['private-time-ends 2026-05-05 05:05 UTC'],
  ],
  ['the kernel counts nothing before the fix', 'linux-kernel', { sent: '2026-01-01T00:00:00Z' }, 'UTC', []],
  [
    'then 7 days, from the fix and not from the report',
    'linux-kernel',
    { sent: '2026-01-01T00:00:00Z', ready: '2026-02-25T18:00:00Z' },
    'UTC',
    ['private-time-ends 2026-03-04 18:00 UTC'],
  ],
  [
    'exceptionally 14',
    'linux-kernel',
    { sent: '2026-01-01T00:00:00Z', ready: '2026-02-25T18:00:00Z', extended: true },
    'UTC',
    ['private-time-ends 2026-03-11 18:00 UTC'],
  ],
  [
    'linux-distros counts from the first post, though our report came later',
    'linux-distros',
    { post: '2026-03-20T10:00:00Z', sent: '2026-03-25T10:00:00Z' },
    'Europe/London',
    ['private-time-ends 2026-04-03 11:00 Europe/London (UTC+01:00)'],
  ],
  [
    'and takes no extension',
    'linux-distros',
    { post: '2026-03-20T10:00:00Z', extended: true },
    'UTC',
    ['private-time-ends 2026-04-03 10:00 UTC'],
  ],
  [
    'CERT/CC: 45 days',
    'cert-cc',
    { sent: '2026-10-01T00:00:00Z', attacked: '2026-10-02T00:00:00Z' },
    'UTC',
    ['private-time-ends 2026-11-15 00:00 UTC'],
  ],
];

for (const [what, policy, told, zone, expected] of GOLDEN) {
  test(`${policy}: ${what}`, () => {
    const entries = timelineOf(policyOf(policy), factsOf(told));
    assert.deepEqual(
      entries.map((entry) => `${entry.what} ${toZoned(entry.at, zone)}`),
      expected,
    );
  });
}

const duties = (facts: Omit<DutyFacts, 'zone'>, zone = 'Europe/Brussels') =>
  dutiesOf({ ...facts, zone }).map((entry) => `${entry.what} ${toZoned(entry.at, zone)}`);

test('CRA: 24 and 72 hours count from awareness, over the change to summer time, and 14 days from the fix', () => {
  const awareAt = new Date('2027-03-27T13:00:00Z');
  const fixAvailableAt = new Date('2027-04-17T08:00:00Z');
  assert.deepEqual(duties({ kind: 'exploited-vulnerability', awareAt, fixAvailableAt: null, notifiedAt: null }), [
    'early-warning 2027-03-28 15:00 Europe/Brussels (UTC+02:00)',
    'notification 2027-03-30 15:00 Europe/Brussels (UTC+02:00)',
  ]);
  assert.equal(
    duties({ kind: 'exploited-vulnerability', awareAt, fixAvailableAt, notifiedAt: null })[2],
    'final-report 2027-05-01 10:00 Europe/Brussels (UTC+02:00)',
  );
});

test('CRA: the final report of an incident is due a calendar month after the notification, at the month’s end too', () => {
  const awareAt = new Date('2027-01-28T12:00:00Z');
  const incident = { kind: 'severe-incident', awareAt, fixAvailableAt: null } as const;
  assert.equal(
    duties({ ...incident, notifiedAt: null })[2],
    'final-report 2027-02-28 13:00 Europe/Brussels (UTC+01:00)',
  );
  assert.equal(
    duties({ ...incident, notifiedAt: new Date('2027-01-29T20:00:00Z') })[2],
    'final-report 2027-02-28 21:00 Europe/Brussels (UTC+01:00)',
  );
});

test('one history has a different end under every policy, because each counts from another event', () => {
  const facts = factsOf({
    post: '2026-01-05T00:00:00Z',
    sent: '2026-01-10T00:00:00Z',
    ready: '2026-01-12T00:00:00Z',
  });
  const ends = Object.keys(CLOCK_POLICIES).map((name) => {
    const end = deadlineOf(policyOf(name as PolicyName), facts)?.at;
    return `${name} ${end ? end.toISOString().slice(0, 10) : 'open'}`;
  });
  assert.deepEqual(ends, [
    'anthropic-2026 2026-04-10',
    'project-zero-2025 2026-04-10',
    'openai-outbound open',
    'linux-kernel 2026-01-19',
    'linux-distros 2026-01-19',
    'cert-cc 2026-02-24',
  ]);
});

test('agreement can go as far as the policy’s extension, and nowhere where there is no date', () => {
  const facts = { ...NOTHING, sentAt: new Date('2026-01-01T00:00:00Z') };
  assert.deepEqual(latestEnd(policyOf('anthropic-2026'), facts), addDays(new Date('2026-01-01T00:00:00Z'), 104));
  assert.equal(latestEnd(policyOf('openai-outbound'), facts), null);
  assert.equal(latestEnd(policyOf('linux-kernel'), facts), null);
});
