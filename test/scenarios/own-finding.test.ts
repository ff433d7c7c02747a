/** A finding of a campaign comes in as a report, and a stranger's report of the same flaw meets it. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { toFindingReport } from '../../src/campaign/index.ts';
import { createIntake, type Intake, toSource } from '../../src/intake/index.ts';
import { createWorld, type World } from '../support/disclosure.ts';

let world: World;
let intake: Intake;

before(async () => {
  world = await createWorld();
  intake = createIntake(world);
});
after(() => world?.close());

test('what is told of a finding is enough to meet a report of a stranger, and not enough to run it', async () => {
  const id = await world.open();
  const opened = await world.disclosure.find(id);
  assert.ok(opened);
  const told = toFindingReport(opened);
  assert.ok(!told.includes('marker-of-the-reproducer') && !told.includes(opened.finding.reproducer.text));
  for (const again of [1, 2]) {
    const source = toSource(`finding ${again}`, Buffer.from(told));
    const { received, known } = await intake.importFrom(source, { format: 'json', origin: 'campaign' });
    assert.deepEqual([received, known], [1, again - 1]);
  }
  const stranger = {
    title: 'Prototype pollution in set()',
    description: 'set() writes to __proto__.',
    package: '@scope/example',
    file: 'index.js',
    line: 7,
    cwe: 'CWE-1321',
  };
  const { id: imported } = await intake.importFrom(toSource('form', Buffer.from(JSON.stringify(stranger))), {
    format: 'json',
    origin: 'form',
  });
  const record = await intake.firstOf(imported);
  assert.deepEqual(await intake.casesOf(record?.id ?? ''), [id]);
});
