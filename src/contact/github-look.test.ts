import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { GITHUB_TOKEN, startFakeGithub } from '../../test/support/fake-github.ts';
import { createEgress, namedOrigins } from '../egress/index.ts';
import { toSecret } from '../lib/secret.ts';
import { lookAtRepository } from './github-look-client.ts';

let github: Awaited<ReturnType<typeof startFakeGithub>>;
before(async () => {
  github = await startFakeGithub();
});
after(() => github?.close());

const look = (repo: string, timeoutMs = 60_000) =>
  lookAtRepository(
    { token: toSecret(GITHUB_TOKEN), apiUrl: github.origin },
    { egress: createEgress({ named: namedOrigins([github.origin]) }), timeoutMs },
    { owner: 'them', repo },
  );

test('a repository that takes private reports has nothing against one', async () => {
  assert.deepEqual(await look('plain'), { against: [], underWay: [] });
});

test('one that takes none, a fork and an archive are told, each by itself', async () => {
  const here = github.repository('them/odd');
  here.privateReporting = false;
  here.about = { fork: true, archived: true, source: { full_name: 'upstream/odd' } };
  assert.deepEqual((await look('odd')).against, [
    'private vulnerability reporting is not enabled there',
    'the repository is archived',
    'it is a fork of upstream/odd',
  ]);
});

test('advisories that are under way there are named with the CVE that was asked for, ended ones are not', async () => {
  const here = github.repository('them/busy');
  const advisory = (ghsa_id: string, state: string, cve_id: string | null) => ({ ghsa_id, state, cve_id }) as never;
  here.advisories.push(
    advisory('GHSA-aaaa-aaaa-aaaa', 'triage', null),
    advisory('GHSA-bbbb-bbbb-bbbb', 'draft', 'CVE-2026-0001'),
    advisory('GHSA-cccc-cccc-cccc', 'published', null),
  );
  assert.deepEqual((await look('busy')).underWay, ['GHSA-bbbb-bbbb-bbbb (CVE-2026-0001)', 'GHSA-aaaa-aaaa-aaaa']);
});

for (const fault of ['refuse', 'hang', 'garbage', 'lose-after'] as const) {
  test(`a look that fails by "${fault}" is told as one, and is no yes`, async () => {
    github.failLooksWith(fault);
    const { against } = await look('plain', fault === 'hang' ? 300 : 60_000);
    assert.ok(against.length > 0, 'nothing was against it');
  });
}
