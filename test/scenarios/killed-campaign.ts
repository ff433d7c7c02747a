/**
 * Campaigns killed with -9 at random moments and started again until they are done. What came of them is compared with
 * an undisturbed run: nothing lost, nothing doubled.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createSeededRandom } from '../../src/lib/seeded-random.ts';
import { createInstallation, type Ended, FIXTURE_PACKAGES, type Installation } from '../support/installation.ts';

const target = (name: string, flaw: string, id: string) => ({
  target: `pkg:npm/headstart-fixture-${name}@1.0.0`,
  known: [{ ids: [id], class: flaw, fixedVersion: '1.0.1' }],
});

/** Two cases that are published, one or more that stay sealed. */
const CAMPAIGN = {
  name: 'killed',
  seed: 1,
  targets: [
    target('pollution', 'prototype-pollution', 'HEADSTART-DEMO-1001'),
    target('command', 'command-injection', 'HEADSTART-DEMO-1002'),
    { target: 'pkg:npm/headstart-fixture-code@1.0.0' },
  ],
};

/** What must be the same however often a campaign was killed. Identifiers differ from run to run, numbers do not. */
interface Outcome {
  readonly findings: number;
  readonly fingerprints: number;
  readonly casesByStage: Readonly<Record<string, number>>;
  readonly candidates: Readonly<Record<string, number>>;
  readonly entries: Readonly<Record<string, number>>;
  readonly letters: number;
  readonly releases: Readonly<Record<string, number>>;
  readonly jobsLeft: number;
  readonly summary: Readonly<Record<string, unknown>>;
}

export async function killCampaigns(kills: number, killsPerCampaign: number, seed = Date.now()): Promise<void> {
  const random = createSeededRandom(seed);
  process.stderr.write(`seed ${seed}\n`);
  const undisturbed = await withInstallation(async (installation) => {
    const begun = Date.now();
    const ended = await begin(installation).ended;
    return { outcome: await outcomeOf(installation, ended), wallMs: Date.now() - begun };
  });
  assert.ok(undisturbed.outcome.findings >= 3, 'the undisturbed run found too little to lose any of it');
  for (let killed = 0; killed < kills; ) {
    const here = Math.min(killsPerCampaign, kills - killed);
    const outcome = await withInstallation(async (installation) => {
      for (let round = 0; round < here; round += 1) {
        const running = begin(installation);
        // Each life is about so long that all moments of the campaign are reached in its turn.
        const lifeMs = random.below(Math.ceil((undisturbed.wallMs * 1.2) / (here - round)));
        // A campaign that is done before its time to die has been through all of its moments.
        await Promise.race([sleep(lifeMs, undefined, { ref: false }), running.ended]);
        running.child.kill('SIGKILL');
        await running.ended;
      }
      const last = await begin(installation).ended;
      return await outcomeOf(installation, last);
    });
    killed += here;
    assert.deepEqual(outcome, undisturbed.outcome, `after ${killed} kills, seed ${seed}`);
  }
}

async function withInstallation<T>(work: (installation: Installation) => Promise<T>): Promise<T> {
  const installation = await createInstallation({ packages: FIXTURE_PACKAGES });
  try {
    return await work(installation);
  } finally {
    await installation.close();
  }
}

function begin(installation: Installation) {
  const campaign = installation.write('campaign.json', CAMPAIGN);
  return installation.start('start', '--exit', '--json', '--campaign', campaign);
}

async function outcomeOf(installation: Installation, ended: Ended): Promise<Outcome> {
  assert.ok(ended.code === 0 || ended.code === 1, `the last start ended with ${ended.code}:\n${ended.stderr}`);
  const verified = await installation.expect(0, 'log', 'verify', '--json');
  const pid = join(installation.home, 'postgres/data/postmaster.pid');
  assert.throws(() => readFileSync(pid), 'a database server was left running by a start that ended by itself');
  return await installation.inDatabase(async ({ query }) => {
    const number = async (sql: string): Promise<number> => {
      const { rows } = await query<{ count: number }>(`select (${sql})::int as count`);
      return rows[0]?.count ?? -1;
    };
    const groups = async (sql: string): Promise<Record<string, number>> => {
      const { rows } = await query<{ name: string; count: number }>(
        `select x.name, count(*)::int from (${sql}) x group by 1`,
      );
      return Object.fromEntries(rows.map(({ name, count }) => [name, count] as const).sort());
    };
    const { seconds, ...summary } = ended.json[0] ?? {};
    const outcome: Outcome = {
      findings: await number('select count(*) from verify.findings'),
      fingerprints: await number('select count(distinct fingerprint) from verify.findings'),
      casesByStage: await groups(`select kind || ' ' || stage as name from disclosure.cases`),
      candidates: await groups('select state as name from campaign.candidates'),
      entries: await groups('select type as name from tlog.entries'),
      letters: await number('select count(*) from disclosure.outbox'),
      releases: await groups('select state as name from publish.releases'),
      jobsLeft: await number('select count(*) from graphile_worker._private_jobs'),
      summary,
    };
    const cases = await number('select count(*) from disclosure.cases');
    assert.equal(cases, outcome.findings, 'one case for each finding');
    assert.equal(await number('select count(*) from disclosure.details'), cases, 'details for each case');
    assert.equal(outcome.entries.commitment, cases, 'one commitment for each case');
    assert.equal(
      await number(
        'select count(*) from disclosure.commitments c join tlog.entries e on e.commitment = c.id and e.type = $$commitment$$',
      ),
      cases,
    );
    const published = outcome.casesByStage['demonstration disclosed'] ?? 0;
    assert.equal(outcome.entries.opening ?? 0, published, 'one opening for each published case');
    assert.equal(outcome.entries.advisory ?? 0, published, 'one advisory for each published case');
    const size = await number('select count(*) from tlog.entries');
    assert.equal(JSON.parse(verified.stdout).size, size, 'every entry is a leaf of the public log');
    return outcome;
  });
}
