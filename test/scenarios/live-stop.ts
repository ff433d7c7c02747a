/**
 * A stop by country over live streams of both protocols: gateways, providers and clients each in several processes. Told as
 * a child, this file is one process of clients: it opens streams, keeps what each of them received, and says when the
 * error event of a stopped one was there.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Behaviour } from '../fakes/fake-model-server.ts';
import { createGates, type GateProcess, type Gates, type Holder, sharedMs } from '../support/gates.ts';
import { ACTOR, okOf } from '../support/programme.ts';
import { type SeenStream, watchStream } from '../support/stream-watch.ts';

const PROVIDER = join(import.meta.dirname, '..', 'support', 'provider-process.ts');
const PROVIDERS = 2;
const CLIENT_PROCESSES = 3;
/** At the same time, of one process of clients. */
const OPENING = 50;
const REOPEN_MS = 500;
/** An answer lasts so many times the pace. */
const PIECES = 200;
const PATHS = { anthropic: '/v1/messages', openai: '/v1/chat/completions' } as const;
const PROTOCOLS = ['anthropic', 'openai'] as const;

export interface LiveStopOptions {
  readonly streams: number;
  readonly gateways: number;
  /** Of each kind: nationals and foreigners. */
  readonly holders: number;
  /** Between two events of a stream. */
  readonly paceMs: number;
}

export interface LiveStopTally {
  readonly streams: number;
  /** Of the foreigners: how long after the stop was committed their error event came, sorted. */
  readonly endedAfterMs: readonly number[];
  /** The same from the moment the operator asked for it. */
  readonly endedAfterAskedMs: readonly number[];
  /** Foreigners' streams that did not end, or not with a whole stream and an error of their protocol. */
  readonly wronglyEnded: readonly string[];
  readonly others: number;
  /** Others that ended, had an error, or received nothing any more. */
  readonly touched: number;
  readonly counted: { readonly affectedKeys: number; readonly affectedStreams: number };
  readonly refusedWhileStopped: number;
  readonly servedAfterLift: number;
  readonly tried: number;
  readonly openedMs: number;
}

interface Wanted {
  readonly url: string;
  readonly key: string;
  readonly model: (typeof PROTOCOLS)[number];
  readonly isForeign: boolean;
}

interface Seen extends SeenStream {
  readonly isForeign: boolean;
}

export async function stopLiveStreams(options: LiveStopOptions): Promise<LiveStopTally> {
  const gates = await createGates();
  const children: ChildProcess[] = [];
  const start = (file: string): ChildProcess => {
    const child = fork(file, [], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    children.push(child);
    return child;
  };
  try {
    const pace: Behaviour = {
      paceMs: options.paceMs,
      answer: { pieces: Array.from({ length: PIECES }, () => 'word ') },
    };
    const providers = await Promise.all(
      Array.from({ length: PROVIDERS }, async () => {
        const child = start(PROVIDER);
        const [url] = (await once(child, 'message')) as [string];
        child.send(pace);
        return url;
      }),
    );
    for (const [index, protocol] of PROTOCOLS.entries()) await gates.model(protocol, protocol, providers[index] ?? '');
    const { nationals, foreigners } = await populate(gates, options.holders);
    const running = await Promise.all(Array.from({ length: options.gateways }, () => gates.start()));
    const clients = Array.from({ length: CLIENT_PROCESSES }, () => start(import.meta.filename));
    return await run(options, gates, running, clients, nationals, foreigners);
  } finally {
    for (const child of children) child.kill('SIGKILL');
    await gates.close();
  }
}

async function populate(gates: Gates, holders: number) {
  const organisation = await gates.organisation('Acme', 1_000_000_000_000, 'US');
  const make = (country: string): Promise<Holder> => gates.holder(organisation, [...PROTOCOLS], { country });
  const [nationals, foreigners]: [Holder[], Holder[]] = [[], []];
  for (let count = 0; count < holders; count += 1) {
    nationals.push(await make('US'));
    foreigners.push(await make(['DE', 'FR', 'JP', 'BR'][count % 4] ?? ''));
  }
  return { nationals, foreigners };
}

async function run(
  { streams, paceMs }: LiveStopOptions,
  gates: Gates,
  running: readonly GateProcess[],
  clients: readonly ChildProcess[],
  nationals: readonly Holder[],
  foreigners: readonly Holder[],
): Promise<LiveStopTally> {
  const wanted = Array.from({ length: streams }, (_, index): Wanted => {
    const [isForeign, place] = [index % 2 === 1, index >> 1];
    const among = isForeign ? foreigners : nationals;
    const { key } = among[place % among.length] as Holder;
    const { url } = running[place % running.length] as GateProcess;
    return { url, key, model: PROTOCOLS[(place >> 3) % 2] ?? 'anthropic', isForeign };
  });
  const from = sharedMs();
  await Promise.all(
    clients.map((client, at) => ask(client, { open: wanted.filter((_, index) => index % clients.length === at) })),
  );
  const openedMs = sharedMs() - from;
  const before = await look(clients);
  assert.equal(
    before.filter(({ hasEnded, events }) => !hasEnded && events > 0).length,
    streams,
    'all streams are live',
  );
  const askedMs = sharedMs();
  const { stop, affectedKeys, affectedStreams } = okOf(
    await gates.stops.set(
      {
        ...{ country: '!US', reason: 'bench', legalOrder: 'bench' },
        expiresAt: new Date(Date.now() + 3_600_000),
      },
      { actor: ACTOR, second: 'second' },
    ),
  );
  const committedMs = sharedMs();
  const tried = foreigners.slice(0, 20);
  const refusedWhileStopped = await countAnswers(running, tried, 403);
  const after = await untilAllMoved(clients, before, paceMs);
  okOf(await gates.stops.lift(stop.id, { actor: ACTOR, second: 'second' }));
  await sleep(1_000);
  const servedAfterLift = await countAnswers(running, tried, 200);
  const [foreign, others] = [after.filter(({ isForeign }) => isForeign), after.filter(({ isForeign }) => !isForeign)];
  const times = (since: number): number[] =>
    foreign.flatMap(({ errorMs }) => (errorMs === null ? [] : [errorMs - since])).toSorted((one, other) => one - other);
  return {
    ...{ streams, openedMs, counted: { affectedKeys, affectedStreams }, refusedWhileStopped, servedAfterLift },
    tried: tried.length,
    endedAfterMs: times(committedMs),
    endedAfterAskedMs: times(askedMs),
    wronglyEnded: foreign
      .filter(({ isWhole, code }) => !isWhole || code !== 'stopped')
      .map(({ isWhole, code, hasEnded }) => JSON.stringify({ isWhole, code, hasEnded })),
    others: others.length,
    touched: after.filter((seen, at) => !seen.isForeign && !isAlive(seen, before[at])).length,
  };
}

const isAlive = (now: Seen, then: Seen | undefined): boolean =>
  !now.hasEnded && now.errorMs === null && now.events > (then?.events ?? 0);

/** Until every stream has ended or received something more; else after so long that it must have. */
async function untilAllMoved(clients: readonly ChildProcess[], before: readonly Seen[], paceMs: number) {
  const end = performance.now() + 10 * paceMs + 20_000;
  for (;;) {
    await sleep(paceMs);
    const now = await look(clients);
    const haveMoved = now.every((seen, at) => (seen.isForeign ? seen.hasEnded : isAlive(seen, before[at])));
    if (haveMoved || performance.now() > end) return now;
  }
}

async function look(clients: readonly ChildProcess[]): Promise<Seen[]> {
  return (await Promise.all(clients.map((client) => ask(client, 'look')))).flat() as Seen[];
}

async function ask(child: ChildProcess, message: 'look' | { open: readonly Wanted[] }): Promise<unknown> {
  const answer = once(child, 'message');
  child.send(message);
  return (await answer)[0];
}

/** How many of these get that status, at gateways in turn, for a call that is not streamed. */
async function countAnswers(running: readonly GateProcess[], holders: readonly Holder[], status: number) {
  const statuses = await Promise.all(
    holders.map(async ({ key }, at) => {
      for (;;) {
        const response = await fetch(`${running[at % running.length]?.url}/v1/messages`, {
          method: 'POST',
          headers: { 'x-api-key': key },
          body: JSON.stringify({ model: 'anthropic', max_tokens: 5, messages: [{ role: 'user', content: 'Hello?' }] }),
        });
        await response.text();
        if (response.status !== 503) return response.status;
        await sleep(REOPEN_MS);
      }
    }),
  );
  return statuses.filter((each) => each === status).length;
}

function open({ url, key, model, isForeign }: Wanted): { begun: Promise<boolean>; seen: () => Seen } {
  const body = { model, max_tokens: 1_000, stream: true, messages: [{ role: 'user', content: 'Hello?' }] };
  const { begun, seen } = watchStream({ url, key, body, path: PATHS[model] });
  return { begun, seen: () => ({ ...seen(), isForeign }) };
}

if (import.meta.main) {
  const opened: ReturnType<typeof open>[] = [];
  const openAll = async (wanted: readonly Wanted[]): Promise<void> => {
    let next = 0;
    const lane = async (): Promise<void> => {
      while (next < wanted.length) {
        const one = wanted[next++] as Wanted;
        let stream = open(one);
        // A gateway that cannot confirm what it knows, on a busy machine say, admits nothing.
        while (!(await stream.begun)) {
          await sleep(REOPEN_MS);
          stream = open(one);
        }
        opened.push(stream);
      }
    };
    await Promise.all(Array.from({ length: OPENING }, lane));
    process.send?.('opened');
  };
  process.on('message', (message: 'look' | { open: readonly Wanted[] }) => {
    if (message === 'look') process.send?.(opened.map(({ seen }) => seen()));
    else void openAll(message.open);
  });
  process.on('disconnect', () => process.exit());
}
