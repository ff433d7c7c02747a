import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createWorld, okOf, refusalOf, type World } from '../../test/support/programme.ts';
import { foreseeStage } from './stage-effect-service.ts';

let world: World;
let partner: string;
let trusted: string;
before(async () => {
  world = await createWorld();
  await world.model('m1');
  partner = await world.organisation('Partner', 'partner');
  trusted = await world.organisation('Trusted', 'trusted');
  const first = await world.person(partner, 'a@partner.test');
  const second = await world.person(trusted, 'b@trusted.test');
  await world.key(partner, first, ['m1'], 'partner');
  await world.key(partner, first, ['m1'], 'partner');
  await world.key(trusted, second, ['m1'], 'trusted');
});
after(() => world.close());

const stage = async () => (await world.membership.listModels()).find(({ id }) => id === 'm1')?.stage;

test('who would lose a model is told before anybody does, and nothing of it stays', async () => {
  const now = new Date();
  const { rows: epochs } = await world.database.query<{ epoch: string }>('select epoch from program.epoch');
  assert.deepEqual(okOf(await foreseeStage(world.database, 'm1', 'partners', now)), {
    gain: 0,
    lose: 1,
    keep: 2,
    gaining: [],
    losing: [{ organisation: trusted, name: 'Trusted', keys: 1 }],
    steps: [],
  });
  assert.equal(okOf(await foreseeStage(world.database, 'm1', 'closed', now)).lose, 3);
  assert.equal(await stage(), undefined);
  const { rows } = await world.database.query<{ epoch: string }>('select epoch from program.epoch');
  assert.deepEqual(rows, epochs);
});

test('who would gain it too; and of a model that does not exist nothing is told', async () => {
  await world.database.query(`update program.models set stage = 'internal' where id = 'm1'`);
  const effect = okOf(await foreseeStage(world.database, 'm1', 'trusted', new Date()));
  assert.deepEqual([effect.gain, effect.keep], [3, 0]);
  assert.deepEqual(effect.gaining, [
    { organisation: partner, name: 'Partner', keys: 2 },
    { organisation: trusted, name: 'Trusted', keys: 1 },
  ]);
  assert.equal(refusalOf(await foreseeStage(world.database, 'none', 'trusted', new Date())).kind, 'not-found');
});
