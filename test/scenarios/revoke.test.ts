/**
 * Two gateways in processes of their own, and the command line beside them: what is revoked there is refused here, and
 * the time between is bounded by how long an authority may go unconfirmed.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { ACTOR, createWorld, okOf, type World } from '../support/programme.ts';

const GATEWAY = join(import.meta.dirname, '..', 'support', 'authority-process.ts');

let world: World;
const gateways: ChildProcess[] = [];

before(async () => {
  world = await createWorld();
  await world.model('m1');
});
after(async () => {
  for (const gateway of gateways) {
    gateway.kill('SIGKILL');
    if (gateway.exitCode === null && gateway.signalCode === null) await once(gateway, 'exit');
  }
  await world.close();
});

async function startGateway(): Promise<ChildProcess> {
  const child = fork(GATEWAY, [world.url], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  gateways.push(child);
  await once(child, 'message');
  return child;
}

type Answer = 'allowed' | 'refused' | 'stopped' | 'unavailable';

async function ask(gateway: ChildProcess, key: string): Promise<Answer> {
  const answer = once(gateway, 'message');
  gateway.send(key);
  return (await answer)[0] as Answer;
}

async function untilAll(key: string, expected: Answer): Promise<void> {
  const end = Date.now() + 10_000;
  for (;;) {
    const answers = await Promise.all(gateways.map((gateway) => ask(gateway, key)));
    if (answers.every((answer) => answer === expected)) return;
    assert.ok(Date.now() < end, `${answers.join(', ')} and not ${expected}`);
  }
}

test('a key works at both gateways, and once revoked at neither; so with who left and with a stop', async () => {
  const organisation = await world.organisation('Acme');
  const [one, two] = [await world.person(organisation, 'a@a.test'), await world.person(organisation, 'b@a.test')];
  await startGateway();
  await startGateway();
  const revoked = await world.key(organisation, one, ['m1']);
  const leaving = await world.key(organisation, two, ['m1']);
  const stays = await world.key(organisation, one, ['m1']);
  for (const { key } of [revoked, leaving, stays]) await untilAll(key, 'allowed');

  okOf(await world.keys.revokeKey(revoked.id, ACTOR));
  await untilAll(revoked.key, 'refused');
  okOf(await world.membership.removePerson(two, ACTOR));
  await untilAll(leaving.key, 'refused');
  await untilAll(stays.key, 'allowed');

  const { stop } = okOf(await world.stops.set({ model: 'm1', reason: 'test' }, { actor: ACTOR }));
  await untilAll(stays.key, 'stopped');
  okOf(await world.stops.restore(stop.id, [one], { actor: ACTOR }));
  await untilAll(stays.key, 'allowed');
});

test('a gateway that does not hear of a revocation judges nothing: it is unavailable, never wrong', async () => {
  const organisation = await world.organisation('Cut');
  const person = await world.person(organisation, 'c@c.test');
  const { id, key } = await world.key(organisation, person, ['m1']);
  for (const { id: stop } of (await world.stops.list()).filter(({ liftedAt }) => !liftedAt)) {
    okOf(await world.stops.lift(stop as never, { actor: ACTOR }));
  }
  await untilAll(key, 'allowed');
  // The row lock on the epoch is what every reader of it passes freely, so the table itself is taken.
  await world.database.transaction(async (tx) => {
    await tx.query('lock table program.epoch in access exclusive mode');
    await untilAll(key, 'unavailable');
    await tx.query('update program.keys set revoked_at = now() where id = $1', [id]);
    await untilAll(key, 'unavailable');
  });
  await untilAll(key, 'refused');
});
