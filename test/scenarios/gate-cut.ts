/**
 * Clients that leave a gateway process in mid-stream, at every byte of the provider's answer, in both protocols: the
 * provider stops at that byte, the client leaves when it has what came of it, and the call is aborted or drained. The
 * provider keeps its own invoice.
 */
import assert from 'node:assert/strict';
import { request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { createSseParser } from '../../src/dialect/index.ts';
import { sha256Hex } from '../../src/lib/hash.ts';
import {
  anthropicEvents,
  chatEvents,
  fakeAnswer,
  invoiceMicro,
  PIECES,
  responsesEvents,
} from '../fakes/fake-answers.ts';
import { type FakeModelServer, startFakeModelServer } from '../fakes/fake-model-server.ts';
import { createGates, GATES_PRICES, type Gates } from '../support/gates.ts';

const ANSWER = fakeAnswer({ pieces: PIECES.slice(2, 7) });
const PROMPT = 'x'.repeat(600);
const ABORT_WAIT_MS = 20_000;
const POSTED_WITHIN_MS = 60_000;
const MODES = ['abort', 'drain'] as const;
type Mode = (typeof MODES)[number];

const ROUTES = {
  messages: {
    protocol: 'anthropic',
    path: '/v1/messages',
    bytes: Buffer.from(anthropicEvents(ANSWER).join('')),
    body: { max_tokens: 4_000, messages: [{ role: 'user', content: PROMPT }] },
  },
  chat: {
    protocol: 'openai',
    path: '/v1/chat/completions',
    bytes: Buffer.from(chatEvents(ANSWER, true).join('')),
    body: {
      ...{ max_tokens: 4_000, stream_options: { include_usage: true }, reasoning_effort: 'none' },
      messages: [{ role: 'user', content: PROMPT }],
    },
  },
  responses: {
    protocol: 'openai',
    path: '/v1/responses',
    bytes: Buffer.from(responsesEvents(ANSWER).join('')),
    body: { max_output_tokens: 4_000, input: PROMPT, reasoning: { effort: 'none' } },
  },
} as const;
type Route = keyof typeof ROUTES;
const ROUTE_NAMES = ['messages', 'chat', 'responses'] as const;

export interface CutOptions {
  /** Every byte where 1. */
  readonly stride: number;
  /** Calls at a time, each with a provider of its own. */
  readonly lanes: number;
}

export interface CutTally {
  readonly route: Route;
  readonly mode: Mode;
  readonly calls: number;
  readonly streamBytes: number;
  /** Calls with no posting, or several. */
  readonly notOnce: number;
  readonly belowInvoice: number;
  readonly aboveReservation: number;
  /** Drained: charged something else than the invoice. */
  readonly notInvoice: number;
  /** From the client's leaving to the end of the provider's connection, sorted; where it is aborted. */
  readonly abortMs: readonly number[];
}

interface Done {
  readonly route: Route;
  readonly mode: Mode;
  readonly sha: string;
  readonly billedMicro: number;
  readonly abortMs: number | undefined;
}

export async function cutStreams({ stride, lanes }: CutOptions): Promise<readonly CutTally[]> {
  const gates = await createGates();
  const providers = await Promise.all(Array.from({ length: lanes }, () => startFakeModelServer()));
  try {
    const models: string[] = [];
    for (const [lane, { url }] of providers.entries()) {
      for (const protocol of ['anthropic', 'openai'] as const) {
        for (const mode of MODES) {
          const name = `${protocol}-${mode}-${lane}`;
          await gates.model(name, protocol, url, { onLeave: mode, upstreamName: ANSWER.model });
          models.push(name);
        }
      }
    }
    const organisation = await gates.organisation('Acme', 1_000_000_000_000);
    const { key } = await gates.holder(organisation, models);
    const gate = await gates.start();
    const plan = toPlan(stride);
    const done: Done[] = [];
    await Promise.all(
      providers.map(async (provider, lane) => {
        for (let next = plan.pop(); next; next = plan.pop()) {
          done.push(await leaveAt(provider, { ...next, lane, url: gate.url, key }));
        }
      }),
    );
    const tallies = await judge(gates, organisation, done);
    await gate.stop();
    assert.deepEqual(await gates.ledger.audit(), []);
    return tallies;
  } finally {
    for (const provider of providers) await provider.close();
    await gates.close();
  }
}

interface Cut {
  readonly route: Route;
  readonly mode: Mode;
  readonly atByte: number;
}

function toPlan(stride: number): Cut[] {
  const cuts: Cut[] = [];
  for (const route of ROUTE_NAMES) {
    for (const mode of MODES) {
      for (let atByte = 0; atByte < ROUTES[route].bytes.length; atByte += stride) cuts.push({ route, mode, atByte });
    }
  }
  return cuts;
}

interface Place extends Cut {
  readonly lane: number;
  readonly url: string;
  readonly key: string;
}

/** One call, tried again where the gateway refuses it. */
async function leaveAt(provider: FakeModelServer, place: Place): Promise<Done> {
  const { route, mode, atByte, lane } = place;
  const { protocol, bytes, body } = ROUTES[route];
  const whole = createSseParser(1 << 20).push(bytes.subarray(0, atByte));
  const expected = whole.reduce((sum, { raw }) => sum + raw.length, 0);
  for (let tries = 0; ; tries += 1) {
    const text = JSON.stringify({
      ...{ model: `${protocol}-${mode}-${lane}`, stream: true, ...body },
      // Nothing reads it, and it makes every body another.
      metadata: { user_id: `${route} ${mode} ${atByte} ${tries} ${lane}` },
    });
    const hold = Promise.withResolvers<void>();
    const reached = Promise.withResolvers<void>();
    provider.always({ answer: ANSWER, hold: { atByte, reached: reached.resolve, until: hold.promise } });
    const leftMs = await callAndLeave(place, text, expected, reached.promise);
    const entry = provider.seen.at(-1);
    if (leftMs === undefined || !entry) {
      hold.resolve();
      await sleep(200);
      continue;
    }
    const abortMs = mode === 'abort' ? (await abortOf(entry)) - leftMs : undefined;
    const billedMicro = entry.billed ? invoiceMicro(entry.billed, GATES_PRICES) : 0;
    hold.resolve();
    return { route, mode, sha: sha256Hex(text), billedMicro, abortMs };
  }
}

async function abortOf(entry: FakeModelServer['seen'][number]): Promise<number> {
  for (const end = performance.now() + ABORT_WAIT_MS; entry.abortedMs === undefined; await sleep(1)) {
    assert.ok(performance.now() < end, 'the call to the provider was not aborted');
  }
  return entry.abortedMs;
}

/** When it left; undefined where it was refused. */
function callAndLeave(
  { route, url, key }: Place,
  text: string,
  expected: number,
  reached: Promise<void>,
): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    let bytes = 0;
    let hasReached = false;
    const leaveIfDone = (): void => {
      if (!hasReached || bytes < expected) return;
      sent.destroy();
      resolve(performance.now());
    };
    const sent = request(url + ROUTES[route].path, { method: 'POST', agent: false, headers: { 'x-api-key': key } });
    sent.on('response', (response) => {
      response.on('error', () => {});
      if (response.statusCode !== 200) {
        response.resume();
        if (response.statusCode === 503) resolve(undefined);
        else reject(new Error(`${route}: ${response.statusCode}`));
        return;
      }
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        leaveIfDone();
      });
    });
    sent.on('error', () => {});
    sent.end(text);
    void reached.then(() => {
      hasReached = true;
      leaveIfDone();
    });
  });
}

interface PostingRow {
  readonly cost: string;
  readonly reserved: string;
  readonly receipt: string;
}

async function judge({ database }: Gates, organisation: string, done: readonly Done[]): Promise<CutTally[]> {
  const bySha = new Map<string, PostingRow[]>();
  for (const end = performance.now() + POSTED_WITHIN_MS; ; await sleep(200)) {
    const { rows } = await database.query<PostingRow>(
      'select cost, reserved, receipt from ledger.postings where limits @> array[$1]',
      [`organisation:${organisation}`],
    );
    bySha.clear();
    for (const row of rows) {
      const { leaf } = JSON.parse(row.receipt) as { leaf: { requestSha256: string } };
      bySha.set(leaf.requestSha256, [...(bySha.get(leaf.requestSha256) ?? []), row]);
    }
    if (done.every(({ sha }) => bySha.has(sha)) || performance.now() > end) break;
  }
  return ROUTE_NAMES.flatMap((route) =>
    MODES.map((mode) => {
      const of = done.filter((each) => each.route === route && each.mode === mode);
      return count(route, mode, of, bySha);
    }),
  );
}

function count(route: Route, mode: Mode, of: readonly Done[], bySha: ReadonlyMap<string, PostingRow[]>): CutTally {
  const invoice = invoiceMicro(ANSWER.usage, GATES_PRICES);
  let [notOnce, belowInvoice, aboveReservation, notInvoice] = [0, 0, 0, 0];
  for (const { sha, billedMicro } of of) {
    const [posting, ...more] = bySha.get(sha) ?? [];
    if (!posting || more.length > 0) notOnce += 1;
    const cost = Number(posting?.cost ?? 0);
    if (mode === 'abort' && cost < billedMicro) belowInvoice += 1;
    if (cost > Number(posting?.reserved ?? 0)) aboveReservation += 1;
    if (mode === 'drain' && cost !== invoice) notInvoice += 1;
  }
  const abortMs = of.flatMap((each) => each.abortMs ?? []).toSorted((one, other) => one - other);
  const streamBytes = ROUTES[route].bytes.length;
  return { route, mode, calls: of.length, streamBytes, notOnce, belowInvoice, aboveReservation, notInvoice, abortMs };
}
