/** A first start where no registry answers. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createInstallation } from '../support/installation.ts';

test('where no registry answers, the first start says so and takes a package of our own through the whole path', async () => {
  const installation = await createInstallation();
  try {
    const { json, stderr } = await installation.expect(0, 'start', '--exit', '--json');
    assert.match(stderr, /The npm registry does not answer/);
    assert.match(stderr, /a small package of our own instead/);
    const { seconds, release, ...summary } = json[0] ?? {};
    assert.equal((release as { stage: string }).stage, 'partners');
    assert.deepEqual(summary, {
      targets: 2,
      confirmed: 1,
      byClass: { 'prototype-pollution': 1 },
      cases: 1,
      commitments: 1,
      patchesVerified: 1,
      ownTests: { noWorse: 1, notRun: 0 },
      advisories: 1,
      logVerified: true,
    });
  } finally {
    await installation.close();
  }
});
