/**
 * Revocation under load: gateways as processes, clients that never pause, and keys, persons, grants and organisations that
 * end or are stopped meanwhile. A request counts as stale if its last byte was sent more than a second after the change
 * was committed and it was served all the same. Some clients send their headers at once and the body later.
 */
import assert from 'node:assert/strict';
import { Agent, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { createSeededRandom, type SeededRandom } from '../../src/lib/seeded-random.ts';
import { startFakeModelServer } from '../fakes/fake-model-server.ts';
import { createGates, type Gates, type Holder } from '../support/gates.ts';
import { ACTOR, okOf } from '../support/programme.ts';

const MODEL = 'm1';
/** What the promise allows between a change and its effect. */
export const STALE_AFTER_MS = 1_000;
const GATEWAYS = 3;
const HOLDERS_EACH = 6;
const SLOW_BODY_SHARE = 0.3;
const SLOW_BODY_MS = 2_500;
const HOWS = ['key', 'person', 'grant', 'stop', 'organisation'] as const;

export interface RevokeLoad {
  /** Requests sent more than a second after the change that ended their right. */
  readonly requests: number;
  readonly lanes: number;
  readonly organisations: number;
  readonly everyMs: number;
  readonly seed: number;
}

export interface RevokeTally {
  readonly total: number;
  readonly changes: number;
  /** By when the last byte was sent: before the change, within the second, after it. */
  readonly before: Answers;
  readonly within: Answers;
  readonly after: Answers;
  /** Of `after`: requests that were served. None is right. */
  readonly stale: readonly string[];
  /** Of requests whose headers came before the change and whose body came after the second. */
  readonly straddling: number;
  /** From the change to the last byte of the last request that was served under what had ended. */
  readonly longestServedMs: number;
  readonly ms: number;
}

type Answers = Readonly<Record<string, number>>;

interface Subject extends Holder {
  readonly organisation: string;
  revokedMs: number;
  how: string;
}

interface Sent {
  readonly subject: Subject;
  readonly headersMs: number;
  readonly endMs: number;
  readonly answer: string;
}

export async function revokeUnderLoad(load: RevokeLoad): Promise<RevokeTally> {
  const random = createSeededRandom(load.seed);
  const provider = await startFakeModelServer();
  const gates = await createGates();
  try {
    await gates.model(MODEL, 'anthropic', provider.url);
    const subjects = await createSubjects(gates, load.organisations);
    const running = await Promise.all(Array.from({ length: GATEWAYS }, () => gates.start()));
    const from = performance.now();
    const sent = await drive(
      load,
      random,
      subjects,
      gates,
      running.map(({ url }) => url),
    );
    const tally = count(sent, performance.now() - from);
    await Promise.all(running.map((each) => each.stop()));
    assert.deepEqual(await gates.ledger.audit(), []);
    return tally;
  } finally {
    await provider.close();
    await gates.close();
  }
}

async function createSubjects(gates: Gates, organisations: number): Promise<Subject[]> {
  const subjects: Subject[] = [];
  for (let index = 0; index < organisations; index += 1) {
    const organisation = await gates.organisation(`Organisation ${index}`, 1_000_000_000);
    for (let place = 0; place < HOLDERS_EACH; place += 1) {
      const holder = await gates.holder(organisation, [MODEL]);
      subjects.push({ ...holder, organisation, revokedMs: Number.POSITIVE_INFINITY, how: '' });
    }
  }
  return subjects;
}

async function drive(
  { requests, lanes, everyMs }: RevokeLoad,
  random: SeededRandom,
  subjects: readonly Subject[],
  gates: Gates,
  urls: readonly string[],
): Promise<readonly Sent[]> {
  const sent: Sent[] = [];
  const agent = new Agent({ keepAlive: true, maxSockets: lanes });
  let isOver = false;
  let after = 0;
  const lane = async (): Promise<void> => {
    while (!isOver) {
      const ended = subjects.filter(({ revokedMs }) => revokedMs < performance.now());
      const subject = random.pick(ended.length > 0 && random.next() < 0.6 ? ended : subjects);
      const bodyDelayMs = random.next() < SLOW_BODY_SHARE ? random.next() * SLOW_BODY_MS : 0;
      const done = await call(agent, random.pick(urls), subject, bodyDelayMs);
      sent.push(done);
      if (done.endMs > subject.revokedMs + STALE_AFTER_MS) after += 1;
    }
  };
  const working = Promise.all(Array.from({ length: lanes }, lane));
  // The last organisation keeps what it has, so that there is something to serve all the time.
  const spared = subjects.at(-1)?.organisation;
  const endable = subjects.filter(({ organisation }) => organisation !== spared);
  while (endable.some(({ how }) => how === '')) {
    await sleep(random.next() * 2 * everyMs);
    const subject = random.pick(endable.filter(({ how }) => how === ''));
    await end(gates, subject, random.pick(HOWS), endable);
  }
  while (after < requests) await sleep(100);
  isOver = true;
  await working;
  agent.destroy();
  return sent;
}

/** One change, through the same services as the command line. */
async function end(gates: Gates, subject: Subject, how: (typeof HOWS)[number], all: readonly Subject[]): Promise<void> {
  const { keys, membership, stops } = gates;
  const { organisation, person, keyId } = subject;
  const touched = how === 'organisation' ? all.filter((each) => each.organisation === organisation) : [subject];
  if (how === 'key') okOf(await keys.revokeKey(keyId, ACTOR));
  else if (how === 'person') okOf(await membership.removePerson(person, ACTOR));
  else if (how === 'stop') okOf(await stops.set({ person, reason: 'load' }, { actor: ACTOR }));
  else if (how === 'organisation') okOf(await membership.endOrganisation(organisation, ACTOR));
  else {
    const grant = (await keys.listGrants(organisation as never)).find((each) => each.person === person);
    assert.ok(grant, 'the holder has a grant of their own');
    okOf(await keys.revokeGrant(grant.id, ACTOR));
  }
  // Committed by now.
  for (const each of touched) {
    each.how ||= how;
    each.revokedMs = Math.min(each.revokedMs, performance.now());
  }
}

const BODY = JSON.stringify({ model: MODEL, max_tokens: 64, messages: [{ role: 'user', content: 'Hello?' }] });

function call(agent: Agent, url: string, subject: Subject, bodyDelayMs: number): Promise<Sent> {
  return new Promise((resolve) => {
    const headersMs = performance.now();
    let endMs = headersMs;
    const done = (answer: string): void => resolve({ subject, headersMs, endMs, answer });
    const sent = request(`${url}/v1/messages`, {
      method: 'POST',
      agent,
      headers: { 'x-api-key': subject.key, 'content-length': BODY.length },
    });
    sent.on('response', (response) => {
      const { statusCode = 0, headers } = response;
      response.resume().on('close', () => done(String(headers['headstart-refusal'] ?? statusCode)));
    });
    sent.on('error', ({ message }) => done(message));
    const finish = (): void => {
      endMs = performance.now();
      sent.end(BODY.slice(20));
    };
    sent.write(BODY.slice(0, 20));
    if (bodyDelayMs === 0) finish();
    else setTimeout(finish, bodyDelayMs);
  });
}

function count(sent: readonly Sent[], ms: number): RevokeTally {
  const tally: Record<'before' | 'within' | 'after', Record<string, number>> = { before: {}, within: {}, after: {} };
  const stale: string[] = [];
  let [straddling, longestServedMs] = [0, 0];
  for (const { subject, headersMs, endMs, answer } of sent) {
    const age = endMs - subject.revokedMs;
    const when = age <= 0 ? 'before' : age <= STALE_AFTER_MS ? 'within' : 'after';
    tally[when][answer] = (tally[when][answer] ?? 0) + 1;
    if (when === 'after' && headersMs < subject.revokedMs) straddling += 1;
    if (answer !== '200' || when === 'before') continue;
    longestServedMs = Math.max(longestServedMs, age);
    const slow = endMs - headersMs > 1 ? `, its headers ${Math.round(endMs - headersMs)} ms before` : '';
    if (when === 'after') stale.push(`served ${Math.round(age)} ms after the ${subject.how} ended${slow}`);
  }
  const changes = new Set(sent.flatMap(({ subject: { revokedMs } }) => (revokedMs < Infinity ? [revokedMs] : []))).size;
  return { total: sent.length, changes, ...tally, stale, straddling, longestServedMs, ms };
}
