/** What one person asked and another agrees to, on a real database. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createWorld, okOf, refusalOf, type World } from '../../test/support/programme.ts';
import { ok, type Result, refuse } from '../lib/result.ts';
import { createProposals, PROPOSAL_HOURS } from './proposal-service.ts';
import type { Proposal } from './proposal-store.ts';

const START = new Date('2026-11-21T08:00:00Z');
let now = START;
let world: World;
let carried: [string, string, string][];
let outcome: Result<string | undefined, { readonly kind: 'no-more' }>;

before(async () => {
  world = await createWorld({ now: () => now });
});
after(() => world.close());

function proposals() {
  carried = [];
  outcome = ok('shown once');
  const carry = async ({ id }: Proposal, { actor, second }: { actor: string; second: string }) => {
    carried.push([id, actor, second]);
    return outcome;
  };
  const carryOut = {
    'approve-organisation': carry,
    'give-role': carry,
    invite: carry,
    'lift-stop': carry,
    'restore-stop': carry,
    'put-model': carry,
    'set-stage': carry,
    'create-key': carry,
    'grant-models': carry,
  };
  return createProposals({ ...world.parts, carryOut });
}
const asked = { kind: 'lift-stop', subject: 'stop_1', details: [], askedBy: 'ann' } as const;

test('nothing happens before another person agrees, and then once', async () => {
  const service = proposals();
  const { id } = await service.ask(asked);
  assert.equal(refusalOf(await service.agree(id, 'ann')).kind, 'same-person');
  assert.deepEqual(carried, []);
  const both = await Promise.allSettled([service.agree(id, 'ben'), service.agree(id, 'cy')]);
  assert.equal(both.filter((each) => each.status === 'fulfilled' && each.value.ok).length, 1);
  assert.equal(carried.length, 1);
  assert.equal((await service.find(id))?.decided?.outcome, 'done');
  assert.equal(refusalOf(await service.agree(id, 'dee')).kind, 'proposal-over');
  assert.equal(refusalOf(await service.agree('proposal_none', 'dee')).kind, 'no-such-proposal');
});

test('a proposal lapses on the instant, and a withdrawn one is over', async () => {
  const service = proposals();
  const { id } = await service.ask(asked);
  const other = await service.ask(asked);
  okOf(await service.withdraw(other.id, 'ann'));
  assert.equal(refusalOf(await service.agree(other.id, 'ben')).kind, 'proposal-over');
  now = new Date(START.getTime() + PROPOSAL_HOURS * 3_600_000);
  assert.equal(refusalOf(await service.agree(id, 'ben')).kind, 'proposal-over');
  now = new Date(now.getTime() - 1);
  assert.equal(okOf(await service.agree(id, 'ben')).result, 'shown once');
  now = START;
});

test('what cannot be carried out is refused, and stays on record as such', async () => {
  const service = proposals();
  outcome = refuse({ kind: 'no-more' });
  const { id } = await service.ask(asked);
  assert.equal(refusalOf(await service.agree(id, 'ben')).kind, 'no-more');
  assert.equal((await service.find(id))?.decided?.outcome, 'refused');
});

test('one human with two engagements does not agree with themselves', async () => {
  const service = proposals();
  const [one, two] = [await world.organisation('One'), await world.organisation('Two')];
  const first = await world.person(one, 'both@one.test');
  const second = await world.person(two, 'BOTH@one.test');
  const another = await world.person(two, 'other@two.test');
  const { id } = await service.ask({ ...asked, askedBy: first });
  assert.equal(refusalOf(await service.agree(id, second)).kind, 'same-person');
  okOf(await service.agree(id, another));
});

test('the database takes no agreement of the one who asked', async () => {
  const { id } = await proposals().ask(asked);
  await assert.rejects(
    world.database.query(
      `update program.proposals set decided_by = 'ann', decided_at = now(), outcome = 'agreed' where id = $1`,
      [id],
    ),
    /check constraint/,
  );
});
