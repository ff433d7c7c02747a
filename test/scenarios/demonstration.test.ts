/** Simulated answers and compressed time reach only what a public advisory names; any other finding stays sealed. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { createInstallation, type Ended, FIXTURE_PACKAGES, type Installation } from '../support/installation.ts';

/** The first has an advisory that names its flaw, the second has one of another class, the third has none. */
const CAMPAIGN = {
  name: 'scenario',
  seed: 1,
  targets: [
    {
      target: 'pkg:npm/headstart-fixture-pollution@1.0.0',
      known: [{ ids: ['HEADSTART-DEMO-1001'], class: 'prototype-pollution', fixedVersion: '1.0.1' }],
    },
    {
      target: 'pkg:npm/headstart-fixture-command@1.0.0',
      known: [{ ids: ['HEADSTART-DEMO-1002'], class: 'path-traversal', fixedVersion: '1.0.1' }],
    },
  ],
};
/** What belongs to the sealed finding and stands in no campaign file. */
const SEALED_WORDS = ['command-injection', 'CWE-78', 'lookUp', 'headstart-fixture-command/index.js', 'OS command'];

interface ShownCase {
  readonly id: string;
  readonly kind: string;
  readonly time: string;
  readonly stage: string;
  readonly dueAt: string | null;
  readonly openedAt: string;
  readonly parties: readonly { readonly role: string; readonly simulated: boolean }[];
  readonly clocks: readonly { readonly kind: string; readonly dueAt: string }[];
  readonly messages: readonly unknown[];
}

let installation: Installation;
let run: Ended;
let cases: readonly ShownCase[];
let page: string;

before(async () => {
  installation = await createInstallation({ packages: FIXTURE_PACKAGES });
  run = await installation.run(
    'start',
    '--exit',
    '--json',
    '--campaign',
    installation.write('campaign.json', CAMPAIGN),
  );
  const listed = JSON.parse((await installation.expect(0, 'case', 'list', '--json')).stdout) as { id: string }[];
  cases = await Promise.all(
    listed.map(async ({ id }) => JSON.parse((await installation.expect(0, 'case', 'show', id, '--json')).stdout)),
  );
  const serving = installation.start('serve', '--role', 'web', '--port', '0');
  const addresses = JSON.parse(await serving.said(/^\{/)) as { console: string };
  page = await (await fetch(addresses.console)).text();
  serving.child.kill('SIGTERM');
  assert.equal((await serving.ended).code, 0);
});

after(() => installation?.close());

function only(kind: string): ShownCase {
  const found = cases.filter((it) => it.kind === kind);
  assert.equal(found.length, 1, `${found.length} ${kind} cases\n${run.stderr}`);
  return found[0] as ShownCase;
}

test('a finding that its advisory names is taken through the whole path', () => {
  const demonstration = only('demonstration');
  assert.deepEqual([demonstration.stage, demonstration.time], ['disclosed', 'compressed']);
});

test('a finding that no advisory of the campaign file names stays a real case under the real clock', () => {
  const real = only('real');
  assert.equal(real.time, 'real');
  assert.ok(!['disclosed', 'notified', 'fix-released', 'patched'].includes(real.stage), real.stage);
  assert.deepEqual(real.messages, []);
  assert.ok(real.parties.every(({ simulated }) => !simulated));
  const opening = real.clocks.find(({ kind }) => kind === 'opening');
  assert.ok(opening && Date.parse(opening.dueAt) - Date.parse(real.openedAt) > 80 * 86_400_000);
});

test('start tells of a sealed finding as a count and nothing else', () => {
  assert.match(run.stderr, /sealed +1 finding without a known public advisory/);
  assert.deepEqual(
    SEALED_WORDS.filter((word) => run.stderr.includes(word) || run.stdout.includes(word)),
    [],
  );
  assert.equal(run.json[0]?.confirmed, 2);
  assert.deepEqual(run.json[0]?.byClass, { 'prototype-pollution': 1 });
});

test('an advisory of another class than what was found does not count as shown', () => {
  assert.equal(run.code, 1);
  assert.match(run.stderr, /no path-traversal was confirmed/);
});

test('the status page shows a sealed case as a count and nothing else', () => {
  assert.match(page, /<strong>1<\/strong> further case is sealed/);
  assert.deepEqual(
    SEALED_WORDS.filter((word) => page.includes(word)),
    [],
  );
  assert.ok(!page.includes(only('real').id));
  assert.ok(page.includes(only('demonstration').id));
});

test('nothing of a sealed finding lies below public', () => {
  const words = [
    ...SEALED_WORDS,
    only('real').id,
    only('real').id.slice('case_'.length, 16),
    'headstart-fixture-command',
  ];
  const files = readdirSync(installation.public, { recursive: true, withFileTypes: true }).filter((it) => it.isFile());
  assert.ok(files.length > 10);
  for (const file of files) {
    const path = join(file.parentPath, file.name);
    const content = `${path}\n${readFileSync(path, 'latin1')}`;
    assert.deepEqual(
      words.filter((word) => content.includes(word)),
      [],
      path,
    );
  }
});

test('a real case cannot be moved on a simulated clock', async () => {
  await installation.expect(2, 'case', 'step', only('real').id, 'notify', '--after', '90');
});

test('a real case is not published before its time, not even with both keys', async () => {
  const ended = await installation.run('case', 'step', only('real').id, 'disclose', '--yes');
  assert.ok([5, 6].includes(ended.code ?? 0), ended.stderr);
});

test('a real report is followed from its text alone in fresh sandboxes, and is not sent while it lacks anything', async () => {
  const { id } = only('real');
  const checked = await installation.run('case', 'check', id, '--json');
  assert.equal(checked.code, 1, checked.stderr);
  const { ready, missing } = checked.json[0] as { ready: boolean; missing: string[] };
  assert.equal(ready, false);
  assert.deepEqual(
    missing.filter((each) => /^(reproduced|one|plain|origin)/.test(each)),
    [],
    'it fired three times of three, from what stands in the report',
  );
  assert.ok(
    missing.some((each) => each.startsWith('sign-off')),
    missing.join('; '),
  );
  if (only('real').stage === 'received') await installation.expect(0, 'case', 'step', id, 'confirm');
  const refused = await installation.expect(6, 'case', 'step', id, 'notify');
  assert.match(refused.stderr, /not ready to be sent:\n\s+- /);
});

test('each demonstration has the page that its maintainer would see, marked as one', async () => {
  const { id } = only('demonstration');
  const [, path] = /href="(\/m\/[\w-]{43})"/.exec(page) ?? [];
  assert.ok(path, 'the status page leads to it');
  const serving = installation.start('serve', '--role', 'web', '--port', '0');
  const { console: address } = JSON.parse(await serving.said(/^\{/)) as { console: string };
  const shown = await fetch(`${address}${path}`);
  const text = await shown.text();
  serving.child.kill('SIGTERM');
  assert.equal((await serving.ended).code, 0);
  assert.equal(shown.headers.get('cache-control'), 'no-store');
  assert.equal(shown.headers.get('referrer-policy'), 'no-referrer');
  assert.match(text, /<strong>Demonstration\.<\/strong>/);
  assert.ok(text.includes(id) && text.includes('reproduce.cjs'));
  assert.deepEqual(
    SEALED_WORDS.filter((word) => text.includes(word)),
    [],
  );
});
