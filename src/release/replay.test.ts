/** On a real database, with a real log: decisions of every kind, replayed after the rules have changed three times. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { generateDecision, laterSemantics, nextHouse } from '../../test/support/generated-decisions.ts';
import { createWorld, okOf, type World } from '../../test/support/programme.ts';
import type { Json } from '../lib/canonical-json.ts';
import { createSeededRandom } from '../lib/seeded-random.ts';
import { decisionBytes, shippedDocuments } from '../policy/index.ts';
import { openEvidence } from './evidence-client.ts';
import { createRelease } from './release.ts';
import { openReplayLog, replay } from './replay-service.ts';

const UPGRADES = 3;
const EACH = 20;

let world: World;
let folder: string;
before(async () => {
  world = await createWorld();
  folder = await mkdtemp(join(tmpdir(), 'headstart-replay-'));
});
after(async () => {
  await world.close();
  await rm(folder, { recursive: true, force: true });
});

test('generated decisions replay to the same bytes after three upgrades of frameworks and semantics', async () => {
  const evidence = openEvidence(folder);
  const release = createRelease({ ...world.parts, evidence });
  const random = createSeededRandom(5);
  const made = new Map<string, Buffer>();
  const outcomes = new Set<string>();
  let house: Json = shippedDocuments.get('house') ?? null;
  for (let upgrade = 0; upgrade <= UPGRADES; upgrade++) {
    for (let at = 0; at < EACH; at++) {
      const { decision, sha256 } = okOf(await release.record(generateDecision(random, upgrade * EACH + at, house)));
      made.set(sha256, decisionBytes(decision));
      outcomes.add(decision.stage);
    }
    house = nextHouse(house, upgrade + 3);
  }
  assert.equal(made.size, (UPGRADES + 1) * EACH);
  assert.ok(outcomes.size >= 3, `only ${[...outcomes]}: too much alike to mean anything`);
  await world.log.sequence();
  const log = okOf(await openReplayLog(world.log.directory, {}));
  assert.equal(log.all.length, made.size);
  for (const logged of log.all) {
    const again = okOf(await replay(logged, evidence, laterSemantics(UPGRADES)));
    assert.ok(made.get(logged.sha256)?.equals(again.bytes), logged.sha256);
  }
});
