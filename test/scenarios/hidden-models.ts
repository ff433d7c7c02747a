/**
 * Can a caller tell a model that is not theirs, or that a rollout has not let them to, from one that does not exist? Probes of names of both kinds, of one make and
 * equally many, in random order, on every route of a real gateway; every byte and the times of every answer are kept.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { createSeededRandom, type SeededRandom } from '../../src/lib/seeded-random.ts';
import { createNoticeStore, type RolloutNotice, WHOLE_SHARE } from '../../src/program/index.ts';
import type { Probe } from '../support/distinguisher.ts';
import { createGates, type Gates } from '../support/gates.ts';

const ROUTES: Readonly<Record<string, (model: string) => { method: string; path: string; body?: object }>> = {
  messages: (model) => ({ method: 'POST', path: '/v1/messages', body: { model, max_tokens: 5, messages: [] } }),
  count: (model) => ({ method: 'POST', path: '/v1/messages/count_tokens', body: { model, messages: [] } }),
  chat: (model) => ({ method: 'POST', path: '/v1/chat/completions', body: { model, messages: [] } }),
  responses: (model) => ({ method: 'POST', path: '/v1/responses', body: { model, input: 'x' } }),
  models: (model) => ({ method: 'GET', path: `/v1/models/${model}` }),
};
/** The first ones are slower for everybody. */
const WARM_UP = 200;
const UNAVAILABLE_MS = 100;
const LETTERS = 'abcdefghijklmnopqrstuvwxyz';

/**
 * `foreign`: models of others and of nobody. `outside`: models that the caller has grants and a key for, and that a step of a
 * rollout, by its share or its countries, has not let them to.
 */
export const HIDDEN_BY = ['foreign', 'outside'] as const;
export type HiddenBy = (typeof HIDDEN_BY)[number];

export interface ProbeOptions {
  readonly hiddenBy: HiddenBy;
  readonly probes: number;
  /** Of each kind. */
  readonly names: number;
  readonly seed: number;
}

/** In the order in which they were sent. */
export async function probeModels({ hiddenBy, probes, names, seed }: ProbeOptions): Promise<readonly Probe[]> {
  const random = createSeededRandom(seed);
  const gates = await createGates();
  try {
    await gates.model('mine', 'anthropic', 'http://127.0.0.1:1');
    const all = Array.from(new Set(Array.from({ length: names * 4 }, () => nameOf(random)))).slice(0, names * 2);
    assert.equal(all.length, names * 2);
    const hidden = all.slice(0, names);
    const key = await (hiddenBy === 'foreign' ? populate : rollOut)(gates, hidden);
    const gate = await gates.start();
    const ask = await openLine(gate.url, key);
    const kept: Probe[] = [];
    for (let count = -WARM_UP; count < probes; count += 1) {
      const isHidden = random.next() < 0.5;
      const model = all[random.below(names) + (isHidden ? 0 : names)] ?? '';
      const route = random.pick(Object.keys(ROUTES));
      let answer = await ask.send(route, model);
      // On a busy machine a gateway may not be able to confirm what it knows: that says nothing about a model.
      while (answer.text.startsWith('HTTP/1.1 503')) {
        await sleep(UNAVAILABLE_MS);
        answer = await ask.send(route, model);
      }
      assert.ok(!answer.text.includes(model), 'the name is not said back');
      if (count >= 0) kept.push({ isHidden, route, ...answer });
    }
    ask.close();
    await gate.stop();
    return kept;
  } finally {
    await gates.close();
  }
}

/** All of one make and one length, so that nothing but the gateway's knowledge tells them apart. */
function nameOf(random: SeededRandom): string {
  const word = Array.from({ length: 8 }, () => LETTERS[random.below(26)]).join('');
  return `model-${word}-${1_000 + random.below(9_000)}`;
}

/** Half of the hidden models are another organisation's, the others nobody's yet. */
async function populate(gates: Gates, hidden: readonly string[]): Promise<string> {
  await addModels(gates, hidden);
  const others = await gates.organisation('Others', 1_000_000_000);
  await gates.holder(
    others,
    hidden.filter((_, index) => index % 2 === 0),
  );
  const acme = await gates.organisation('Acme', 1_000_000_000);
  return (await gates.holder(acme, ['mine'])).key;
}

async function addModels(gates: Gates, names: readonly string[]): Promise<void> {
  for (const [index, name] of names.entries())
    await gates.model(name, index % 4 < 2 ? 'anthropic' : 'openai', 'http://127.0.0.1:1');
}

/** All granted to the caller; half are closed to them by a share that lets in nobody, half by a country that is not theirs. */
async function rollOut(gates: Gates, hidden: readonly string[]): Promise<string> {
  await addModels(gates, hidden);
  const acme = await gates.organisation('Acme', 1_000_000_000, 'FR');
  const { key } = await gates.holder(acme, ['mine', ...hidden]);
  await gates.database.transaction(async (tx) => {
    for (const [index, id] of hidden.entries()) {
      const step: RolloutNotice = {
        ...{ id, base: 'closed', salt: Buffer.alloc(32, index), rates: {} },
        ...(index % 2 === 0
          ? { shareMillionths: 0, regions: undefined }
          : { shareMillionths: WHOLE_SHARE, regions: ['0'.repeat(64)] }),
      };
      await createNoticeStore(tx).setRollout(step);
    }
  });
  return key;
}

/** One connection, one question at a time: what the wire carries, and when. */
async function openLine(url: string, key: string) {
  const socket: Socket = connect(Number(new URL(url).port), '127.0.0.1').setNoDelay();
  await once(socket, 'connect');
  return {
    close: () => void socket.destroy(),
    async send(route: string, model: string): Promise<Pick<Probe, 'text' | 'firstByteMicros' | 'lastByteMicros'>> {
      const { method, path, body } = ROUTES[route]?.(model) ?? { method: '', path: '' };
      const payload = body === undefined ? '' : JSON.stringify(body);
      const head = [
        `${method} ${path} HTTP/1.1`,
        'host: gate',
        `x-api-key: ${key}`,
        `content-length: ${payload.length}`,
      ];
      return await new Promise((resolve, reject) => {
        let text = '';
        let first = 0n;
        const start = process.hrtime.bigint();
        const micros = (at: bigint): number => Number(at - start) / 1e3;
        const onData = (chunk: Buffer): void => {
          const now = process.hrtime.bigint();
          if (first === 0n) first = now;
          text += chunk.toString('latin1');
          if (!isWhole(text)) return;
          socket.off('data', onData).off('close', onClose);
          resolve({ text, firstByteMicros: micros(first), lastByteMicros: micros(now) });
        };
        const onClose = (): void => reject(new Error(`the connection ended: ${text}`));
        socket.on('data', onData).once('close', onClose);
        socket.write(`${head.join('\r\n')}\r\n\r\n${payload}`);
      });
    },
  };
}

function isWhole(text: string): boolean {
  const end = text.indexOf('\r\n\r\n');
  const length = Number(/\r\ncontent-length: (\d+)/i.exec(text)?.[1] ?? Number.NaN);
  return end > 0 && text.length >= end + 4 + length;
}
