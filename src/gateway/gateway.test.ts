/** The official clients against a gateway over a fake provider, on a real database. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import Anthropic from '@anthropic-ai/sdk';
import OpenAI from 'openai';
import { fakeAnswer, invoiceMicro, PIECES } from '../../test/fakes/fake-answers.ts';
import type { Behaviour } from '../../test/fakes/fake-model-server.ts';
import { createGate, type Gate, PRICES, type RunningGateway, UPSTREAM_KEY } from '../../test/support/gate.ts';
import { ACTOR, okOf, until } from '../../test/support/programme.ts';
import { checkReceipt } from '../journal/index.ts';

let gate: Gate;
let gateway: RunningGateway;
let acme: string;
let person: string;
let key: string;
let anthropic: Anthropic;
let openai: OpenAI;

const MODELS = ['claude', 'claude-drained', 'claude-small', 'gpt'];

before(async () => {
  gate = await createGate();
  await gate.model('claude', 'anthropic', { upstreamName: 'upstream-claude' });
  await gate.model('claude-drained', 'anthropic', { onLeave: 'drain' });
  await gate.model('claude-small', 'anthropic', { prices: { ...PRICES, input: 1_000_000, output: 5_000_000 } });
  await gate.model('gpt', 'openai', { upstreamName: 'upstream-gpt' });
  await gate.model('hidden', 'anthropic');
  acme = await gate.organisation('Acme', 1_000);
  person = await gate.world.person(acme, 'a@acme.test');
  gateway = await gate.gateway();
  ({ key } = await gate.key(acme, person, MODELS));
  anthropic = new Anthropic({ baseURL: gateway.url, apiKey: key, maxRetries: 0 });
  openai = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: key, maxRetries: 0 });
});
after(() => gate.close());

const ask = { model: 'claude', max_tokens: 100, messages: [{ role: 'user' as const, content: 'Hello?' }] };
const askChat = { model: 'gpt', max_tokens: 100, messages: [{ role: 'user' as const, content: 'Hello?' }] };
const TEXT = PIECES.join('');
const INVOICE = invoiceMicro(fakeAnswer().usage, PRICES);

/** What one call cost the organisation, once its posting has come. */
async function costOf(work: () => Promise<unknown>): Promise<number> {
  // Every call that was admitted is told once, and all of them so far were of this organisation.
  const isQuiet = async () => gateway.liveCalls() === 0 && (await gate.postings(acme)) === gateway.facts.length;
  await untilAsync(isQuiet);
  const [before, calls] = [await gate.spentMicro(acme), gateway.facts.length];
  await work();
  await untilAsync(async () => gateway.facts.length > calls && (await isQuiet()));
  assert.equal(gateway.facts.length, calls + 1);
  return (await gate.spentMicro(acme)) - before;
}

async function untilAsync(condition: () => Promise<boolean>): Promise<void> {
  const end = Date.now() + 10_000;
  while (!(await condition())) {
    if (Date.now() > end) throw new Error('it never came');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

const lastSeen = () => {
  const entry = gate.provider.seen.at(-1);
  assert.ok(entry);
  return entry;
};

test('the Anthropic client gets a whole answer, charged what the provider bills', async () => {
  const cost = await costOf(async () => {
    const { data, response } = await anthropic.messages.create(ask).withResponse();
    assert.equal(data.content[0]?.type === 'text' && data.content[0].text, TEXT);
    assert.equal(data.model, 'upstream-claude');
    assert.match(response.headers.get('headstart-receipt') ?? '', /^call_/);
    assert.match(response.headers.get('headstart-request-id') ?? '', /^request_/);
  });
  assert.equal(cost, INVOICE);
  assert.equal(lastSeen().body.model, 'upstream-claude');
  assert.equal(lastSeen().headers['x-api-key'], UPSTREAM_KEY);
  assert.doesNotMatch(JSON.stringify(lastSeen().headers) + lastSeen().text, new RegExp(key));
});

test('the Anthropic client streams text, thinking and tool input', async () => {
  gate.provider.next({ answer: { thinking: ['let ', 'me see'], tool: { name: 'look', input: '{"at":"stars"}' } } });
  const cost = await costOf(async () => {
    const stream = anthropic.messages.stream({
      ...ask,
      tools: [{ name: 'look', input_schema: { type: 'object' } }],
      thinking: { type: 'enabled', budget_tokens: 1024 },
    });
    const message = await stream.finalMessage();
    assert.deepEqual(
      message.content.map(({ type }) => type),
      ['thinking', 'text', 'tool_use'],
    );
    assert.deepEqual(message.content[2]?.type === 'tool_use' && message.content[2].input, { at: 'stars' });
    assert.equal(message.usage.cache_read_input_tokens, 200);
  });
  assert.equal(cost, INVOICE);
});

test('pictures, documents, cache marks and headers of the provider pass untouched', async () => {
  const source = { type: 'base64' as const, media_type: 'image/png' as const, data: 'iVBORw0KGgo=' };
  const content = [
    { type: 'image' as const, source },
    { type: 'text' as const, text: 'What is it?', cache_control: { type: 'ephemeral' as const } },
  ];
  const request = { ...ask, model: 'claude-small', max_tokens: 10, messages: [{ role: 'user' as const, content }] };
  await anthropic.messages.create(request, { headers: { 'anthropic-user-profile-id': 'uprof_1', cookie: 'a=b' } });
  assert.deepEqual(lastSeen().body, request);
  assert.equal(lastSeen().text, JSON.stringify(request), 'byte for byte');
  assert.equal(lastSeen().headers['anthropic-user-profile-id'], 'uprof_1');
  assert.equal(lastSeen().headers.cookie, undefined);
});

test('counting tokens is free and counted', async () => {
  const cost = await costOf(async () => {
    const { messages } = ask;
    assert.equal((await anthropic.messages.countTokens({ model: 'claude', messages })).input_tokens, 12);
  });
  assert.equal(cost, 0);
});

test('the OpenAI client gets chat answers, whole and streamed, and never sees the figures it did not ask for', async () => {
  const cost = await costOf(async () => {
    const answer = await openai.chat.completions.create(askChat);
    assert.equal(answer.choices[0]?.message.content, TEXT);
  });
  assert.equal(cost, INVOICE);
  const streamed = await costOf(async () => {
    let text = '';
    for await (const chunk of await openai.chat.completions.create({ ...askChat, stream: true })) {
      assert.ok(chunk.choices[0], 'a chunk without choices was not asked for');
      text += chunk.choices[0].delta.content ?? '';
    }
    assert.equal(text, TEXT);
  });
  assert.equal(streamed, INVOICE);
  assert.deepEqual(lastSeen().body.stream_options, { include_usage: true });
});

test('who asks for the figures of a chat stream gets them', async () => {
  const options = { ...askChat, stream: true as const, stream_options: { include_usage: true } };
  const chunks = [];
  for await (const chunk of await openai.chat.completions.create(options)) chunks.push(chunk);
  assert.equal(chunks.at(-1)?.usage?.completion_tokens, fakeAnswer().usage.output);
});

test('the OpenAI client gets responses, whole and streamed', async () => {
  const request = { model: 'gpt', input: 'Hello?', max_output_tokens: 50, safety_identifier: 'user-7' };
  const cost = await costOf(async () => {
    assert.equal((await openai.responses.create(request)).output_text, TEXT);
  });
  assert.equal(cost, INVOICE);
  assert.equal(lastSeen().body.safety_identifier, 'user-7');
  const streamed = await costOf(async () => {
    let text = '';
    for await (const event of await openai.responses.create({ ...request, stream: true })) {
      if (event.type === 'response.output_text.delta') text += event.delta;
    }
    assert.equal(text, TEXT);
  });
  assert.equal(streamed, INVOICE);
});

test('both clients list the models of their key and no other', async () => {
  const ids = [];
  for await (const { id } of anthropic.models.list()) ids.push(id);
  assert.deepEqual(ids.sort(), [...MODELS].sort());
  const others = [];
  for await (const { id } of openai.models.list()) others.push(id);
  assert.deepEqual(others.sort(), [...MODELS].sort());
  assert.equal((await openai.models.retrieve('gpt')).id, 'gpt');
  await assert.rejects(anthropic.models.retrieve('hidden'), Anthropic.NotFoundError);
});

test('a receipt is had with the key of the organisation, verifies offline, and by nobody else', async () => {
  gate.provider.next({ answer: { refusal: { category: 'cyber' } } });
  const { response } = await anthropic.messages.create({ ...ask, stream: true }).withResponse();
  await response.text().catch(() => '');
  const id = response.headers.get('headstart-receipt') ?? '';
  const path = `${gateway.url}/v1/receipts/${id}`;
  let receipt = await fetch(path, { headers: { 'x-api-key': key } });
  await untilAsync(async () => {
    receipt = await fetch(path, { headers: { authorization: `Bearer ${key}` } });
    return receipt.ok;
  });
  const leaf = okOf(checkReceipt(await receipt.text(), gate.signer.publicKey));
  assert.deepEqual([leaf.asked, leaf.served, leaf.costMicro], ['claude', 'upstream-claude', INVOICE]);
  const { stopReason, stopDetails, providerRequestId } = leaf.facts as unknown as Record<string, unknown>;
  assert.equal(stopReason, 'refusal');
  assert.deepEqual(stopDetails, { type: 'refusal', category: 'cyber', explanation: null });
  assert.equal(providerRequestId, 'req_provider');
  const other = await gate.organisation('Other', 1);
  const stranger = await gate.key(other, await gate.world.person(other, 'b@other.test'), ['claude']);
  assert.equal((await fetch(path, { headers: { 'x-api-key': stranger.key } })).status, 404);
  assert.equal((await fetch(path)).status, 401);
});

test('fallbacks are granted one by one, named as the provider names them, and priced by the model that served', async () => {
  const beta = (fallbacks: object[]) =>
    fetch(`${gateway.url}/v1/messages?beta=true`, {
      method: 'POST',
      headers: { 'x-api-key': key },
      body: JSON.stringify({ ...ask, fallbacks }),
    });
  assert.equal((await beta([{ model: 'hidden' }])).status, 404);
  const used = fakeAnswer().usage;
  const gaveUp = { ...used, output: 4 };
  gate.provider.next({ answer: { model: 'claude-small', fallbackFrom: { model: 'upstream-claude', usage: gaveUp } } });
  const cost = await costOf(() => beta([{ model: 'claude-small' }]));
  const small = { ...PRICES, input: 1_000_000, output: 5_000_000 };
  const exact = INVOICE - invoiceMicro(used, PRICES) + invoiceMicro(gaveUp, PRICES) + invoiceMicro(used, small);
  assert.ok(Math.abs(cost - exact) <= 1, `${cost} is not ${exact}`);
  assert.deepEqual(lastSeen().body.fallbacks, [{ model: 'claude-small' }]);
  assert.equal(lastSeen().path, '/v1/messages?beta=true');
});

test('errors of the provider come as they are and cost nothing', async () => {
  const body = '{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}';
  gate.provider.next({ fail: { kind: 'status', status: 529, body } });
  const cost = await costOf(async () => {
    await assert.rejects(anthropic.messages.create(ask), (error: InstanceType<typeof Anthropic.APIError>) => {
      assert.equal(error.status, 529);
      assert.match(error.message, /Overloaded/);
      return true;
    });
  });
  assert.equal(cost, 0);
  gate.provider.next({ fail: { kind: 'status', status: 401, body: '{"error":{"message":"bad key sk-upstream"}}' } });
  await assert.rejects(anthropic.messages.create(ask), (error: InstanceType<typeof Anthropic.APIError>) => {
    assert.equal(error.status, 502);
    assert.doesNotMatch(error.message, /sk-upstream/);
    return true;
  });
});

test('a client retries what the provider was too busy for', async () => {
  const body = '{"error":{"message":"busy","type":"server_error","code":null,"param":null}}';
  gate.provider.next({ fail: { kind: 'status', status: 500, body } });
  const patient = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: key, maxRetries: 2 });
  assert.equal((await patient.chat.completions.create(askChat)).choices[0]?.message.content, TEXT);
});

for (const [what, fail] of Object.entries({
  'resets the connection': { kind: 'reset' },
  'answers with garbage': { kind: 'garbage' },
  'breaks off in the middle': { kind: 'cut', atByte: 900 },
} satisfies Record<string, Behaviour['fail']>)) {
  test(`the provider ${what}: one posting, and an error the clients understand`, async () => {
    for (const stream of [false, true]) {
      gate.provider.next({ fail });
      const cost = await costOf(async () => {
        try {
          const answer = await anthropic.messages.create({ ...ask, stream });
          if (Symbol.asyncIterator in answer) for await (const _ of answer);
        } catch (error) {
          assert.ok(error instanceof Anthropic.AnthropicError, String(error));
        }
      });
      const { billed } = lastSeen();
      if (billed && fail.kind !== 'cut') assert.ok(cost >= invoiceMicro(billed, PRICES), `${cost} for ${stream}`);
    }
  });
}

test('the client leaves a stream: the provider is left at once, and the call is posted once', async () => {
  gate.provider.next({ paceMs: 20, answer: { pieces: Array.from({ length: 200 }, () => 'word ') } });
  let leftMs = 0;
  const cost = await costOf(async () => {
    const stream = anthropic.messages.stream({ ...ask, max_tokens: 2_000 });
    stream.on('text', () => {
      leftMs ||= performance.now();
      stream.abort();
    });
    await stream.done().catch(() => {});
    await until(() => lastSeen().abortedMs !== undefined);
  });
  const { billed, abortedMs = 0 } = lastSeen();
  assert.ok(billed && cost >= invoiceMicro(billed, PRICES));
  assert.ok(abortedMs > leftMs);
});

test('the client leaves a stream that is drained: charged to the micro-dollar what the provider bills', async () => {
  gate.provider.next({ paceMs: 10 });
  const cost = await costOf(async () => {
    const stream = anthropic.messages.stream({ ...ask, model: 'claude-drained' });
    stream.on('text', () => stream.abort());
    await stream.done().catch(() => {});
  });
  assert.equal(lastSeen().abortedMs, undefined);
  assert.equal(cost, INVOICE);
});

test('a stop ends the streams it means with an error of their protocol, and no other', async () => {
  const pieces = Array.from({ length: 100 }, () => 'word ');
  const other = await gate.world.person(acme, 'stays@acme.test');
  const stays = await gate.key(acme, other, MODELS);
  const slow: Behaviour = { paceMs: 30, answer: { pieces, usage: { ...fakeAnswer().usage, output: 100 } } };
  gate.provider.next(slow, slow, slow);
  const theirs = anthropic.messages.stream({ ...ask, max_tokens: 500 });
  const chat = await openai.chat.completions.create({ ...askChat, max_tokens: 500, stream: true });
  const mine = new Anthropic({ baseURL: gateway.url, apiKey: stays.key, maxRetries: 0 });
  const kept = mine.messages.stream({ ...ask, max_tokens: 500 });
  await until(() => gateway.liveCalls() === 3);
  const { stop } = okOf(await gate.world.stops.set({ person, reason: 'test' }, { actor: ACTOR }));
  await assert.rejects(theirs.done(), /stopped/);
  await assert.rejects(async () => {
    for await (const _ of chat);
  }, /stop is in force/);
  await assert.rejects(anthropic.messages.create(ask), Anthropic.PermissionDeniedError);
  const message = await kept.finalMessage();
  assert.equal(message.content[0]?.type === 'text' && message.content[0].text, pieces.join(''));
  okOf(await gate.world.stops.lift(stop.id, { actor: ACTOR }));
  await until(() => gateway.authority.findStop({ ...allOf(), model: 'claude', tools: [] }) === undefined);
});

function allOf() {
  const caller = gateway.authority.findCaller(key);
  assert.ok(caller);
  return caller;
}

test('a key that is revoked ends its live streams', async () => {
  const leaver = await gate.key(acme, person, MODELS);
  gate.provider.next({ paceMs: 30, answer: { pieces: Array.from({ length: 300 }, () => 'word ') } });
  const stream = new Anthropic({ baseURL: gateway.url, apiKey: leaver.key, maxRetries: 0 }).messages.stream(ask);
  await until(() => gateway.liveCalls() === 1);
  okOf(await gate.world.keys.revokeKey(leaver.id, ACTOR));
  await assert.rejects(stream.done(), /revoked/);
});

test('metrics count calls and tokens, and hold no key and no prompt', async () => {
  const text = await (await fetch(`${gateway.url}/metrics`)).text();
  assert.match(
    text,
    /headstart_calls_total\{model="claude",protocol="anthropic",outcome="complete",stream="true"\} \d/,
  );
  assert.match(text, /gen_ai_client_inference_usage_input_tokens_total\{/);
  assert.doesNotMatch(text, new RegExp(`${key}|Hello|acme`));
  const forwarded = await fetch(`${gateway.url}/metrics`, { headers: { 'x-forwarded-for': '203.0.113.9' } });
  assert.equal(forwarded.status, 404);
});
