import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createWorld, type World } from '../../test/support/disclosure.ts';
import { createPacedCases } from '../paced-cases.ts';
import { createTriagedCases } from '../triaged-cases.ts';
import { type Chains, createChains, readHold } from './chain-service.ts';
import { createTriage } from './triage.ts';

let world: World;
let chains: Chains;
before(async () => {
  world = await createWorld({ time: 'real' });
  const parts = { ...world, ...createTriagedCases(world.disclosure) };
  chains = createChains({ ...parts, triage: createTriage(parts) });
});
after(() => world.close());

const hold = (text: string) => {
  const read = readHold(text);
  assert.ok(read, text);
  return read;
};
const openCase = () =>
  world.open({ vendor: { name: 'A maintainer', address: 'maintainer@example.org', simulated: false }, knownAs: [] });

test('two findings that follow each other are a chain with its own priority, until one of them is closed', async () => {
  const [first, second, alone] = [await openCase(), await openCase(), await openCase()];
  const by = 'a person';
  const renderer = hold('read-memory@secret-renderer');
  assert.ok((await chains.link(first, { needs: hold('reach-input@outside'), gives: renderer }, by)).ok);
  assert.ok((await chains.link(second, { needs: renderer, gives: hold('run-code@secret-renderer') }, by)).ok);
  const [chain] = await chains.list();
  assert.deepEqual(
    chain?.links.map(({ findingId }) => findingId),
    [first, second],
  );
  assert.ok((chain?.priority ?? 0) > 6.3, 'graver than each alone');
  const triage = { find: async () => undefined };
  const paced = await createPacedCases({
    disclosure: world.disclosure,
    triage,
    exposure: { countPartners: async () => 0 },
    chains,
  }).cases(new Set());
  assert.deepEqual(new Set(paced.filter(({ isChained }) => isChained).map(({ id }) => id)), new Set([first, second]));
  assert.ok(paced.some(({ id }) => id === alone));
  const { rows } = await world.database.query<{ row: string }>(
    "select encode(sealed, 'escape') as row from triage.links",
  );
  assert.ok(rows.length === 2 && rows.every(({ row }) => !row.includes('renderer') && !row.includes('memory')));
  assert.ok((await world.disclosure.take('reject', second, { actor: by })).ok);
  assert.deepEqual(await chains.list(), []);
  assert.ok(await chains.unlink(first));
  assert.ok(!(await chains.unlink(first)));
});

test('a link that leads nowhere, or of a case that is not open, is refused', async () => {
  const id = await openCase();
  const here = hold('run-code@host');
  const nowhere = await chains.link(id, { needs: here, gives: here }, 'a person');
  assert.equal(!nowhere.ok && nowhere.refusal.kind, 'leads-nowhere');
  const none = await chains.link('case_none', { needs: here, gives: hold('write-file@host') }, 'a person');
  assert.equal(!none.ok && none.refusal.kind, 'no-such-case');
});

test('only a known capability at a plain position is one: there is no room for anything that runs', () => {
  for (const text of [
    'fly@host',
    'run-code',
    'run-code@',
    'run-code@a b',
    'run-code@$(id)',
    `run-code@${'a'.repeat(81)}`,
  ]) {
    assert.equal(readHold(text), undefined, text);
  }
});
