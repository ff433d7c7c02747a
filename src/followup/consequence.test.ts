import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type Consequence,
  consequenceOf,
  type FixFacts,
  type Phase,
  staleFixOf,
  type TrialOutcome,
  type Tried,
} from './consequence.ts';
import { newReleases, pauseMs, type Release, type Remembered, remember, versionOfTag, worthTrying } from './release.ts';

const FIXED_BEFORE: readonly Tried[] = [
  { source: 'npm', version: '1.0.2', outcome: 'fixed' },
  { source: 'npm', version: '1.0.1', outcome: 'still-there' },
];

/** Every phase, every outcome, with and without a release before that had the fix. */
const CELLS: readonly (readonly [Phase, TrialOutcome, Consequence['kind'], Consequence['kind']])[] = [
  ['before', 'fixed', 'fix-seen', 'none'],
  ['before', 'still-there', 'none', 'back'],
  ['before', 'unclear', 'none', 'none'],
  ['with-maintainers', 'fixed', 'fix-released', 'fix-released'],
  ['with-maintainers', 'still-there', 'none', 'back'],
  ['with-maintainers', 'unclear', 'none', 'none'],
  ['after', 'fixed', 'fix-seen', 'none'],
  ['after', 'still-there', 'none', 'back'],
  ['after', 'unclear', 'none', 'none'],
  ['over', 'fixed', 'none', 'none'],
  ['over', 'still-there', 'none', 'none'],
  ['over', 'unclear', 'none', 'none'],
];

test('what a trial means, in every phase of a case', () => {
  for (const [phase, outcome, alone, afterFix] of CELLS) {
    const tried = { source: 'npm', version: '1.0.3', outcome } as const;
    assert.equal(consequenceOf(phase, tried, []).kind, alone, `${phase} ${outcome}`);
    const later = consequenceOf(phase, tried, FIXED_BEFORE);
    assert.equal(later.kind, afterFix, `${phase} ${outcome} after a fix`);
    if (later.kind === 'back') assert.equal(later.reopens, phase === 'after');
  }
});

test('a line that never had the fix is not back, and the lowest fixed release is the one named', () => {
  assert.equal(
    consequenceOf('after', { source: 'npm', version: '1.0.1', outcome: 'still-there' }, FIXED_BEFORE).kind,
    'none',
  );
  assert.deepEqual(
    consequenceOf('with-maintainers', { source: 'npm', version: '2.0.0', outcome: 'fixed' }, FIXED_BEFORE),
    {
      kind: 'fix-released',
      version: '1.0.2',
    },
  );
});

test('a tag that has the fix, or has it no more, moves no case: users install what the registry has', () => {
  for (const source of ['git', 'debian'] as const) {
    for (const outcome of ['fixed', 'still-there'] as const) {
      assert.equal(consequenceOf('with-maintainers', { source, version: '1.0.3', outcome }, FIXED_BEFORE).kind, 'none');
    }
    const tagged: readonly Tried[] = [{ source, version: '1.0.2', outcome: 'fixed' }];
    assert.equal(
      consequenceOf('after', { source: 'npm', version: '1.0.3', outcome: 'still-there' }, tagged).kind,
      'none',
    );
  }
});

const day = (number: number): Date => new Date(Date.UTC(2026, 0, 1) + number * 86_400_000);

test('a fix without a release is stale after the days, not on them, and asked about as often', () => {
  const facts: Omit<FixFacts, 'now'> = {
    phase: 'with-maintainers',
    patchedAt: day(0),
    claims: [],
    tried: [],
    chasedAt: null,
    staleDays: 30,
  };
  assert.equal(staleFixOf({ ...facts, now: day(30) }), null);
  assert.deepEqual(staleFixOf({ ...facts, now: new Date(day(30).getTime() + 1) }), {
    ...{ why: 'patched and not released', since: day(0), mayChase: true },
  });
  assert.equal(staleFixOf({ ...facts, now: day(40), chasedAt: day(35) })?.mayChase, false);
  assert.equal(staleFixOf({ ...facts, now: day(66), chasedAt: day(35) })?.mayChase, true);
  assert.equal(staleFixOf({ ...facts, now: day(40), tried: FIXED_BEFORE }), null, 'it is released');
  assert.equal(staleFixOf({ ...facts, now: day(40), phase: 'after' }), null);
  const claims = [{ version: '1.0.9', at: day(3) }];
  assert.equal(staleFixOf({ ...facts, claims, now: day(40) })?.why, 'called fixed and not seen to be');
});

const releasesOf = (...versions: readonly string[]): readonly Release[] =>
  versions.map((version) => ({ source: 'npm', version, label: version }));
const FRESH: Remembered = { package: 'x', place: { source: 'npm' }, validator: {}, seen: [], newest: null };

test('the first look takes the newest release alone, a later one what was not listed before, the highest first', () => {
  const first = releasesOf('1.0.0', '1.10.0', '1.9.0', '2.0.0-rc.1');
  assert.deepEqual(newReleases(FRESH, first), []);
  const after = remember(FRESH, first, {});
  assert.equal(after.newest?.version, '1.10.0');
  const second = [...first, ...releasesOf('1.0.1', '1.11.0', '2.0.0-rc.2')];
  assert.deepEqual(
    newReleases(after, second).map(({ version }) => version),
    ['1.11.0', '1.0.1'],
  );
  const many = releasesOf(...Array.from({ length: 50 }, (_, patch) => `3.0.${patch}`));
  assert.equal(newReleases(after, [...first, ...many]).length, 20);
  assert.deepEqual(
    worthTrying('1.0.0', releasesOf('0.9.9', '1.0.0', '1.0.1')).map(({ version }) => version),
    ['1.0.1'],
  );
});

test('pauses double with each failure up to a day, and a longer one that was asked for is kept up to a week', () => {
  assert.deepEqual(
    [0, 1, 2, 3, 10].map((failures) => pauseMs(failures) / 3_600_000),
    [6, 1, 2, 4, 24],
  );
  assert.equal(pauseMs(1, 5 * 3_600_000), 5 * 3_600_000);
  assert.equal(pauseMs(1, 10 ** 12), 7 * 24 * 3_600_000);
});

test('a tag names a version, with or without its package, or none', () => {
  const cases: readonly (readonly [string, string | undefined])[] = [
    ['v1.2.3', '1.2.3'],
    ['1.2.3', '1.2.3'],
    ['@scope/name@1.2.3', '1.2.3'],
    ['name@1.2.3', '1.2.3'],
    ['name-v1.2.3', '1.2.3'],
    ['other@1.2.3', undefined],
    ['v1.2', undefined],
    ['v1.2.3; rm', undefined],
    ['latest', undefined],
  ];
  for (const [tag, version] of cases) assert.equal(versionOfTag(tag, '@scope/name'), version, tag);
});
