import assert from 'node:assert/strict';
import { basename } from 'node:path';
import { test } from 'node:test';
import { decideSsvc, SSVC_TABLES } from '../../src/formats/ssvc.ts';
import { needs, readVector, vectorFiles } from './vectors.ts';

interface Table {
  readonly outcome: string;
  readonly mapping: readonly Readonly<Record<string, string>>[];
}

test('all 403 rows of the nine SSVC tables come out', needs('ssvc'), () => {
  let rows = 0;
  const names: string[] = [];
  for (const file of vectorFiles('ssvc/decision_tables/*/*.json')) {
    const { outcome, mapping } = readVector(file) as Table;
    const name = basename(file, '.json');
    names.push(name);
    for (const row of mapping) {
      const decided = decideSsvc(
        name,
        Object.entries(row).filter(([point]) => point !== outcome),
      );
      assert.equal(decided.ok && decided.value.decision, row[outcome]);
      rows += 1;
    }
  }
  assert.equal(rows, 403);
  assert.deepEqual(names.sort(), [...SSVC_TABLES].sort());
});

test('a table, point or value that does not exist is refused, and so is an incomplete question', () => {
  const kind = (table: string, given: [string, string][]) => {
    const decided = decideSsvc(table, given);
    return decided.ok ? 'decided' : decided.refusal.kind;
  };
  assert.equal(kind('none', []), 'no-such-table');
  assert.equal(kind('toString', []), 'no-such-table');
  assert.equal(kind('utility_1_0_0', [['XX', 'N']]), 'no-such-point');
  assert.equal(kind('utility_1_0_0', [['A', 'maybe']]), 'no-such-value');
  assert.equal(kind('utility_1_0_0', [['A', 'N']]), 'missing-points');
});

test('who asks by name is answered by name', () => {
  const byKey = decideSsvc('utility_1_0_0', [
    ['A', 'Y'],
    ['VD', 'C'],
  ]);
  const byName = decideSsvc('utility_1_0_0', [
    ['Automatable', 'yes'],
    ['Value Density', 'concentrated'],
  ]);
  assert.ok(byKey.ok && byName.ok);
  assert.equal(byKey.value.decision, byKey.value.key);
  assert.equal(byName.value.decision, byName.value.name);
});
