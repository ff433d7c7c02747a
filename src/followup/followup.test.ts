import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import { BY, createReleases, FIXED, FLAWED, PACKAGE, type Releases, SYMPTOM } from '../../test/support/releases.ts';
import { drainJobs } from '../store/job-worker.ts';
import { createFollowupJobs, planSweep } from './followup-job.ts';

let releases: Releases;
before(async () => {
  releases = await createReleases();
});
after(() => releases?.close());
afterEach(async () => {
  const { database } = releases.world;
  await releases.followup.setSettings({ steppedBy: 'person', staleDays: 30, looksByItself: true });
  await database.query('truncate graphile_worker._private_jobs cascade');
  await database.query(
    "update disclosure.cases set stage = 'withdrawn', embargo = 'none', notified_at = null, due_at = null, is_extended = null, details_at = null, closed_at = now() where stage <> 'withdrawn'",
  );
});

const hasGit = spawnSync('git', ['--version']).status === 0;
let last = 0;
/** Each test has releases of its own, above those of the tests before. */
const publish = async (...sources: readonly string[]): Promise<readonly string[]> => {
  const versions: string[] = [];
  for (const source of sources) {
    last += 1;
    versions.push(`1.1.${last}`);
    await releases.publish(`1.1.${last}`, source);
  }
  return versions;
};
const show = async (id: string) => {
  const shown = await releases.followup.show(id);
  assert.ok(shown);
  return shown;
};
const eventsOf = async (id: string): Promise<readonly string[]> =>
  (await releases.world.disclosure.find(id))?.history.map(({ event }) => event) ?? [];
const tried = (trials: Awaited<ReturnType<Releases['run']>>) =>
  trials.map(({ release, trial, consequence }) => [release.version, trial.outcome, consequence]);

test('a release with the fix is seen, the reproducer is silent on it 3 of 3, and the step waits for a person', async () => {
  const [flawed] = await publish(FLAWED);
  const id = await releases.open('confirm', 'notify', 'acknowledge');
  assert.deepEqual(tried(await releases.run()), [[flawed, 'still-there', 'none']]);
  const [fixed] = await publish(FIXED);
  assert.deepEqual(tried(await releases.run()), [[fixed, 'fixed', 'kept-for-a-person']]);
  const shown = await show(id);
  assert.deepEqual([shown.fixedIn, shown.isStepDue, shown.stage], [fixed, true, 'acknowledged']);
  assert.match(
    shown.releases.at(-1)?.reason ?? '',
    /^silent in 3 of 3 runs with the same call reached, as are \d variants$/,
  );
  assert.equal((await releases.world.disclosure.find(id))?.learnt.fixedVersion, fixed);
  assert.ok((await releases.world.disclosure.take('fix-released', id, BY)).ok);
  assert.equal((await show(id)).isStepDue, false);
});

test('where the operator left it to the machine, a verified fix moves the case by itself', async () => {
  await releases.followup.setSettings({ steppedBy: 'machine', staleDays: 30, looksByItself: true });
  const id = await releases.open('confirm', 'notify');
  const [fixed] = await publish(FIXED);
  assert.deepEqual(tried(await releases.run()), [[fixed, 'fixed', 'fix-released']]);
  const opened = await releases.world.disclosure.find(id);
  assert.equal(opened?.case.stage, 'fix-released');
  assert.equal(opened.history.find(({ event }) => event === 'fix-released')?.actor, 'release watch');
});

test('an earlier fixed version that was measured is not forgotten for a later one', async () => {
  const [earlier = ''] = await publish(FIXED);
  await releases.open('confirm');
  await releases.run();
  const id = await releases.open('confirm', 'notify');
  await releases.world.disclosure.learn(id, { fixedVersion: earlier });
  const [later] = await publish(FIXED);
  const trials = (await releases.run()).filter(({ caseId }) => caseId === id);
  assert.deepEqual(tried(trials), [[later, 'fixed', 'kept-for-a-person']]);
  assert.equal((await releases.world.disclosure.find(id))?.learnt.fixedVersion, earlier);
});

test('a release that refuses only the one payload is not called fixed', async () => {
  const id = await releases.open('confirm', 'notify');
  const [symptom] = await publish(SYMPTOM);
  assert.deepEqual(tried(await releases.run()), [[symptom, 'still-there', 'none']]);
  const shown = await show(id);
  assert.match(shown.releases[0]?.reason ?? '', /the reproducer is silent, a variant of it fired in 3 of 3/);
  assert.equal(shown.fixedIn, null);
});

test('a release in which the call is gone is unclear, and neither fixed nor affected', async () => {
  const id = await releases.open('confirm', 'notify');
  const [gone] = await publish('exports.other = 1;\n');
  assert.deepEqual(tried(await releases.run()), [[gone, 'unclear', 'none']]);
  assert.deepEqual([(await show(id)).fixedIn, (await show(id)).stage], [null, 'notified']);
  assert.equal(await releases.followup.tryUnclearAgain(), 1);
  assert.deepEqual(tried(await releases.run()), [[gone, 'unclear', 'none']], 'it is tried once more');
});

test('a flaw that is back after its fix was released is a case of its own, sealed like any other', async () => {
  const id = await releases.open('confirm', 'notify', 'acknowledge');
  await publish(FIXED);
  await releases.run();
  assert.ok((await releases.world.disclosure.take('fix-released', id, BY)).ok);
  const [back] = await publish(FLAWED);
  assert.deepEqual(tried(await releases.run()), [[back, 'still-there', 'back']]);
  const { reopenedAs } = await show(id);
  assert.ok(reopenedAs && reopenedAs !== id);
  const again = await releases.world.disclosure.find(reopenedAs);
  assert.equal(again?.case.kind, 'real');
  assert.equal(again.finding.target, `pkg:npm/${PACKAGE}@${back}`);
  assert.deepEqual([again.finding.reproduction.reproduced, again.finding.reproduction.of], [3, 3]);
  assert.ok(again.commitment.root);
  assert.ok(releases.measured.includes(reopenedAs));
  assert.equal((await show(reopenedAs)).reopens, id);
  assert.ok((await eventsOf(id)).includes(`a later release has the flaw again: reopened as ${reopenedAs}`));
  assert.ok((await eventsOf(reopenedAs)).includes(`reopens ${id}`));
  // The next release with the flaw opens no third case.
  await publish(FLAWED);
  await releases.run();
  assert.equal((await show(id)).reopenedAs, reopenedAs);
});

test('while a case is open, a flaw that is back is told and opens nothing', async () => {
  const id = await releases.open('confirm', 'notify');
  await publish(FIXED);
  await releases.run();
  const [back] = await publish(FLAWED);
  assert.deepEqual(tried(await releases.run()), [[back, 'still-there', 'back']]);
  assert.equal((await show(id)).reopenedAs, null);
  assert.ok((await eventsOf(id)).includes('a later release has the flaw again'));
});

test('looks and trials that run twice, also at once, are done once', async () => {
  const id = await releases.open('confirm', 'notify', 'acknowledge');
  await publish(FIXED);
  const [watch = ''] = await releases.followup.hurry();
  const looks = await Promise.all([1, 2, 3].map(() => releases.followup.look(watch)));
  assert.ok(looks.some(({ kind }) => kind === 'looked'));
  const waiting = await releases.followup.waiting();
  assert.equal(waiting.length, 1);
  const [release = ''] = waiting;
  const trials = await Promise.all([1, 2, 3].map(() => releases.followup.try(release, releases.workshop)));
  assert.equal(trials.filter(Boolean).length, 1);
  assert.equal(await releases.followup.try(release, releases.workshop), undefined);
  assert.equal((await eventsOf(id)).filter((event) => event === 'the fix was verified on a release').length, 1);
  await assert.rejects(
    releases.world.database.query("update followup.releases set outcome = 'still-there' where id = $1", [release]),
    /written once/,
  );
});

test('workers do it by themselves, on a clock', async () => {
  // Not sent: a message would wait for a worker that is not here.
  const id = await releases.open('confirm');
  const [fixed] = await publish(FIXED);
  const { database, vault, random } = releases.world;
  await database.query("update followup.watches set next_at = now() - interval '1 second'");
  const handlers = createFollowupJobs({ database, followup: releases.followup, workshop: releases.workshop });
  await planSweep(database);
  await planSweep(database);
  const failed = await drainJobs({ database, vault, random, handlers, concurrency: 2, timeoutMs: 300_000 });
  assert.deepEqual(failed, []);
  assert.equal((await show(id)).fixedIn, fixed);
  const { rows } = await database.query<{ task: string; later: boolean }>(
    "select task_identifier as task, run_at > now() as later from graphile_worker.jobs where task_identifier like 'followup.%'",
  );
  assert.deepEqual(rows, [{ task: 'followup.sweep', later: true }]);
});

test('where the operator wants it quiet, no source is asked by a clock', async () => {
  await releases.open('confirm');
  const { database, vault, random } = releases.world;
  await releases.followup.setSettings({ steppedBy: 'person', staleDays: 30, looksByItself: false });
  await database.query("update followup.watches set next_at = now() - interval '1 second'");
  const asked = releases.server.asked.length;
  const handlers = createFollowupJobs({ database, followup: releases.followup, workshop: releases.workshop });
  await planSweep(database);
  assert.deepEqual(await drainJobs({ database, vault, random, handlers, concurrency: 2, timeoutMs: 300_000 }), []);
  assert.equal(releases.server.asked.length, asked);
  await releases.followup.setSettings({ steppedBy: 'person', staleDays: 30, looksByItself: true });
  await planSweep(database);
  assert.deepEqual(await drainJobs({ database, vault, random, handlers, concurrency: 2, timeoutMs: 300_000 }), []);
  assert.ok(releases.server.asked.length > asked);
});

test('a case opened later is tried on the newest release, though the source says that nothing changed', async () => {
  await releases.open('confirm');
  const [newest] = await publish(FLAWED);
  await releases.run();
  const asked = releases.server.asked.length;
  const later = await releases.open('confirm', 'notify');
  await releases.run();
  assert.ok(releases.server.asked.length > asked);
  assert.deepEqual(
    (await show(later)).releases.map(({ version, outcome }) => [version, outcome]),
    [[newest, 'still-there']],
  );
});

test('a tag of a local mirror and its HEAD are run as they stand, and move no case', { skip: !hasGit }, async () => {
  const mirror = mkdtempSync(join(tmpdir(), 'headstart-mirror-'));
  const git = (...args: readonly string[]): void => {
    const env = { PATH: process.env.PATH, GIT_CONFIG_GLOBAL: '/dev/null', HOME: mirror };
    execFileSync('git', ['-c', 'user.name=a', '-c', 'user.email=a@example.org', ...args], {
      env,
      cwd: mirror,
      stdio: 'pipe',
    });
  };
  const commit = (version: string, source: string): void => {
    writeFileSync(join(mirror, 'package.json'), JSON.stringify({ name: PACKAGE, version, main: 'index.js' }));
    writeFileSync(join(mirror, 'index.js'), source);
    git('add', '.');
    git('commit', '-m', version);
  };
  git('init');
  commit('9.0.0', FIXED);
  git('tag', 'v9.0.0');
  commit('9.1.0-dev', FLAWED);
  const id = await releases.open('confirm', 'notify');
  await releases.run();
  const before = (await show(id)).releases.length;
  assert.ok((await releases.followup.watchAt(PACKAGE, { source: 'git', repository: mirror })).ok);
  const trials = await releases.run();
  assert.deepEqual(
    trials.map(({ release, trial, consequence }) => [release.label, trial.outcome, consequence]),
    [['v9.0.0', 'fixed', 'none']],
  );
  const shown = await show(id);
  assert.deepEqual([shown.releases.length, shown.isStepDue, shown.stage], [before + 1, false, 'notified']);
  assert.equal(await releases.followup.mirrorOf(PACKAGE), mirror);
  assert.equal(await releases.workshop.tryHead(releases.finding, mirror), 'fires');
  assert.ok(await releases.followup.stopWatching(PACKAGE, 'git'));
  rmSync(mirror, { recursive: true });
});

test('a version that the registry does not give for the moment is not called fixed', async () => {
  assert.equal(await releases.workshop.tryVersion(releases.finding, '99.0.0'), 'not-comparable');
});

test('a fix that nobody releases is asked about once, and by mail alone', async () => {
  const { world, followup } = releases;
  const id = await releases.open('confirm', 'notify', 'acknowledge', 'patch');
  const young = await followup.chase(id, BY.actor);
  assert.equal(!young.ok && young.refusal.kind, 'nothing-stale');
  world.clock.passDays(31);
  assert.equal((await show(id)).stale?.why, 'patched and not released');
  const asked = await followup.chase(id, BY.actor);
  assert.ok(asked.ok);
  const again = await followup.chase(id, BY.actor);
  assert.equal(!again.ok && again.refusal.kind, 'asked-already');
  const messages = (await world.disclosure.find(id))?.messages ?? [];
  assert.equal(messages.length, 2);
  const letter = await world.database.transaction((tx) => world.outbox.readLetter(tx, messages[1]?.id ?? ''));
  assert.match(letter ?? '', /is there a release with the fix\?/);
  assert.doesNotMatch(letter ?? '', /set\(|__proto__/, 'a reminder shows no way to the flaw');
});

test('demonstrations, and what was found in a directory, are not followed', async () => {
  const { world, followup } = releases;
  const id = await releases.open('confirm');
  assert.deepEqual(
    (await followup.followed()).map(({ caseId }) => caseId),
    [id],
  );
  const directory = { ...releases.finding, origin: '/somewhere/here' };
  await world.open({ finding: directory, vendor: { name: 'x', address: null, simulated: false }, knownAs: [] });
  assert.deepEqual(
    (await followup.followed()).map(({ caseId }) => caseId),
    [id],
  );
});

test('names and places of what is watched lie in no table in the clear', async () => {
  await releases.open('confirm');
  await releases.run();
  const { rows } = await releases.world.database.query<{ row: string }>(
    `select row::text from (select w::text as row from followup.watches w
      union all select r::text from followup.releases r) as all_rows`,
  );
  assert.ok(rows.length > 0);
  const hex = Buffer.from(PACKAGE).toString('hex');
  for (const { row } of rows) assert.ok(!row.includes(PACKAGE) && !row.includes(hex) && !row.includes('1.1.'), row);
});
