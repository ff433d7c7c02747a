import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { readFeed } from '../../src/triage/feed.ts';
import { needs, vectorPath } from './vectors.ts';

test('all 1,404 entries of the catalogue of exploited vulnerabilities are read', needs('kev'), () => {
  const text = readFileSync(vectorPath('kev/known_exploited_vulnerabilities.json'), 'utf8');
  const read = readFeed('kev', text);
  assert.ok(read.ok && read.value.kind === 'kev');
  assert.equal(read.value.entries.length, 1_404);
  assert.equal(read.value.version, '2025.08.25');
  const { vulnerabilities } = JSON.parse(text) as { vulnerabilities: readonly Record<string, string>[] };
  assert.equal(
    read.value.entries.filter(({ ransomware }) => ransomware).length,
    vulnerabilities.filter((each) => each.knownRansomwareCampaignUse === 'Known').length,
  );
});
