/** Gateways as processes: several on one data directory, drained when told to stop, killed in the middle of calls. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join, sep } from 'node:path';
import { after, before, test } from 'node:test';
import Anthropic from '@anthropic-ai/sdk';
import { createLedger } from '../../src/ledger/index.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { type FakeModelServer, startFakeModelServer } from '../fakes/fake-model-server.ts';
import { createInstallation, type Installation, type Running } from '../support/installation.ts';

let installation: Installation;
let provider: FakeModelServer;
let organisation: string;
let key: string;
const PRICES = {
  input: 10_000_000,
  output: 50_000_000,
  cacheWrite5m: 12_500_000,
  cacheWrite1h: 20_000_000,
  cacheRead: 1_000_000,
};
const ask = { model: 'm1', max_tokens: 1_000, messages: [{ role: 'user' as const, content: 'Hello?' }] };

before(async () => {
  installation = await createInstallation({ environment: { PROVIDER_KEY: 'sk-provider' } });
  provider = await startFakeModelServer();
  const prices = installation.write('prices.json', PRICES);
  const idOf = async (...args: string[]) =>
    (await installation.expect(0, ...args, '--json')).json[0] as Record<string, string>;
  await idOf(
    'model',
    'add',
    'm1',
    '--protocol',
    'anthropic',
    '--url',
    provider.url,
    '--key-env',
    'PROVIDER_KEY',
    '--prices',
    prices,
  );
  organisation = (await idOf('org', 'add', 'Acme')).id ?? '';
  await idOf('org', 'approve', organisation, '--yes');
  await idOf('person', 'add', organisation, 'a@acme.test');
  key = (await idOf('key', 'create', '--org', organisation, '--person', 'a@acme.test', '--model', 'm1')).key ?? '';
  await installation.inDatabase(async (database) => {
    await createLedger({ database, clock: systemClock }).grantCredit(organisation, 100_000_000, 'test');
  });
});
after(async () => {
  await provider.close();
  await installation.close();
});

async function serve(): Promise<{ running: Running; url: string; client: Anthropic }> {
  const running = installation.start('serve', '--role', 'gateway', '--port', '0');
  const { gateway } = JSON.parse(await running.said(/"gateway":"http/)) as { gateway: string };
  return { running, url: gateway, client: new Anthropic({ baseURL: gateway, apiKey: key, maxRetries: 0 }) };
}

test('two gateways serve one data directory; one that is told to stop lets its calls end and gives its credit back', async () => {
  const [one, two] = await Promise.all([serve(), serve()]);
  assert.match((await one.client.messages.create(ask)).model, /m1/);
  assert.match((await two.client.messages.create(ask)).model, /m1/);
  provider.next({ paceMs: 40 });
  const stream = one.client.messages.stream(ask);
  const text = stream.finalText();
  await new Promise<void>((resolve) => stream.once('text', () => resolve()));
  one.running.child.kill('SIGTERM');
  assert.match(await text, /end\.$/, 'a stream under way is not cut');
  assert.equal((await one.running.ended).code, 0);
  two.running.child.kill('SIGTERM');
  assert.equal((await two.running.ended).code, 0);
  await installation.inDatabase(async (database) => {
    const ledger = createLedger({ database, clock: systemClock });
    const { reservedMicro, spentMicro } = await ledger.showCredit(organisation);
    assert.equal(reservedMicro, 0);
    assert.ok(spentMicro > 0);
    assert.deepEqual(await ledger.audit(), []);
  });
});

test('killed in the middle of calls: what reached the provider was on the disk before, and nothing is lost or doubled', async () => {
  const victim = await serve();
  const sentBefore = provider.seen.length;
  provider.always({ paceMs: 50 });
  const calls = Array.from({ length: 8 }, () => victim.client.messages.stream(ask));
  const ends = calls.map((call) => call.done().catch(() => 'cut'));
  await Promise.all(
    calls.slice(0, 4).map((call) => new Promise<void>((resolve) => call.once('text', () => resolve()))),
  );
  victim.running.child.kill('SIGKILL');
  await Promise.all(ends);
  const sent = provider.seen.length - sentBefore;
  assert.ok(sent >= 4);
  const survivor = await serve();
  await installation.inDatabase(async (database) => {
    const ledger = createLedger({ database, clock: systemClock });
    const countPostings = async () =>
      (await database.query<{ how: string }>('select how from ledger.postings')).rows.filter(
        ({ how }) => how === 'recovered',
      );
    for (const end = Date.now() + 40_000; (await countPostings()).length < sent && Date.now() < end; ) {
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    const recovered = await countPostings();
    assert.ok(recovered.length >= sent && recovered.length <= calls.length, `${recovered.length} of ${sent}`);
    assert.deepEqual(await ledger.audit(), []);
  });
  provider.always({});
  assert.match((await survivor.client.messages.create(ask)).model, /m1/, 'the others go on');
  survivor.running.child.kill('SIGTERM');
  assert.equal((await survivor.running.ended).code, 0);
});

test('what was asked is kept encrypted, and shown only to somebody who is then in the journal; no key stands in either', async () => {
  const { running, client } = await serve();
  const { response } = await client.messages
    .create({ ...ask, messages: [{ role: 'user', content: 'marker-of-the-prompt' }] })
    .withResponse();
  const call = response.headers.get('headstart-receipt') ?? '';
  running.child.kill('SIGTERM');
  assert.equal((await running.ended).code, 0);
  const shown = await installation.expect(0, 'prompt', 'show', call, '--person', 'ada', '--reason', 'a complaint');
  assert.match(shown.stdout, /marker-of-the-prompt/);
  const files = readdirSync(installation.home, { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  );
  let journal = '';
  for (const { parentPath, name } of files) {
    const path = join(parentPath, name);
    if (path.includes(`${sep}postgres${sep}`)) continue;
    const text = readFileSync(path, 'latin1');
    assert.equal(text.includes('marker-of-the-prompt'), false, `the prompt stands in ${name}`);
    assert.equal(text.includes(key), false, `the key stands in ${name}`);
    if (path.includes(`${sep}journal${sep}`)) journal += text;
  }
  assert.match(journal, /a complaint/);
});
