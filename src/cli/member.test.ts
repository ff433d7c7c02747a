/** `model`, `org`, `person`, `key`, `stop`: the forms that must keep working, against a real database. */
import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { createWorld, PRICES, type World } from '../../test/support/programme.ts';
import { systemClock } from '../lib/clock.ts';
import { createCaps } from '../membership/index.ts';
import type { Tier } from '../program/index.ts';
import { makeTestDirectory } from '../store/test-directory.ts';
import { runCommandLine } from './cli.ts';
import { registerKeyCommands } from './key.ts';
import { counted, toInstant, toMicroDollars } from './member-input.ts';
import { registerProgramCommands } from './program.ts';
import { registerStopCommands } from './stop.ts';

let world: World;
const folder = makeTestDirectory('headstart-member-');
const prices = join(folder, 'prices.json');

before(async () => {
  world = await createWorld();
  writeFileSync(prices, JSON.stringify(PRICES));
});
after(async () => {
  await world.close();
  rmSync(folder, { recursive: true, force: true });
});

interface Ended {
  readonly exit: number;
  readonly json: Record<string, unknown>;
  readonly said: string;
}

async function run(...args: string[]): Promise<Ended> {
  const [json, said]: [unknown[], string[]] = [[], []];
  const terminal = {
    json: (value: unknown) => void json.push(value),
    data: () => {},
    say: (line: string) => void said.push(line),
  };
  const membership = async () => world.membership;
  const approve = (named: string, tier: Tier) => world.membership.approveAsOperator(named, tier, 'operator');
  const exit = await runCommandLine([...args, '--json'], {
    terminal,
    register: [
      (program) =>
        registerProgramCommands(program, {
          ...{ terminal, membership, approve },
          isUnderReview: async (named) => named === 'Reviewed',
          caps: async () => createCaps({ ...world.parts, setCap: async () => {} }),
        }),
      (program) => registerKeyCommands(program, { terminal, membership, keys: async () => world.keys }),
      (program) =>
        registerStopCommands(program, { terminal, clock: systemClock, membership, stops: async () => world.stops }),
    ],
  });
  return { exit, json: (json[0] ?? {}) as Record<string, unknown>, said: said.join('\n') };
}

async function expect(exit: number, ...args: string[]): Promise<Record<string, unknown>> {
  const ended = await run(...args);
  assert.equal(ended.exit, exit, `${args.join(' ')}: ${ended.said}`);
  return ended.json;
}

const modelAdd = (id: string, ...more: string[]) => [
  'model',
  'add',
  id,
  '--protocol',
  'anthropic',
  '--url',
  'http://127.0.0.1:9',
  '--key-env',
  'K',
  '--prices',
  prices,
  ...more,
];

test('from nothing to a key and back, with nothing but names', async () => {
  await expect(0, ...modelAdd('m1'));
  await expect(5, ...modelAdd('m1'));
  await expect(0, ...modelAdd('m1', '--replace', '--min-tier', 'trusted'));
  const { id: org } = await expect(0, 'org', 'add', 'Acme Corp', '--country', 'us');
  await expect(0, 'person', 'add', 'Acme Corp', 'a@acme.test', '--country', 'kr');
  const create = ['key', 'create', '--org', 'Acme Corp', '--person', 'a@acme.test', '--model', 'm1'];
  await expect(6, ...create);
  assert.deepEqual(await expect(0, 'org', 'approve', 'Acme Corp'), { id: org, tier: 'partner' });
  const { id, key } = await expect(0, ...create);
  assert.match(String(key), /^hs_[A-Za-z0-9_-]{43}$/);
  await expect(6, ...create, '--tier', 'internal');
  await expect(6, ...create, '--tier', 'general');
  await expect(0, 'key', 'revoke', String(id));
  await expect(4, 'key', 'revoke', 'apikey_none');
  await expect(4, 'org', 'approve', 'nobody');
});

test('a stop is counted, set, listed and lifted; a wide one that was confirmed takes two to lift', async () => {
  const { id, affectedKeys } = await expect(0, 'stop', 'add', '--country', '!us', '--dry-run');
  assert.deepEqual([id, typeof affectedKeys], [null, 'number']);
  const stop = await expect(0, 'stop', 'add', '--country', '!US', '--yes', '--order', 'order 1');
  assert.deepEqual(Object.keys(stop).sort(), ['affectedKeys', 'affectedStreams', 'id']);
  await expect(6, 'stop', 'lift', String(stop.id));
  await expect(0, 'stop', 'restore', String(stop.id), '--org', 'Acme Corp', '--yes');
  await expect(0, 'stop', 'lift', String(stop.id), '--yes');
  await expect(5, 'stop', 'lift', String(stop.id), '--yes');
  const alone = await expect(0, 'stop', 'add', '--tier', 'partner');
  await expect(0, 'stop', 'lift', String(alone.id));
  const narrow = await expect(0, 'stop', 'add', '--org', 'Acme Corp', '--tool', 'bash');
  await expect(0, 'stop', 'lift', String(narrow.id));
});

test('the operator passes over reviewers only where that is said', async () => {
  await expect(0, 'org', 'add', 'Reviewed');
  const { said } = await run('org', 'approve', 'Reviewed');
  assert.match(said, /under review/);
  await expect(6, 'org', 'approve', 'Reviewed');
  await expect(0, 'org', 'approve', 'Reviewed', '--yes');
});

test('a stage and a rate are set and given back', async () => {
  await expect(0, ...modelAdd('m-stage'));
  assert.equal((await expect(0, 'model', 'stage', 'm-stage', 'partner')).openTo, 'partner');
  assert.equal((await expect(0, 'model', 'stage', 'm-stage', 'none')).openTo, 'general');
  await expect(2, 'model', 'stage', 'm-stage', 'everyone');
  await expect(4, 'model', 'stage', 'm-none', 'closed');
  const { id } = await expect(0, 'org', 'add', 'Busy');
  const stored = async () =>
    (await world.database.query<{ per_second: number; burst: number }>('select per_second, burst from program.rates'))
      .rows;
  assert.deepEqual(await expect(0, 'rate', 'Busy', '--per-second', '7'), { id, rate: { perSecond: 7, burst: 14 } });
  assert.deepEqual(await stored(), [{ per_second: 7, burst: 14 }]);
  await expect(2, 'rate', 'Busy', '--per-second', '0');
  await expect(2, 'rate', 'Busy', '--per-second', 'many');
  await expect(4, 'rate', 'person_none', '--per-second', '1');
  assert.deepEqual(await expect(0, 'rate', 'Busy'), { id, rate: null });
  assert.deepEqual(await stored(), []);
});

test('what is counted is named as people do', () => {
  assert.deepEqual(
    [0, 1, 2].map((count) => counted(count, 'key')),
    ['0 keys', '1 key', '2 keys'],
  );
});

test('what cannot be meant is wrong usage, and what is not there is not found', async () => {
  await expect(2, 'stop', 'add');
  await expect(2, 'stop', 'add', '--tier', 'everyone');
  await expect(2, 'stop', 'add', '--country', 'Korea');
  await expect(4, 'stop', 'add', '--model', 'no-such');
  await expect(4, 'stop', 'add', '--org', 'no-such');
  await expect(4, 'stop', 'lift', 'stop_none');
  await expect(2, 'org', 'approve', 'Acme Corp', '--tier', 'best');
  await expect(2, 'key', 'create', '--org', 'a', '--person', 'b', '--model', 'c', '--bind', 'mtls');
  await expect(2, ...modelAdd('m3', '--on-leave', 'wait'));
  writeFileSync(prices, '{"input":1}');
  await expect(2, ...modelAdd('m3'));
});

test('dollars are read exactly, dates strictly', () => {
  assert.equal(toMicroDollars('0.000001'), 1);
  assert.equal(toMicroDollars('25'), 25_000_000);
  assert.equal(toMicroDollars('0.29'), 290_000);
  for (const wrong of ['', '-1', '1e3', '0.0000001', '$5', 'x', '0']) assert.throws(() => toMicroDollars(wrong), wrong);
  assert.equal(toInstant('2026-12-31')?.toISOString(), '2026-12-31T00:00:00.000Z');
  for (const wrong of [
    '',
    '31.12.2026',
    '2026-13-01',
    'tomorrow',
    '2026-12-31T10:00',
    '2026-02-31',
    '2027-02-29T00:00:00Z',
  ]) {
    assert.throws(() => toInstant(wrong), wrong);
  }
});
