/** Which records meet: those that say less of a place with those that say more, and strangers' with our own. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { systemRandom } from '../lib/id.ts';
import { createTestDatabase, type TestDatabase } from '../store/test-database.ts';
import { createVault } from '../store/vault.ts';
import { toSource } from './file-client.ts';
import { createIntake, type Intake } from './intake.ts';

const TEXT = 'The length that the header names is copied into the table without a check of how long the table is.';

let db: TestDatabase;
let intake: Intake;

before(async () => {
  db = await createTestDatabase();
  const vault = createVault({ masterKey: systemRandom(32), random: systemRandom });
  intake = createIntake({ database: db.database, vault, random: systemRandom });
});
after(() => db?.drop());

async function take(report: object, origin: 'file' | 'campaign' = 'file'): Promise<string> {
  const { id } = await intake.importFrom(toSource('x', Buffer.from(JSON.stringify(report))), {
    format: 'json',
    origin,
  });
  const record = await intake.firstOf(id);
  assert.ok(record);
  return record.id;
}

const report = (name: string) => ({
  title: `Overflow of the table of ${name}`,
  description: `${TEXT} ${name}`,
  package: name,
  file: `src/decode-${name}.c`,
  cwe: 'CWE-787',
});
const placed = (name: string) => ({ ...report(name), line: 120, tool: 'scanner', rule: 'R1' });

for (const [name, first, second] of [
  ['without', report('without'), placed('without')],
  ['with', placed('with'), report('with')],
] as const) {
  test(`a report without a line meets one that has a line by file and weakness, the one ${name} a line first`, async () => {
    const [one, other] = [await take(first), await take(second)];
    const { fate } = (await intake.find(other)) ?? {};
    const pairs = (await intake.pairs(10)).map(({ left, right }) => [left.id, right.id].sort().join());
    const isMerged = fate?.fate === 'merged' && fate.into === one;
    assert.ok(isMerged || pairs.includes([one, other].sort().join()), JSON.stringify(fate));
  });
}

test('a report that meets a finding of our own names its case, whichever came first', async () => {
  for (const name of ['ours-first', 'theirs-first']) {
    const id = `case_${name}`;
    const own = { ...placed(name), tool: 'headstart', id };
    const theirs = { ...placed(name), tool: undefined, rule: undefined };
    const order = name === 'ours-first' ? ([own, theirs] as const) : ([theirs, own] as const);
    const ids: string[] = [];
    for (const each of order) ids.push(await take(each, each === own ? 'campaign' : 'file'));
    const stranger = ids[order.indexOf(theirs)] ?? '';
    assert.deepEqual(await intake.casesOf(stranger), [id], name);
  }
  // What a stranger calls a case is none.
  assert.deepEqual(await intake.casesOf(await take({ ...report('liar'), id: 'case_liar' })), []);
});
