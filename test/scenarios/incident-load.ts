/**
 * Incidents under load: gateways, providers and clients each in several processes, live streams over several models, and at
 * random moments a serious incident on one of them. Callers that never pause say when it was refused first and admitted
 * last, at each gateway. Told as a child, this file is one process of streams.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createSeededRandom } from '../../src/lib/seeded-random.ts';
import type { Behaviour } from '../fakes/fake-model-server.ts';
import { createGates, type GateProcess, type Gates, type Holder } from '../support/gates.ts';
import { ACTOR, okOf } from '../support/programme.ts';
import { type SeenStream, watchStream } from '../support/stream-watch.ts';

const PROVIDER = join(import.meta.dirname, '..', 'support', 'provider-process.ts');
const PROVIDERS = 2;
const CLIENT_PROCESSES = 3;
/** At the same time, of one process of streams. */
const OPENING = 50;
const REOPEN_MS = 500;
/** Calls of the one who watches, at each gateway, of each model. */
const LANES = 2;
/** An answer lasts so many times the pace. */
const PIECES = 1_000;
/** A gateway promises to obey within this. */
const PROMISED_MS = 1_000;
const GIVE_UP_MS = 60_000;

export interface IncidentLoad {
  readonly sessions: number;
  readonly gateways: number;
  readonly models: number;
  readonly incidents: number;
  /** Callers that hold the sessions. */
  readonly holders: number;
  /** Between two events of a stream. */
  readonly paceMs: number;
  readonly seed: number;
  /** Given the hands to end every child, before the first is started. */
  readonly onStarted?: (end: () => Promise<void>) => void;
}

export interface IncidentTally {
  readonly sessions: number;
  readonly openedMs: number;
  /** One for each incident and gateway, from the commit on, sorted: until the first call was refused. */
  readonly firstRefusedMs: readonly number[];
  /** Until the last call was sent that was admitted all the same. */
  readonly lastAdmittedMs: readonly number[];
  /** Calls sent later than the promised second after an incident, and answered. None is right. */
  readonly stale: number;
  /** Streams of the closed models that were cut, and those that went on. */
  readonly cut: number;
  readonly survived: number;
  /** Of other models, while one was closed. */
  readonly otherCalls: number;
  readonly otherRefused: number;
  readonly otherStreamsCut: number;
  readonly calls: number;
}

interface Wanted {
  readonly url: string;
  readonly key: string;
  readonly model: string;
}

interface Call {
  readonly gateway: number;
  readonly model: string;
  readonly sentMs: number;
  readonly answeredMs: number;
  /** 200, or the code of a refusal, or why there was no answer. */
  readonly answer: string;
}

export async function openIncidents(load: IncidentLoad): Promise<IncidentTally> {
  const gates = await createGates();
  const children: ChildProcess[] = [];
  const end = async (): Promise<void> => {
    for (const child of children) child.kill('SIGKILL');
    await gates.close();
  };
  load.onStarted?.(end);
  const start = (file: string): ChildProcess => {
    const child = fork(file, [], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    children.push(child);
    return child;
  };
  try {
    const providers = await Promise.all(Array.from({ length: PROVIDERS }, () => startProvider(start, load.paceMs)));
    const models = Array.from({ length: load.models }, (_, at) => `model-${at}`);
    for (const [at, id] of models.entries()) await gates.model(id, 'anthropic', providers[at % PROVIDERS] ?? '');
    const organisation = await gates.organisation('Acme', 1_000_000_000_000);
    const holders: Holder[] = [];
    for (let count = 0; count < load.holders; count += 1) holders.push(await gates.holder(organisation, models));
    const running = await Promise.all(Array.from({ length: load.gateways }, () => gates.start()));
    const clients = Array.from({ length: CLIENT_PROCESSES }, () => start(import.meta.filename));
    return await run(load, { gates, running, clients, models, holders });
  } finally {
    await end();
  }
}

async function startProvider(start: (file: string) => ChildProcess, paceMs: number): Promise<string> {
  const child = start(PROVIDER);
  const [url] = (await once(child, 'message')) as [string];
  const pace: Behaviour = { paceMs, answer: { pieces: Array.from({ length: PIECES }, () => 'word ') } };
  child.send(pace);
  return url;
}

interface World {
  readonly gates: Gates;
  readonly running: readonly GateProcess[];
  readonly clients: readonly ChildProcess[];
  readonly models: readonly string[];
  readonly holders: readonly Holder[];
}

interface Window {
  readonly model: string;
  readonly fromMs: number;
  readonly toMs: number;
}

async function run(load: IncidentLoad, world: World): Promise<IncidentTally> {
  const { gates, running, clients, models, holders } = world;
  const random = createSeededRandom(load.seed);
  const begun = performance.now();
  await Promise.all(
    clients.map((client, at) =>
      ask(client, { open: sessionsOf(load, world).filter((_, n) => n % clients.length === at) }),
    ),
  );
  const openedMs = performance.now() - begun;
  const watcher = watch(running, models, holders);
  const { incidents, release } = await gates.releases();
  const windows: Window[] = [];
  const streams = { cut: 0, survived: 0, otherStreamsCut: 0 };
  for (let count = 0; count < load.incidents; count += 1) {
    await sleep(200 + random.next() * 1_000);
    const model = random.pick(models);
    const at = new Date().toISOString();
    const record = { kind: 'incident', awareAt: at, occurredAt: at, timeZone: 'UTC', facts: { cyberBreach: true } };
    const { suspension = '' } = okOf(await incidents.open({ record, model, summary: 'load', owner: ACTOR }, ACTOR));
    const fromMs = performance.now();
    await watcher.until(model, fromMs, (answer) => answer !== '200');
    await sleep(PROMISED_MS + 500);
    const seen = (await Promise.all(clients.map((client) => ask(client, 'look')))).flat() as Tagged[];
    const ended = seen.filter(({ hasEnded }) => hasEnded);
    streams.cut += ended.filter((each) => each.model === model).length;
    streams.otherStreamsCut += ended.filter((each) => each.model !== model).length;
    streams.survived += seen.filter((each) => each.model === model && !each.hasEnded).length;
    const resumedMs = performance.now();
    windows.push({ model, fromMs, toMs: resumedMs });
    okOf(await release.resume(suspension, { actor: ACTOR, second: 'second' }));
    await watcher.until(model, resumedMs, (answer) => answer === '200');
    // As many sessions are open at the next incident as at the first.
    await Promise.all(clients.map((client) => ask(client, 'reopen')));
  }
  const calls = await watcher.end();
  return {
    sessions: load.sessions,
    openedMs,
    calls: calls.length,
    ...streams,
    ...count(calls, windows, running.length),
  };
}

function sessionsOf({ sessions }: IncidentLoad, { running, models, holders }: World): readonly Wanted[] {
  return Array.from({ length: sessions }, (_, at): Wanted => {
    const { url } = running[at % running.length] as GateProcess;
    const { key } = holders[at % holders.length] as Holder;
    const model = models[Math.floor(at / running.length) % models.length] ?? '';
    return { url, key, model };
  });
}

/** Calls of every model at every gateway, one after the other in each lane, for as long as it lasts. */
function watch(running: readonly GateProcess[], models: readonly string[], holders: readonly Holder[]) {
  const calls: Call[] = [];
  const agent = new Agent({ keepAlive: true, maxSockets: Number.POSITIVE_INFINITY });
  let isOver = false;
  const lane = async (gateway: number, model: string, key: string): Promise<void> => {
    while (!isOver) {
      const sentMs = performance.now();
      const answer = await callOnce(agent, running[gateway]?.url ?? '', model, key);
      calls.push({ gateway, model, sentMs, answeredMs: performance.now(), answer });
    }
  };
  const lanes = running.flatMap((_, gateway) =>
    models.flatMap((model) =>
      Array.from({ length: LANES }, (_lane, at) => lane(gateway, model, holders[at % holders.length]?.key ?? '')),
    ),
  );
  return {
    /** When each gateway gave such an answer to a call that was sent since then. */
    async until(model: string, sinceMs: number, isWanted: (answer: string) => boolean): Promise<void> {
      const giveUpMs = performance.now() + GIVE_UP_MS;
      const hasAnswered = (gateway: number): boolean =>
        calls.some(
          (call) => call.gateway === gateway && call.model === model && call.sentMs >= sinceMs && isWanted(call.answer),
        );
      while (!running.every((_, gateway) => hasAnswered(gateway))) {
        assert.ok(performance.now() < giveUpMs, `${model} did not come to it at every gateway`);
        await sleep(5);
      }
    },
    async end(): Promise<readonly Call[]> {
      isOver = true;
      await Promise.all(lanes);
      agent.destroy();
      return calls;
    },
  };
}

function callOnce(agent: Agent, url: string, model: string, key: string): Promise<string> {
  const body = JSON.stringify({ model, max_tokens: 8, messages: [{ role: 'user', content: 'Hello?' }] });
  return new Promise((resolve) => {
    const sent = request(`${url}/v1/messages`, { method: 'POST', agent, headers: { 'x-api-key': key } }, (response) => {
      const { statusCode = 0, headers } = response;
      response.resume().on('close', () => resolve(String(headers['headstart-refusal'] ?? statusCode)));
    });
    sent.on('error', ({ message }) => resolve(message));
    sent.end(body);
  });
}

type Counted = Pick<IncidentTally, 'firstRefusedMs' | 'lastAdmittedMs' | 'stale' | 'otherCalls' | 'otherRefused'>;

/** Refused as a model that is not there. */
const CLOSED = 'model_not_found';

function count(calls: readonly Call[], windows: readonly Window[], gateways: number): Counted {
  const [firstRefusedMs, lastAdmittedMs]: [number[], number[]] = [[], []];
  let [stale, otherCalls, otherRefused] = [0, 0, 0];
  for (const { model, fromMs, toMs } of windows) {
    const within = calls.filter(({ answeredMs, sentMs }) => answeredMs >= fromMs && sentMs < toMs);
    for (let gateway = 0; gateway < gateways; gateway += 1) {
      const here = within.filter((call) => call.gateway === gateway && call.model === model);
      const refused = here.filter(({ answer }) => answer === CLOSED).map(({ answeredMs }) => answeredMs - fromMs);
      const admitted = here.filter(({ answer, sentMs }) => answer === '200' && sentMs >= fromMs);
      firstRefusedMs.push(Math.min(...refused));
      lastAdmittedMs.push(Math.max(0, ...admitted.map(({ sentMs }) => sentMs - fromMs)));
      stale += admitted.filter(({ sentMs }) => sentMs - fromMs > PROMISED_MS).length;
    }
    const others = within.filter((call) => call.model !== model && call.sentMs >= fromMs);
    otherCalls += others.length;
    otherRefused += others.filter(({ answer }) => answer === CLOSED).length;
  }
  const sorted = (list: readonly number[]): number[] => list.toSorted((one, other) => one - other);
  return {
    firstRefusedMs: sorted(firstRefusedMs),
    lastAdmittedMs: sorted(lastAdmittedMs),
    stale,
    otherCalls,
    otherRefused,
  };
}

type Message = 'look' | 'reopen' | { readonly open: readonly Wanted[] };
type Tagged = Pick<SeenStream, 'hasEnded'> & { readonly model: string };

async function ask(child: ChildProcess, message: Message): Promise<unknown> {
  const answer = once(child, 'message');
  child.send(message);
  return (await answer)[0];
}

function openStream({ url, key, model }: Wanted): ReturnType<typeof watchStream> {
  const body = { model, max_tokens: 1_000, stream: true, messages: [{ role: 'user', content: 'Hello?' }] };
  return watchStream({ url, key, body, path: '/v1/messages' });
}

if (import.meta.main) {
  let opened: { readonly wanted: Wanted; readonly seen: () => SeenStream }[] = [];
  const openAll = async (wanted: readonly Wanted[]): Promise<void> => {
    let next = 0;
    const lane = async (): Promise<void> => {
      while (next < wanted.length) {
        const one = wanted[next++] as Wanted;
        let stream = openStream(one);
        // A gateway that cannot confirm what it knows, on a busy machine say, admits nothing.
        while (!(await stream.begun)) {
          await sleep(REOPEN_MS);
          stream = openStream(one);
        }
        opened.push({ wanted: one, seen: stream.seen });
      }
    };
    await Promise.all(Array.from({ length: OPENING }, lane));
    process.send?.('opened');
  };
  process.on('message', (message: Message) => {
    if (message === 'look') {
      process.send?.(opened.map(({ wanted, seen }) => ({ model: wanted.model, hasEnded: seen().hasEnded })));
    } else if (message === 'reopen') {
      const ended = opened.filter(({ seen }) => seen().hasEnded);
      opened = opened.filter((each) => !ended.includes(each));
      void openAll(ended.map(({ wanted }) => wanted));
    } else void openAll(message.open);
  });
  process.on('disconnect', () => process.exit());
}
