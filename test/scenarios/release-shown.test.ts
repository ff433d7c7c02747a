/** `start` shows a release: the demonstration model at stage `partners` by a signed decision, closed by an incident, restored. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createInstallation, type Ended, FIXTURE_PACKAGES, type Installation } from '../support/installation.ts';

const CAMPAIGN = {
  name: 'scenario',
  seed: 1,
  targets: [
    {
      target: 'pkg:npm/headstart-fixture-pollution@1.0.0',
      known: [{ ids: ['HEADSTART-DEMO-1001'], class: 'prototype-pollution', fixedVersion: '1.0.1' }],
    },
  ],
};
const MODEL = 'headstart-demonstration';
const CONTRACT = [
  ...['targets', 'confirmed', 'byClass', 'cases', 'commitments'],
  ...['patchesVerified', 'advisories', 'logVerified', 'seconds'],
];

let installation: Installation;
let first: Ended;
let second: Ended;

interface Shown {
  readonly stage: string;
  readonly decisionSha256: string;
  readonly replayed: boolean;
  readonly refusedAfterMs: number;
  readonly restored: boolean;
}
const shownBy = ({ json }: Ended): Shown => json[0]?.release as Shown;

before(async () => {
  installation = await createInstallation({ packages: FIXTURE_PACKAGES });
  first = await installation.run(
    'start',
    '--exit',
    '--json',
    '--campaign',
    installation.write('campaign.json', CAMPAIGN),
  );
  second = await installation.run('start', '--exit', '--json');
});
after(() => installation?.close());

test('start ends with 0, its contract whole, with the model at stage partners', () => {
  assert.equal(first.code, 0, first.stderr);
  for (const name of CONTRACT) assert.ok(name in (first.json[0] ?? {}), name);
  const { stage, replayed, restored } = shownBy(first);
  assert.deepEqual([stage, replayed, restored], ['partners', true, true], first.stderr);
});

test('the report says what is a demonstration, what is simulated, and that an incident closed the gate', () => {
  for (const said of [
    /release +headstart-demonstration: DEMONSTRATION.*one person/,
    /evidence +1 of 1 findings 3 of 3, 1 patches verified, patch rate 100 % \(SIMULATED maintainers\)/,
    /sandbox (\d+) of \1 stopped.*a SAMPLE of ours/,
    /decided +partners by house \d+, signed by safeguards lead and release officer.*replayed/,
    /incident +serious: the gate refused the next call \d+ ms after it was opened \(404 model_not_found\)/,
    /restored +reviewed/,
    /demonstration model partners/,
  ]) {
    assert.match(first.stderr, said);
  }
});

test('a second start tells the same and repeats nothing', () => {
  assert.equal(second.code, 0, second.stderr);
  assert.deepEqual(shownBy(second), shownBy(first));
  assert.doesNotMatch(second.stderr, /incident +serious/);
  assert.match(second.stderr, /demonstration model partners/);
});

test('the decision is replayed from the log and the evidence, and what gateways obey is the stage it opened', async () => {
  const { decisionSha256 } = shownBy(first);
  const { json } = await installation.expect(0, 'replay', decisionSha256, '--json');
  assert.deepEqual([json[0]?.same, json[0]?.decisionSha256], [true, decisionSha256]);
  await installation.expect(0, 'log', 'verify');
  const status = await installation.expect(0, 'release', 'status', MODEL, '--json');
  const [model] = JSON.parse(status.stdout) as { stage: string; demonstration: boolean; suspensions: [] }[];
  assert.deepEqual([model?.stage, model?.demonstration, model?.suspensions], ['partner', true, []]);
});

test('the status page shows the stage and follows an incident; the mock provider answers through the gate', async () => {
  const serving = installation.start('serve', '--port', '0');
  const addresses = JSON.parse(await serving.said(/^\{/)) as { console: string; gateway: string };
  const page = async (): Promise<string> => (await fetch(addresses.console)).text();
  try {
    assert.match(await page(), /Stage now<\/th><td>partner</);
    const { key } = (
      await installation.expect(
        0,
        ...['key', 'create', '--org', 'Demonstration (partner)', '--person', 'partner@demonstration.invalid'],
        ...['--model', MODEL, '--json'],
      )
    ).json[0] as { key: string };
    const call = () =>
      fetch(`${addresses.gateway}/v1/messages`, {
        method: 'POST',
        headers: { 'x-api-key': key },
        body: JSON.stringify({ model: MODEL, max_tokens: 40, messages: [{ role: 'user', content: 'Hello?' }] }),
      });
    const answered = await call();
    assert.equal(answered.status, 200);
    assert.match(await answered.text(), /mock provider of a Headstart demonstration/);
    const at = new Date().toISOString();
    const record = {
      kind: 'incident',
      awareAt: at,
      occurredAt: at,
      timeZone: 'UTC',
      facts: { activelyExploited: true },
    };
    await installation.expect(
      0,
      ...['incident', 'open', installation.write('incident.json', record), '--model', MODEL, '--summary', 'a test'],
    );
    assert.equal((await call()).status, 404);
    assert.match(await page(), /Stage now<\/th><td>closed \(suspended by incident\)/);
  } finally {
    serving.child.kill('SIGTERM');
    assert.equal((await serving.ended).code, 0);
  }
});
