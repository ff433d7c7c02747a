/**
 * A stage that rests on a deviation, at two gateways in processes of their own and a real Postgres: nobody says a word when the
 * deviation expires, no worker runs, and the gateways close the model by themselves.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { evaluate, signDecision } from '../../src/policy/index.ts';
import { type FakeModelServer, startFakeModelServer } from '../fakes/fake-model-server.ts';
import { createGates, type GateProcess, type Gates, type Holder } from '../support/gates.ts';
import { ACTOR, okOf } from '../support/programme.ts';
import { deviatingDocuments, deviatingHouse, houseAct, SIGNERS, TRUST } from '../support/release.ts';
import { watchStream } from '../support/stream-watch.ts';

const DIGEST = `sha256:${'a'.repeat(64)}`;
/** A gateway promises to obey within this. */
const PROMISED_MS = 1_000;
/** Enough to decide and be answered before the end. */
const OPEN_MS = 10_000;
const GIVE_UP_MS = 60_000;
const HOUR_MS = 3_600_000;
let gates: Gates;
let provider: FakeModelServer;
let running: readonly GateProcess[];

before(async () => {
  provider = await startFakeModelServer();
  gates = await createGates();
  running = [await gates.start(), await gates.start()];
  await gates.model('m1', 'anthropic', provider.url);
});
after(async () => {
  await gates.close();
  await provider.close();
});

interface Called {
  readonly sentAt: number;
  readonly answeredAt: number;
  readonly answer: string;
}

async function call({ url }: GateProcess, { key }: Holder): Promise<Called> {
  const sentAt = Date.now();
  const response = await fetch(`${url}/v1/messages`, {
    method: 'POST',
    headers: { 'x-api-key': key, 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'm1', max_tokens: 8, messages: [{ role: 'user', content: 'Hello?' }] }),
  });
  await response.arrayBuffer();
  const answer = response.headers.get('headstart-refusal') ?? String(response.status);
  return { sentAt, answeredAt: Date.now(), answer };
}

/** On a busy machine a gateway may not be able to confirm what it knows: then it admits nothing for a while. */
async function answered(gate: GateProcess, holder: Holder): Promise<void> {
  const giveUpAt = Date.now() + GIVE_UP_MS;
  while ((await call(gate, holder)).answer !== '200') {
    assert.ok(Date.now() < giveUpAt, 'the gateway answers no call');
    await sleep(100);
  }
}

async function beginStream(url: string, { key }: Holder): Promise<ReturnType<typeof watchStream>> {
  const body = { model: 'm1', max_tokens: 1_000, stream: true, messages: [{ role: 'user', content: 'Hello?' }] };
  const giveUpAt = Date.now() + GIVE_UP_MS;
  for (;;) {
    const stream = watchStream({ url, path: '/v1/messages', key, body });
    if (await stream.begun) return stream;
    assert.ok(Date.now() < giveUpAt, 'the gateway begins no stream');
    await sleep(100);
  }
}

test('every gateway closes a model at the instant at which its deviation expires, ends its streams, and the log has the act', async () => {
  const { release, adoptions, jobs } = await gates.releases();
  const house = deviatingHouse();
  okOf(await release.registerModel({ id: 'm1', digest: DIGEST, isDemonstration: false }, ACTOR));
  okOf(await adoptions.adopt({ framework: house, trust: TRUST, act: houseAct(house) }));
  const enact = async (endsAt: Date): Promise<void> => {
    const asked = { model: 'm1', modelDigest: DIGEST, asOf: new Date(Date.now() - 1_000).toISOString() };
    const documents = deviatingDocuments({ ...asked, stage: 'partners' }, endsAt);
    const signatures = signDecision(okOf(evaluate(documents)), [SIGNERS.lead, SIGNERS.officer]);
    assert.equal(okOf(await release.enact(documents, signatures)).stage, 'partner');
  };
  await enact(new Date(Date.now() + HOUR_MS));
  const organisation = await gates.organisation('Acme', 1_000_000_000_000);
  const holder = await gates.holder(organisation, ['m1']);
  for (const gate of running) await answered(gate, holder);
  provider.always({ paceMs: 200, answer: { pieces: Array.from({ length: 1_000 }, () => 'word ') } });
  const streams = await Promise.all(running.map(({ url }) => beginStream(url, holder)));
  provider.always({});
  // Everything is open and at work. From here on only time passes.
  const endsAt = new Date(Date.now() + OPEN_MS);
  await enact(endsAt);
  const calls = await Promise.all(
    running.map(async (gate) => {
      const made: Called[] = [];
      while (made.at(-1)?.answer !== 'model_not_found' || Date.now() < endsAt.getTime()) {
        made.push(await call(gate, holder));
        assert.ok(Date.now() < endsAt.getTime() + GIVE_UP_MS, `the last answer is ${made.at(-1)?.answer}`);
        await sleep(20);
      }
      return made;
    }),
  );
  for (const made of calls) {
    const served = made.filter(({ answer }) => answer === '200');
    assert.ok(
      served.some(({ answeredAt }) => answeredAt < endsAt.getTime()),
      'it was open before',
    );
    assert.ok(
      served.every(({ sentAt }) => sentAt <= endsAt.getTime() + PROMISED_MS),
      'and not a second after',
    );
    const refused = made.filter(({ answer }) => answer === 'model_not_found');
    assert.ok(
      refused.every(({ answeredAt }) => answeredAt >= endsAt.getTime()),
      'nothing is closed early',
    );
  }
  for (const { seen } of streams) {
    while (!seen().hasEnded) await sleep(20);
    assert.notEqual(seen().code, null, 'cut by the gateway, and told why');
  }

  assert.deepEqual(await ended(), [], 'no worker ran: nobody has recorded it');
  const shown = await gates.installation.run('release', 'status', 'm1', '--json');
  const [status] = JSON.parse(shown.stdout);
  assert.deepEqual([status.stage, status.over, status.endsAt], ['closed', true, endsAt.toISOString()]);
  assert.match(shown.stderr, /over since .*, when its deviation expires/);
  await jobs['release.end-stage']?.({ model: 'm1' } as never, {} as never);
  const [act] = await ended();
  assert.deepEqual(
    [act.facts.endsAt, act.facts.with, act.facts.stage],
    [endsAt.toISOString(), 'deviation', 'partners'],
  );
});

async function ended() {
  const { rows } = await gates.database.query<{ body: Buffer }>('select body from tlog.entries order by position');
  return rows
    .map(({ body }) => JSON.parse(Buffer.from(JSON.parse(body.toString()).payload, 'base64').toString()))
    .filter(({ predicateType }) => predicateType === 'headstart/stage-ended/v1');
}
